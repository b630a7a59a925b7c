"""The composition root of an edge: a relay that has views of what is published over JetStream.

This module must not hold rules; it starts, wires and stops.
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import structlog
from aiohttp import web
from nats.aio.client import Client

from cds.application import program_version
from cds.configuration import Configuration
from cds.edge.audience import EdgeAudience
from cds.edge.contests import EdgeContests
from cds.edge.core import Core
from cds.edge.event_feed import EdgeFeeds
from cds.edge.files import EdgeFiles
from cds.edge.limits import EdgeLimits
from cds.edge.requests import EdgeParts, EdgeRequests, RelayParts
from cds.edge.scoreboard import EdgeScoreboards
from cds.edge.served import Views
from cds.edge.viewers import EdgeViewers
from cds.edge.writing import WritesMode, Writing
from cds.fan_out.fan_out import FanOut
from cds.jetstream.connecting import FAILURES, connected
from cds.jetstream.settings import NatsServers
from cds.relay.application import Relayed, Relaying, RelayReadiness, RelayServer
from cds.relay.limits import RelayLimits
from cds.relay.passing_on import PassingOn
from cds.relay.requests import RelayRequests
from cds.server_process import serve_until_told

NATS_PAUSE_S = 1.0
"""Before NATS is looked for again, while it has not been found yet."""

FILES_DIRECTORY = "edge-files-"

log = structlog.get_logger(__name__)


class Edged(msgspec.Struct, frozen=True, kw_only=True):
    """What is served at an edge: the core that is asked and passed on to, and where its lines come from."""

    core: Relayed
    secret: str
    nats: NatsServers
    prefix: str
    writes: WritesMode = "pass"


class RoleLag(msgspec.Struct, frozen=True, kw_only=True):
    """How far behind JetStream the view of a role is."""

    contest: str
    role: str
    lines: int
    messages_behind: int
    seconds_behind: float


class EdgeReadiness(RelayReadiness, frozen=True, kw_only=True):
    """The answer of `/readyz` of an edge."""

    nats: bool
    core: bool
    views: list[RoleLag]


class EdgeServer(RelayServer):
    """One edge process."""

    def __init__(
        self,
        configuration: Configuration,
        edged: Edged,
        limits: EdgeLimits | None = None,
        relay_limits: RelayLimits | None = None,
    ) -> None:
        """An edge that has not been started."""
        super().__init__(configuration, edged.core, relay_limits)
        self._edged = edged
        self._edge_limits = limits or EdgeLimits()
        self._contests: EdgeContests | None = None

    def readiness(self) -> RelayReadiness:
        """How ready this process is: while the core is away, it serves on what it has views of."""
        core = self._upstream is not None and self._upstream.reachable
        contests = self._contests
        reasons = [] if self._stays() else ["the edge is stopping"]
        if contests is None or not contests.connected:
            reasons.append("NATS cannot be reached")
        if contests is None or not contests.ready:
            reasons.append("what is published has not been read yet")
        return EdgeReadiness(
            status="not ready" if reasons else "ready",
            reasons=reasons,
            upstream=str(self._edged.core.url),
            audiences=0 if self._audiences is None else len(self._audiences),
            pid=os.getpid(),
            nats=contests is not None and contests.connected,
            core=core,
            views=[] if contests is None else [_lag_of(each) for each in contests],
        )

    async def _requests_over(self, relaying: Relaying) -> RelayRequests:
        """The handlers: those of a relay behind those of views."""
        configuration, limits, edged = self._configuration, self._edge_limits, self._edged
        core = Core(relaying.upstream, edged.secret)
        viewers = EdgeViewers(core, relaying.audiences, limits)
        fan_out = FanOut[EdgeAudience](
            lambda viewer, audience: audience.ended is None and viewers.may_go_on(viewer),
            self._closing,
            configuration.keep_alive_s,
            configuration.feed_limits,
        )
        fan_out.places, fan_out.board_places = relaying.fan_out.places, relaying.fan_out.board_places
        contests = self._contests = EdgeContests(edged.prefix, core, limits, fan_out.end_streams)
        self.begin("find contests", self._find_contests(contests))
        further = EdgeParts(
            views=Views(contests, viewers, configuration),
            feeds=EdgeFeeds(core, fan_out, limits),
            scoreboards=EdgeScoreboards(viewers, fan_out, self._closing, configuration.keep_alive_s),
            files=EdgeFiles(relaying.upstream, self._files_directory(), limits),
            writing=Writing(relaying.upstream, contests, viewers, edged.writes, limits),
        )
        parts = RelayParts(
            feeds=relaying.feeds,
            scoreboards=relaying.scoreboards,
            passing_on=PassingOn(relaying.upstream, relaying.audiences, relaying.boards, self._limits, contests),
            upstream=relaying.upstream,
        )
        return EdgeRequests(parts, further, configuration)

    async def _find_contests(self, contests: EdgeContests) -> None:
        """Connect as soon as NATS is there, and follow what is published."""
        connection: Client | None = None
        while connection is None:
            try:
                connection = await connected(self._edged.nats, f"cds edge {program_version()}")
            except FAILURES as failure:
                log.warning("nats_away", servers=self._edged.nats.told, error=type(failure).__name__)
                await asyncio.sleep(NATS_PAUSE_S)
        try:
            await contests.look_after(connection, self._closing)
        finally:
            await contests.close()
            await connection.close()

    def _files_directory(self) -> Path:
        """A directory for this process alone, which goes with it."""
        self._configuration.data_dir.mkdir(parents=True, exist_ok=True)
        directory = Path(tempfile.mkdtemp(prefix=FILES_DIRECTORY, dir=self._configuration.data_dir))
        self._stack.callback(shutil.rmtree, directory, ignore_errors=True)
        return directory

    def _application(self, requests: RelayRequests) -> web.Application:
        application = super()._application(requests)
        if isinstance(requests, EdgeRequests):
            requests.add_routes(application.router)
        return application


async def edge(
    configuration: Configuration,
    edged: Edged,
    limits: tuple[EdgeLimits, RelayLimits],
    announce: Callable[[RelayServer], Awaitable[None]],
) -> None:
    """Run an edge until SIGTERM; `announce` is called when it listens. Raises as its `start`, and UpstreamRefused."""
    server = EdgeServer(configuration, edged, *limits)
    await serve_until_told(server, configuration, announce)
    if server.refused is not None:
        raise server.refused


def _lag_of(audience: EdgeAudience) -> RoleLag:
    lag = audience.lag
    return RoleLag(
        contest=audience.contest_id,
        role=audience.role,
        lines=audience.view.line_count,
        messages_behind=lag.messages,
        seconds_behind=round(lag.seconds, 3),
    )
