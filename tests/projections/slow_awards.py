"""The awards a second time: slow, obvious, and independent of the projections.

Written straight from JSON Format, "Awards", and Contest Control System Requirements, "Scoring Data Generation", over
the rows of the slow scoreboard. It shares the structures of objects and records with the product, and nothing else.
"""

import hashlib
from collections.abc import Callable
from typing import Any, cast

from schemas.objects import Contest, Group, Organization
from schemas.records import Settings
from tests.projections.slow_scoreboard import Objects, SlowScoreboard

Awards = dict[str, tuple[str, list[str]]]
"""Citation and teams of every award, by id."""


def slow_awards(objects: Objects, settings: Settings, name_order: Callable[[str], Any]) -> Awards:
    """Every award that the server keeps."""
    contest = cast("Contest | None", objects.get("contest", {}).get(""))
    if contest is None or not settings.awards.computed:
        return {}
    board = SlowScoreboard(objects, frozen=False, name_order=name_order)
    standings = Standings(board, settings)
    by_kind = {
        "winner": winner(contest, standings),
        "medals": medals(standings),
        "first-to-solve": first_to_solve(board),
        "group-winner": group_winners(objects, board, standings),
        "organization-winner": organization_winners(objects, board, standings),
    }
    if settings.awards.rule == "world-finals" and contest.scoreboard_type == "pass-fail":
        by_kind |= {"rank": ranks(standings), "honours": honours(standings)}
    kept = [awards for kind, awards in by_kind.items() if kind in settings.awards.kinds]
    return {award_id: award for awards in kept for award_id, award in awards.items()}


class Standings:
    """Who stands where, and what that is worth."""

    def __init__(self, board: SlowScoreboard, settings: Settings) -> None:
        rows = board.board()["rows"]
        self.teams: list[str] = [row["team_id"] for row in rows]
        self.rank: dict[str, int] = {row["team_id"]: row["rank"] for row in rows}
        self.points: dict[str, float] = {
            row["team_id"]: row["score"].get("num_solved", row["score"].get("score")) for row in rows
        }
        self.scored = [team for team in self.teams if self.points[team] > 0]
        awards = settings.awards
        colours = ["gold"] * awards.gold + ["silver"] * awards.silver
        self.medals = [*colours, *["bronze"] * (awards.bronze + awards.extra_bronzes)]

    def medal(self, team: str) -> str | None:
        place = self.rank[team] - 1
        return self.medals[place] if place < len(self.medals) else None

    @property
    def medallists(self) -> list[str]:
        return [team for team in self.scored if self.medal(team) is not None]

    @property
    def below(self) -> list[str]:
        return [team for team in self.teams if self.medal(team) is None]

    def awarded_rank(self, team: str) -> int | None:
        """The rank of the World Finals rule, None for a team that is not ranked."""
        median = sorted(self.points.values(), reverse=True)[len(self.teams) // 2]
        if self.points[team] == 0:
            return None
        if self.medal(team) is not None:
            return self.rank[team]
        if self.points[team] < median:
            return None
        medals_given = len(self.teams) - len(self.below)
        return medals_given + 1 + sum(self.points[other] > self.points[team] for other in self.below)

    def best(self, members: list[str]) -> list[str]:
        ranks = [self.rank[team] for team in self.scored if team in members]
        return [team for team in self.scored if team in members and self.rank[team] == min(ranks)]


def winner(contest: Contest, standings: "Standings") -> Awards:
    title = contest.formal_name or contest.name
    return {"winner": (f"Winner of {title}", [team for team in standings.scored if standings.rank[team] == 1])}


def medals(standings: "Standings") -> Awards:
    awards = {}
    for colour in ("gold", "silver", "bronze"):
        holders = [team for team in standings.scored if standings.medal(team) == colour]
        awards[f"{colour}-medal"] = (f"{colour.capitalize()} medal", holders)
    return awards


def first_to_solve(board: SlowScoreboard) -> Awards:
    awards = {}
    first = board.first_to_solve()
    for problem in board.problems:
        holders = [first[problem.id]] if problem.id in first else []
        awards[short(f"first-to-solve-{problem.id}")] = (f"First to solve problem {problem.label}", holders)
    return awards


def group_winners(objects: Objects, board: SlowScoreboard, standings: "Standings") -> Awards:
    awards = {}
    for group in cast("dict[str, Group]", objects.get("groups", {})).values():
        members = [team.id for team in board.shown_teams(None) if group.id in (team.group_ids or [])]
        if members:
            awards[short(f"group-winner-{group.id}")] = (f"Winner of {group.name}", standings.best(members))
    return awards


def organization_winners(objects: Objects, board: SlowScoreboard, standings: "Standings") -> Awards:
    awards = {}
    for organization in cast("dict[str, Organization]", objects.get("organizations", {})).values():
        members = [team.id for team in board.shown_teams(None) if team.organization_id == organization.id]
        name = organization.formal_name or organization.name
        if members:
            awards[short(f"organization-winner-{organization.id}")] = (f"Winner of {name}", standings.best(members))
    return awards


def ranks(standings: "Standings") -> Awards:
    """Below the medals, by problems solved."""
    return {
        f"rank-{rank}": (f"Rank {rank}", [t for t in standings.below if standings.awarded_rank(t) == rank])
        for rank in range(len(standings.medals) + 1, len(standings.teams) + 1)
    }


def honours(standings: "Standings") -> Awards:
    """By what was solved in comparison with the last medallist."""
    given: dict[str, list[str]] = {"Highest honors": [], "High honors": [], "Honors": [], "Honorable mention": []}
    last = min((standings.points[team] for team in standings.medallists), default=10_000)
    for team in standings.teams if standings.scored else []:
        missing = last - standings.points[team]
        if standings.awarded_rank(team) is None:
            given["Honorable mention"].append(team)
        elif missing <= 0:
            given["Highest honors"].append(team)
        else:
            given["High honors" if missing == 1 else "Honors"].append(team)
    return {citation.lower().replace(" ", "-"): (citation, holders) for citation, holders in given.items()}


def short(award_id: str) -> str:
    return award_id if len(award_id) <= 36 else award_id[:27] + "-" + hashlib.sha256(award_id.encode()).hexdigest()[:8]
