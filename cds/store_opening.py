"""How a process comes to its event store: at an address, or in the embedded Postgres of a data directory.

This module must not know what is done with the store.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import structlog

from cds.operations.replaced_log import ending_when_replaced
from eventstore.embedded.launcher import embedded_postgres
from eventstore.postgres import PostgresStore
from eventstore.store import StoreRefused, StoreUnavailable

RETRY_S = 0.5
"""How long a server waits before it tries again to reach a database that is away."""

log = structlog.get_logger(__name__)


@asynccontextmanager
async def opened_store(
    data_dir: Path, database_url: str | None, *, linger_s: float = 0, make: bool = True
) -> AsyncIterator[PostgresStore]:
    """The event store: at `database_url`, or in the embedded Postgres under `data_dir`.

    `make`: whether a data directory is made where there is none; otherwise StoreRefused is raised.
    """
    async with opened_database(data_dir, database_url, linger_s=linger_s, make=make) as dsn:
        store = await PostgresStore.open(dsn)
        try:
            async with ending_when_replaced(store):
                yield store
        finally:
            await store.close()


@asynccontextmanager
async def opened_database(
    data_dir: Path, database_url: str | None, *, linger_s: float = 0, make: bool = True
) -> AsyncIterator[str]:
    """The address of the database alone, which may be empty: as `opened_store`."""
    if database_url is not None:
        yield database_url
        return
    if not make and not await asyncio.to_thread(data_dir.is_dir):
        raise StoreRefused(f"there is no data directory {data_dir} (`cds serve` makes it)")
    async with embedded_postgres(data_dir, linger_s=linger_s) as dsn:
        yield dsn


async def opened_patiently(
    dsn: str, stopping: asyncio.Event, *, presence_number: int | None = None
) -> PostgresStore | None:
    """The store, as soon as its database can be reached; None when the server is to stop before that.

    `presence_number` is that of a group of workers (see PostgresStore.open). Raises StoreRefused.
    """
    while not stopping.is_set():
        try:
            return await PostgresStore.open(dsn, presence_number=presence_number)
        except StoreUnavailable as away:
            log.warning("database_unavailable", reason=str(away), retry_in_s=RETRY_S)
            await asyncio.sleep(RETRY_S)
    return None
