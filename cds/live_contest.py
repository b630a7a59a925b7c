"""One contest while the server runs: its state in memory, kept level with its stream, and the audiences of it.

Here the pure rooms meet the store: `catch_up` reads what is new and folds it, `committing` decides and appends.
What is new is published in this order: committed, applied to the state, sent. So a GET that follows a
notification is never older than it. This module must not know any wire.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

import structlog

from cds.audiences import Audiences
from cds.checkpoints import Restored, Snapshot, restored
from cds.circumstances import Circumstances
from cds.committing import ATTEMPTS_MAX, Committing, Contended
from cds.decoding import UnreadableEvent, decoded
from cds.feed_building import PAGE_EVENTS, built_audience
from cds.freshness import Looks, answered_soon, reason_of_being_behind, while_it_gets_on
from cds.releasing import Releasing
from cds.turn import Decide, Decision
from cds.workers.marks import OWN_MARKS, Marks
from eventstore.store import GENESIS_CHAIN, Event, EventStore, Head, NewEvent
from projections.audience import Audience
from projections.contest import ContestState
from projections.feed_lines import FeedLines
from projections.integrity import Key
from projections.scoreboard import Board
from projections.served_versions import DRAFT, ServedVersion
from projections.tokens import CHAIN_BYTES, Place, TokenMaker, TokenRefused
from projections.visibility_table import SEES_LIVE_SCOREBOARD, SEES_PROBLEMS_BEFORE_START
from schemas.objects import ContestObject
from schemas.records import Record
from schemas.viewers import Role

EAGER_ROLES: tuple[Role, ...] = ("public",)
"""Roles whose feed is built while the contest is loaded; the others' are built when first asked for."""

STREAM_PREFIX = "contest:"

LOGIN_TYPES = ("accounts", "x-logins")
"""Who somebody is rests on these alone; `LiveContest.logins_position` is the position of the last such event."""

log = structlog.get_logger(__name__)

R = TypeVar("R", bound=Record)


__all__ = [
    "ATTEMPTS_MAX",
    "PAGE_EVENTS",
    "Circumstances",
    "Contended",
    "Decide",
    "Decision",
    "LiveContest",
    "UnreadableEvent",
    "decoded",
]


def stream_of(contest_id: str) -> str:
    """The stream of a contest."""
    return STREAM_PREFIX + contest_id


class LiveContest:
    """A contest in memory."""

    def __init__(
        self,
        contest_id: str,
        store: EventStore,
        tokens: TokenMaker,
        *,
        stream: str | None = None,
        eager_roles: Sequence[Role] = EAGER_ROLES,
        marks: Marks = OWN_MARKS,
        note_change: Callable[[str], None] | None = None,
    ) -> None:
        """A contest of which nothing has been read yet; `catch_up` reads it. `marks` are those of our group.

        `stream`: where it is kept, when not in the stream of the contest of that id. `note_change` is told the id
        whenever something has been applied.
        """
        self.contest_id = contest_id
        self.stream = stream_of(contest_id) if stream is None else stream
        self.state = ContestState()
        self.changed = asyncio.Event()
        self.logins_position = 0
        self._store = store
        self._tokens = tokens
        self._chain_bits = bytearray()
        self._audiences = Audiences(eager_roles, tokens, self._built)
        self._boards: dict[bool, Board] = {}
        self._reading = asyncio.Lock()
        self._releasing = Releasing(self._publish, self._give_up)
        self._looks = Looks(store, self._read_new, self.stream)
        self._marks = marks
        self._note_change = note_change
        self._mark = marks.of(self.stream)
        self._committing = Committing(self, store, self._mark)
        self._head_chain = GENESIS_CHAIN
        self._begun = False
        self._undecoded: Restored | None = None

    @property
    def position(self) -> int:
        """The position up to which everything has been applied."""
        return self.state.position

    @property
    def end(self) -> Head:
        """Where that is, with the chain value there."""
        return Head(position=self.position, chain=self._head_chain)

    @property
    def progress(self) -> int:
        """A number that grows whenever something has been applied, or a piece of a release has gone out."""
        return self.state.position + self._releasing.pieces

    @property
    def exists(self) -> bool:
        """Whether there is a contest object."""
        return self.state.contest is not None

    async def catch_up(self) -> None:
        """Read and apply everything that the stream holds beyond our position."""
        async with self._reading:
            await self._releasing.finished()
            await self._begin()
            while True:
                page = await self._store.read(self.stream, self.position, PAGE_EVENTS)
                if not page:
                    self._mark.raise_to(self.position)
                    return
                await self._take_in(page)
                await asyncio.sleep(0)

    async def begin_with(self, events: Sequence[Event]) -> None:
        """Take in the first events of the stream, which were read together with others'; raises UnreadableEvent.

        Nothing happens when something has been read already.
        """
        async with self._reading:
            if not self.position and not self._begun:
                self._begun = True
                await self._take_in(events)

    async def _begin(self) -> None:
        """Begin at the checkpoint, when there is one and nothing has been read yet."""
        if self.position or self._begun:
            return
        found = await restored(self._store, self.stream, self._tokens, self._audiences.in_our_words())
        self._begun = True
        if found is None:
            return
        snapshot, self._boards = found.snapshot, {}
        self.state, self._chain_bits, self._head_chain = snapshot.state, snapshot.chain_bits, snapshot.chain
        self._audiences.restore(snapshot.audiences)
        self.logins_position = snapshot.state.position
        self._undecoded = found
        self._tell_of_change()

    async def settle(self) -> None:
        """Make ready what would otherwise hold up whoever asks for it first, bit by bit."""
        undecoded, self._undecoded = self._undecoded, None
        for _ in undecoded.decoding() if undecoded is not None else ():
            await asyncio.sleep(0)
        for _ in self._board(frozen=True).catching_up():
            await asyncio.sleep(0)
        await self._releasing.finished()

    def snapshot(self) -> Snapshot:
        """Everything as it stands, for a checkpoint; good until something happens. To be taken just after `settle`."""
        audiences = self._audiences.with_feed_in_our_words()
        return Snapshot(state=self.state, chain_bits=self._chain_bits, chain=self._head_chain, audiences=audiences)

    async def fresh(self) -> None:
        """Come back when everything is applied that any process had committed before this call.

        Costs nothing while our group is the only one and nobody in it is ahead; otherwise the end of the stream is
        looked up once for all who wait together. What the store raises is left to those who write, and memory is then
        as good as can be, unless our own group is known to be ahead of it: then this raises KnownBehind.
        """
        ahead = self._mark.position
        if self._store.group_alone and self._marks.complete and ahead <= self.position:
            await self._releasing.finished()
            return
        read_to_end = await self._looks.now()
        await self._releasing.finished()
        if self.position < ahead:
            raise reason_of_being_behind(self.stream, ahead, read_to_end=read_to_end)

    async def released(self) -> None:
        """Come back when no release is under way."""
        await self._releasing.finished()

    async def _read_new(self) -> bool:
        """Read what others have written; says whether all of it was read. Raises StoreUnavailable and TimeoutError."""
        head = await answered_soon(self._store.head(self.stream))
        try:
            if head.position > self.position:
                await while_it_gets_on(self.catch_up(), lambda: self.progress)
        except UnreadableEvent as unreadable:
            log.warning("contest_set_aside", stream=self.stream, reason=str(unreadable))
            return False
        return True

    async def transact(
        self, decide: Decide, *, actor: str, cause: str, circumstances: Circumstances
    ) -> Sequence[NewEvent]:
        """Decide, append and apply: see `Committing.transact`."""
        return await self._committing.transact(decide, actor=actor, cause=cause, circumstances=circumstances)

    async def take_in_own(self, events: Sequence[Event], instances: Sequence[ContestObject | None], base: Head) -> bool:
        """Apply what was just appended at `base` without reading it back, if nothing else has happened meanwhile."""
        async with self._reading:
            await self._releasing.finished()
            if self.position != base.position:
                return False
            await self._take_in(events, instances)
            return True

    def audience(self, role: Role, version: ServedVersion = DRAFT) -> Audience:
        """The audience of a role in a version as of now."""
        return self._audiences.of(role, version, self.state)

    async def ready_audience(self, role: Role, version: ServedVersion = DRAFT) -> Audience:
        """The same; the first to ask waits until it is made, which holds nobody else up."""
        return await self._audiences.ready(role, version, self.state)

    def scoreboard(self, role: Role, *, frozen: bool, group_id: str | None) -> bytes:
        """The scoreboard as JSON, of one group or (None) the main one, live only for roles that may see it so.

        Raises UnknownGroup.
        """
        frozen = frozen or not SEES_LIVE_SCOREBOARD[role]
        board = self._board(frozen=frozen)
        visible = SEES_PROBLEMS_BEFORE_START[role] or self.state.timeline.started
        return board.scoreboard(group_id, problems_visible=visible)

    async def ready_scoreboard(self, role: Role, *, frozen: bool, group_id: str | None) -> bytes:
        """The same; where much has happened since anybody looked, it is made ready without holding others up."""
        board = self._board(frozen=frozen or not SEES_LIVE_SCOREBOARD[role])
        if board.far_behind:
            for _ in board.catching_up():
                await asyncio.sleep(0)
        return self.scoreboard(role, frozen=frozen, group_id=group_id)

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
        return self._board(frozen=False)

    def _board(self, *, frozen: bool) -> Board:
        board = self._boards.get(frozen)
        if board is None:
            board = self._boards[frozen] = Board(self.state, frozen=frozen)
        return board

    async def feed(self, role: Role, version: ServedVersion = DRAFT) -> FeedLines:
        """All lines of a role's feed in a version. The first to ask waits until the log has been read again."""
        return await self._audiences.feed(role, version)

    def check_place(self, place: Place) -> None:
        """Raise TokenRefused unless the log has, at the token's position, the event that the token was made for."""
        if not 1 <= place.position <= self.position or place.chain_bits != self._chain_bits_at(place.position):
            raise TokenRefused("since_token is not of this log")

    def _chain_bits_at(self, position: int) -> bytes:
        return bytes(self._chain_bits[(position - 1) * CHAIN_BYTES : position * CHAIN_BYTES])

    async def _take_in(self, page: Sequence[Event], instances: Sequence[ContestObject | None] | None = None) -> None:
        """Apply events to the state and to every audience and board, then wake those who wait.

        Only a release waits in between; everything else is done in one go. `instances` are what the events speak of,
        where that has been read from them already. To be called while `_reading` is held. Raises UnreadableEvent.
        """
        for number, event in enumerate(page):
            instance = decoded(event) if instances is None else instances[number]
            change = self.state.apply(event.position, event.type, event.id, instance)
            if event.type in LOGIN_TYPES:
                self.logins_position = event.position
            self._chain_bits += event.chain[:CHAIN_BYTES]
            self._head_chain = event.chain
            for board in self._boards.values():
                board.note((event.type, event.id))
            audiences = list(self._audiences)
            if self._releasing.is_needed_for(audiences, self.state, change):
                # The boards know all of it already: they may be ahead of a feed, and no feed is ever ahead of them.
                await self._releasing.carry_out(audiences, self.state, change, event.chain)
                continue
            for audience in audiences:
                try:
                    audience.advance(self.state, change, event.chain)
                except Exception as failure:  # noqa: BLE001 - told of where the audience is given up
                    self._give_up(audience, failure)
        self._publish()

    def _publish(self) -> None:
        """Give the lines that were drafted to those who wait for them."""
        for audience, failure in self._audiences.flush():
            self._give_up(audience, failure)
        self._mark.raise_to(self.position)
        self.changed.set()
        self.changed = asyncio.Event()
        self._tell_of_change()

    def _tell_of_change(self) -> None:
        if self._note_change is not None:
            self._note_change(self.contest_id)

    def _give_up(self, audience: Audience, failure: Exception) -> None:
        """Let go of an audience that may show anything by now; whoever asks is given one that is made anew.

        Its lines end where they are: what they have told is right, and those who follow them go on in the new ones.
        """
        log.error("audience_given_up", stream=self.stream, role=audience.role, exc_info=failure)
        self._audiences.give_up(audience)

    async def _built(self, role: Role, version: ServedVersion) -> Audience:
        return await built_audience(self, self._store, self._tokens, role, version)
