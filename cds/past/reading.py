"""The log between two positions, read in pages while others have their turn.

This module must not know what becomes of an event.
"""

import asyncio
from collections.abc import AsyncIterator, Collection

from cds.freshness import LogCutShort
from eventstore.store import Event, EventStore
from projections.past_moments import RecordedTimes

PAGE_EVENTS = 1_000
"""Events that are read at once."""

APPLIED_AT_ONCE = 100
"""Events that are given out before others have their turn."""

TIMES_AT_ONCE = 10_000
"""Times of events that are read at once."""


async def events_between(store: EventStore, stream: str, after: int, until: int) -> AsyncIterator[Event]:
    """The events behind a position, up to and with another that the log has.

    Raises what the store raises, and LogCutShort.
    """
    while after < until:
        page = await store.read(stream, after, min(PAGE_EVENTS, until - after))
        if not page:
            raise LogCutShort(stream, until)
        for event in page:
            yield event
            if event.position % APPLIED_AT_ONCE == 0:
                await asyncio.sleep(0)
        after = page[-1].position


async def events_of_types_between(
    store: EventStore, stream: str, after: int, until: int, types: Collection[str]
) -> AsyncIterator[Event]:
    """The same of some types alone, however few these are."""
    more = True
    while more:
        page = await store.past.read_of_types(stream, after, until, types, PAGE_EVENTS)
        for number, event in enumerate(page, start=1):
            yield event
            if number % APPLIED_AT_ONCE == 0:
                await asyncio.sleep(0)
        more = len(page) == PAGE_EVENTS
        after = page[-1].position if page else until


async def bring_level(times: RecordedTimes, store: EventStore, stream: str, end: int) -> None:
    """Take in when events were recorded, at least up to a position that the log has. Raises as `events_between`."""
    while times.position < end:
        page = await store.past.recorded_times_us(stream, times.position, TIMES_AT_ONCE)
        if not page:
            raise LogCutShort(stream, end)
        for recorded_at_us in page:
            times.take(recorded_at_us)
        await asyncio.sleep(0)
