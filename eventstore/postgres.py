"""The event store on Postgres.

Puts together connections, migrations, appends, hints, files and side tables to what `store.EventStore` asks for.
It must not know what a contest is. Several processes may use one database; each opens its own store.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Self

import asyncpg

from eventstore.appending import Appender, Heads
from eventstore.chain import GENESIS
from eventstore.checkpoints import (
    checkpoint_of,
    checkpoint_part,
    checkpoint_parts_kept,
    keep_checkpoint_part,
    put_checkpoint,
)
from eventstore.codec import event_of, lift
from eventstore.connecting import SHORT_QUERY_TIMEOUT_S, Connections, close_quietly, losses_as_unavailable
from eventstore.continuity import Continuity
from eventstore.copying import append_by_copy, is_bulk
from eventstore.files import FileKeeper, file_content, file_size_bytes
from eventstore.hints import HintBoard, HintSubscription
from eventstore.holding import Holder
from eventstore.limits import check_append, check_kept, check_page
from eventstore.listening import HintListener
from eventstore.migrating import migrate, missing_in
from eventstore.presence import Presence
from eventstore.queries import QUERIES
from eventstore.restoring import refuse_half_restored
from eventstore.snapshots import PostgresPast
from eventstore.store import (
    EVENT_VERSION,
    Append,
    Checkpoint,
    Event,
    Head,
    Hold,
    ServerAccount,
    StoreRefused,
    StoreUnavailable,
    Turn,
)
from eventstore.turns import postpone_turns, take_turn


class PostgresStore:
    """An EventStore in one Postgres database. Made by `open`, done with by `close`."""

    def __init__(self, dsn: str, *, announce: bool, presence_number: int | None = None) -> None:
        """Use `open` instead: a store that was only constructed has no connections."""
        self._connections = Connections(dsn)
        self.past = PostgresPast(self._connections)
        self._files = FileKeeper(self._connections)
        self._board = HintBoard()
        self._heads = Heads()
        self._continuity = Continuity(self._heads)
        self._presence = Presence(presence_number)
        self._grouped = presence_number is not None
        self._holder = Holder(self._connections.connect, lambda: self.alone)
        self._appender = Appender(self._connect_to_write, self._heads, self._board.announce, announce=announce)
        self._listener = HintListener(
            self._connections.connect,
            self._board,
            self._presence,
            lambda: self._appender.session,
            self._note_silence,
            self._continuity,
        )
        self._announce = announce
        self._beside = False

    @classmethod
    async def open(cls, dsn: str, *, announce: bool = True, presence_number: int | None = None) -> Self:
        """Connect to the database, migrate it, and begin to listen.

        `announce` false sends no NOTIFY: other processes then learn of appends by their polls. `presence_number` is
        that of a group of processes who tell each other what they have written; without it this one is on its own.
        Raises StoreUnavailable when the database is away, StoreRefused when it is newer than this program, or half
        restored from a backup.
        """
        store = cls(dsn, announce=announce, presence_number=presence_number)
        await store._listener.start(await store._prepare())
        store._appender.start()
        return store

    @classmethod
    async def open_beside(cls, dsn: str) -> Self:
        """A store that reads, and keeps what is beside the log: it neither listens nor appends, so it is not present.

        Whoever takes himself to be alone may go on doing so. Raises as `open`.
        """
        store = cls(dsn, announce=False)
        store._beside = True
        await close_quietly(await store._prepare())
        return store

    async def _prepare(self) -> asyncpg.Connection:
        """Migrate the database and prepare the pool. Returns the connection that did it, as good as new."""
        connection = await self._connections.connect()
        try:
            with losses_as_unavailable():
                await refuse_half_restored(connection)
                # A standby cannot be written, and may be read from.
                if not self._beside or await missing_in(connection):
                    await migrate(connection)
            await self._connections.open_pool()
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def _note_silence(self) -> None:
        """The machine of the database may be lost, and nobody will ever say so to those who wait on a connection."""
        self._appender.let_go()
        await self._connections.let_go()

    async def _connect_to_write(self) -> asyncpg.Connection:
        """A session that counts as present for as long as it can write, whatever becomes of the one that listens."""
        connection = await self._connections.connect()
        try:
            with losses_as_unavailable():
                await self._presence.arrive(connection)
        except BaseException:
            connection.terminate()
            raise
        return connection

    @property
    def reachable(self) -> bool:
        """See EventStore.reachable; asked every listening.POLL_INTERVAL_S."""
        return self._listener.connected

    async def log_replaced(self) -> str:
        """Come back when the database is found to hold another log than the one that was read: with what differs.

        From then on nothing is appended. It is looked for whenever the connection that listens has been lost.
        """
        return await self._continuity.broken()

    @property
    def hint_connections_lost(self) -> int:
        """How often the connection that listens for hints has been lost since this store was opened."""
        return self._listener.losses

    @property
    def alone(self) -> bool:
        """See EventStore.alone; whether the others of a group are there is not looked at."""
        return self._listener.alone and not self._grouped

    @property
    def group_alone(self) -> bool:
        """See EventStore.group_alone."""
        return self._listener.alone

    @property
    def waits_for_standby(self) -> bool:
        """See EventStore.waits_for_standby; asked with every poll."""
        return self._listener.waits_for_standby

    async def append(self, append: Append) -> Head | None:
        """See EventStore.append. Raises StoreRefused for what `limits.check_append` refuses."""
        if self._beside:
            raise StoreRefused("this store was opened beside others, and appends nothing")
        if self._continuity.is_broken:
            raise StoreUnavailable("the database holds another log than the one that was read")
        if not is_bulk(append):
            check_append(append)
            return await self._appender.append(append)
        # Hundreds of thousands of events are looked at beside the loop.
        await asyncio.to_thread(check_append, append)
        self._appender.hold(append.stream)
        try:
            head = await append_by_copy(self._connections, append, self._presence, announce=self._announce)
        finally:
            self._appender.release(append.stream)
        if head is not None:
            self._heads.learn(append.stream, head)
            self._board.announce(append.stream, head.position)
        return head

    async def read(self, stream: str, after: int, limit: int) -> list[Event]:
        """See EventStore.read."""
        return _lifted(await self.read_stored(stream, after, limit))

    async def read_stored(self, stream: str, after: int, limit: int) -> list[Event]:
        """See EventStore.read_stored."""
        check_page(limit)
        rows = await self._connections.fetch(QUERIES["read"], stream, after, limit)
        events = [event_of(stream, row) for row in rows]
        if events:
            self._heads.learn(stream, Head(position=events[-1].position, chain=events[-1].chain))
        return events

    async def read_beginnings(self, streams: Sequence[str], limit: int) -> dict[str, list[Event]]:
        """See EventStore.read_beginnings."""
        check_page(len(streams) * limit)
        found: dict[str, list[Event]] = {}
        for name, *row in await self._connections.fetch(QUERIES["read_beginnings"], list(streams), limit):
            found.setdefault(name, []).append(event_of(name, row))
        for name, events in found.items():
            self._heads.learn(name, Head(position=events[-1].position, chain=events[-1].chain))
        return {stream: _lifted(events) for stream, events in found.items()}

    async def head(self, stream: str) -> Head:
        """See EventStore.head."""
        rows = await self._connections.fetch(QUERIES["heads_of"], [stream])
        return Head(position=rows[0][1], chain=rows[0][2]) if rows else GENESIS

    async def heads(self) -> dict[str, Head]:
        """See EventStore.heads."""
        rows = await self._connections.fetch(QUERIES["heads"])
        return {name: Head(position=position, chain=chain) for name, position, chain in rows}

    def heard_position(self, stream: str) -> int:
        """See EventStore.heard_position."""
        return self._board.known(stream)

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
        rows = await self._connections.fetch(QUERIES["server_accounts"], timeout_s=SHORT_QUERY_TIMEOUT_S)
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

    async def keep(self, kind: str, contents: Mapping[str, bytes | None]) -> None:
        """See EventStore.keep."""
        check_kept(kind, contents)
        # In one order, so that two processes never wait for each other.
        present = {identifier: data for identifier, data in sorted(contents.items()) if data is not None}
        erased = sorted(contents.keys() - present)
        arguments = (kind, list(present), list(present.values()), erased)
        await self._connections.fetch(QUERIES["keep"], *arguments, timeout_s=SHORT_QUERY_TIMEOUT_S)

    async def kept(self, kind: str, ids: Collection[str] | None = None) -> dict[str, bytes]:
        """See EventStore.kept."""
        if ids is None:
            rows = await self._connections.fetch(QUERIES["kept"], kind)
        else:
            check_kept(kind, dict.fromkeys(ids))
            rows = await self._connections.fetch(QUERIES["kept_of"], kind, list(ids), timeout_s=SHORT_QUERY_TIMEOUT_S)
        return {row[0]: row[1] for row in rows}

    async def take_turn(self, name: str, *, interval_us: int, patience_us: int, held_us: int | None = None) -> Turn:
        """See EventStore.take_turn."""
        return await take_turn(
            self._connections, name, interval_us=interval_us, patience_us=patience_us, held_us=held_us
        )

    async def postpone_turns(self, name: str, wait_us: int) -> None:
        """See EventStore.postpone_turns."""
        await postpone_turns(self._connections, name, wait_us)

    async def checkpoint(self, stream: str) -> Checkpoint | None:
        """See EventStore.checkpoint."""
        return await checkpoint_of(self._connections, stream)

    async def checkpoint_part(self, stream: str, address: bytes) -> bytes | None:
        """See EventStore.checkpoint_part."""
        return await checkpoint_part(self._connections, stream, address)

    async def checkpoint_parts_kept(self, stream: str) -> set[bytes]:
        """See EventStore.checkpoint_parts_kept."""
        return await checkpoint_parts_kept(self._connections, stream)

    async def keep_checkpoint_part(self, stream: str, content: bytes) -> bytes:
        """See EventStore.keep_checkpoint_part."""
        return await keep_checkpoint_part(self._connections, stream, content)

    async def put_checkpoint(self, checkpoint: Checkpoint) -> None:
        """See EventStore.put_checkpoint."""
        await put_checkpoint(self._connections, checkpoint)

    async def hold(self, name: str, work: Callable[[], Awaitable[None]]) -> bool:
        """See EventStore.hold. Whoever dies is followed within about a second and a half; see `holding`."""
        return await self._holder.hold(name, work)

    async def hold_if_free(self, name: str, work: Callable[[], Awaitable[None]]) -> Hold:
        """See EventStore.hold_if_free. Where others have the database open too, it begins after a second."""
        return await self._holder.hold_if_free(name, work)

    def holds(self, name: str) -> bool:
        """See EventStore.holds."""
        return self._holder.holds(name)

    async def close(self) -> None:
        """See EventStore.close."""
        await self._holder.stop()
        await self._appender.stop()
        await self._listener.stop()
        self._board.close()
        await self._connections.close()


def _lifted(events: list[Event]) -> list[Event]:
    """The same in the present version. Raises StoreRefused for a newer one."""
    if all(event.version == EVENT_VERSION for event in events):
        return events
    return [lift(event) for event in events]
