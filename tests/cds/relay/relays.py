"""Relays in this process, one behind the other, and what is known of the server at their source.

This module knows how to start and ask them. It must not know what the answers should be.
"""

import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
from yarl import URL

from cds.configuration import Configuration
from cds.relay.application import Relayed, RelayServer
from cds.relay.audiences import Audiences
from cds.relay.limits import RelayLimits
from tests.cds.contest_api.serving import LINE_BYTES_MAX, Caller, Login, Running

QUICK = RelayLimits(first_pause_s=0.05, pause_s_max=0.2, look_s=0.1, connect_s_max=2.0, level_s_max=10.0)
"""Limits under which nothing waits long after an upstream that was away."""


class RunningRelay:
    """A started relay and ways to ask it."""

    def __init__(self, server: RelayServer, session: aiohttp.ClientSession) -> None:
        """A relay that listens, and the HTTP session its callers share."""
        self.server = server
        self.session = session
        self.root = f"http://127.0.0.1:{server.port}"
        self.base = f"{self.root}/api/"

    @property
    def audiences(self) -> Audiences:
        """The audiences of the relay."""
        assert self.server._audiences is not None
        return self.server._audiences

    @property
    def feed_clients(self) -> int:
        """How many feeds the relay serves."""
        assert self.server._fan_out is not None
        return sum(len(each.clients) for each in self.server._fan_out._broadcasters.values())

    def caller(self, login: Login | None = None) -> Caller:
        """Somebody with this login."""
        return Caller(self.session, self.base, login)


@asynccontextmanager
async def relaying(
    root: str,
    limits: RelayLimits = QUICK,
    *,
    any_provider: bool = False,
    trusted: ssl.SSLContext | None = None,
    **configuration: Any,
) -> AsyncIterator[RunningRelay]:
    """A relay of the server at a root, for the length of the block."""
    chosen = {"host": "127.0.0.1", "port": 0, "keep_alive_s": 0.2, **configuration}
    relayed = Relayed(url=URL(f"{root}/api"), any_provider=any_provider, trusted=trusted)
    server = RelayServer(Configuration(**chosen), relayed, limits)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, read_bufsize=LINE_BYTES_MAX) as session:
        try:
            await server.start()
            yield RunningRelay(server, session)
        finally:
            await server.stop()


class Chain:
    """A source and two relays, the second of the first."""

    def __init__(self, source: Running, first: RunningRelay, second: RunningRelay) -> None:
        """All of them serve."""
        self.source = source
        self.first = first
        self.second = second

    def callers(self, login: Login | None) -> list[Caller]:
        """The same person at each of them, from the source on."""
        return [each.caller(login) for each in (self.source, self.first, self.second)]


@asynccontextmanager
async def chained(source: Running, limits: RelayLimits = QUICK) -> AsyncIterator[Chain]:
    """Two relays behind a source, for the length of the block."""
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(relaying(source.root, limits))
        second = await stack.enter_async_context(relaying(first.root, limits))
        yield Chain(source, first, second)


def feed_clients_at(source: Running) -> int:
    """How many feeds the source serves."""
    broadcasters = source.server.service.feeds._broadcasters
    return sum(len(each.clients) for each in broadcasters.values())


def free_port() -> int:
    """A port that nobody listened on a moment ago, for a server that comes and goes."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
