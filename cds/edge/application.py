"""The composition root of an edge: a relay that has views of what is published over JetStream.

This module must not hold rules; it starts, wires and stops.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable

import msgspec
import structlog
from aiohttp import web
from yarl import URL

from cds import metrics
from cds.application import program_version
from cds.configuration import Configuration
from cds.edge.anonymous import Networks
from cds.edge.audience import EdgeAudience
from cds.edge.contests import EAGER_ROLE, EdgeContests
from cds.edge.core import SECRET_REFUSED, Core
from cds.edge.event_feed import EdgeFeeds
from cds.edge.file_directory import file_directory
from cds.edge.files import EdgeFiles
from cds.edge.limits import EdgeLimits
from cds.edge.requests import EdgeParts, EdgeRequests, RelayParts
from cds.edge.scoreboard import EdgeScoreboards
from cds.edge.served import Views
from cds.edge.viewers import EdgeViewers
from cds.edge.writing import WritesMode, Writing, WritingParts
from cds.fan_out.fan_out import FanOut
from cds.fan_out.waiting import is_set_within
from cds.jetstream.connecting import INBOX_OF_EDGES, connected
from cds.jetstream.settings import NatsServers
from cds.relay.application import Relayed, Relaying, RelayReadiness, RelayServer
from cds.relay.kept_answers import WhileAway
from cds.relay.limits import RelayLimits
from cds.relay.passing_on import PassingOn
from cds.relay.requests import RelayRequests
from cds.server_process import serve_until_told

MEASURED_EVERY_S = 1.0
"""How often it is measured for how long NATS has been looked for."""

log = structlog.get_logger(__name__)


class Edged(msgspec.Struct, frozen=True, kw_only=True):
    """What is served at an edge: the core that is asked and passed on to, and where its lines come from.

    `core_public` is where clients find the core who are sent there; None: where it is asked.
    """

    core: Relayed
    secret: str
    nats: NatsServers
    prefix: str
    writes: WritesMode = "pass"
    core_public: URL | None = None


class RoleLag(msgspec.Struct, frozen=True, kw_only=True):
    """How far behind JetStream the view of a role is."""

    contest: str
    role: str
    lines: int
    messages_behind: int
    seconds_behind: float


class EdgeReadiness(RelayReadiness, frozen=True, kw_only=True):
    """The answer of `/readyz` of an edge, to anybody. `seconds_behind` is that of what the public is shown."""

    nats: bool
    core: bool
    seconds_behind: float


class EdgeStanding(EdgeReadiness, frozen=True, kw_only=True):
    """The same for programs on this machine.

    How many lines a role has been told, or has yet to be, shows everything that happens in the freeze; and the longest
    of all times counts here.
    """

    upstream: str
    audiences: int
    messages_behind: int
    set_aside: list[str]
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
        self._core: Core | None = None
        self._viewers: EdgeViewers | None = None

    def readiness(self, *, in_detail: bool = True) -> RelayReadiness:
        """How ready this process is: while NATS or the core is away, it serves on what it has views of."""
        contests = self._contests
        views = [] if contests is None else [_lag_of(each) for each in contests]
        public = [each for each in views if each.role == EAGER_ROLE]
        reasons = self._reasons()
        told = EdgeReadiness(
            status="not ready" if reasons else "ready",
            reasons=reasons,
            pid=os.getpid(),
            nats=contests is not None and contests.connected,
            core=self._core_reachable,
            seconds_behind=_longest_s(public),
        )
        if not in_detail:
            return told
        return EdgeStanding(
            **{**msgspec.structs.asdict(told), "seconds_behind": _longest_s(views)},
            upstream=str(self._edged.core.url),
            audiences=0 if self._audiences is None else len(self._audiences),
            messages_behind=max((each.messages_behind for each in views), default=0),
            set_aside=[] if contests is None else contests.set_aside,
            views=views,
        )

    def _reasons(self) -> list[str]:
        """Why no requests should be sent here."""
        contests, behind_s_max = self._contests, self._edge_limits.behind_s_max
        reasons = [] if self._stays() else ["the edge is stopping"]
        if contests is None or not contests.ready:
            reasons.append("what is published has not been read yet")
        elif behind_s_max is not None and contests.seconds_behind > behind_s_max:
            reasons.append(f"it has been behind for more than {behind_s_max:g} s")
        if self._core is not None and self._core.secret_refused:
            reasons.append(SECRET_REFUSED)
        elif not self._knows_anybody():
            reasons.append("the core cannot be reached, and has not said yet who anybody is")
        return reasons

    def _knows_anybody(self) -> bool:
        """Whether somebody who comes can be answered: an edge that began while the core was away has no word of it."""
        if self._viewers is None or self._contests is None or self._core_reachable:
            return True
        return self._viewers.know_some_of(each.contest_id for each in self._contests)

    @property
    def _core_reachable(self) -> bool:
        return self._upstream is not None and self._upstream.reachable

    async def _requests_over(self, relaying: Relaying) -> RelayRequests:
        """The handlers: those of a relay behind those of views."""
        configuration, limits, edged = self._configuration, self._edge_limits, self._edged
        core = self._core = Core(relaying.upstream, edged.secret, configuration)

        async def changed(contest_id: str, networks: Networks) -> None:
            """Who read as the public from there comes back, and is told what holds now."""
            for audience in contests.of(contest_id):
                await fan_out.end_those(
                    audience, "login", lambda client: client.viewer.token_mark is None and client.address in networks
                )

        viewers = self._viewers = EdgeViewers(core, relaying.audiences, limits, configuration, changed)
        fan_out = FanOut[EdgeAudience](
            lambda viewer, audience: audience.ended is None and viewers.may_go_on(viewer),
            self._closing,
            configuration.keep_alive_s,
            configuration.feed_limits,
        )
        fan_out.places, fan_out.board_places = relaying.fan_out.places, relaying.fan_out.board_places
        contests = self._contests = EdgeContests(edged.prefix, core, limits, fan_out.end_streams)
        self.begin("find contests", self._find_contests(contests))
        self.begin(
            "see who is known", viewers.look_after(lambda: {each.contest_id for each in contests}, self._closing)
        )
        directory = self._stack.enter_context(file_directory(configuration.data_dir))
        passing_on = PassingOn(
            relaying.upstream,
            relaying.audiences,
            relaying.boards,
            self._limits,
            contests,
            away=WhileAway(kept_s=limits.viewer_kept_away_s, wait_s=limits.viewer_wait_s),
        )
        viewers.refused = relaying.audiences.refused = passing_on.refused
        self._stack.push_async_callback(passing_on.close)
        sent_to = (edged.core_public or edged.core.url) if edged.writes == "redirect" else None
        writing = WritingParts(
            upstream=relaying.upstream, core=core, contests=contests, viewers=viewers, passing_on=passing_on
        )
        further = EdgeParts(
            core=core,
            viewers=viewers,
            views=Views(contests, viewers, configuration),
            feeds=EdgeFeeds(core, fan_out, limits),
            scoreboards=EdgeScoreboards(viewers, fan_out, self._closing, configuration.keep_alive_s),
            files=EdgeFiles(relaying.upstream, contests, directory, limits),
            writing=Writing(writing, sent_to, limits),
        )
        parts = RelayParts(
            feeds=relaying.feeds,
            scoreboards=relaying.scoreboards,
            passing_on=passing_on,
            upstream=relaying.upstream,
        )
        return EdgeRequests(parts, further, configuration)

    async def _find_contests(self, contests: EdgeContests) -> None:
        """Follow what is published, over one connection after the other: one may be closed for good."""
        try:
            while not self._closing.is_set():
                await self._find_contests_once(contests)
                await is_set_within(self._closing, self._edge_limits.discover_s)
        finally:
            await contests.close()

    async def _find_contests_once(self, contests: EdgeContests) -> None:
        """Connect as soon as NATS is there, and follow what is published until all ends, or the connection."""
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(_measure_waiting(), name="wait for NATS")
            connection = await connected(self._edged.nats, f"cds edge {program_version()}", INBOX_OF_EDGES)
            waiting.cancel()
        try:
            await contests.look_after(connection, self._closing)
        except Exception:
            # Not swallowed: told of, and tried again; what is followed goes on meanwhile.
            log.exception("edge_contests_failed")
        finally:
            await connection.close()

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


async def _measure_waiting() -> None:
    """Measure how far behind an edge is that has not reached NATS yet."""
    loop = asyncio.get_running_loop()
    begun_s = loop.time()
    while True:
        metrics.EDGE_LAG_S.set(loop.time() - begun_s)
        await asyncio.sleep(MEASURED_EVERY_S)


def _longest_s(views: Iterable[RoleLag]) -> float:
    return max((each.seconds_behind for each in views), default=0.0)


def _lag_of(audience: EdgeAudience) -> RoleLag:
    lag = audience.lag
    return RoleLag(
        contest=audience.contest_id,
        role=audience.role,
        lines=audience.view.line_count,
        messages_behind=lag.messages,
        seconds_behind=round(lag.seconds, 3),
    )
