"""A real server of NATS, and a connection to it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from nats.aio.client import Client

from tests.cds.jetstream.published import connection_to
from tests.nats_servers import NatsNode, nats_server


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[NatsNode]:
    """One server with JetStream."""
    async with nats_server(tmp_path / "nats") as started:
        yield started


@pytest.fixture
async def connection(node: NatsNode) -> AsyncIterator[Client]:
    """A connection of the test's own."""
    opened = await connection_to(node.url)
    yield opened
    await opened.close()
