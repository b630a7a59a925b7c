"""Fixtures for tests that both stores must pass."""

from collections.abc import AsyncIterator

import pytest

from eventstore.postgres import PostgresStore
from eventstore.store import EventStore


@pytest.fixture
async def silent_store(database_dsn: str) -> AsyncIterator[PostgresStore]:
    """An empty store on Postgres that sends no NOTIFY."""
    opened = await PostgresStore.open(database_dsn, announce=False)
    yield opened
    await opened.close()


@pytest.fixture(params=["memory_store", "store", "silent_store"])
def any_store(request: pytest.FixtureRequest) -> EventStore:
    """An empty store of each kind."""
    opened: EventStore = request.getfixturevalue(request.param)
    return opened
