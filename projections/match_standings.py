"""What matches come to at a moment: their phase, what is due, who stands where, and what that is worth.

Pure; moments are milliseconds since the Unix epoch. This module must not know who asks, nor any wire.
"""

from collections.abc import Iterable
from typing import Literal

from projections.matches import Matches
from schemas.matches import Match, Party

Phase = Literal["preparation", "match", "evaluation"]
"""The three periods of a match: parties are formed; projects are made; they are looked at."""


def phase_of(match: Match, now_ms: int) -> Phase:
    """The period in which a match is: by the clock, and never before what has been written down of it."""
    if match.ended or now_ms >= match.end_ms:
        return "evaluation"
    if match.started or now_ms >= match.start_ms:
        return "match"
    return "preparation"


def is_open(match: Match) -> bool:
    """Whether others than administrators know of a match."""
    return match.visible and match.deleted_ms is None


def open_match(state: Matches, slug: str) -> Match | None:
    """The match that has this slug, None when there is none of which all may know."""
    match = state.of_slug(slug)
    return match if match is not None and is_open(match) else None


def in_order(matches: Iterable[Match]) -> list[Match]:
    """Matches by start, and by number where they start together (requirements-003, 3.1 and 6.24)."""
    return sorted(matches, key=lambda match: (match.start_ms, match.number))


def next_due_ms(state: Matches) -> int | None:
    """The first moment at which a start or an end is due that has not been written down; None when there is none."""
    return min((match.end_ms if match.started else match.start_ms for match in state.unsettled()), default=None)


def leaderboard_of(state: Matches, match: str) -> list[Party]:
    """The parties that take part, by position; those without one last, by number."""
    return sorted(
        state.participating(match),
        key=lambda party: (party.position is None, party.position or 0, party.number),
    )


def published_leaderboard_of(state: Matches, match: Match, now_ms: int) -> list[Party]:
    """The leaderboard as everybody may see it: none before the match is over and its leaderboard is published."""
    if not match.published or phase_of(match, now_ms) != "evaluation":
        return []
    return leaderboard_of(state, match.id)


def takes_part(match: Match, party: Party, now_ms: int) -> bool:
    """Whether the members of a party take part in its match: before the start all may yet."""
    return party.participating or phase_of(match, now_ms) == "preparation"


def points_of(state: Matches, user: str, now_ms: int) -> int:
    """The points of a user: for position p among N parties of each published leaderboard, N - p + 1.

    The seed names no formula; this one is ours (requirements-003, 6.25).
    """
    return sum(
        max(0, len(state.participating(match.id)) - party.position + 1)
        for match, party in state.of_user(user)
        if party.position is not None
        and party.participating
        and match.published
        and is_open(match)
        and phase_of(match, now_ms) == "evaluation"
    )
