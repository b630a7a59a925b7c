"""The history of a stream for people: what happened when, by whom and why, and what it changed.

It is read page by page. What an object was before is read again where it stands in the log; kept is, by object, where
that is. This module must not know how a history is told.
"""

from collections.abc import AsyncIterator, Sequence
from hashlib import blake2b

import msgspec

from cds.decoding import UnreadableEvent, decoded
from cds.past.asking import TIMELINE_TYPES
from cds.past.reading import PAGE_EVENTS
from eventstore.store import Event, EventStore
from projections.contest import ContestState
from projections.past_changes import PropertyChange, property_changes
from projections.told_times import Marks

KEY_BYTES = 8
MICROSECONDS = 1_000

Happening = str
CREATED, CHANGED, DELETED = "created", "changed", "deleted"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which events are told of: all, or those of some types, of one id or one actor, recorded between two times.

    Times are in milliseconds since the epoch, and both count; so does the position `end`, but not `after`.
    """

    types: frozenset[str] = frozenset()
    id: str | None = None
    actor: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    after: int = 0
    end: int | None = None

    def object_counts(self, event: Event) -> bool:
        """Whether an event is of an object that is told of."""
        return (not self.types or event.type in self.types) and self.id in (None, event.id)

    def counts(self, event: Event) -> bool:
        """Whether an event is told of."""
        recorded_ms = event.recorded_at_us // MICROSECONDS
        return (
            self.object_counts(event)
            and self.actor in (None, event.actor)
            and (self.since_ms is None or recorded_ms >= self.since_ms)
            and (self.until_ms is None or recorded_ms <= self.until_ms)
            and self.after < event.position
            and (self.end is None or event.position <= self.end)
        )


class Happened(msgspec.Struct, frozen=True, kw_only=True):
    """One event for people. `contest_time_ms` is by the times of the contest as they were known just after it."""

    position: int
    recorded_ms: int
    contest_time_ms: int | None
    actor: str
    cause: str
    what: Happening
    type: str
    id: str
    changes: Sequence[PropertyChange]


class Clock:
    """Contest times by what the events so far say: of when they were recorded, or of when things happened (`told`)."""

    def __init__(self, told: Marks | None) -> None:
        """Nothing is known of the contest yet."""
        self._state = ContestState()
        self._told = told

    def contest_time_ms(self, event: Event) -> int | None:
        """The contest time of the next event; None where there is none."""
        if event.type in TIMELINE_TYPES:
            try:
                self._state.apply(event.position, event.type, event.id, decoded(event))
            except UnreadableEvent:
                return None  # It is told of all the same: whoever looks for it wants to see it.
        timeline = self._state.timeline
        recorded_ms = event.recorded_at_us // MICROSECONDS
        time_ms = recorded_ms if self._told is None else self._told.time_ms(event.position)
        if timeline.start_ms is None or time_ms is None:
            return None
        return timeline.contest_time_ms(time_ms)


class Found(msgspec.Struct, frozen=True):
    """An event that is told of, where the object stands in the log as it was before (0: nowhere), and when that was."""

    event: Event
    before: int
    contest_time_ms: int | None


async def found_in(store: EventStore, stream: str, wanted: Wanted, clock: Clock | None) -> AsyncIterator[list[Found]]:
    """What is told of a stream up to now, in the order of the log, page by page; a contest has a clock.

    Raises what the store raises.
    """
    last_seen = dict[bytes, int]()
    after, end = 0, (await store.head(stream)).position
    while after < end:
        page = await store.read(stream, after, min(PAGE_EVENTS, end - after))
        if not page:
            return
        found = []
        for event in page:
            contest_time_ms = None if clock is None else clock.contest_time_ms(event)
            if wanted.object_counts(event):
                key = _key(event)
                if wanted.counts(event):
                    found.append(Found(event, last_seen.get(key, 0), contest_time_ms))
                last_seen[key] = event.position
        yield found
        after = page[-1].position


async def with_changes(store: EventStore, stream: str, found: Sequence[Found]) -> list[Happened]:
    """The same with what each event changed, for a page of them at most. Raises what the store raises."""
    earlier = {each.event.position: each.event for each in found}
    missing = {each.before for each in found} - earlier.keys() - {0}
    earlier |= {event.position: event for event in await store.past.read_at(stream, missing)}
    return [_happened(each.event, earlier.get(each.before), each.contest_time_ms) for each in found]


def _happened(event: Event, earlier: Event | None, contest_time_ms: int | None) -> Happened:
    before = earlier.data if earlier is not None and (earlier.type, earlier.id) == (event.type, event.id) else None
    what = DELETED if event.data is None else CREATED if before is None else CHANGED
    return Happened(
        position=event.position,
        recorded_ms=event.recorded_at_us // MICROSECONDS,
        contest_time_ms=contest_time_ms,
        actor=event.actor,
        cause=event.cause,
        what=what,
        type=event.type,
        id=event.id,
        changes=property_changes(before, event.data),
    )


def _key(event: Event) -> bytes:
    """Stands for an object: there may be a million of them."""
    return blake2b(event.type.encode() + b"\0" + event.id.encode(), digest_size=KEY_BYTES).digest()
