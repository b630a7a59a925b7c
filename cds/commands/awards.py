"""Decisions on awards: bringing those that the server keeps up to date, and what a client may do with them.

An award is the server's by its name: when it belongs to a kind that the settings keep (`named_kind`) and is not in
`taken_over`. So an award is recognized as the server's also when what it is named after is gone. Any other award is
a client's and is left alone; a client that writes an award of such a name, whether the server keeps it at that
moment or not, has taken it over (`taken_over`).
This module must not know boards, nor when awards are looked at.
"""

from collections.abc import Mapping
from typing import cast

import msgspec

from cds.commands.decision import ObjectChange, Refused
from projections.award_rules import named_kind
from projections.contest import ContestState
from schemas.object_types import SINGLETON_ID
from schemas.objects import Award


def decide_computed_awards(state: ContestState, wanted: Mapping[str, Award]) -> list[ObjectChange]:
    """The changes that make the awards of the server those that are `wanted`, the computed ones by id.

    None when the awards are the source's, when there is no contest, and when it has ended its updates. Of the
    server's awards those that are not wanted are deleted: their problem, group, organization or rank is gone.
    """
    if not state.settings.awards.computed or state.contest is None or state.ended_updates:
        return []
    present = state.objects["awards"]
    changed = [
        ObjectChange("awards", award_id, award)
        for award_id, award in wanted.items()
        if award_id not in state.settings.awards.taken_over and present.get(award_id) != award
    ]
    gone = [award_id for award_id in _awards_of_the_server(state) if award_id not in wanted]
    return [*changed, *(ObjectChange("awards", award_id, None) for award_id in gone)]


def refuse_exclusive(state: ContestState, award_id: str) -> None:
    """Raise Refused when only the server may change this award (Contest API, "Modifying awards").

    That goes by the name: what it is named after may be configured later. An award that was taken over before the
    server came to keep it remains the client's.
    """
    settings = state.settings.awards
    if award_id not in settings.taken_over and named_kind(state, award_id) in settings.exclusive:
        raise Refused(f"award {award_id} is kept by this server, no client may change it", "id", ground="forbidden")


def taken_over(state: ContestState, award_id: str) -> list[ObjectChange]:
    """The change that notes that a client is responsible for an award from now on, if it was the server's.

    To be appended with every change that a client makes to an award, its deletion included: what a client deleted
    stays deleted.
    """
    settings = state.settings
    if named_kind(state, award_id) is None or award_id in settings.awards.taken_over:
        return []
    awards = msgspec.structs.replace(settings.awards, taken_over=(*settings.awards.taken_over, award_id))
    return [ObjectChange("x-settings", SINGLETON_ID, msgspec.structs.replace(settings, awards=awards))]


def released_team(state: ContestState, team_id: str) -> list[ObjectChange]:
    """The changes that take a team out of the server's awards, so that these do not stand against its deletion."""
    return [
        ObjectChange(
            "awards",
            award.id,
            msgspec.structs.replace(award, team_ids=[each for each in award.team_ids if each != team_id]),
        )
        for award in _awards_of_the_server(state).values()
        if award.team_ids is not None and team_id in award.team_ids
    ]


def _awards_of_the_server(state: ContestState) -> dict[str, Award]:
    """The awards that are there and belong to the server."""
    taken = state.settings.awards.taken_over
    return {
        award_id: award
        for award_id, award in cast("dict[str, Award]", state.objects["awards"]).items()
        if award_id not in taken and named_kind(state, award_id) is not None
    }
