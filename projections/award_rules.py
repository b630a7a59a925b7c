"""Which awards this server keeps of a contest: their ids, kinds and citations.

All of it follows from the configuration, before anybody has scored, so the awards can be there before the start
(JSON Format, "Awards"). Who holds them is in `awards`. This module must not know boards.
"""

import re
from collections.abc import Iterator
from typing import cast

import msgspec

from projections.contest import ContestState
from projections.scoreboard import teams_on_board
from schemas.identifiers import bounded_id
from schemas.objects import Group, Organization, Problem
from schemas.records import AwardKind, AwardSettings

WINNER = "winner"
GOLD, SILVER, BRONZE = "gold-medal", "silver-medal", "bronze-medal"
HIGHEST_HONORS, HIGH_HONORS, HONORS = "highest-honors", "high-honors", "honors"
HONORABLE_MENTION = "honorable-mention"

MEDALS = {GOLD: "Gold medal", SILVER: "Silver medal", BRONZE: "Bronze medal"}
HONOURS = {
    HIGHEST_HONORS: "Highest honors",
    HIGH_HONORS: "High honors",
    HONORS: "Honors",
    HONORABLE_MENTION: "Honorable mention",
}

NAMES: dict[AwardKind, re.Pattern[str]] = {
    "winner": re.compile(WINNER),
    "medals": re.compile("|".join(MEDALS)),
    "rank": re.compile("rank-[1-9][0-9]*"),
    "honours": re.compile("|".join(HONOURS)),
    "first-to-solve": re.compile("first-to-solve-.+", re.DOTALL),
    "group-winner": re.compile("group-winner-.+", re.DOTALL),
    "organization-winner": re.compile("organization-winner-.+", re.DOTALL),
}
"""How the ids of a kind look. Shortening an id (`bounded_id`) leaves that as it is: the prefixes are short enough."""

WORLD_FINALS_KINDS: frozenset[AwardKind] = frozenset({"rank", "honours"})


class KeptAward(msgspec.Struct, frozen=True):
    """An award that the server keeps, but for its teams."""

    kind: AwardKind
    citation: str


class Places(msgspec.Struct, frozen=True):
    """The last rank that gets each medal. Extra bronzes (B) are given at finalization, and are 0 until then."""

    gold: int
    silver: int
    bronze: int


def places_of(settings: AwardSettings) -> Places:
    """With the numbers of the settings left alone: gold 1 to 4, silver 5 to 8, bronze 9 to 12 + B."""
    silver = settings.gold + settings.silver
    return Places(settings.gold, silver, silver + settings.bronze + settings.extra_bronzes)


def kept_kinds(state: ContestState) -> frozenset[AwardKind]:
    """The kinds that the server keeps of this contest; none when the awards are its source's.

    Ranks and honours are given by the World Finals rule alone. It counts solved problems, so in a score contest it
    gives medals and nothing else.
    """
    contest, settings = state.contest, state.settings.awards
    if contest is None or not settings.computed:
        return frozenset()
    world_finals = settings.rule == "world-finals" and contest.scoreboard_type == "pass-fail"
    return frozenset(settings.kinds) - (frozenset() if world_finals else WORLD_FINALS_KINDS)


def kept_awards(state: ContestState) -> dict[str, KeptAward]:
    """Every award that the server keeps at present, by id."""
    kinds = kept_kinds(state)
    return {award_id: award for award_id, award in _all_awards(state) if award.kind in kinds} if kinds else {}


def award_kind(state: ContestState, award_id: str) -> AwardKind | None:
    """The kind of an award that the server keeps at present, None for any other award."""
    award = kept_awards(state).get(award_id)
    return None if award is None else award.kind


def named_kind(state: ContestState, award_id: str) -> AwardKind | None:
    """The kept kind to which an award belongs by its name, also when what it is named after is not there."""
    kinds = kept_kinds(state)
    return next((kind for kind, name in NAMES.items() if kind in kinds and name.fullmatch(award_id)), None)


def first_to_solve_id(problem_id: str) -> str:
    """The id of the award for the first team to solve a problem."""
    return bounded_id(f"first-to-solve-{problem_id}")


def group_winner_id(group_id: str) -> str:
    """The id of the award for the leaders of a group."""
    return bounded_id(f"group-winner-{group_id}")


def organization_winner_id(organization_id: str) -> str:
    """The id of the award for the leaders of an organization."""
    return bounded_id(f"organization-winner-{organization_id}")


def rank_id(rank: int) -> str:
    """The id of the award of a rank below the medals."""
    return f"rank-{rank}"


def _all_awards(state: ContestState) -> Iterator[tuple[str, KeptAward]]:
    """The awards of all kinds.

    A group or an organization has a winner when one of its teams is on the main board. Every rank that could be
    awarded below the medals is there, since which of them will be is seen only in the end.
    """
    contest = state.contest
    if contest is None:
        return
    teams = teams_on_board(state)
    yield WINNER, KeptAward("winner", f"Winner of {contest.formal_name or contest.name}")
    yield from ((award_id, KeptAward("medals", citation)) for award_id, citation in MEDALS.items())
    for rank in range(places_of(state.settings.awards).bronze + 1, len(teams) + 1):
        yield rank_id(rank), KeptAward("rank", f"Rank {rank}")
    yield from ((award_id, KeptAward("honours", citation)) for award_id, citation in HONOURS.items())
    problems = cast("dict[str, Problem]", state.objects["problems"]).values()
    for problem in sorted(problems, key=lambda each: (each.ordinal, each.id)):
        yield first_to_solve_id(problem.id), KeptAward("first-to-solve", f"First to solve problem {problem.label}")
    group_ids = {group_id for team in teams for group_id in team.group_ids or ()}
    for group in cast("dict[str, Group]", state.objects["groups"]).values():
        if group.id in group_ids:
            yield group_winner_id(group.id), KeptAward("group-winner", f"Winner of {group.name}")
    organization_ids = {team.organization_id for team in teams}
    for organization in cast("dict[str, Organization]", state.objects["organizations"]).values():
        if organization.id in organization_ids:
            citation = f"Winner of {organization.formal_name or organization.name}"
            yield organization_winner_id(organization.id), KeptAward("organization-winner", citation)
