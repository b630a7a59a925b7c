"""Group commit: every append that queued while the last commit was flushing goes into the next transaction.

Knows the order of things: plan, commit, answer, and what to do when the connection is lost in between. It must
not know what the events mean. One task and one connection per process write all small appends; large ones go
by COPY (copying).

A commit of unknown outcome is not retried blindly. The same group is sent again on a new connection with the
same bases: the database function takes the lock of each stream, which proves that the lost transaction has
ended, and compares the ends. If the lost transaction was committed the end has moved, nothing is written, and the
batch is looked up by its id. If it was not, and comes to life only now, it meets the end that has moved.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from eventstore.chain import GENESIS
from eventstore.connecting import FAILURES, close_quietly, is_loss, is_not_taken, one_line
from eventstore.grouping import GroupPlan, StreamPlan, file_arguments, group_arguments, plan_group, size_bytes
from eventstore.queries import QUERIES
from eventstore.store import Append, Head, NotWritable, OutcomeUnknown, StoreRefused, StoreUnavailable

GROUP_EVENTS_MAX = 2_000
GROUP_BYTES_MAX = 8 * 1024 * 1024
"""A group takes no further append once it has this many events or bytes of data."""

QUEUE_APPENDS_MAX = 20_000
"""Appends that wait for their turn; more are turned away with StoreUnavailable."""

COMMIT_TIMEOUT_S = 60.0
"""How long one group may take, waiting for the locks of streams that other processes write included."""

CONNECT_PATIENCE_S = 2.0
"""How long appends wait for a database that is away before they fail: long enough for a restart.

As long for one that is full or read-only, which may be because another has just taken its place.
"""

CONNECT_PAUSE_S = 0.1
"""The wait between two attempts to connect."""

OUTCOME_PATIENCE_S = 30.0
"""How long an append whose commit was lost waits for the database to come back and tell."""

ROUNDS_MAX = 100
"""Rounds that a group may take: two or three, and one for every connection that is lost meanwhile."""

BATCHES_KEPT = timedelta(days=1)
"""How long the database remembers what became of a batch; far longer than anybody waits for an answer."""

FORGET_EVERY_COMMITS = 10_000
"""Old batches are forgotten after this many commits."""

_TRANSIENT = (asyncpg.TransactionRollbackError, asyncpg.LockNotAvailableError)


class _Waiting:
    """An append that waits for its answer.

    `uncertain_since_s` is loop time, once a commit with it was lost; `not_taken_since_s`, once the database has said
    that it takes nothing.
    """

    __slots__ = ("answer", "append", "not_taken_since_s", "uncertain_since_s")

    def __init__(self, append: Append, answer: asyncio.Future[Head | None]) -> None:
        self.append = append
        self.answer = answer
        self.uncertain_since_s: float | None = None
        self.not_taken_since_s: float | None = None

    def settle(self, head: Head | None) -> None:
        """Answer, unless the caller has gone away."""
        if not self.answer.done():
            self.answer.set_result(head)

    def fail(self, error: Exception) -> None:
        """Answer with an error, unless the caller has gone away."""
        if not self.answer.done():
            self.answer.set_exception(error)


class Heads:
    """The ends of streams as far as this process knows them: may be behind the database, never ahead."""

    def __init__(self) -> None:
        """Start knowing nothing."""
        self._heads: dict[str, Head] = {}
        self.seen: dict[str, Head] = {}
        """The furthest that was ever seen of each stream, whatever the database says now."""

    def get(self, stream: str) -> Head | None:
        """The end of a stream as far as known."""
        return self._heads.get(stream)

    def all(self) -> Mapping[str, Head]:
        """Every known end by stream."""
        return self._heads

    def learn(self, stream: str, head: Head) -> None:
        """Take note of a position that was seen in the database; older news changes nothing."""
        known = self._heads.get(stream)
        if known is None or known.position < head.position:
            self._heads[stream] = head
        seen = self.seen.get(stream)
        if seen is None or seen.position < head.position:
            self.seen[stream] = head

    def correct(self, stream: str, head: Head) -> None:
        """Take note of what the database says the end is, whatever was believed before."""
        self._heads[stream] = head


class Appender:
    """Writes the small appends of this process."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[asyncpg.Connection]],
        heads: Heads,
        committed: Callable[[str, int], None],
        *,
        announce: bool,
    ) -> None:
        """`committed` is told stream and position after each commit; `announce` sends NOTIFY with it."""
        self._connect = connect
        self._heads = heads
        self._committed = committed
        self._announce = announce
        self._queue: deque[_Waiting] = deque()
        self._held_streams: set[str] = set()
        self._wake = asyncio.Event()
        self._connection: asyncpg.Connection | None = None
        self._session: int | None = None
        self._commits = 0
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def start(self) -> None:
        """Begin to write in the background."""
        self._task = asyncio.create_task(self._run(), name="event store appends")

    @property
    def session(self) -> int | None:
        """The number of the database session that writes, None while there is none."""
        return self._session

    async def append(self, append: Append) -> Head | None:
        """Queue an append and wait for its answer, as EventStore.append says."""
        if self._closed:
            raise StoreUnavailable("the store is closed")
        if len(self._queue) >= QUEUE_APPENDS_MAX:
            raise StoreUnavailable(f"{QUEUE_APPENDS_MAX} appends are waiting already")
        waiting = _Waiting(append, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        self._wake.set()
        return await waiting.answer

    def hold(self, stream: str) -> None:
        """Leave appends to a stream in the queue while a large one is written to it: others need not wait."""
        self._held_streams.add(stream)

    def release(self, stream: str) -> None:
        """Go on with a stream that was held."""
        self._held_streams.discard(stream)
        self._wake.set()

    def let_go(self) -> None:
        """Wait no longer for a database that does not answer: what became of a commit is asked on a new connection."""
        if self._connection is not None:
            self._connection.terminate()

    async def stop(self) -> None:
        """Write what is under way, turn away what still waits, and close the connection."""
        self._closed = True
        self._wake.set()
        if self._task is not None:
            try:
                await asyncio.wait_for(asyncio.shield(self._task), CONNECT_PATIENCE_S)
            except TimeoutError:
                self._task.cancel()
                with suppress(asyncio.CancelledError):
                    await self._task
        await self._disconnect(politely=True)

    async def _run(self) -> None:
        """Settle group after group until stopped."""
        group: list[_Waiting] = []
        reason = "the store was closed"
        try:
            while not self._closed:
                group = self._take_group()
                if group:
                    await self._settle(group)
                else:
                    await self._wake.wait()
                self._wake.clear()
        except Exception as error:
            reason = f"the writer has failed: {one_line(error)}"
            raise
        finally:
            # Also when this task is cancelled or breaks: nobody may be left waiting for an answer.
            for waiting in (*group, *self._queue):
                waiting.fail(_unanswered(waiting, reason))
            self._queue.clear()
            self._closed = True

    def _take_group(self) -> list[_Waiting]:
        """Take from the queue what fits into one transaction; appends to held streams stay, in order."""
        group: list[_Waiting] = []
        held: list[_Waiting] = []
        events = size = 0
        while self._queue and events < GROUP_EVENTS_MAX and size < GROUP_BYTES_MAX:
            waiting = self._queue.popleft()
            if waiting.append.stream in self._held_streams:
                held.append(waiting)
                continue
            group.append(waiting)
            events += max(1, len(waiting.append.events))
            size += size_bytes(waiting.append)
        self._queue.extendleft(reversed(held))
        return group

    async def _settle(self, group: Sequence[_Waiting]) -> None:
        """Answer every append of a group. Two or three rounds are the most unless connections are lost."""
        fresh: frozenset[str] = frozenset()
        for _ in range(ROUNDS_MAX):
            group = [waiting for waiting in group if not waiting.answer.done()]
            if not group:
                return
            try:
                connection = await self._connected()
            except (StoreUnavailable, StoreRefused) as error:
                self._give_up(group, error)
                continue
            plan = plan_group([waiting.append for waiting in group], self._heads.all(), fresh)
            try:
                fresh |= await self._carry_out(connection, plan, group)
            except _TRANSIENT:
                await asyncio.sleep(CONNECT_PAUSE_S)
            except (*FAILURES, ValueError) as error:
                await self._recover(plan, group, error)
        for waiting in group:
            waiting.fail(_unanswered(waiting, f"no answer after {ROUNDS_MAX} rounds"))

    async def _carry_out(
        self, connection: asyncpg.Connection, plan: GroupPlan, group: Sequence[_Waiting]
    ) -> frozenset[str]:
        """Do one round: write, answer, look up. Returns the streams whose ends were read from the database."""
        seen: set[str] = set()
        if plan.streams:
            seen |= await self._commit(connection, list(plan.streams.values()), group)
        if plan.conflicts:
            written = await written_batches(connection, [group[index].append.batch_id for index in plan.conflicts])
            for index in plan.conflicts:
                group[index].settle(written.get(group[index].append.batch_id))
        if plan.unknown_streams:
            seen |= await self._look_at(connection, plan.unknown_streams)
        return frozenset(seen)

    async def _commit(
        self, connection: asyncpg.Connection, streams: Sequence[StreamPlan], group: Sequence[_Waiting]
    ) -> set[str]:
        """Run one transaction and answer the appends that it wrote. Returns the streams that had moved."""
        arguments = [*group_arguments(streams), self._announce]
        files = file_arguments(streams)
        query = QUERIES["append_group_with_files"] if files else QUERIES["append_group"]
        rows = await connection.fetch(query, *arguments, *files, timeout=_commit_timeout_s(group))
        moved: set[str] = set()
        for stream, (position, chain, written) in zip(streams, rows, strict=True):
            if not written:
                self._heads.correct(stream.stream, Head(position=position, chain=chain) if position else GENESIS)
                moved.add(stream.stream)
                continue
            self._heads.learn(stream.stream, stream.head)
            for extension in stream.extensions:
                group[extension.index].settle(extension.head)
            # After the answers: who wrote has then applied it when word of it comes to whoever follows the stream.
            self._committed(stream.stream, stream.head.position)
        self._commits += 1
        if self._commits % FORGET_EVERY_COMMITS == 0:
            await connection.execute(QUERIES["forget_batches"], BATCHES_KEPT)
        return moved

    async def _look_at(self, connection: asyncpg.Connection, streams: set[str]) -> set[str]:
        """Read the ends of streams that are not known well enough."""
        rows = await connection.fetch(QUERIES["heads_of"], list(streams))
        found = {name: Head(position=position, chain=chain) for name, position, chain in rows}
        for stream in streams:
            self._heads.correct(stream, found.get(stream, GENESIS))
        return streams

    async def _recover(self, plan: GroupPlan, group: Sequence[_Waiting], error: Exception) -> None:
        """Deal with an error of a round: a lost connection, or a statement that the database would not take."""
        connection = self._connection
        if is_not_taken(error):
            await self._disconnect(politely=False)
            self._turn_away(group, error)
            await asyncio.sleep(CONNECT_PAUSE_S)
        elif is_loss(error) or connection is None or connection.is_closed():
            await self._disconnect(politely=False)
            now_s = asyncio.get_running_loop().time()
            for stream in plan.streams.values():
                for extension in stream.extensions:
                    waiting = group[extension.index]
                    if waiting.uncertain_since_s is None:
                        waiting.uncertain_since_s = now_s
            # The database may take connections and yet no commits, for want of a standby.
            for waiting in group:
                if now_s - (waiting.uncertain_since_s or now_s) >= OUTCOME_PATIENCE_S:
                    waiting.fail(_unanswered(waiting, one_line(error)))
            await asyncio.sleep(CONNECT_PAUSE_S)
        elif len(group) == 1:
            group[0].fail(StoreRefused(f"the database refuses the append: {one_line(error)}"))
        else:
            # One of them spoils the transaction of all: find out which.
            for waiting in group:
                await self._settle([waiting])

    def _turn_away(self, group: Sequence[_Waiting], error: Exception) -> None:
        """The database takes nothing: fail what has waited long enough for that to pass, and all that waits behind it.

        What became of a commit that was lost before cannot be told from this.
        """
        now_s = asyncio.get_running_loop().time()
        for waiting in group:
            waiting.not_taken_since_s = waiting.not_taken_since_s or now_s
        longest_s = now_s - min((each.not_taken_since_s or now_s for each in group), default=now_s)
        if longest_s < CONNECT_PATIENCE_S:
            return
        for waiting in (*group, *self._queue):
            if waiting.uncertain_since_s is None:
                waiting.fail(NotWritable(f"the database takes nothing now: {one_line(error)}"))
            elif now_s - waiting.uncertain_since_s >= OUTCOME_PATIENCE_S:
                waiting.fail(_unanswered(waiting, one_line(error)))
        self._queue = deque(waiting for waiting in self._queue if not waiting.answer.done())

    async def _connected(self) -> asyncpg.Connection:
        """The writing connection; opened when there is none. Raises what connecting raises, after some patience."""
        if self._connection is not None and not self._connection.is_closed():
            return self._connection
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + CONNECT_PATIENCE_S
        while True:
            try:
                self._connection = await self._connect()
                self._session = self._connection.get_server_pid()
                return self._connection
            except (StoreUnavailable, StoreRefused):
                if self._closed or loop.time() >= deadline_s:
                    raise
                await asyncio.sleep(CONNECT_PAUSE_S)

    def _give_up(self, group: Sequence[_Waiting], error: Exception) -> None:
        """The database stays away: fail all appends but those that may be written and have some patience left."""
        now_s = asyncio.get_running_loop().time()
        for waiting in (*group, *self._queue):
            since_s = waiting.uncertain_since_s
            if since_s is None:
                waiting.fail(error)
            elif self._closed or now_s - since_s >= OUTCOME_PATIENCE_S:
                waiting.fail(_unanswered(waiting, one_line(error)))
        self._queue.clear()

    async def _disconnect(self, *, politely: bool) -> None:
        """Let go of the writing connection."""
        connection, self._connection, self._session = self._connection, None, None
        if connection is None:
            return
        if politely:
            await close_quietly(connection)
        else:
            connection.terminate()


async def written_batches(
    connection: asyncpg.Connection | PoolConnectionProxy, batch_ids: Sequence[UUID]
) -> dict[UUID, Head]:
    """The heads that batches made, for those among `batch_ids` that are written."""
    rows = await connection.fetch(QUERIES["batches"], list(batch_ids))
    return {row[0]: Head(position=row[1], chain=row[2]) if row[1] else GENESIS for row in rows}


def _commit_timeout_s(group: Sequence[_Waiting]) -> float:
    """Whoever has lost a commit waits for the next one no longer than patience lasts, give or take a reconnection."""
    ends_s = [each.uncertain_since_s + OUTCOME_PATIENCE_S for each in group if each.uncertain_since_s is not None]
    return max(CONNECT_PATIENCE_S, min(ends_s) - asyncio.get_running_loop().time()) if ends_s else COMMIT_TIMEOUT_S


def _unanswered(waiting: _Waiting, reason: str) -> StoreUnavailable:
    """The error for an append that gets no answer, by what may have become of it."""
    if waiting.uncertain_since_s is None:
        return StoreUnavailable(reason)
    return OutcomeUnknown(f"the connection was lost during the commit, and then: {reason}")
