"""What a process does that needs the embedded Postgres: take the lease, and see to it that there is a keeper.

Knows leases, keepers and how to ask whether Postgres answers. It must not know tables or streams.
"""

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg

from eventstore.connecting import FAILURES
from eventstore.embedded.keeper_start import start_keeper
from eventstore.embedded.layout import DATABASE, FAILED, READY, Layout, dsn, read_status, write_linger_until
from eventstore.embedded.locks import FileLock, is_held_exclusively
from eventstore.store import StoreRefused, StoreUnavailable

LEASE_TIMEOUT_S = 40.0
"""How long to wait for a keeper that is just stopping Postgres; longer than that can take."""

START_TIMEOUT_S = 150.0
"""How long to wait until Postgres answers, initdb and recovery after a crash included."""

POLL_S = 0.02
"""How often to look while waiting."""

WATCH_S = 0.5
"""How often to look whether there still is a keeper."""

KEEPER_STARTS_MAX = 10
"""Keepers that one process starts, each after the last has ended without a word, before it gives up."""

CONNECT_TIMEOUT_S = 5.0


@asynccontextmanager
async def embedded_postgres(data_dir: Path, *, linger_s: float = 0, durable: bool = True) -> AsyncIterator[str]:
    """The address of the Postgres in a data directory, which runs at least as long as the block.

    Any number of processes may do this at once; they share it. Should Postgres or its keeper be killed meanwhile, it
    comes back at the same address. `linger_s`: keep it up for so many seconds after the block, and beyond that
    for as long as clients are connected. `durable` false switches fsync off, for data that may be lost.

    Raises StoreRefused when it cannot be started (the text says why), StoreUnavailable when it takes too long.
    """
    layout = _layout_of_new(data_dir)
    lease = FileLock(layout.lease)
    try:
        await _take(lease, layout)
        address = await _started(layout, durable=durable)
        watch = asyncio.create_task(_watch(layout, durable=durable), name="embedded Postgres")
        try:
            yield address
        finally:
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch
            if linger_s > 0:
                write_linger_until(layout, time.time() + linger_s)
    finally:
        lease.close()


def is_embedded_running(data_dir: Path) -> bool:
    """Whether the Postgres of a data directory is up now. Does not start it."""
    layout = Layout(data_dir.resolve())
    status = read_status(layout)
    return status is not None and status.state == READY and is_held_exclusively(layout.owner)


def _layout_of_new(data_dir: Path) -> Layout:
    """The layout of a data directory, which is made when it is missing."""
    data_dir.mkdir(parents=True, exist_ok=True)
    return Layout(data_dir.resolve())


async def _take(lease: FileLock, layout: Layout) -> None:
    """Take the lease; waits for a keeper that is stopping."""
    deadline_s = time.monotonic() + LEASE_TIMEOUT_S
    while not lease.try_shared():
        if time.monotonic() >= deadline_s:
            raise StoreUnavailable(f"the Postgres in {layout.data_dir} does not finish stopping")
        await asyncio.sleep(POLL_S)


async def _started(layout: Layout, *, durable: bool) -> str:
    """Wait until Postgres answers, starting a keeper when there is none, and return its address."""
    deadline_s = time.monotonic() + START_TIMEOUT_S
    starts = 0
    while time.monotonic() < deadline_s and starts <= KEEPER_STARTS_MAX:
        if not is_held_exclusively(layout.owner):
            status = read_status(layout)
            if starts and status is not None and status.state == FAILED:
                raise StoreRefused(f"the embedded Postgres cannot start: {status.error}")
            await asyncio.to_thread(start_keeper, layout, durable=durable)
            starts += 1
        status = read_status(layout)
        if status is not None and status.state == READY and await _answers(status.socket_dir, durable=durable):
            return dsn(status.socket_dir)
        await asyncio.sleep(POLL_S)
    raise StoreUnavailable(f"the Postgres in {layout.data_dir} does not answer; see {layout.log}")


async def _watch(layout: Layout, *, durable: bool) -> None:
    """Start a keeper whenever there is none."""
    while True:
        await asyncio.sleep(WATCH_S)
        if not is_held_exclusively(layout.owner):
            # While this fails the store says that the database is away; the cause may pass.
            with suppress(StoreRefused, OSError, subprocess.SubprocessError):
                await asyncio.to_thread(start_keeper, layout, durable=durable)


async def _answers(socket_dir: str, *, durable: bool) -> bool:
    """Whether Postgres takes connections; makes our database on the way when there is none yet.

    Raises StoreRefused when durability is wanted and the one that runs was started without.
    """
    try:
        connection = await asyncpg.connect(dsn(socket_dir, "postgres"), timeout=CONNECT_TIMEOUT_S)
    except FAILURES:
        return False
    try:
        fsync = await connection.fetchval("SELECT current_setting('fsync')")
        if not await connection.fetchval("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", DATABASE):
            with suppress(asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
                await connection.execute(f'CREATE DATABASE "{DATABASE}"')
    except FAILURES:
        return False
    finally:
        connection.terminate()
    if durable and fsync != "on":
        raise StoreRefused("the Postgres of this data directory runs without fsync, for a test: wait until it ends")
    return True
