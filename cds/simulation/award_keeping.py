"""The awards of a simulated contest, kept current: made before the start, moved by every verdict that moves a row.

Rules: JSON Format, "Awards", and the World Finals' places. This module must not know times.
"""

from collections.abc import Iterator

from cds.simulation.contest_setup import SITE_TYPE
from cds.simulation.standings import Standings
from cds.simulation.world import World
from schemas.objects import Award, Group

_MEDALS = (("gold-medal", "Gold medal"), ("silver-medal", "Silver medal"), ("bronze-medal", "Bronze medal"))
_PLACES_MAX = 4
"""Medals of each colour in a large contest."""

_TEAMS_PER_PLACE = 12
"""A smaller contest gives one medal of each colour for so many teams."""


class AwardKeeper:
    """Knows what every award says now, and tells what changes."""

    def __init__(self, world: World, standings: Standings) -> None:
        """`standings` are read, never changed."""
        self._world = world
        self._standings = standings
        self._official = sum(row.official for row in world.teams)
        self._sites = {
            g.id: g.name for g in world.configuration["groups"] if isinstance(g, Group) and g.type == SITE_TYPE
        }
        self._citations = {
            "winner": f"Winner of the {world.contest.name}",
            **dict(_MEDALS),
            **{f"first-to-solve-{p.problem.id}": f"First to solve problem {p.problem.label}" for p in world.problems},
            **{f"group-winner-{site_id}": f"Winner of {name}" for site_id, name in self._sites.items()},
        }
        self._holders: dict[str, list[str]] = {award_id: [] for award_id in self._citations}

    def initial(self) -> Iterator[Award]:
        """All awards as they are before anybody has scored."""
        return (self._award(award_id) for award_id in self._citations)

    def honours(self, team_id: str, problem_id: str) -> list[str]:
        """The awards that a team holds and that a comment on a problem may name, the best first."""
        named = ("winner", f"first-to-solve-{problem_id}", *(award_id for award_id, _ in _MEDALS))
        return [award_id for award_id in named if team_id in self._holders[award_id]]

    def after_verdict(self, team: int, problem: int, *, row_changed: bool) -> Iterator[Award]:
        """The awards that a verdict for a team on a problem moves, as they stand now."""
        fresh = self._first_to_solve(problem)
        if row_changed:
            fresh |= self._places() | self._site_winner(team)
        for award_id, holders in fresh.items():
            if holders != self._holders[award_id]:
                self._holders[award_id] = holders
                yield self._award(award_id)

    def _award(self, award_id: str) -> Award:
        return Award(id=award_id, citation=self._citations[award_id], team_ids=list(self._holders[award_id]))

    def _first_to_solve(self, problem: int) -> dict[str, list[str]]:
        team = self._standings.first_solver(problem)
        award_id = f"first-to-solve-{self._world.problems[problem].problem.id}"
        return {award_id: [] if team is None else [self._id(team)]}

    def _places(self) -> dict[str, list[str]]:
        """Winner and medals by rank; teams that share a rank share the medal."""
        places = min(_PLACES_MAX, max(1, self._official // _TEAMS_PER_PLACE))
        fresh: dict[str, list[str]] = {"winner": [], **{award_id: [] for award_id, _ in _MEDALS}}
        for rank, team in self._standings.ranked(None, places * len(_MEDALS)):
            if rank == 1:
                fresh["winner"].append(self._id(team))
            fresh[_MEDALS[(rank - 1) // places][0]].append(self._id(team))
        return fresh

    def _site_winner(self, team: int) -> dict[str, list[str]]:
        site_id = self._world.teams[team].site_id
        if site_id is None:
            return {}
        return {f"group-winner-{site_id}": [self._id(first) for _, first in self._standings.ranked(site_id, 1)]}

    def _id(self, team: int) -> str:
        return self._world.teams[team].team.id
