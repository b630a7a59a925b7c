"""The fold of all matches, with their parties and projects.

This module must not know who may change or see any of them, nor what time it is, nor how a token is made.
"""

from collections.abc import Callable, Iterator
from typing import TypeVar

import msgspec

from schemas.matches import MATCH, PARTY, PROJECT, Match, Party, Project, event_id

TokenOf = Callable[[Party], str]
"""Makes the token of a party; the same party in the same generation has the same one, and no other party has it."""

S = TypeVar("S")

_match_decoder = msgspec.json.Decoder(Match)
_party_decoder = msgspec.json.Decoder(Party)
_project_decoder = msgspec.json.Decoder(Project)


class Matches:
    """All matches at a position of their stream."""

    def __init__(self, token_of: TokenOf) -> None:
        """None yet."""
        self.position = 0
        self._token_of = token_of
        self._matches: dict[str, Match] = {}
        self._touched: dict[str, int] = {}
        self._by_slug: dict[str, str] = {}
        self._unsettled: dict[str, None] = {}
        self._parties: dict[str, dict[str, Party]] = {}
        self._party_numbers: dict[str, int] = {}
        self._by_token: dict[str, tuple[str, str]] = {}
        self._of_user: dict[str, dict[str, str]] = {}
        self._projects: dict[str, Project] = {}

    def __iter__(self) -> Iterator[Match]:
        """All matches, in the order in which they were made, also those that are hidden or deleted."""
        return iter(tuple(self._matches.values()))

    def __len__(self) -> int:
        """How many matches there are."""
        return len(self._matches)

    def find(self, match: str) -> Match | None:
        """The match of that id, None when there is none."""
        return self._matches.get(match)

    def of_slug(self, slug: str) -> Match | None:
        """The match that has this slug now, also when it is hidden or deleted; None when there is none."""
        identifier = self._by_slug.get(slug)
        return None if identifier is None else self._matches[identifier]

    def touched(self, match: str) -> int:
        """The position of the last event about a match, its parties or its projects; 0 where there is none."""
        return self._touched.get(match, 0)

    def unsettled(self) -> list[Match]:
        """The matches whose start or end has not been written down yet, in the order in which they were made."""
        return [self._matches[identifier] for identifier in self._unsettled]

    def parties_of(self, match: str) -> list[Party]:
        """The parties of a match by number."""
        return sorted(self._parties.get(match, {}).values(), key=lambda party: party.number)

    def participating(self, match: str) -> list[Party]:
        """The parties that take part in a match, by number; none before it starts."""
        return [party for party in self.parties_of(match) if party.participating]

    def next_party_number(self, match: str) -> int:
        """The number of the next party of a match; none is ever given twice."""
        return self._party_numbers.get(match, 0) + 1

    def party(self, match: str, party: str) -> Party | None:
        """The party of these ids, None when there is none."""
        return self._parties.get(match, {}).get(party)

    def party_of(self, match: str, user: str) -> Party | None:
        """The party of a user in a match, None for who has not joined it."""
        party = self._of_user.get(user, {}).get(match)
        return None if party is None else self._parties[match][party]

    def of_user(self, user: str) -> list[tuple[Match, Party]]:
        """The matches that a user has joined, each with the party, in no particular order."""
        return [
            (self._matches[match], self._parties[match][party]) for match, party in self._of_user.get(user, {}).items()
        ]

    def token(self, party: Party) -> str:
        """The token that lets users join a party."""
        return self._token_of(party)

    def of_token(self, token: str) -> Party | None:
        """The party that has this token now, None when there is none."""
        place = self._by_token.get(token)
        return None if place is None else self._parties[place[0]][place[1]]

    def project(self, match: str, party: str) -> Project | None:
        """The project of a party, None for one that does not take part, or not yet."""
        return self._projects.get(event_id(match, party))

    def apply(self, position: int, event_type: str, identifier: str, data: bytes | None, /) -> None:
        """Take in the event at the next position. Raises msgspec.DecodeError for one that cannot be read."""
        if event_type == MATCH:
            self._apply_match(_read(_match_decoder, data, identifier))
        elif event_type == PARTY:
            self._apply_party(identifier, None if data is None else _party_decoder.decode(data))
        elif event_type == PROJECT:
            self._projects[identifier] = _read(_project_decoder, data, identifier)
        else:
            raise msgspec.ValidationError(f"there is no type {event_type!r}")
        self._touched[identifier.partition("/")[0]] = self.position = position

    def _apply_match(self, match: Match) -> None:
        before = self._matches.get(match.id)
        if before is not None:
            del self._by_slug[before.slug]
        self._matches[match.id] = match
        self._by_slug[match.slug] = match.id
        if match.ended:
            self._unsettled.pop(match.id, None)
        else:
            self._unsettled[match.id] = None

    def _apply_party(self, identifier: str, party: Party | None) -> None:
        match, _, name = identifier.partition("/")
        parties = self._parties.setdefault(match, {})
        before = parties.pop(name, None)
        if before is not None:
            del self._by_token[self._token_of(before)]
            for user in before.members:
                self._leave(user, before)
        if party is None:
            return
        parties[name] = party
        self._party_numbers[match] = max(self._party_numbers.get(match, 0), party.number)
        self._by_token[self._token_of(party)] = match, name
        for user in party.members:
            self._of_user.setdefault(user, {})[match] = name

    def _leave(self, user: str, party: Party) -> None:
        """Whoever is in another party of the match by now stays there: one append may tell of the new one first."""
        theirs = self._of_user.get(user, {})
        if theirs.get(party.match) == party.id:
            del theirs[party.match]
            if not theirs:
                del self._of_user[user]


def _read(decoder: "msgspec.json.Decoder[S]", data: bytes | None, identifier: str) -> S:
    """What an event holds of something that is never removed. Raises msgspec.DecodeError."""
    if data is None:
        raise msgspec.ValidationError(f"{identifier} is never removed")
    return decoder.decode(data)
