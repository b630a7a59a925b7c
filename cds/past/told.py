"""Whether contest times of a stream count by what it tells itself, and if so by what.

This module must not know who asks, nor what is done with a position.
"""

from cds.decoding import decoded
from cds.past.reading import events_of_types_between
from eventstore.store import EventStore
from projections.told_times import SUBMISSIONS, TELLING, ToldTimes, recorded_as_it_happened
from schemas.objects import Submission

MICROSECONDS = 1_000
PAGE_EVENTS = 16
"""Submissions that are read at once in search of the first one that counts: nearly always it is the first of all."""


class Told:
    """What one stream tells of its times, all of it, as far as it has been read.

    For those who are shown everything; others go by what was told to everybody (cds.past.told_to_everybody).
    """

    def __init__(self, store: EventStore, stream: str) -> None:
        """Nothing has been read yet."""
        self._store = store
        self._stream = stream
        self._as_it_happened: bool | None = None
        self._times = ToldTimes()
        self._position = 0

    def is_level(self, end: int) -> bool:
        """Whether nothing has to be read to answer for a stream up to a position."""
        return self._as_it_happened is True or (self._as_it_happened is False and self._position >= end)

    async def times(self, end: int) -> ToldTimes | None:
        """What counts instead of when events were recorded, up to a position that the log has, or somewhat beyond.

        None where contest times count by when they were recorded: nothing was submitted yet, or it was recorded as it
        happened, or is in no order. Raises UnreadableEvent, and as the store does.
        """
        if self._as_it_happened is None:
            self._as_it_happened = await self._begins_as_it_happened(end)
        if self._as_it_happened is not False:
            return None
        if self._position < end:
            async for event in events_of_types_between(self._store, self._stream, self._position, end, TELLING):
                # Whoever waits may go at any event; the next one goes on from there.
                self._times.take(event.position, event.type, decoded(event))
                self._position = event.position
            self._position = max(self._position, end)
        return self._times if self._times.in_order else None

    async def _begins_as_it_happened(self, end: int) -> bool | None:
        """Of the first submission; None while there is none."""
        position = 0
        while page := await self._store.past.read_of_types(self._stream, position, end, {SUBMISSIONS}, PAGE_EVENTS):
            for event in page:
                submission = decoded(event)
                if isinstance(submission, Submission):
                    return recorded_as_it_happened(submission, event.recorded_at_us // MICROSECONDS)
            position = page[-1].position
        return None
