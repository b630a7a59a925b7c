"""One contest while the server runs: its state in memory, kept level with its stream, and the audiences of it.

Here the pure rooms meet the store: `catch_up` reads what is new and folds it, `transact` decides and appends.
What is new is published in this order: committed, applied to the state, sent. So a GET that follows a
notification is never older than it. This module must not know any wire.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol, TypeVar
from uuid import UUID

import msgspec
import structlog

from cds.turn import Batch, Decide, Decision, Turn, Waiting, decided
from eventstore.chain import chain_values, origin_of
from eventstore.store import (
    EVENT_VERSION,
    GENESIS_CHAIN,
    Append,
    Event,
    EventStore,
    Head,
    NewEvent,
    StoreUnavailable,
)
from projections.audience import Audience
from projections.contest import Change, ContestState
from projections.feed_lines import FeedLines
from projections.integrity import Key
from projections.scoreboard import Board
from projections.tokens import CHAIN_BYTES, Place, TokenMaker, TokenRefused
from projections.visibility_table import SEES_LIVE_SCOREBOARD, SEES_PROBLEMS_BEFORE_START
from schemas.object_types import OBJECT_TYPES
from schemas.objects import ContestObject
from schemas.records import RECORD_TYPES, Record
from schemas.viewers import Role

PAGE_EVENTS = 1_000
"""Events that are read and applied at once; other requests are served between two pages."""

ATTEMPTS_MAX = 8
"""Times that a decision is taken anew because somebody else wrote first."""

EAGER_ROLES: tuple[Role, ...] = ("public",)
"""Roles whose feed is built while the contest is loaded; the others' are built when first asked for."""

LOOK_S_MAX = 3.0
"""How long a reader waits for the database to tell what others wrote; memory answers when it does not."""

STREAM_PREFIX = "contest:"

log = structlog.get_logger(__name__)

R = TypeVar("R", bound=Record)

_decoders: dict[str, msgspec.json.Decoder[ContestObject]] = {
    **{name: msgspec.json.Decoder(row.structure) for name, row in OBJECT_TYPES.items()},
    **{name: msgspec.json.Decoder(structure) for name, structure in RECORD_TYPES.items()},
}


class Contended(Exception):
    """Others wrote to the stream again and again while we tried to."""


class UnreadableEvent(Exception):
    """An event of the log that this program cannot read; the text names it. A newer program may have written it."""


class Circumstances(Protocol):
    """What a decision may not make for itself: the clock and identifiers."""

    def now_us(self) -> int:
        """Microseconds since the Unix epoch."""
        ...

    def batch_id(self) -> UUID:
        """A new identifier of a batch."""
        ...

    def identifier(self) -> str:
        """A new id of an object."""
        ...


__all__ = ["Decide", "Decision", "LiveContest"]


def stream_of(contest_id: str) -> str:
    """The stream of a contest."""
    return STREAM_PREFIX + contest_id


def decoded(event: Event) -> ContestObject | None:
    """The object or record that an event speaks of, None for a deletion. Raises UnreadableEvent."""
    decoder = _decoders.get(event.type)
    if decoder is None:
        raise UnreadableEvent(f"{event.stream} {event.position}: there is no type {event.type!r}")
    try:
        return None if event.data is None else decoder.decode(event.data)
    except msgspec.DecodeError as error:
        raise UnreadableEvent(f"{event.stream} {event.position}: {event.type} {event.id}: {error}") from error


def decoded_new(event: NewEvent) -> ContestObject | None:
    """The object or record that an event will speak of once it is written."""
    return None if event.data is None else _decoders[event.type].decode(event.data)


class LiveContest:
    """A contest in memory."""

    def __init__(
        self, contest_id: str, store: EventStore, tokens: TokenMaker, *, eager_roles: Sequence[Role] = EAGER_ROLES
    ) -> None:
        """A contest of which nothing has been read yet; `catch_up` reads it."""
        self.contest_id = contest_id
        self.stream = stream_of(contest_id)
        self.state = ContestState()
        self.changed = asyncio.Event()
        self._store = store
        self._tokens = tokens
        self._chain_bits = bytearray()
        self._audiences: dict[Role, Audience] = {}
        self._boards: dict[bool, Board] = {}
        self._building: dict[Role, asyncio.Task[FeedLines]] = {}
        self._reading = asyncio.Lock()
        self._looking = asyncio.Lock()
        self._next_look: asyncio.Task[None] | None = None
        self._turn = Turn()
        self._writing: asyncio.Task[None] | None = None
        self._head_chain = GENESIS_CHAIN
        for role in eager_roles:
            self._audiences[role] = Audience(role, FeedLines(tokens))

    @property
    def position(self) -> int:
        """The position up to which everything has been applied."""
        return self.state.position

    @property
    def exists(self) -> bool:
        """Whether there is a contest object."""
        return self.state.contest is not None

    async def catch_up(self) -> None:
        """Read and apply everything that the stream holds beyond our position."""
        async with self._reading:
            while True:
                page = await self._store.read(self.stream, self.position, PAGE_EVENTS)
                if not page:
                    return
                self._take_in(page)
                await asyncio.sleep(0)

    async def fresh(self) -> None:
        """Come back when everything is applied that any process had committed before this call.

        Costs nothing while this process is the only one; otherwise the end of the stream is looked up once for all who
        wait together. What the store raises is left to those who write: memory is then as good as can be.
        """
        if self._store.alone or not self._store.reachable:
            return
        if self._next_look is None:
            self._next_look = asyncio.create_task(self._look(), name=f"look at {self.stream}")
        await asyncio.shield(self._next_look)

    async def _look(self) -> None:
        async with self._looking:
            self._next_look = None  # whoever comes from here on may know of something that this look does not see
            try:
                async with asyncio.timeout(LOOK_S_MAX):
                    if (await self._store.head(self.stream)).position > self.position:
                        await self.catch_up()
            except (StoreUnavailable, TimeoutError):
                log.warning("database_unavailable", stream=self.stream)
            except UnreadableEvent as unreadable:
                log.warning("contest_set_aside", stream=self.stream, reason=str(unreadable))

    async def transact(
        self, decide: Decide, *, actor: str, cause: str, circumstances: Circumstances
    ) -> Sequence[NewEvent]:
        """Decide against the state, append, and come back when what was appended is applied.

        Commands that come at the same time are written together. Returns the events appended, none when there was
        nothing to change. Raises what `decide` and the store raise, Refused when the contest has ended its updates,
        TooManyCommands, and Contended after ATTEMPTS_MAX tries.
        """
        waiting = self._turn.enter(decide, actor, cause)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write(circumstances), name=f"write {self.stream}")
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
        for _ in range(ATTEMPTS_MAX):
            batch = decided(self.state, commands, decoded_new)
            if await self._appended(batch, circumstances):
                batch.settle()
                self._turn.put_back(batch.left)
                return
        raise Contended(f"{self.stream} was written by others {ATTEMPTS_MAX} times in a row")

    async def _appended(self, batch: Batch, circumstances: Circumstances) -> bool:
        """Append what a batch came to and apply it; False when somebody else wrote first, and that is applied."""
        if not batch.events and not batch.credentials:
            return True
        append = Append(
            stream=self.stream,
            expected_position=self.position,
            events=batch.events,
            credentials=batch.credentials,
            actor=batch.outcomes[0][0].actor,
            cause=batch.outcomes[0][0].cause,
            batch_id=circumstances.batch_id(),
            recorded_at_us=circumstances.now_us(),
        )
        base = Head(position=self.position, chain=self._head_chain)
        head = await self._store.append(append)
        if head is None or not await self._took_in_own(append, base, head):
            await self.catch_up()
        return head is not None

    async def _took_in_own(self, append: Append, base: Head, head: Head) -> bool:
        """Apply what was just appended without reading it back, if nothing else has happened meanwhile."""
        chains = chain_values(base, append.events, origin_of(append))
        async with self._reading:
            if self.position != base.position or (chains and chains[-1] != head.chain):
                return False
            events = [
                Event(
                    stream=self.stream,
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
            self._take_in(events)
            return True

    def audience(self, role: Role) -> Audience:
        """The audience of a role as of now."""
        audience = self._audiences.get(role)
        if audience is None:
            audience = self._audiences[role] = Audience.of_state(role, self.state)
        return audience

    def scoreboard(self, role: Role, *, frozen: bool, group_id: str | None) -> bytes:
        """The scoreboard as JSON, of one group or (None) the main one, live only for roles that may see it so.

        Raises UnknownGroup.
        """
        frozen = frozen or not SEES_LIVE_SCOREBOARD[role]
        board = self._boards.get(frozen)
        if board is None:
            board = self._boards[frozen] = Board(self.state, frozen=frozen)
        visible = SEES_PROBLEMS_BEFORE_START[role] or self.state.timeline.started
        return board.scoreboard(group_id, problems_visible=visible)

    async def record(self, key: Key, structure: type[R]) -> R | None:
        """A record that is kept in the log alone, None when there is none of that key. Raises what the store raises."""
        position = self.state.versions.get(key)
        if position is None:
            return None
        (event,) = await self._store.read(self.stream, position - 1, 1)
        instance = decoded(event)
        return instance if isinstance(instance, structure) else None

    def live_board(self) -> Board:
        """The board that knows no freeze, kept level with the state."""
        board = self._boards.get(False)
        if board is None:
            board = self._boards[False] = Board(self.state, frozen=False)
        return board

    async def feed(self, role: Role) -> FeedLines:
        """All lines of a role's feed. The first to ask waits until the log has been read again."""
        lines = self.audience(role).lines
        if lines is not None:
            return lines
        building = self._building.get(role)
        if building is None:
            building = self._building[role] = asyncio.create_task(self._build_feed(role))
            building.add_done_callback(lambda _: self._building.pop(role, None))
        return await asyncio.shield(building)

    def check_place(self, place: Place) -> None:
        """Raise TokenRefused unless the log has, at the token's position, the event that the token was made for."""
        if not 1 <= place.position <= self.position or place.chain_bits != self._chain_bits_at(place.position):
            raise TokenRefused("since_token is not of this log")

    def _chain_bits_at(self, position: int) -> bytes:
        return bytes(self._chain_bits[(position - 1) * CHAIN_BYTES : position * CHAIN_BYTES])

    def _take_in(self, page: Sequence[Event]) -> None:
        """Apply events to the state and to every audience and board, then wake those who wait."""
        for event in page:
            change = self.state.apply(event.position, event.type, event.id, decoded(event))
            self._chain_bits += event.chain[:CHAIN_BYTES]
            self._head_chain = event.chain
            self._tell_projections(change, event)
        for audience in self._audiences.values():
            if audience.lines is not None:
                audience.lines.flush()
        self.changed.set()
        self.changed = asyncio.Event()

    def _tell_projections(self, change: Change, event: Event) -> None:
        for audience in self._audiences.values():
            audience.advance(self.state, change, event.chain)
        for board in self._boards.values():
            board.note((event.type, event.id))

    async def _build_feed(self, role: Role) -> FeedLines:
        """Replay the log for one role beside the live state, until both stand at the same position."""
        state, lines = ContestState(), FeedLines(self._tokens)
        audience = Audience(role, lines)
        while state.position < self.position:
            for event in await self._store.read(self.stream, state.position, PAGE_EVENTS):
                if state.position < self.position:
                    change = state.apply(event.position, event.type, event.id, decoded(event))
                    audience.advance(state, change, event.chain)
            lines.flush()
            await asyncio.sleep(0)
        self._audiences[role] = audience
        return lines
