"""Commands of one contest on their way into its log: decided together, appended, applied, answered.

What comes while something is being written waits for its turn. This module must not know what commands decide, nor what
an event does to a contest.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from cds.circumstances import Circumstances
from cds.decoding import decoded_new
from cds.metrics import APPEND_S, APPENDED_EVENTS
from cds.turn import Batch, Decide, Turn, Waiting, decided
from cds.workers.marks import Mark
from cds.workers.turns import giving_back, let_others_first, lost
from eventstore.chain import chain_values, origin_of
from eventstore.store import EVENT_VERSION, Append, Event, EventStore, Head, NewEvent
from projections.contest import ContestState
from schemas.objects import ContestObject

ATTEMPTS_MAX = 8
"""Times that a decision is taken anew because somebody else wrote first."""


class Contended(Exception):
    """Others wrote to the stream again and again while we tried to."""


class Contest(Protocol):
    """The contest in memory, as far as whoever writes to it is concerned."""

    @property
    def stream(self) -> str:
        """The name of its stream."""
        ...

    @property
    def state(self) -> ContestState:
        """What has been applied."""
        ...

    @property
    def end(self) -> Head:
        """Where that ends."""
        ...

    async def catch_up(self) -> None:
        """Read and apply everything that the stream holds beyond the end."""
        ...

    async def take_in_own(self, events: Sequence[Event], instances: Sequence[ContestObject | None], base: Head) -> bool:
        """Apply events that follow `base` without reading them; False when something else has happened meanwhile."""
        ...


class Committing:
    """Writes to one contest."""

    def __init__(self, contest: Contest, store: EventStore, mark: Mark) -> None:
        """Nothing waits. `mark` is that of the contest's stream in our group."""
        self._contest = contest
        self._store = store
        self._mark = mark
        self._turn = Turn(lambda: store.reachable)
        self._writing: asyncio.Task[None] | None = None

    async def transact(
        self, decide: Decide, *, actor: str, cause: str, circumstances: Circumstances
    ) -> Sequence[NewEvent]:
        """Decide against the state, append, and come back when what was appended is applied.

        Commands that come at the same time are written together. Returns the events appended, none when there was
        nothing to change. Raises what `decide` and the store raise, Refused when the contest has ended its updates,
        TooManyCommands, Contended after ATTEMPTS_MAX tries, and StoreUnavailable when the database stays away before
        its turn comes.
        """
        waiting = self._turn.enter(decide, actor, cause)
        if self._writing is None or self._writing.done():
            work = self._write(circumstances)
            self._writing = asyncio.create_task(work, name=f"write {self._contest.stream}")
        return await waiting.answer

    async def _write(self, circumstances: Circumstances) -> None:
        """Carry out what waits, batch after batch."""
        while self._turn:
            commands = self._turn.take()
            try:
                await self._carry_out(commands, circumstances)
            except Exception as error:  # noqa: BLE001 - not swallowed: every command of the batch is answered with it
                for waiting in commands:
                    waiting.settle(error)
            except asyncio.CancelledError:
                for waiting in commands:
                    waiting.answer.cancel()
                raise

    async def _carry_out(self, commands: Sequence[Waiting], circumstances: Circumstances) -> None:
        """Decide, append, apply and answer; all anew where somebody else wrote first. Raises Contended."""
        contest = self._contest
        with giving_back(self._mark):
            for _ in range(ATTEMPTS_MAX):
                await let_others_first(self._mark)
                if contest.end.position < self._mark.position:
                    await contest.catch_up()
                batch = decided(contest.state, commands, decoded_new)
                if await self._appended(batch, circumstances):
                    batch.settle()
                    self._turn.put_back(batch.left)
                    return
                lost(self._mark)
        raise Contended(f"{contest.stream} was written by others {ATTEMPTS_MAX} times in a row")

    async def _appended(self, batch: Batch, circumstances: Circumstances) -> bool:
        """Append what a batch came to and apply it; False when somebody else wrote first, and that is applied."""
        base = self._contest.end
        writes = bool(batch.events or batch.credentials)
        # An answer that rests on what is there already may rest on what a standby does not have: an append without
        # events waits for that. A refusal too, for it may say that the same request was carried out before.
        if not writes and not (batch.outcomes and base.position and self._store.waits_for_standby):
            return True
        append = Append(
            stream=self._contest.stream,
            expected_position=base.position,
            events=batch.events,
            credentials=batch.credentials,
            files=batch.files,
            actor=batch.outcomes[0][0].actor,
            cause=batch.outcomes[0][0].cause,
            batch_id=circumstances.batch_id(),
            recorded_at_us=circumstances.now_us(),
        )
        with APPEND_S.time():
            head = await self._store.append(append)
        if head is not None and not writes:
            return True
        if head is not None:
            APPENDED_EVENTS.inc(len(append.events))
        events = None if head is None else appended_events(append, base, head)
        if events is None or not await self._contest.take_in_own(events, batch.instances, base):
            await self._contest.catch_up()
        return head is not None


def appended_events(append: Append, base: Head, head: Head) -> list[Event] | None:
    """The events of a batch that was appended at `base`, as reading them would give them.

    None where `head` says that the chain has come to something else.
    """
    chains = chain_values(base, append.events, origin_of(append))
    if chains and chains[-1] != head.chain:
        return None
    return [
        Event(
            stream=append.stream,
            position=position,
            type=event.type,
            id=event.id,
            data=event.data,
            recorded_at_us=append.recorded_at_us,
            actor=event.actor or append.actor,
            cause=event.cause or append.cause,
            version=EVENT_VERSION,
            chain=chain,
        )
        for position, (event, chain) in enumerate(zip(append.events, chains, strict=True), base.position + 1)
    ]
