"""Fixtures for tests that both stores must pass, and for those of the embedded Postgres."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import asyncpg
import pytest

from eventstore.postgres import PostgresStore
from eventstore.store import EventStore
from tests.databases import with_database
from tests.eventstore.embedded_processes import wait_until_ended


@pytest.fixture
async def silent_store(database_dsn: str) -> AsyncIterator[PostgresStore]:
    """An empty store on Postgres that sends no NOTIFY."""
    opened = await PostgresStore.open(database_dsn, announce=False)
    yield opened
    await opened.close()


@pytest.fixture
async def second_store(database_dsn: str) -> AsyncIterator[PostgresStore]:
    """Another store on the database of `store`, as another process has one."""
    opened = await PostgresStore.open(database_dsn)
    yield opened
    await opened.close()


@pytest.fixture
async def admin(database_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection that looks on, in another database."""
    connection = await asyncpg.connect(with_database(database_dsn, "postgres"))
    yield connection
    await connection.close()


@pytest.fixture(params=["memory_store", "store"])
def any_store(request: pytest.FixtureRequest) -> EventStore:
    """An empty store of each kind."""
    opened: EventStore = request.getfixturevalue(request.param)
    return opened


@pytest.fixture(params=["memory_store", "store", "silent_store"])
def any_hinting_store(request: pytest.FixtureRequest) -> EventStore:
    """An empty store of each kind, and of each way in which hints come."""
    opened: EventStore = request.getfixturevalue(request.param)
    return opened


@pytest.fixture(scope="module")
def used_directories() -> Iterator[list[Path]]:
    """The data directories of this module; after the last test none of them may have a Postgres."""
    directories: list[Path] = []
    yield directories
    for directory in directories:
        wait_until_ended(directory)


@pytest.fixture
def data_dir(tmp_path: Path, used_directories: list[Path]) -> Path:
    """A data directory that does not exist yet."""
    directory = tmp_path / "data"
    used_directories.append(directory)
    return directory


@pytest.fixture
def processes() -> Iterator[ExitStack]:
    """Processes that end with the test."""
    with ExitStack() as stack:
        yield stack
