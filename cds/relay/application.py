"""The composition root of a relay: the only place that builds its parts and puts them together.

This module must not hold rules; it starts, wires and stops.
"""

import asyncio
import os
import ssl
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from functools import partial
from http import HTTPStatus
from typing import cast

import msgspec
import structlog
from aiohttp import hdrs, web
from yarl import URL

from cds.application import SHUTDOWN_S_MAX, program_version
from cds.background import telling_of_failure
from cds.configuration import API_PREFIX, Configuration
from cds.contest_api.cross_origin import mark_response
from cds.contest_api.errors import ErrorsAsJson
from cds.contest_api.routes import ONE_SEGMENT, expect
from cds.encryption import Encryption, tls_options
from cds.fan_out.fan_out import FanOut
from cds.operations.encrypting import encryption_of
from cds.operations.listening import BACKLOG, bound
from cds.operations.metrics_page import METRICS_PATH, is_local
from cds.operations.process import ProcessMeasurements
from cds.operations.readiness import READINESS_PATH
from cds.operations.request_log import REQUEST_LOG, request_log_of
from cds.relay.audience import RelayedAudience
from cds.relay.audiences import Audiences
from cds.relay.boards import RelayedBoards
from cds.relay.event_feed import EventFeeds
from cds.relay.limits import RelayLimits
from cds.relay.passing_on import PassingOn
from cds.relay.requests import RelayRequests
from cds.relay.scoreboard_stream import ScoreboardStreams
from cds.relay.upstream import Unreachable, Upstream, UpstreamRefused
from cds.server_process import serve_until_told

TICKS_PER_LOOK = 4
"""So many ticks lie between two looks at the process."""

log = structlog.get_logger(__name__)


class Relayed(msgspec.Struct, frozen=True, kw_only=True):
    """What is relayed: the API at `url`, without a slash at its end; see Upstream for the rest."""

    url: URL
    any_provider: bool = False
    trusted: ssl.SSLContext | None = None


class Relaying(msgspec.Struct, frozen=True, kw_only=True):
    """The parts that relay, as the composition root has put them together."""

    upstream: Upstream
    audiences: Audiences
    boards: RelayedBoards
    feeds: EventFeeds
    scoreboards: ScoreboardStreams
    fan_out: FanOut[RelayedAudience]


class RelayReadiness(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of `/readyz` of a relay, to anybody."""

    status: str
    reasons: list[str]
    pid: int


class RelayStanding(RelayReadiness, frozen=True, kw_only=True):
    """The same for programs on this machine."""

    upstream: str
    audiences: int


class RelayServer:
    """One relay process."""

    made_up_password: str | None = None

    def __init__(self, configuration: Configuration, relayed: Relayed, limits: RelayLimits | None = None) -> None:
        """A relay that has not been started."""
        self.stopping = asyncio.Event()
        self.started_s = time.monotonic()
        self.encryption: Encryption | None = None
        self.refused: UpstreamRefused | None = None
        self._configuration = configuration
        self._relayed = relayed
        self._limits = limits or RelayLimits()
        self._closing = asyncio.Event()
        self._requests = request_log_of(configuration)
        self._listening: list[asyncio.Server] = []
        self._stack = AsyncExitStack()
        self._upstream: Upstream | None = None
        self._audiences: Audiences | None = None
        self._fan_out: FanOut[RelayedAudience] | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def port(self) -> int:
        """The port on which the relay listens, also when it was left to the system (0)."""
        for listening in self._listening:
            port: int = listening.sockets[0].getsockname()[1]
            return port
        return self._configuration.port

    async def start(self) -> None:
        """See who the upstream is, and listen. Nobody need be there yet.

        Raises UpstreamRefused, EncryptionRefused, and OSError for an address in use.
        """
        configuration, relayed, limits = self._configuration, self._relayed, self._limits
        log.info("starting", version=program_version(), host=configuration.host, upstream=str(relayed.url))
        self.encryption = await asyncio.to_thread(encryption_of, configuration)
        upstream = self._upstream = Upstream(
            relayed.url,
            version=program_version(),
            any_provider=relayed.any_provider,
            trusted=relayed.trusted,
            limits=limits,
        )
        self._stack.push_async_callback(upstream.close)
        await self._see_upstream(upstream)
        fan_out = self._fan_out = FanOut(
            lambda _viewer, audience: audience.ended is None,
            self._closing,
            configuration.keep_alive_s,
            configuration.feed_limits,
        )
        audiences = self._audiences = Audiences(upstream, limits, fan_out.end_streams)
        self._stack.push_async_callback(audiences.close)
        boards = RelayedBoards(upstream, audiences, limits)
        requests = await self._requests_over(
            Relaying(
                upstream=upstream,
                audiences=audiences,
                boards=boards,
                feeds=EventFeeds(upstream, audiences, fan_out),
                scoreboards=ScoreboardStreams(upstream, boards, fan_out, configuration.keep_alive_s),
                fan_out=fan_out,
            )
        )
        runner = web.AppRunner(self._application(requests), shutdown_timeout=SHUTDOWN_S_MAX)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        self._stack.push_async_callback(boards.close)
        await self._listen(cast("web.Server", runner.server))
        self.begin("watch the upstream", self._watch_upstream(upstream))
        self.begin("look after audiences", audiences.look_after())
        self.begin("watch the process", _watch_process())
        log.info("ready", port=self.port, upstream_reachable=upstream.reachable)

    async def stop(self) -> None:
        """End the streams, let requests finish, let go of the upstream."""
        self._closing.set()
        for listening in self._listening:
            listening.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._stack.aclose()
        self._requests.flush()

    def stop_soon(self, reason: str) -> None:
        """Have whoever runs this relay stop it; it is not ready from here on."""
        if not self.stopping.is_set():
            log.info("stopping", reason=reason, drain_s=self._configuration.drain_s)
            self.stopping.set()

    def reload_certificate(self) -> None:
        """Take the certificate as it is now, for connections from now on."""
        if self.encryption is not None:
            self.encryption.reload()

    def readiness(self, *, in_detail: bool = True) -> RelayReadiness:
        """How ready this process is; `in_detail`: for somebody who may read the metrics as well."""
        reasons = []
        if not self._stays():
            reasons.append("the relay is stopping")
        if self._upstream is None or not self._upstream.reachable:
            reasons.append("the upstream cannot be reached")
        told = RelayReadiness(status="not ready" if reasons else "ready", reasons=reasons, pid=os.getpid())
        if not in_detail:
            return told
        return RelayStanding(
            **msgspec.structs.asdict(told),
            upstream=str(self._relayed.url),
            audiences=0 if self._audiences is None else len(self._audiences),
        )

    def _stays(self) -> bool:
        """Whether nobody has told the server to stop."""
        return not (self.stopping.is_set() or self._closing.is_set())

    async def _requests_over(self, relaying: "Relaying") -> RelayRequests:
        """The handlers, over the parts that relay."""
        passing_on = PassingOn(relaying.upstream, relaying.audiences, relaying.boards, self._limits)
        relaying.audiences.refused = passing_on.refused
        return RelayRequests(relaying.feeds, relaying.scoreboards, passing_on, self._configuration, relaying.upstream)

    async def _see_upstream(self, upstream: Upstream) -> None:
        """See who is there, if anybody is. Raises UpstreamRefused."""
        try:
            async with asyncio.timeout(self._limits.connect_s_max):
                await upstream.check()
        except (Unreachable, TimeoutError):
            log.warning("upstream_away", upstream=str(upstream.base))

    async def _watch_upstream(self, upstream: Upstream) -> None:
        """See at intervals whether it is there. One that cannot be relayed ends the relay, also when it comes late."""
        while True:
            await asyncio.sleep(self._limits.look_s)
            try:
                await upstream.check()
            except Unreachable:
                continue
            except UpstreamRefused as refused:
                self.refused = refused
                self.stop_soon(str(refused))
                return

    async def _listen(self, server: web.Server) -> None:
        """Accept connections. Raises OSError."""
        loop = asyncio.get_running_loop()
        # What is passed on goes on as it came, so bodies are not unpacked here.
        protocol = partial(
            ErrorsAsJson,
            server,
            loop=loop,
            access_log_class=self._requests.for_connections(),
            auto_decompress=False,
        )
        for each in await bound(self._configuration.host, self._configuration.port):
            each.in_plain_text = self.encryption is None
            options = tls_options(self.encryption)
            self._listening.append(await loop.create_server(protocol, sock=each, backlog=BACKLOG, **options))

    def begin(self, name: str, work: Coroutine[object, object, None]) -> None:
        """Have something done for as long as the server runs."""
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(telling_of_failure("relay_task_failed"))
        self._tasks.append(task)

    def _application(self, requests: RelayRequests) -> web.Application:
        application = web.Application(middlewares=[requests.failures_as_json])
        application[REQUEST_LOG] = self._requests
        application.on_response_prepare.append(mark_response)
        application.on_response_prepare.append(self._requests.prepare)
        router = application.router
        router.add_get("/healthz", self._get_health)
        router.add_get(READINESS_PATH, self._get_readiness)
        router.add_get(METRICS_PATH, requests.get_metrics)
        for version in ("", f"/{{version:{ONE_SEGMENT}}}"):
            path = f"{API_PREFIX}{version}/contests/{{contest_id:{ONE_SEGMENT}}}/event-feed{{slash:/?}}"
            router.add_get(path, requests.get_event_feed, expect_handler=expect)
        for path in (API_PREFIX, f"{API_PREFIX}/{{rest:.*}}", "/{rest:.*}"):
            router.add_route("*", path, requests.answer, expect_handler=expect)
        return application

    async def _get_health(self, _request: web.Request) -> web.Response:
        """The process is alive."""
        return web.json_response({"status": "alive"})

    async def _get_readiness(self, request: web.Request) -> web.Response:
        """Whether requests should be sent here, and if not, why."""
        found = self.readiness(in_detail=is_local(request, self._configuration))
        return web.Response(
            status=HTTPStatus.SERVICE_UNAVAILABLE if found.reasons else HTTPStatus.OK,
            body=msgspec.json.encode(found),
            content_type="application/json",
            headers={hdrs.CACHE_CONTROL: "no-store"},
        )


async def relay(
    configuration: Configuration,
    relayed: Relayed,
    limits: RelayLimits,
    announce: Callable[[RelayServer], Awaitable[None]],
) -> None:
    """Run a relay until SIGTERM; `announce` is called when it listens. Raises as its `start`, and UpstreamRefused."""
    server = RelayServer(configuration, relayed, limits)
    await serve_until_told(server, configuration, announce)
    if server.refused is not None:
        raise server.refused


async def _watch_process() -> None:
    measurements = ProcessMeasurements(program_version())
    while True:
        measurements.look()
        for _ in range(TICKS_PER_LOOK):
            await measurements.tick()
