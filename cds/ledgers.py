"""Ledgers: streams of the whole platform, folded in memory, level with the log.

What is no contest (webhooks, runs of a sync, students) is written down in a stream of its own. Each process folds it
for itself; a change goes into the log where it stands, or is decided anew. A fold is pure and lives in `projections`.
This module must not know what any ledger is about, nor who may change it.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

import msgspec

from cds.circumstances import Circumstances
from cds.committing import Contended
from cds.decoding import UnreadableEvent
from cds.freshness import while_it_gets_on
from cds.shared_reading import SharedReading
from eventstore.store import Append, Event, EventStore, Head, NewEvent, StoreUnavailable

PAGE_EVENTS = 1_000
ATTEMPTS_MAX = 32
"""Tries to write behind what other processes write; within a process writers take turns."""


class Folded(Protocol):
    """The state that a stream comes to; pure."""

    position: int
    """That of the last event which was applied, 0 before the first."""

    def apply(self, position: int, event_type: str, identifier: str, data: bytes | None, /) -> None:
        """Take in the event at the next position, and be at that position then; `data` is None for a deletion.

        Raises msgspec.DecodeError, and has changed nothing then, for an event that this program cannot read.
        """
        ...


S = TypeVar("S", bound=Folded)


class Ledger(Generic[S]):
    """A stream in memory."""

    def __init__(self, store: EventStore, stream: str, empty: Callable[[], S], name: str) -> None:
        """Nothing has been read yet. `empty` makes the state before the first event; `name` is for people."""
        self.state: S = empty()
        self._store = store
        self._stream = stream
        self._name = name
        self._reading = asyncio.Lock()
        self._writing = asyncio.Lock()
        self._looks = SharedReading(self.catch_up, f"look at {name}")
        # Whether memory holds all that this process has written: not before the first reading, and not after an append
        # of which it is not known what became of it.
        self._doubts = 1
        self._doubts_settled = 0
        # Appends without an answer: what is read before it comes may not show them yet.
        self._unanswered = 0

    async def catch_up(self) -> None:
        """Read what the stream holds beyond our position. Raises StoreUnavailable and UnreadableEvent."""
        async with self._reading:
            doubts = self._doubts_settled if self._unanswered else self._doubts
            while page := await self._store.read(self._stream, self.state.position, PAGE_EVENTS):
                for event in page:
                    self._fold(event.position, event)
                await asyncio.sleep(0)
            self._doubts_settled = doubts

    async def fresh(self) -> S:
        """The state, once everything is known that any process had written before this call; one look serves many.

        Costs nothing while no other process has the log open. Raises StoreUnavailable, also when the database gives no
        answer for freshness.LOOK_S_MAX, and UnreadableEvent.
        """
        # What others wrote before we were alone again has been heard of, but not read.
        behind = self._store.heard_position(self._stream) > self.state.position
        if behind or not self._store.alone or self._doubts_settled != self._doubts:
            try:
                await while_it_gets_on(self._looks.now(), lambda: self.state.position)
            except TimeoutError:
                raise StoreUnavailable(f"{self._name} cannot be read now") from None
        return self.state

    async def transact(
        self, decide: Callable[[S], Sequence[NewEvent]], *, actor: str, cause: str, circumstances: Circumstances
    ) -> Sequence[NewEvent]:
        """Decide on what is so now, and append; anew when somebody else wrote first. All events or none are written.

        Returns what was written, durably, and the state holds it then; no events are no append. Raises what `decide`
        and the store raise, and Contended after ATTEMPTS_MAX tries.
        """
        async with self._writing:
            for _ in range(ATTEMPTS_MAX):
                # Who is alone knows all there is; behind a lost race there is something to be read.
                state = await self.fresh()
                position = state.position
                try:
                    events = decide(state)
                except Exception:
                    # It may say that what was asked for has happened before.
                    if await self._append((), position, actor, cause, circumstances):
                        raise
                    continue
                if await self._append(events, position, actor, cause, circumstances):
                    return events
        raise Contended(f"{self._name}: written by others {ATTEMPTS_MAX} times in a row")

    async def _append(
        self, events: Sequence[NewEvent], position: int, actor: str, cause: str, circumstances: Circumstances
    ) -> bool:
        """Append, and apply without reading back; False when the stream does not end there any more.

        Without events that is for the sake of a standby alone: what the answer rests on is there too, behind it.
        """
        if not events and not (position and self._store.waits_for_standby):
            return True
        append = Append(
            stream=self._stream,
            expected_position=position,
            events=events,
            actor=actor,
            cause=cause,
            batch_id=circumstances.batch_id(),
            recorded_at_us=circumstances.now_us(),
        )
        # Whoever is interrupted in here cannot say whether it was written; a reading behind the answer will.
        self._doubts += 1
        if await self._answered(append) is None:
            return False
        end = position + len(events)
        async with self._reading:
            if self.state.position == position:
                for number, event in enumerate(events, start=position + 1):
                    self._fold(number, event)
            if self.state.position >= end and not self._unanswered:
                self._doubts_settled = self._doubts
        if self.state.position < end:
            await self.catch_up()
        return True

    async def _answered(self, append: Append) -> Head | None:
        """Append; also where whoever waits for the answer leaves, it is taken note of when it comes."""

        def note(appending: asyncio.Future[Head | None]) -> None:
            self._unanswered -= 1
            if not appending.cancelled():
                # Whoever still waits is told the same.
                appending.exception()

        self._unanswered += 1
        appending = asyncio.ensure_future(self._store.append(append))
        appending.add_done_callback(note)
        return await asyncio.shield(appending)

    def _fold(self, position: int, event: Event | NewEvent) -> None:
        """Raises UnreadableEvent: a newer program may have written it."""
        try:
            self.state.apply(position, event.type, event.id, event.data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UnreadableEvent(f"{self._stream} {position}: {event.type} {event.id}: {error}") from error
