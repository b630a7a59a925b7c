"""The history of a stream, found by its name and told as it was asked for.

This module must not know where the lines go.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

import msgspec

from cds.circumstances import SYSTEM
from cds.commands.decision import Refused
from cds.decoding import UnreadableEvent
from cds.live_contest import STREAM_PREFIX, stream_of
from cds.past.asking import TimeAsked, time_asked
from cds.past.history import Clock, Found, Wanted, found_in, with_changes
from cds.past.reading import PAGE_EVENTS
from cds.past.telling import as_json, as_text
from cds.past.told import Told
from cds.place import Place
from cds.shadows import SHADOW_PREFIX
from eventstore.store import EventStore, Head
from projections.packing import pieces
from schemas.object_types import OBJECT_TYPES
from schemas.records import RECORD_TYPES

MICROSECONDS = 1_000

Tell = Callable[[str], None]


class LogChoices(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted of a history, and how; see Wanted. `limit`: only the last so many events."""

    types: frozenset[str] = frozenset()
    id: str | None = None
    actor: str | None = None
    since: str | None = None
    until: str | None = None
    limit: int | None = None
    json: bool = False


async def tell_log(name: str, place: Place, choices: LogChoices, tell: Tell) -> None:
    """Tell the history of a contest, or of the stream of that name, line by line. Raises Refused, and as the store."""
    async with place.store(make=False) as store:
        stream = await _stream_named(store, name)
        last, found = deque[Found](maxlen=choices.limit), False
        clock = await _clock(store, stream)
        async for page in found_in(store, stream, await _wanted(store, stream, choices), clock):
            found = found or bool(page)
            if choices.limit is None:
                await _tell_page(store, stream, page, choices, tell)
            last.extend(page if choices.limit is not None else ())
        for page in pieces(last, PAGE_EVENTS):
            await _tell_page(store, stream, page, choices, tell)
        if not found:
            _refuse_unknown_types(stream, choices.types)


async def _tell_page(store: EventStore, stream: str, found: Sequence[Found], choices: LogChoices, tell: Tell) -> None:
    for happened in await with_changes(store, stream, found):
        lines: Iterable[str] = (as_json(happened),) if choices.json else as_text(happened)
        for line in lines:
            tell(line)


async def _stream_named(store: EventStore, name: str) -> str:
    """The stream of that name, else that of the contest. Raises Refused."""
    present = await store.heads()
    for stream in (name, stream_of(name)):
        if stream in present:
            return stream
    raise Refused(f"there is no contest {name}, and no stream of that name", ground="unknown")


def _refuse_unknown_types(stream: str, types: Iterable[str]) -> None:
    """Raise Refused for a type that we know nothing of, where no event had it; an event may be of a later program."""
    known = (*OBJECT_TYPES, *RECORD_TYPES)
    for name in sorted(types):
        if _is_contest(stream) and name not in known:
            raise Refused(f"nothing is of type {name}; a contest has {', '.join(known)}")


async def _wanted(store: EventStore, stream: str, choices: LogChoices) -> Wanted:
    head, now_ms = await store.head(stream), SYSTEM.now_us() // MICROSECONDS
    since = await _time(store, stream, head, choices.since, now_ms)
    until = await _time(store, stream, head, choices.until, now_ms)
    return Wanted(
        types=choices.types,
        id=choices.id,
        actor=choices.actor,
        since_ms=None if since is None or since.told else since.time_ms,
        until_ms=None if until is None or until.told else until.time_ms,
        after=since.told.last_position(since.time_ms - 1, head.position) if since and since.told else 0,
        end=until.told.last_position(until.time_ms, head.position) if until and until.told else None,
    )


async def _time(store: EventStore, stream: str, head: Head, text: str | None, now_ms: int) -> TimeAsked | None:
    return None if text is None else await time_asked(store, stream, head, text, now_ms)


async def _clock(store: EventStore, stream: str) -> Clock | None:
    """Contest times of the events of a contest; None for other streams."""
    if not _is_contest(stream):
        return None
    told = None
    with suppress(UnreadableEvent):  # Whoever looks for that event wants to see the history all the same.
        told = await Told(store, stream).times((await store.head(stream)).position)
    return Clock(None if told is None else told.everything)


def _is_contest(stream: str) -> bool:
    return stream.startswith((STREAM_PREFIX, SHADOW_PREFIX))
