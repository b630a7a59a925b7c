"""Connections to Postgres: how they are opened, what every session is set to, and when one counts as lost.

Knows asyncpg and its errors. It must not know tables or streams.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from eventstore.hosts import addresses_of
from eventstore.store import NotWritable, StoreRefused, StoreUnavailable

CONNECT_TIMEOUT_S = 3.0
"""How long opening one connection may take."""

QUERY_TIMEOUT_S = 30.0
"""How long any statement may take, other than appends of many rows; also the limit for waiting in a lock."""

SHORT_QUERY_TIMEOUT_S = 3.0
"""The same for a statement about a few rows that somebody waits for: it takes so long only where nobody answers."""

CANCEL_TIMEOUT_S = 1.0
"""How long it may take to cancel a statement that has taken too long."""

ACQUIRE_TIMEOUT_S = 5.0
"""How long a read waits for a free connection of the pool."""

POOL_CONNECTIONS_MAX = 4
"""Connections for reads, files, side tables and bulk appends; appends and hints have one each besides."""

READ_ATTEMPTS_MAX = 2
"""A read is tried again once: a pooled connection may have died unnoticed while it was idle."""

SESSION_SETTINGS = {
    "application_name": "cds",
    # An acknowledged append is on disk: whatever the server's default is, these sessions wait for the flush.
    "synchronous_commit": "on",
    # The functions of migrations/ rely on one snapshot per statement.
    "default_transaction_isolation": "read committed",
    "timezone": "UTC",
    "jit": "off",
    # Just after an import there are no statistics yet, and the planner would sort all that is left for every page.
    "enable_bitmapscan": "off",
    # A process that froze in a transaction must not hold the lock of a stream for ever.
    "idle_in_transaction_session_timeout": "30s",
    # A session that waits for a lock and whose client has gone ends. (One that waits for a standby does not.)
    "client_connection_check_interval": "2s",
}

_REFUSALS = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.ClientConfigurationError,
)
_LOSSES = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InternalClientError,
    asyncpg.ProtocolViolationError,
)


FAILURES = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
"""Everything that a statement may raise for reasons outside this program."""


def is_loss(error: BaseException) -> bool:
    """Whether an error says that the database is away (or full, or read-only), as opposed to: it said no."""
    if isinstance(error, asyncpg.DataError):
        return False  # asyncpg could not encode an argument; this is both an InterfaceError and a ValueError.
    return isinstance(error, (*_LOSSES, asyncpg.InterfaceError))


def is_not_taken(error: BaseException) -> bool:
    """Whether the database has answered that it takes nothing now: its disk is full, or it is read-only.

    That is an error of the statement, so nothing of it has been written.
    """
    if isinstance(error, asyncpg.TooManyConnectionsError):
        return False  # It has not let us in.
    return isinstance(error, (asyncpg.InsufficientResourcesError, asyncpg.ReadOnlySQLTransactionError))


@contextmanager
def losses_as_unavailable() -> Iterator[None]:
    """Turn errors that mean a lost connection into StoreUnavailable; let others pass."""
    try:
        yield
    except FAILURES as error:
        if is_not_taken(error):
            raise NotWritable(f"the database takes nothing now: {one_line(error)}") from error
        if is_loss(error):
            raise StoreUnavailable(f"the database is away: {one_line(error)}") from error
        raise


def one_line(error: BaseException) -> str:
    """The text of an error on one line, or the name of its type when it has none."""
    return " ".join(str(error).split()) or type(error).__name__


def _named(dsn: str) -> str:
    """The database, with its host and port where the address names them; never with user or password."""
    # The last `@` ends user and password, whatever characters stand in them; in a query it may be part of a password.
    login, _, rest = dsn.partition("://")[2].rpartition("@")
    host = "" if "?" in login else rest.partition("?")[0].partition("/")[0]
    return f"the database at {host}" if host else "the database"


class Connections:
    """Opens connections to one database, and keeps a small pool of them."""

    def __init__(self, dsn: str) -> None:
        """`dsn` is a libpq connection URI, which may name several machines: see docs/replication.md."""
        self._dsn = dsn
        # The one that was reached last stands first.
        self._addresses = addresses_of(dsn)
        self._pool: asyncpg.Pool | None = None

    async def connect(self) -> asyncpg.Connection:
        """A connection of one's own, outside the pool; the caller closes it.

        Raises StoreUnavailable when the database cannot be reached, StoreRefused when it will not let us in.
        """
        try:
            return await self._connect_to_one()
        except _REFUSALS as error:
            raise StoreRefused(f"the database refuses the connection: {one_line(error)}") from error
        except FAILURES as error:
            raise StoreUnavailable(f"{_named(self._dsn)} cannot be reached: {one_line(error)}") from error
        except (ValueError, OverflowError) as error:
            raise StoreRefused(f"the database's address cannot be read: {one_line(error)}") from error

    async def _connect_to_one(self, **more: Any) -> asyncpg.Connection:
        """A connection to the first machine that lets us in and can be written to, if the address says so.

        Raises what the last of them raises.
        """
        *first, last = self._addresses
        for address in first:
            try:
                return await self._connect_to(address, more)
            except FAILURES:
                # Another may be the one that is written to now.
                continue
        return await self._connect_to(last, more)

    async def _connect_to(self, address: str, more: Mapping[str, object]) -> asyncpg.Connection:
        settings: Any = {
            **more,
            "timeout": CONNECT_TIMEOUT_S,
            "command_timeout": QUERY_TIMEOUT_S,
            "server_settings": SESSION_SETTINGS,
        }
        connection: asyncpg.Connection = await asyncpg.connect(address, **settings)
        self._addresses = (address, *(each for each in self._addresses if each != address))
        return connection

    async def open_pool(self) -> None:
        """Prepare the pool; it connects when a connection is first needed."""

        async def connect(*_dsn: object, **more: Any) -> asyncpg.Connection:
            return await self._connect_to_one(**more)

        self._pool = await asyncpg.create_pool(
            self._dsn, min_size=0, max_size=POOL_CONNECTIONS_MAX, connect=connect, reset=_leave_as_it_is
        )

    @asynccontextmanager
    async def pooled(self) -> AsyncIterator[PoolConnectionProxy]:
        """A connection of the pool for the length of the block.

        Raises StoreUnavailable for a loss inside the block, too; what was being written is rolled back then.
        """
        if self._pool is None:
            raise StoreUnavailable("the store is closed")
        with losses_as_unavailable():
            async with self._pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection:
                try:
                    yield connection
                except FAILURES as error:
                    if is_loss(error):
                        if isinstance(error, TimeoutError):
                            await _given_up(connection)
                        # It may look alive to the pool for a moment longer: let nobody else have it.
                        connection.terminate()
                    raise

    async def fetch(self, query: str, *arguments: object, timeout_s: float = QUERY_TIMEOUT_S) -> list[asyncpg.Record]:
        """Rows of a statement that may be run twice without harm; tried again once when a connection was lost."""
        attempt = 1
        while True:
            try:
                async with self.pooled() as connection:
                    return await connection.fetch(query, *arguments, timeout=timeout_s)
            except StoreUnavailable:
                if attempt == READ_ATTEMPTS_MAX:
                    raise
                attempt += 1

    async def let_go(self) -> None:
        """Give nobody a connection of the pool any more that is open now; what runs on one has its own limit."""
        if self._pool is not None:
            await self._pool.expire_connections()

    async def close(self) -> None:
        """Close the pool at once; what still runs on it ends with StoreUnavailable."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.terminate()


async def close_quietly(connection: asyncpg.Connection) -> None:
    """Close a connection politely if it still lives, and abruptly if that takes too long or fails."""
    try:
        await connection.close(timeout=CONNECT_TIMEOUT_S)
    except FAILURES:
        # A connection that is already gone is what was wanted.
        connection.terminate()
    except asyncio.CancelledError:
        connection.terminate()
        raise


async def _given_up(connection: PoolConnectionProxy) -> None:
    """Give the driver time to tell the database that nobody waits for a statement any more.

    One that waits for a standby would stay for as long as that is away, and its session with it.
    """
    with suppress(*FAILURES):
        await connection.close(timeout=CANCEL_TIMEOUT_S)


async def _leave_as_it_is(connection: object) -> None:
    """Reset nothing when a connection returns to the pool: no session state is ever set, and it saves a trip."""
