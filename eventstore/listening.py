"""Hints from other processes, by way of Postgres.

Knows LISTEN, the channel and the form of its payloads, and the slow poll beside them. It must not know who
wants the hints. One connection per process does both, so that a connection that died without a word is
noticed by the poll that gets no answer.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import asyncpg

from eventstore.connecting import FAILURES, losses_as_unavailable
from eventstore.continuity import Continuity
from eventstore.hints import HintBoard
from eventstore.presence import ARRIVAL, Presence
from eventstore.queries import QUERIES
from eventstore.store import StoreRefused, StoreUnavailable

CHANNEL = "event_store"
"""The channel of NOTIFY; each payload is `stream:position`, the end of a stream after a commit."""

POLL_INTERVAL_S = 0.25
"""How often the ends of streams are read although no hint came; also the keepalive of the connection."""

NO_TOTAL = -1
"""In the place of the sum of all positions before the first poll."""

POLL_TIMEOUT_S = 3.0
"""A poll that takes longer means that the connection is dead."""

RECONNECT_FIRST_S = 0.05
RECONNECT_MAX_S = 1.0
"""The waits between attempts to connect again: doubled from the first to the longest."""


class HintListener:
    """Carries the hints of all processes on one database to the board of this one."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[asyncpg.Connection]],
        board: HintBoard,
        presence: Presence,
        own_session: Callable[[], int | None],
        silent: Callable[[], Awaitable[None]],
        continuity: Continuity,
    ) -> None:
        """`connect` opens a connection outside any pool (LISTEN would be lost in one).

        `own_session` is the number of the session whose commits this process tells its board itself. `silent` is
        called when the database has not said a word for POLL_TIMEOUT_S: its machine may be lost.
        `continuity` looks whether a database that is connected to still is the one that it was.
        """
        self._own_session = own_session
        self._silent = silent
        self._continuity = continuity
        self._presence = presence
        self._arrived = False
        self._connect = connect
        self._board = board
        self._task: asyncio.Task[None] | None = None
        self._connected = False
        self._alone = False
        self._said_alone = False
        self._due = asyncio.Event()
        self.waits_for_standby = False
        """Whether commits wait for a standby, by the last poll; while the database is away what was so before."""
        self.losses = 0
        """How many connections have been lost since the start."""

    @property
    def alone(self) -> bool:
        """Whether nobody but our group has the database open; False when in doubt."""
        return self._alone and self._connected

    @property
    def connected(self) -> bool:
        """Whether the last poll reached the database."""
        return self._connected

    async def start(self, connection: asyncpg.Connection) -> None:
        """Listen on a connection outside any pool, note where streams end now, and go on in the background.

        The connection is ours from here on. Raises StoreUnavailable or StoreRefused when it fails.
        """
        await self._listen(connection)
        try:
            with losses_as_unavailable():
                rows = await connection.fetch(QUERIES["positions"], timeout=POLL_TIMEOUT_S)
                await self._look_for_others(connection)
        except BaseException:
            connection.terminate()
            raise
        self._connected = True
        self._board.know({row[0]: row[1] for row in rows})
        self._task = asyncio.create_task(self._run(connection), name="event store hints")

    async def stop(self) -> None:
        """End the background work and its connection."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self, connection: asyncpg.Connection) -> None:
        """Follow a connection until it is lost, then the next one."""
        while True:
            try:
                await self._follow(connection)
            finally:
                self._note_end(connection)
                connection.terminate()
            self.losses += 1
            await asyncio.sleep(RECONNECT_FIRST_S)
            connection = await self._reconnect()

    async def _listen(self, connection: asyncpg.Connection) -> None:
        """Whatever is committed when this returns, or later, is announced on the connection."""
        connection.add_termination_listener(self._note_end)
        try:
            with losses_as_unavailable():
                await connection.add_listener(CHANNEL, self._receive)
                # Whoever begins to restore a backup now has been seen by us, or sees us.
                await self._presence.arrive(connection)
                await self._continuity.check(connection)
        except BaseException:
            connection.terminate()
            raise

    def _note_end(self, _connection: object) -> None:
        """Nothing is known any more from the moment that the connection is gone."""
        self._connected = self._alone = self._said_alone = False
        self._continuity.note_loss()
        self._due.set()

    async def _reconnect(self) -> asyncpg.Connection:
        """Try until it works, with growing waits."""
        wait_s = RECONNECT_FIRST_S
        while True:
            try:
                connection = await self._connect()
                await self._listen(connection)
                return connection
            except (StoreUnavailable, StoreRefused):
                # Refused counts as away here: a database that starts or is being restored refuses for a while.
                await asyncio.sleep(wait_s)
                wait_s = min(wait_s * 2, RECONNECT_MAX_S)

    async def _follow(self, connection: asyncpg.Connection) -> None:
        """Poll until the connection is of no more use; announcements arrive through `_receive` meanwhile."""
        total = NO_TOTAL
        while True:
            try:
                rows = await connection.fetch(QUERIES["positions_unless_sum_is"], total, timeout=POLL_TIMEOUT_S)
                await self._look_for_others(connection)
            except FAILURES as failure:
                # Whatever it was, a new connection and the next poll settle it: nothing can be lost in between.
                if isinstance(failure, TimeoutError):
                    await self._silent()
                return
            self._connected = True
            for stream, position, new_total in rows:
                total = new_total
                self._board.announce(stream, position)
            await self._pause()

    async def _pause(self) -> None:
        """Until the next poll is due: at once when somebody has arrived, or the connection is gone."""
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_INTERVAL_S):
                await self._due.wait()
        self._due.clear()

    async def _look_for_others(self, connection: asyncpg.Connection) -> None:
        """Count those who have the database open. An arrival that is announced meanwhile is not overlooked.

        To be alone is said before the others are counted that it depends on, and taken back after it is no longer so.
        """
        self._arrived = False
        self.waits_for_standby = await connection.fetchval(QUERIES["waits_for_standby"], timeout=POLL_TIMEOUT_S)
        others = await self._presence.others(connection)
        if others == 0 and not self._said_alone:
            await self._presence.say_alone(connection)
            self._said_alone = True
            others = await self._presence.others(connection)
        self._alone = others == 0 and not self._arrived and self._said_alone
        if not self._alone and self._said_alone:
            await self._presence.take_back(connection)
            self._said_alone = False

    def _receive(self, _connection: object, pid: int, _channel: str, payload: object) -> None:
        """Take one payload; one of another form is not ours and is passed over, the poll finds what it hid."""
        if str(payload).startswith(ARRIVAL):
            if str(payload) != self._presence.word:
                self._arrived, self._alone = True, False
                self._due.set()
            return
        if pid == self._own_session():
            return
        stream, _, position = str(payload).rpartition(":")
        if stream and position.isdecimal():
            self._board.announce(stream, int(position))
