"""Edges in this process, over a real NATS server and a core on a real Postgres.

This module knows how to start and ask them. It must not know what the answers should be.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

from cds.configuration import Configuration
from cds.edge.application import Edged, EdgeServer
from cds.edge.audience import EdgeAudience
from cds.edge.contests import EdgeContests
from cds.edge.limits import EdgeLimits
from cds.jetstream.settings import PublishingSettings
from cds.relay.application import Relayed
from cds.relay.limits import RelayLimits
from schemas.viewers import Role
from tests.cds.contest_api.serving import (
    CHANGING_HEADERS,
    DEADLINE_S,
    LINE_BYTES_MAX,
    Answer,
    Caller,
    Login,
    Running,
    running,
    server_login,
)
from tests.cds.relay.relays import QUICK
from tests.nats_servers import NatsNode, nats_server

SECRET = "secret of the edges, at least so many characters"
ASKED_EVERY_S = 0.01

SOON = EdgeLimits(
    heartbeat_s=0.2, consumer_pause_s=0.05, discover_s=0.05, level_s_max=10.0, ahead_s_max=5.0, viewer_kept_s=0.3
)
"""Limits under which nothing waits long after somebody who was away."""


class RunningEdge:
    """A started edge and ways to ask it."""

    def __init__(self, server: EdgeServer, session: aiohttp.ClientSession) -> None:
        """An edge that listens, and the HTTP session its callers share."""
        self.server = server
        self.session = session
        self.root = f"http://127.0.0.1:{server.port}"
        self.base = f"{self.root}/api/"

    @property
    def contests(self) -> EdgeContests:
        """The contests of the edge."""
        assert self.server._contests is not None
        return self.server._contests

    def caller(self, login: Login | None = None) -> Caller:
        """Somebody with this login."""
        return Caller(self.session, self.base, login)

    def of_role(self, role: str) -> Caller:
        """The server account of a role; the public is anonymous."""
        return self.caller(server_login(role))

    async def follows(self, contest_id: str) -> None:
        """Come back when the contest is followed, as the public sees it at least."""
        await until(lambda: contest_id in self.contests and self.contests.ready)

    async def audience(self, contest_id: str, role: Role) -> EdgeAudience:
        """The audience of a role."""
        await self.follows(contest_id)
        return await self.contests.audience(contest_id, role)


def told(answer: Answer) -> tuple[int, dict[str, str], bytes]:
    """All of an answer that is to be the same everywhere, a header that stands there twice as often too.

    An edge on a busy machine may say that it was cut off.
    """
    headers: dict[str, str] = {}
    for name, value in answer.headers.items():
        if name not in {*CHANGING_HEADERS, "Warning"}:
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return answer.status, headers, answer.body


async def until(holds: Any) -> None:
    """Come back when something holds, within the deadline of these tests."""
    async with asyncio.timeout(DEADLINE_S):
        while not holds():
            await asyncio.sleep(ASKED_EVERY_S)


def published_to(nats: NatsNode, **more: Any) -> dict[str, Any]:
    """What makes a core publish to NATS, and know its edges."""
    return {
        "publishing": PublishingSettings(servers=nats.servers, **more),
        "edge_secret": SECRET,
    }


@asynccontextmanager
async def edging(
    core_root: str,
    nats: NatsNode,
    directory: Path,
    *,
    limits: EdgeLimits = SOON,
    relay_limits: RelayLimits = QUICK,
    writes: Any = "pass",
    secret: str = SECRET,
    core_public: URL | None = None,
    **more: Any,
) -> AsyncIterator[RunningEdge]:
    """An edge of a core for the length of the block."""
    chosen = {"host": "127.0.0.1", "port": 0, "keep_alive_s": 0.2, "data_dir": directory, **more}
    edged = Edged(
        core=Relayed(url=URL(f"{core_root}/api")),
        secret=secret,
        nats=nats.servers,
        prefix="cds",
        writes=writes,
        core_public=core_public,
    )
    server = EdgeServer(Configuration(**chosen), edged, limits, relay_limits)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, read_bufsize=LINE_BYTES_MAX) as session:
        try:
            await server.start()
            yield RunningEdge(server, session)
        finally:
            await server.stop()


class Spread:
    """A core and two edges over one NATS server."""

    def __init__(self, nats: NatsNode, core: Running, edges: tuple[RunningEdge, RunningEdge]) -> None:
        """All of them serve."""
        self.nats = nats
        self.core = core
        self.edges = edges

    def callers(self, login: Login | None) -> list[Caller]:
        """The same person at each of them, the core first."""
        return [self.core.caller(login), *(edge.caller(login) for edge in self.edges)]

    async def level(self, contest_id: str, role: Role) -> None:
        """Come back when both edges show a role all that the core does."""
        contest = self.core.service_contest(contest_id)
        assert contest is not None
        lines = await contest.feed(role)
        count = sum(len(each.sequences) for each in lines.segments) + sum(map(len, lines.team_lines.values()))
        for edge in self.edges:
            audience = await edge.audience(contest_id, role)
            await until(lambda audience=audience: audience.view.line_count >= count)
            assert audience.view.line_count == count


@asynccontextmanager
async def spread(dsn: str, directory: Path, **more: Any) -> AsyncIterator[Spread]:
    """A core on a database and two edges of it, for the length of the block."""
    async with AsyncExitStack() as stack:
        nats = await stack.enter_async_context(nats_server(directory / "nats"))
        core = await stack.enter_async_context(running(dsn, keep_alive_s=0.2, **published_to(nats), **more))
        first = await stack.enter_async_context(edging(core.root, nats, directory))
        second = await stack.enter_async_context(edging(core.root, nats, directory))
        yield Spread(nats, core, (first, second))
