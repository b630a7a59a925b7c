"""The stream of a source in the store: read from its beginning, and written by one process at its end.

This module must not know what an event means.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence

import msgspec
import structlog

from cds.circumstances import Circumstances
from eventstore.store import Append, Credential, Event, EventStore, NewEvent, StoreUnavailable
from schemas.source_records import LINE, RECORD_NAMES, SourceRecord

PAGE_EVENTS = 5_000
UNAVAILABLE_PAUSE_S = 0.5
ACTOR = "upstream"

log = structlog.get_logger(__name__)


class SourceTaken(Exception):
    """Somebody else has written to the stream: it is read again from its beginning by whoever follows on."""


class SourceLog:
    """The stream of one source."""

    def __init__(self, store: EventStore, stream: str, circumstances: Circumstances) -> None:
        """At the beginning; nothing has been read."""
        self.stream = stream
        self.position = 0
        self._store = store
        self._circumstances = circumstances

    async def pages(self) -> AsyncIterator[list[Event]]:
        """All events beyond our position, page by page. Raises what the store raises."""
        while page := await self._store.read(self.stream, self.position, PAGE_EVENTS):
            self.position = page[-1].position
            yield page

    async def append(
        self, events: Sequence[NewEvent], cause: str, credentials: Sequence[Credential] = ()
    ) -> list[tuple[int, NewEvent]]:
        """Write events at the end, whenever the database is there; each with its position.

        What is being written when the connection is lost is written once. Raises SourceTaken.
        """
        append = Append(
            stream=self.stream,
            expected_position=self.position,
            events=events,
            credentials=credentials,
            actor=ACTOR,
            cause=cause,
            batch_id=self._circumstances.batch_id(),
            recorded_at_us=self._circumstances.now_us(),
        )
        while True:
            try:
                head = await self._store.append(append)
            except StoreUnavailable as away:
                log.warning("source_waits_for_database", source=self.stream, reason=str(away))
                await asyncio.sleep(UNAVAILABLE_PAUSE_S)
                continue
            break
        if head is None:
            raise SourceTaken(f"{self.stream} was written by another process")
        first = self.position + 1
        self.position = head.position
        return list(enumerate(events, first))


def line_event(line: bytes) -> NewEvent:
    """A line as it is kept."""
    return NewEvent(type=LINE, id="", data=line)


def record_event(record: SourceRecord) -> NewEvent:
    """Anything else that is kept of a source."""
    return NewEvent(type=RECORD_NAMES[type(record)], id="", data=msgspec.json.encode(record))
