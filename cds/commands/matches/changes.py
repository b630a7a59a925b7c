"""What a decision about matches comes to, and what every such decision looks at first.

This module must not know any particular decision.
"""

import msgspec

from cds.commands.decision import Ground, Refused
from projections.match_standings import open_match, phase_of
from projections.matches import Matches
from schemas.matches import Match, Party, Project, party_id

NOT_PARTICIPATING = "You are not participating in this match"
NOT_LEADER = "You are not the leader of the party"


class PartyGone(msgspec.Struct, frozen=True):
    """A party that is no more: of which match, and its id there."""

    match: str
    id: str


Change = Match | Party | Project | PartyGone
"""One thing after a change, or that it is gone."""


def found_match(state: Matches, slug: str, sentence: str = "Match not found") -> Match:
    """The match that has this slug, if all may know of it. Raises Refused."""
    match = open_match(state, slug)
    if match is None:
        raise Refused(sentence, "match", ground="unknown")
    return match


def require_preparation(match: Match, now_ms: int, property: str, sentence: str, ground: Ground) -> None:
    """Raises Refused, saying so, once a match has started."""
    if phase_of(match, now_ms) != "preparation":
        raise Refused(sentence, property, ground=ground)


def own_party(match: Match, number: int, user: str) -> Party:
    """A new party of one user alone, which is private; `number` is the next one of the match."""
    return Party(id=party_id(number), match=match.id, members=(user,))


def without(party: Party, user: str) -> Party:
    """The same party without one of its members who is not the leader."""
    return msgspec.structs.replace(party, members=tuple(member for member in party.members if member != user))
