"""Joining and leaving a match, and joining a party (requirements-003, endpoints 17, 18 and 23).

Who joins a match is alone in a party at first; who joins another party leaves that one behind. This module must not
know what becomes of parties once they are formed.
"""

import msgspec

from cds.commands.decision import Refused
from cds.commands.matches.changes import Change, PartyGone, found_match, own_party, require_preparation, without
from projections.match_standings import is_open
from projections.matches import Matches
from schemas.matches import Match, Party

MATCH_STARTED = "Match has already started"
CLOSED = "The party cannot accept any more members"
"""What is said of the party of a match that has started (requirements-003, 6.3)."""


def decide_join_match(state: Matches, slug: str, user: str, now_ms: int) -> Party:
    """The party in which a user is, alone, after joining a match. Raises Refused."""
    match = found_match(state, slug)
    require_preparation(match, now_ms, "match", MATCH_STARTED, "forbidden")
    if state.party_of(match.id, user) is not None:
        raise Refused("You are already participating in the match", "match", ground="conflict")
    return own_party(match, state.next_party_number(match.id), user)


def decide_leave_match(state: Matches, slug: str, user: str, now_ms: int) -> Change:
    """What becomes of a user's party when the user leaves the match. Raises Refused."""
    match = found_match(state, slug)
    require_preparation(match, now_ms, "match", MATCH_STARTED, "forbidden")
    party = state.party_of(match.id, user)
    if party is None:
        raise Refused("You were not participating in the match", "match", ground="conflict")
    if party.leader != user:
        return without(party, user)
    if len(party.members) > 1:
        raise Refused("The party is not empty", "match", ground="forbidden")
    return PartyGone(match.id, party.id)


def decide_join_party(state: Matches, token: str, user: str, now_ms: int) -> tuple[PartyGone, Party]:
    """The party that a user leaves behind, and the one that the user is in then. Raises Refused."""
    match, target = _invited(state, token)
    require_preparation(match, now_ms, "party", CLOSED, "invalid")
    present = state.party_of(match.id, user)
    if present is None:
        raise Refused("You are not participating in the match", "party")
    if present.id == target.id or len(present.members) > 1:
        raise Refused("You are already in a party", "party", ground="conflict")
    if len(target.members) >= match.max_members:
        raise Refused("The party is full", "party", ground="conflict")
    joined = msgspec.structs.replace(target, members=(*target.members, user))
    return PartyGone(match.id, present.id), joined


def _invited(state: Matches, token: str) -> tuple[Match, Party]:
    """The party that a token invites to, and its match. Raises Refused."""
    party = state.of_token(token)
    match = None if party is None else state.find(party.match)
    if party is None or match is None or not is_open(match):
        raise Refused("Party not found", "party", ground="unknown")
    return match, party
