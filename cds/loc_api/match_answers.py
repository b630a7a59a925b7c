"""What answers about matches, parties and projects look like (requirements-003, 2), and how refusals are told.

This module must not know which endpoint answers, nor who may see what.
"""

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import TypeVar

import msgspec

from cds.commands.decision import Ground, Refused
from cds.commands.matches.changes import found_match
from cds.contest_api.errors import Failure
from cds.loc_api.answers import fail
from cds.loc_api.call import Call
from cds.loc_api.dates import shown_date
from cds.matches.register import D, Decide
from projections.matches import Matches
from schemas.matches import Match, Party, Project

LISTED_MAX = 20
"""Matches, participants, parties and parties that look for others on a page (requirements-003, 3.1)."""

LEADERBOARD_LISTED_MAX = 30

Name = Callable[[str], str]
"""The name of a user by id, or what stands in its place."""

STATUSES: Mapping[Ground, HTTPStatus] = {
    "invalid": HTTPStatus.BAD_REQUEST,
    "forbidden": HTTPStatus.FORBIDDEN,
    "unknown": HTTPStatus.NOT_FOUND,
    "conflict": HTTPStatus.CONFLICT,
}

WHOLE = "request"
"""The name of a fault that is none of a single argument."""

A = TypeVar("A", bound=msgspec.Struct)


class MatchItem(msgspec.Struct, frozen=True, rename="kebab"):
    """A match in a list."""

    title: str
    start_date: str
    end_date: str
    slug: str


class MatchDetails(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", omit_defaults=True):
    """A match with all that may be said of it; without the long description before it starts."""

    title: str
    short_description: str
    long_description: str | None = None
    start_date: str
    end_date: str
    min_members: int
    max_members: int
    slug: str


class DeletedMatch(msgspec.Struct, frozen=True, rename="kebab"):
    """A match that is deleted."""

    title: str
    delete_date: str
    slug: str


class PartyItem(msgspec.Struct, frozen=True):
    """Who is in a party, by name; the leader is the first of the members."""

    leader: str
    members: Sequence[str]


class InvitingParty(msgspec.Struct, frozen=True, rename="kebab"):
    """A party with the token that lets others join it."""

    leader: str
    members: Sequence[str]
    party_token: str


class PlacedParty(msgspec.Struct, frozen=True):
    """A party on a leaderboard; `position` is None as long as nobody has given it one."""

    leader: str
    members: Sequence[str]
    position: int | None


class OwnParty(msgspec.Struct, frozen=True):
    """A party of the caller's, and its match."""

    match: MatchItem
    party: InvitingParty


class ProjectAnswer(msgspec.Struct, frozen=True):
    """The three texts of a project."""

    title: str
    description: str
    url: str


def match_item(match: Match) -> MatchItem:
    """A match in a list."""
    return MatchItem(match.title, shown_date(match.start_ms), shown_date(match.end_ms), match.slug)


def deleted_match(match: Match) -> DeletedMatch:
    """A match that is deleted, in a list of such."""
    return DeletedMatch(match.title, shown_date(match.deleted_ms or 0), match.slug)


def member_names(party: Party, name: Name) -> list[str]:
    """The names of the members, that of the leader first."""
    return [name(member) for member in party.members]


def party_item(party: Party, name: Name) -> PartyItem:
    """A party in a list."""
    return PartyItem(name(party.leader), member_names(party, name))


def placed_party(party: Party, name: Name) -> PlacedParty:
    """A party on a leaderboard."""
    return PlacedParty(name(party.leader), member_names(party, name), party.position)


def inviting_party(state: Matches, party: Party, name: Name) -> InvitingParty:
    """A party for those who may join it, or are in it."""
    return InvitingParty(name(party.leader), member_names(party, name), state.token(party))


def project_answer(project: Project) -> ProjectAnswer:
    """A project."""
    return ProjectAnswer(project.title, project.description, project.url)


def found(state: Matches, slug: str, sentence: str = "Match not found") -> Match:
    """The match that has this slug, if all may know of it. Raises Failure."""
    try:
        return found_match(state, slug, sentence)
    except Refused as refused:
        raise refusal(refused) from None


async def settled(call: Call[A]) -> Matches:
    """All matches, level with the clock. Raises StoreUnavailable and Contended."""
    return await call.service.matches.register.settled()


async def carried_out(call: Call[A], decide: Decide[D], cause: str) -> D:
    """What a decision has come to, in the name of the caller. Raises Failure, StoreUnavailable and Contended."""
    # An account of the server is no user, and its name is no personal data.
    actor = call.user.user_id or call.user.username
    try:
        return await call.service.matches.register.carry_out(decide, actor=actor, cause=cause)
    except Refused as refused:
        raise refusal(refused) from None


def invitation(call: Call[A], party: Party) -> str:
    """The token of a party."""
    return call.service.matches.register.token(party)


def refusal(refused: Refused) -> Failure:
    """A refused command, as this API tells it."""
    return fail(STATUSES[refused.ground], {refused.property or WHOLE: refused.reason})
