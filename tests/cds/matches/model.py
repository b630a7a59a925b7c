"""A small model of matches and parties: lists and plain rules, written from requirements-003 and from nothing else.

It knows users by name and answers as the endpoints do, with `FRESH` where a new token stands. It must not know the
register, the fold or the commands.
"""

from dataclasses import dataclass, field
from typing import Any

from tests.cds.matches.stage import Reply

FRESH = "a token that nobody has seen"


@dataclass(eq=False)
class ModelParty:
    """A party; the token is None until somebody has been told it."""

    members: list[str]
    token: str | None = None
    public: bool = False
    participating: bool = False
    texts: dict[str, str] = field(default_factory=lambda: {"title": "", "description": "", "url": ""})


@dataclass(eq=False)
class ModelMatch:
    """A match."""

    slug: str
    start_ms: int
    end_ms: int
    fewest: int
    most: int
    deleted: bool = False
    begun: bool = False
    parties: list[ModelParty] = field(default_factory=list)

    def party_of(self, name: str) -> ModelParty | None:
        """The party of a user."""
        return next((party for party in self.parties if name in party.members), None)

    def alone(self, name: str) -> ModelParty:
        """A new party of a user."""
        self.parties.append(ModelParty([name]))
        return self.parties[-1]


def told(status: int, key: str, text: str) -> Reply:
    """A failure with one fault."""
    return Reply(status, {key: text})


class Model:
    """All matches."""

    def __init__(self, now_ms: int) -> None:
        """None yet."""
        self.now_ms = now_ms
        self.matches: dict[str, ModelMatch] = {}
        self.banned: set[str] = set()
        self.new: ModelParty | None = None
        """The party whose token the last answer told, where that is `FRESH`."""

    def settle(self) -> None:
        """Whatever is due happens."""
        for match in self.matches.values():
            if self.now_ms >= match.end_ms and match.begun:
                continue
            if not match.begun:
                self._let_banned_go(match)
            if self.now_ms >= match.start_ms and not match.begun:
                match.begun = True
                for party in match.parties:
                    party.participating = match.fewest <= len(party.members) <= match.most
            elif match.begun:
                for party in match.parties:
                    staying = [name for name in party.members if name not in self.banned]
                    if staying:
                        party.members.remove(staying[0])
                        party.members.insert(0, staying[0])

    def _let_banned_go(self, match: ModelMatch) -> None:
        for party in list(match.parties):
            leader = party.members[0]
            party.members = [name for name in party.members if name not in self.banned]
            if not party.members:
                match.parties.remove(party)
            elif party.members[0] != leader:
                party.token = None

    def resize(self, slug: str, most: int) -> Reply | None:
        """Endpoint 37, with `max-members` alone; None for a match that is deleted."""
        match = self.matches[slug]
        if match.deleted:
            return None
        if match.begun and most != match.most:
            return told(400, "max-members", "Match has already started")
        match.most = most
        return Reply(200, {"max-members": most, "slug": slug})

    def join(self, name: str, slug: str) -> Reply:
        """Endpoint 17."""
        match = self._open(slug)
        if match is None:
            return told(404, "match", "Match not found")
        if match.begun:
            return told(403, "match", "Match has already started")
        if match.party_of(name) is not None:
            return told(409, "match", "You are already participating in the match")
        return self._fresh(200, match.alone(name))

    def leave(self, name: str, slug: str) -> Reply:
        """Endpoint 18."""
        match = self._open(slug)
        if match is None:
            return told(404, "match", "Match not found")
        if match.begun:
            return told(403, "match", "Match has already started")
        party = match.party_of(name)
        if party is None:
            return told(409, "match", "You were not participating in the match")
        if party.members[0] == name and len(party.members) > 1:
            return told(403, "match", "The party is not empty")
        party.members.remove(name)
        if not party.members:
            match.parties.remove(party)
        return Reply(200, None)

    def join_party(self, name: str, token: str) -> Reply:
        """Endpoint 23."""
        for match in self.matches.values():
            for party in match.parties:
                if party.token == token and not match.deleted:
                    return self._join_party(name, match, party)
        return told(404, "party", "Party not found")

    def _join_party(self, name: str, match: ModelMatch, party: ModelParty) -> Reply:
        own = match.party_of(name)
        if match.begun:
            return told(400, "party", "The party cannot accept any more members")
        if own is None:
            return told(400, "party", "You are not participating in the match")
        if own is party or len(own.members) > 1:
            return told(409, "party", "You are already in a party")
        if len(party.members) >= match.most:
            return told(409, "party", "The party is full")
        match.parties.remove(own)
        party.members.append(name)
        return Reply(201, {"members": list(party.members)})

    def leave_party(self, name: str, slug: str) -> Reply:
        """Endpoint 24."""
        match, party, refused = self._member(name, slug)
        if match is None or party is None:
            return refused
        if party.members[0] == name:
            return told(403, "match", "You are the leader of the party and cannot leave it")
        party.members.remove(name)
        return self._fresh(201, match.alone(name))

    def kick(self, name: str, slug: str, other: str) -> Reply:
        """Endpoint 25."""
        match, party, refused = self._leader(name, slug)
        if match is None or party is None:
            return refused
        if other == name:
            return told(403, "match", "You are the leader of the party and cannot kick yourself")
        if other not in party.members:
            return told(404, "user", "User could not be found in your party")
        party.members.remove(other)
        match.alone(other)
        return Reply(200, {"members": list(party.members)})

    def disband(self, name: str, slug: str) -> Reply:
        """Endpoint 26."""
        match, party, refused = self._leader(name, slug)
        if match is None or party is None:
            return refused
        for other in party.members[1:]:
            match.alone(other)
        party.members, party.public, party.token = [name], False, None
        return self._fresh(201, party)

    def looking(self, name: str, slug: str, public: bool) -> Reply:
        """Endpoint 27."""
        match, party, refused = self._leader(name, slug)
        if match is None or party is None:
            return refused
        party.public = public
        return Reply(200, {"lfg": public})

    def edit(self, name: str, slug: str, texts: dict[str, str]) -> Reply:
        """Endpoint 22."""
        match = self._open(slug)
        if match is None:
            return told(404, "match", "Match not found")
        if not match.begun:
            return told(403, "match", "Match has not started")
        if self.now_ms >= match.end_ms:
            return told(403, "match", "Match has already finished")
        party = match.party_of(name)
        if party is None or party.members[0] != name:
            return told(403, "match", "You are not the party leader for this match")
        if not party.participating:
            return told(403, "match", "Your party does not take part in the match")
        party.texts |= texts
        return Reply(200, dict(party.texts))

    def project(self, name: str | None, slug: str, leader: str | None) -> Reply:
        """Endpoint 21."""
        match = self._open(slug)
        if match is None:
            return told(404, "match", "Match not found")
        if name is None and leader is None:
            return told(400, "party", "Field was missing in request")
        if not match.begun:
            return told(403, "match", "Match has not started")
        own = None if name is None else match.party_of(name)
        party = own
        if leader is not None:
            party = next((each for each in match.parties if each.members[0] == leader and each.participating), None)
            if self.now_ms < match.end_ms and (party is None or party is not own):
                return told(403, "match", "Match not finished")
        if party is None or not party.participating:
            return told(404, "party", "Party not found for the specified match")
        return Reply(200, dict(party.texts))

    def participants(self, slug: str) -> Reply | list[list[str]]:
        """Endpoint 19: the members of the parties that take part."""
        match = self._open(slug)
        if match is None:
            return told(404, "match", "Match not found")
        return sorted(party.members for party in match.parties if party.participating)

    def public_parties(self, slug: str) -> Reply | list[list[str]]:
        """Endpoint 20: the members of the parties that others find."""
        match = self._open(slug)
        if match is None:
            return told(404, "match", "Match not found")
        return sorted(party.members for party in match.parties if party.public and not match.begun)

    def own_parties(self, name: str, past: bool) -> list[tuple[str, ModelParty]]:
        """Endpoints 28 and 29: slugs and parties."""
        return [
            (match.slug, party)
            for match in self.matches.values()
            if not match.deleted and (self.now_ms >= match.end_ms) == past
            for party in (match.party_of(name),)
            if party is not None
        ]

    def _open(self, slug: str) -> ModelMatch | None:
        match = self.matches.get(slug)
        return None if match is None or match.deleted else match

    def _fresh(self, status: int, party: ModelParty) -> Reply:
        self.new = party
        return Reply(status, {"party-token": FRESH})

    def _member(self, name: str, slug: str) -> tuple[ModelMatch | None, ModelParty | None, Reply]:
        match = self._open(slug)
        if match is None:
            return None, None, told(404, "match", "Match was not found")
        if match.begun:
            return None, None, told(400, "match", "The match has already started")
        return match, match.party_of(name), told(404, "match", "You are not participating in this match")

    def _leader(self, name: str, slug: str) -> tuple[ModelMatch | None, ModelParty | None, Reply]:
        match, party, refused = self._member(name, slug)
        if party is not None and party.members[0] != name:
            return None, None, told(403, "match", "You are not the leader of the party")
        return match, party, refused


def same(expected: Reply, actual: Reply) -> bool:
    """Whether an answer is the expected one, whatever stands for a fresh token."""
    data: Any = actual.data
    if expected.data == {"party-token": FRESH}:
        return actual.status == expected.status and isinstance(data, dict) and data.keys() == {"party-token"}
    return actual == expected
