"""What the members of a party do with it before the match: leave, kick, disband, look for others (endpoints 24 to 27).

This module must not know how a match is joined, nor what a party does in it.
"""

import msgspec

from cds.commands.decision import Refused
from cds.commands.matches.changes import (
    NOT_LEADER,
    NOT_PARTICIPATING,
    found_match,
    own_party,
    require_preparation,
    without,
)
from projections.matches import Matches
from schemas.matches import Match, Party

MATCH_STARTED = "The match has already started"
NO_MATCH = "Match was not found"


def decide_leave_party(state: Matches, slug: str, user: str, now_ms: int) -> tuple[Party, Party]:
    """The party that a member leaves, and the one of their own in which they are then. Raises Refused."""
    match, party = _of_member(state, slug, user, now_ms)
    if party.leader == user:
        raise Refused("You are the leader of the party and cannot leave it", "match", ground="forbidden")
    return without(party, user), own_party(match, state.next_party_number(match.id), user)


def decide_kick(state: Matches, slug: str, user: str, kicked: str | None, now_ms: int) -> tuple[Party, Party]:
    """The leader's party without a member, and the member's own party then; `kicked` None: nobody has that name.

    Raises Refused.
    """
    match, party = _of_leader(state, slug, user, now_ms)
    if kicked == user:
        # The seed has the key `match` here (requirements-003, 6.17).
        raise Refused("You are the leader of the party and cannot kick yourself", "match", ground="forbidden")
    if kicked is None or kicked not in party.members:
        raise Refused("User could not be found in your party", "user", ground="unknown")
    return without(party, kicked), own_party(match, state.next_party_number(match.id), kicked)


def decide_disband(state: Matches, slug: str, user: str, now_ms: int) -> list[Party]:
    """The leader's party, private and under a new token, and the parties of those who were in it. Raises Refused."""
    match, party = _of_leader(state, slug, user, now_ms)
    alone = msgspec.structs.replace(party, members=(user,), public=False, generation=party.generation + 1)
    others = enumerate(party.members[1:], start=state.next_party_number(match.id))
    return [alone, *(own_party(match, number, member) for number, member in others)]


def decide_looking(state: Matches, slug: str, user: str, *, public: bool, now_ms: int) -> Party:
    """The party after it was made public or private; it may have been so before. Raises Refused."""
    _, party = _of_leader(state, slug, user, now_ms)
    return msgspec.structs.replace(party, public=public)


def _of_member(state: Matches, slug: str, user: str, now_ms: int) -> tuple[Match, Party]:
    """The match and the user's party in it, while both may be changed. Raises Refused."""
    match = found_match(state, slug, NO_MATCH)
    require_preparation(match, now_ms, "match", MATCH_STARTED, "invalid")
    party = state.party_of(match.id, user)
    if party is None:
        raise Refused(NOT_PARTICIPATING, "match", ground="unknown")
    return match, party


def _of_leader(state: Matches, slug: str, user: str, now_ms: int) -> tuple[Match, Party]:
    match, party = _of_member(state, slug, user, now_ms)
    if party.leader != user:
        raise Refused(NOT_LEADER, "match", ground="forbidden")
    return match, party
