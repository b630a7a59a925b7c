"""Stores that two processes have open, in memory and in Postgres; a sink for mails."""

from collections.abc import AsyncIterator

import pytest

from eventstore.memory import MemoryStore
from eventstore.store import EventStore
from tests.cds.contest_api.serving import cloned_database, opened
from tests.cds.users.mail_sink import MailSink, mail_sink
from tests.cds.users.registers import Process, process_on

Stores = tuple[EventStore, EventStore]


@pytest.fixture(params=["memory", "postgres"])
async def stores(request: pytest.FixtureRequest, postgres_dsn_template: str) -> AsyncIterator[Stores]:
    """The same log as two processes see it."""
    if request.param == "memory":
        memory = MemoryStore()
        yield memory, memory
        await memory.close()
        return
    async with cloned_database(postgres_dsn_template) as dsn, opened(dsn) as one, opened(dsn) as two:
        yield one, two


@pytest.fixture
async def pair(stores: Stores) -> AsyncIterator[tuple[Process, Process]]:
    """Two processes on one log."""
    one, two = process_on(stores[0]), process_on(stores[1])
    yield one, two
    one.identity.close()
    two.identity.close()


@pytest.fixture
async def desk(memory_store: MemoryStore) -> AsyncIterator[Process]:
    """One process on a store in memory."""
    process = process_on(memory_store)
    yield process
    process.identity.close()


@pytest.fixture
async def sink() -> AsyncIterator[MailSink]:
    """A sink for mails."""
    async with mail_sink() as opened:
        yield opened
