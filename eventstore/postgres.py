"""The event store on Postgres.

Puts together connections, migrations, appends, hints, files and side tables to what `store.EventStore` asks for.
It must not know what a contest is. Several processes may use one database; each opens its own store.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Self

import asyncpg

from eventstore.appending import Appender, Heads
from eventstore.chain import GENESIS
from eventstore.codec import lift
from eventstore.connecting import Connections, close_quietly, losses_as_unavailable
from eventstore.copying import append_by_copy, is_bulk
from eventstore.files import FileKeeper, file_content, file_size_bytes
from eventstore.hints import HintBoard, HintSubscription
from eventstore.limits import check_append, check_page
from eventstore.listening import HintListener
from eventstore.migrating import migrate
from eventstore.presence import Presence
from eventstore.queries import QUERIES
from eventstore.store import EVENT_VERSION, Append, Event, Head, ServerAccount, StoreUnavailable


class PostgresStore:
    """An EventStore in one Postgres database. Made by `open`, done with by `close`."""

    def __init__(self, dsn: str, *, announce: bool) -> None:
        """Use `open` instead: a store that was only constructed has no connections."""
        self._connections = Connections(dsn)
        self._files = FileKeeper(self._connections)
        self._board = HintBoard()
        self._heads = Heads()
        self._presence = Presence()
        self._listener = HintListener(self._connections.connect, self._board, self._presence)
        self._appender = Appender(self._connect_to_write, self._heads, self._board.announce, announce=announce)
        self._announce = announce

    @classmethod
    async def open(cls, dsn: str, *, announce: bool = True) -> Self:
        """Connect to the database, migrate it, and begin to listen.

        `announce` false sends no NOTIFY: other processes then learn of appends by their polls.
        Raises StoreUnavailable when the database is away, StoreRefused when it is newer than this program.
        """
        store = cls(dsn, announce=announce)
        connection = await store._connections.connect()
        try:
            with losses_as_unavailable():
                await migrate(connection)
        finally:
            await close_quietly(connection)
        await store._connections.open_pool()
        await store._listener.start()
        store._appender.start()
        return store

    async def _connect_to_write(self) -> asyncpg.Connection:
        """A session that counts as present for as long as it can write, whatever becomes of the one that listens."""
        connection = await self._connections.connect()
        try:
            with losses_as_unavailable():
                await self._presence.hold(connection)
        except BaseException:
            connection.terminate()
            raise
        return connection

    @property
    def reachable(self) -> bool:
        """See EventStore.reachable; asked every listening.POLL_INTERVAL_S."""
        return self._listener.connected

    @property
    def alone(self) -> bool:
        """See EventStore.alone."""
        return self._listener.alone

    async def append(self, append: Append) -> Head | None:
        """See EventStore.append. Raises StoreRefused for what `limits.check_append` refuses."""
        check_append(append)
        if not is_bulk(append):
            return await self._appender.append(append)
        self._appender.hold(append.stream)
        try:
            head = await append_by_copy(self._connections, append, announce=self._announce)
        finally:
            self._appender.release(append.stream)
        if head is not None:
            self._heads.learn(append.stream, head)
            self._board.announce(append.stream, head.position)
        return head

    async def read(self, stream: str, after: int, limit: int) -> list[Event]:
        """See EventStore.read."""
        events = await self.read_stored(stream, after, limit)
        if all(event.version == EVENT_VERSION for event in events):
            return events
        return [lift(event) for event in events]

    async def read_stored(self, stream: str, after: int, limit: int) -> list[Event]:
        """See EventStore.read_stored."""
        check_page(limit)
        rows = await self._connections.fetch(QUERIES["read"], stream, after, limit)
        events = [
            Event(
                stream=stream,
                position=position,
                type=type_,
                id=id_,
                data=data,
                recorded_at_us=recorded_at_us,
                actor=actor,
                cause=cause,
                version=version,
                chain=chain,
            )
            for position, type_, id_, data, recorded_at_us, actor, cause, version, chain in rows
        ]
        if events:
            self._heads.learn(stream, Head(position=events[-1].position, chain=events[-1].chain))
        return events

    async def head(self, stream: str) -> Head:
        """See EventStore.head."""
        rows = await self._connections.fetch(QUERIES["heads_of"], [stream])
        return Head(position=rows[0][1], chain=rows[0][2]) if rows else GENESIS

    async def heads(self) -> dict[str, Head]:
        """See EventStore.heads."""
        rows = await self._connections.fetch(QUERIES["heads"])
        return {name: Head(position=position, chain=chain) for name, position, chain in rows}

    def hints(self) -> HintSubscription:
        """See EventStore.hints; from the moment of this call, not of the first step of the iteration."""
        return self._board.subscribe()

    async def put_file(self, content: bytes) -> str:
        """See EventStore.put_file."""
        return await self._files.put(content)

    async def file(self, address: str) -> bytes | None:
        """See EventStore.file."""
        return await file_content(self._connections, address)

    async def file_size_bytes(self, address: str) -> int | None:
        """See EventStore.file_size_bytes."""
        return await file_size_bytes(self._connections, address)

    async def credentials(self, scope: str) -> dict[str, str]:
        """See EventStore.credentials."""
        rows = await self._connections.fetch(QUERIES["credentials"], scope)
        return {row[0]: row[1] for row in rows}

    async def credential_scopes(self) -> list[str]:
        """See EventStore.credential_scopes."""
        return [row[0] for row in await self._connections.fetch(QUERIES["credential_scopes"])]

    async def put_server_account(self, account: ServerAccount) -> None:
        """See EventStore.put_server_account."""
        await self._connections.fetch(
            QUERIES["put_server_account"], account.username, account.role, account.password_hash, account.disabled
        )

    async def remove_server_account(self, username: str) -> bool:
        """See EventStore.remove_server_account."""
        # Not tried again when the connection is lost: the second answer would be about an account already removed.
        async with self._connections.pooled() as connection:
            return await connection.fetchval(QUERIES["remove_server_account"], username) is not None

    async def server_accounts(self) -> dict[str, ServerAccount]:
        """See EventStore.server_accounts."""
        rows = await self._connections.fetch(QUERIES["server_accounts"])
        return {
            username: ServerAccount(username=username, role=role, password_hash=password_hash, disabled=disabled)
            for username, role, password_hash, disabled in rows
        }

    async def secret(self, name: str, make: Callable[[], bytes]) -> bytes:
        """See EventStore.secret."""
        rows = await self._connections.fetch(QUERIES["secret"], name)
        if not rows:
            # Whoever comes first keeps theirs; everybody reads what was kept.
            await self._connections.fetch(QUERIES["keep_secret"], name, make())
            rows = await self._connections.fetch(QUERIES["secret"], name)
        content: bytes = rows[0][0]
        return content

    async def exclusively(self, name: str, work: Callable[[], Awaitable[None]]) -> bool:
        """See EventStore.exclusively. The lock is a session's: it ends with the process, whatever happens to it.

        When the connection that holds the lock is lost, another process may begin the same work. So the work is
        cancelled then, and this raises StoreUnavailable.
        """
        connection = await self._connections.connect()
        try:
            with losses_as_unavailable():
                free = await connection.fetchval(QUERIES["try_exclusively"], name)
            if free:
                await _work_while_connected(connection, work, name)
        finally:
            await close_quietly(connection)
        return bool(free)

    async def close(self) -> None:
        """See EventStore.close."""
        await self._appender.stop()
        await self._listener.stop()
        self._board.close()
        await self._connections.close()


async def _work_while_connected(connection: asyncpg.Connection, work: Callable[[], Awaitable[None]], name: str) -> None:
    """Do the work, but cancel it and raise StoreUnavailable when the connection ends before it."""
    task = asyncio.ensure_future(work())
    lost = asyncio.Event()

    def cancel(_connection: object) -> None:
        lost.set()
        task.cancel()

    connection.add_termination_listener(cancel)
    try:
        await task
    except asyncio.CancelledError:
        if lost.is_set():
            raise StoreUnavailable(f"the connection that kept {name!r} exclusive was lost") from None
        raise
    finally:
        connection.remove_termination_listener(cancel)
