"""Making, changing, deleting and ranking matches (requirements-003, endpoints 36, 37, 39 and 40).

A slug belongs to one match, also while that is hidden or deleted, so that it can always come back. This module must not
know who is an administrator.
"""

from collections.abc import Callable, Container, Iterator, Mapping
from itertools import count

import msgspec
from slugify import slugify

from cds.commands.decision import Refused
from projections.match_standings import phase_of
from projections.matches import Matches
from schemas.matches import SLUG_CHARACTERS_MAX, Match, Party, match_id

NOT_VALID = "Data value was not valid"


class MatchWish(msgspec.Struct, frozen=True, kw_only=True):
    """A match that there is to be; without a slug it gets one of its title."""

    title: str
    short_description: str
    long_description: str
    start_ms: int
    end_ms: int
    min_members: int
    max_members: int
    visible: bool
    slug: str | None = None


class MatchChange(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be different about a match; None stays as it is."""

    title: str | None = None
    short_description: str | None = None
    long_description: str | None = None
    start_ms: int | None = None
    end_ms: int | None = None
    min_members: int | None = None
    max_members: int | None = None
    visible: bool | None = None
    published: bool | None = None
    slug: str | None = None


def decide_creation(state: Matches, wish: MatchWish, contest_ids: Container[str]) -> Match:
    """The match that a wish comes to; it may lie in the past. Raises Refused.

    `contest_ids`: those of all contests, among which may be one that is older than the matches here and has the id that
    would come next. Its number is left out.
    """
    identifier = next(id for id in map(match_id, count(len(state) + 1)) if not (state.find(id) or id in contest_ids))
    wanted = msgspec.structs.asdict(wish) | {"slug": wish.slug or _slug_of(state, wish.title, identifier)}
    match = Match(id=identifier, **wanted)
    _require_possible(match)
    _require_free_slug(state, match, explicit=wish.slug is not None)
    return match


def decide_change(state: Matches, slug: str, change: MatchChange, now_ms: int) -> Match:
    """A match after a change; a new title brings a new slug, unless one is given. Raises Refused."""
    match = existing_match(state, slug)
    wanted = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not None}
    if "slug" not in wanted and wanted.get("title", match.title) != match.title:
        wanted["slug"] = _slug_of(state, wanted["title"], match.id)
    changed = msgspec.structs.replace(match, **wanted)
    _require_unsettled(match, changed, now_ms)
    _require_possible(changed)
    _require_free_slug(state, changed, explicit=change.slug is not None)
    return changed


def decide_deletion(state: Matches, slug: str, *, delete: bool, now_ms: int) -> Match:
    """A match after it was deleted, or is back. Raises Refused."""
    match = state.of_slug(slug)
    if match is None:
        raise _unknown()
    if (match.deleted_ms is not None) == delete:
        sentence = "Match was already deleted" if delete else "Match was not deleted"
        raise Refused(sentence, "match", ground="conflict")
    return msgspec.structs.replace(match, deleted_ms=now_ms if delete else None)


def decide_positions(
    state: Matches, slug: str, positions: Mapping[str, int], name_of: Callable[[str], str]
) -> list[Party]:
    """The parties whose leaders are named, each with its position, also where it had that already.

    Who leads no party that takes part is passed over (requirements-003, 3.9); `name_of` says under which name a user is
    to be found in `positions`. Raises Refused.
    """
    match = existing_match(state, slug)
    led_by = {name_of(party.leader): party for party in state.participating(match.id)}
    return [
        msgspec.structs.replace(led_by[name], position=position)
        for name, position in positions.items()
        if name in led_by
    ]


def existing_match(state: Matches, slug: str) -> Match:
    """The match that has this slug, as administrators see it: it may be hidden, but not deleted. Raises Refused."""
    match = state.of_slug(slug)
    if match is None or match.deleted_ms is not None:
        raise _unknown()
    return match


def _unknown() -> Refused:
    return Refused("Match not found", "match", ground="unknown")


def _slug_of(state: Matches, title: str, identifier: str) -> str:
    """A slug made of a title, or of the number of the match where there is nothing in the title to make one of; with
    another number behind it where somebody has chosen that very slug for another match.
    """
    made = slugify(title, max_length=SLUG_CHARACTERS_MAX)
    if made:
        return made
    numbered = f"match-{identifier.rpartition('-')[2]}"
    return next(slug for slug in _candidates(numbered) if _is_free(state, slug, identifier))


def _candidates(slug: str) -> Iterator[str]:
    yield slug
    yield from (f"{slug}-{number}" for number in count(2))


def _is_free(state: Matches, slug: str, identifier: str) -> bool:
    holder = state.of_slug(slug)
    return holder is None or holder.id == identifier


def _require_possible(match: Match) -> None:
    if match.end_ms <= match.start_ms:
        raise Refused(NOT_VALID, "end-date")
    if match.max_members < match.min_members:
        raise Refused(NOT_VALID, "max-members")


def _require_free_slug(state: Matches, match: Match, *, explicit: bool) -> None:
    if not _is_free(state, match.slug, match.id):
        name = "slug" if explicit else "title"
        raise Refused(f"A match with this {name} already exists", name, ground="conflict")


def _require_unsettled(match: Match, changed: Match, now_ms: int) -> None:
    """What has happened stays so: who takes part was decided at the start, and projects are final at the end."""
    phase = phase_of(match, now_ms)
    settled = {
        "start-date": changed.start_ms != match.start_ms,
        "min-members": changed.min_members != match.min_members,
        "max-members": changed.max_members != match.max_members,
    }
    for name, is_other in settled.items():
        if phase != "preparation" and is_other:
            raise Refused("Match has already started", name)
    if phase == "evaluation" and changed.end_ms != match.end_ms:
        raise Refused("Match has already finished", "end-date")
