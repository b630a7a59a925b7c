"""The project of a party: who edits it and when, and who sees it when (endpoints 21 and 22).

This module must not know how a project becomes a submission of the contest.
"""

from collections.abc import Callable

import msgspec

from cds.commands.decision import Refused
from cds.commands.matches.changes import found_match
from projections.match_standings import phase_of
from projections.matches import Matches
from schemas.matches import Match, Party, Project

NOT_STARTED = "Match has not started"
NOT_FINISHED = "Match not finished"
FINISHED = "Match has already finished"
NOT_THE_LEADER = "You are not the party leader for this match"


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be different; None stays as it is."""

    title: str | None = None
    description: str | None = None
    url: str | None = None


def decide_edit(state: Matches, slug: str, user: str, edit: Edit, now_ms: int) -> Project:
    """The project of the party that a user leads, after an edit that may change nothing. Raises Refused."""
    match = found_match(state, slug)
    phase = phase_of(match, now_ms)
    if phase != "match":
        raise Refused(NOT_STARTED if phase == "preparation" else FINISHED, "match", ground="forbidden")
    party = state.party_of(match.id, user)
    if party is None or party.leader != user:
        raise Refused(NOT_THE_LEADER, "match", ground="forbidden")
    project = state.project(match.id, party.id)
    if project is None:
        raise Refused("Your party does not take part in the match", "match", ground="forbidden")
    wanted = {name: text for name, text in msgspec.structs.asdict(edit).items() if text is not None}
    return msgspec.structs.replace(project, **wanted)


def visible_project(
    state: Matches, slug: str, user: str | None, is_leader: Callable[[str], bool] | None, now_ms: int
) -> Project:
    """The project of a party as it may be shown to a user (None: nobody has said who asks).

    `is_leader` says of the id of a user whether it is the leader whose party was asked for; None: one's own party.
    Members see theirs during the match, everybody sees each after it. Raises Refused.
    """
    match = found_match(state, slug)
    phase = phase_of(match, now_ms)
    if is_leader is None and user is None:
        raise Refused("Field was missing in request", "party")
    if phase == "preparation":
        raise Refused(NOT_STARTED, "match", ground="forbidden")
    own = None if user is None else state.party_of(match.id, user)
    party = own if is_leader is None else _led_by(state, match, is_leader)
    if phase == "match" and is_leader is not None and (party is None or party != own):
        # Whether there is such a party is nobody else's concern yet.
        raise Refused(NOT_FINISHED, "match", ground="forbidden")
    project = None if party is None else state.project(match.id, party.id)
    if project is None:
        raise Refused("Party not found for the specified match", "party", ground="unknown")
    return project


def _led_by(state: Matches, match: Match, is_leader: Callable[[str], bool]) -> Party | None:
    return next((party for party in state.participating(match.id) if is_leader(party.leader)), None)
