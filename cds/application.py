"""The composition root: the only place that builds the server's parts and puts them together.

This module must not hold rules; it starts, wires and stops.
"""

import asyncio
import gc
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import cache, partial
from http import HTTPStatus
from importlib.metadata import version
from typing import cast

import msgspec
import structlog
from aiohttp import hdrs, web

from cds.administrator import ensure_admin
from cds.award_keeping import AwardKeeper
from cds.bearer_tokens import bearer_tokens
from cds.checkpoint_keeping import DUTY as CHECKPOINTS_DUTY
from cds.checkpoint_keeping import CheckpointKeeper
from cds.circumstances import SYSTEM
from cds.cms_api.parts import opened_cms
from cds.cms_api.routes import cms_api_routes
from cds.comparing.live import Comparisons
from cds.configuration import Configuration
from cds.contest_api.answers import AnswerCache
from cds.contest_api.away import IS_DATABASE_THERE
from cds.contest_api.board_channels import BoardChannels
from cds.contest_api.comparison import COMPARISONS
from cds.contest_api.cross_origin import mark_response
from cds.contest_api.errors import API_PREFIXES, CMS_AT_ROOT, ErrorsAsJson
from cds.contest_api.held_bodies import HELD_BODIES, HeldBodies
from cds.contest_api.middleware import errors_as_json
from cds.contest_api.routes import contest_api_routes, version_routes
from cds.contest_api.scoreboard_stream import BOARD_CHANNELS
from cds.contest_api.service import SLOT, Service, ServiceSlot
from cds.contest_clock import ContestClock
from cds.contests import Contests
from cds.duties import Duties
from cds.encryption import Encryption, tls_options
from cds.fan_out.fan_out import FanOut
from cds.identity import Identity
from cds.jetstream.taking_up import take_up_publishing
from cds.live_contest import Circumstances
from cds.loc_api.handlers import HANDLERS
from cds.loc_api.routes import loc_api_routes
from cds.matches.contests import DUTY as MATCHES_DUTY
from cds.matches.contests import MatchContests
from cds.matches.matches import match_parts
from cds.operations.encrypting import encryption_of
from cds.operations.metrics_page import METRICS_PATH, get_metrics
from cds.operations.readiness import READINESS_PATH, Checks, Readiness, readiness
from cds.operations.replaced_log import leaving_when_replaced, raise_refusal
from cds.operations.request_log import REQUEST_LOG, request_log_of
from cds.operations.watching import Watcher
from cds.pages.routes import page_routes
from cds.past.pasts import Pasts
from cds.platform_api.asking import BUDGET
from cds.platform_api.request_budget import RequestBudget
from cds.platform_api.routes import platform_api_routes
from cds.platforms.platforms import opened_in, opened_platforms
from cds.platforms.scheduling import DUTY as SYNC_DUTY
from cds.platforms.scheduling import Schedule
from cds.served_versions import EARLIER_VERSIONS
from cds.server_process import serve_until_told
from cds.shadows import Shadows
from cds.store_opening import opened_patiently
from cds.student_api.asking import BUCKETS, WHOLE_LISTS, WholeLists
from cds.student_api.request_buckets import RequestBuckets
from cds.student_api.routes import student_api_routes
from cds.students.keeping import DUTY as STUDENTS_DUTY
from cds.students.keeping import StudentKeeper
from cds.students.students import opened_students
from cds.token_keeping import new_key, token_maker
from cds.upstream.sources import Sources
from cds.users.ledger import users_ledger
from cds.users.tidying import DUTY as USERS_DUTY
from cds.users.tidying import keep_tidy
from cds.users.users import opened_users
from cds.webhooks.calling import CallRules
from cds.webhooks.webhooks import DUTY as WEBHOOKS_DUTY
from cds.webhooks.webhooks import opened_webhooks
from cds.workers.marks import OWN_MARKS
from cds.workers.membership import Membership, accepting
from eventstore.embedded.launcher import embedded_postgres
from eventstore.embedded.ownership import server_ownership
from eventstore.postgres import PostgresStore

DISTRIBUTION = "contest-data-server"
SHUTDOWN_S_MAX = 3.0
BODY_BYTES_MAX = 1024 * 1024
REPETITIONS_SECRET = "repetitions"  # noqa: S105 - the name of a secret, not one
ENTITY_TAGS_SECRET = "entity tags"  # noqa: S105 - as above

GARBAGE_THRESHOLDS = (20_000, 20, 50)
"""When cyclic garbage is looked for (gc.set_threshold): requests leave hardly any, and looking takes time from them."""

log = structlog.get_logger(__name__)


@cache
def program_version() -> str:
    """The version of this program, a semantic version. The installed package is asked once: its metadata is a file."""
    return version(DISTRIBUTION)


class Server:
    """One server process: it listens at once, and serves when the log has been read."""

    def __init__(
        self, configuration: Configuration, circumstances: Circumstances = SYSTEM, group: Membership | None = None
    ) -> None:
        """A server that has not been started; one of a `group`, whose supervisor sees to Postgres and to accounts."""
        self._group = group
        self._circumstances = circumstances
        self.made_up_password: str | None = None
        self.stopping = asyncio.Event()
        self._configuration = configuration
        self._closing = asyncio.Event()
        self._slot = ServiceSlot()
        self._store: PostgresStore | None = None
        self._runner: web.AppRunner | None = None
        self._listening: list[asyncio.Server] = []
        self._stack = AsyncExitStack()
        self.started_s = time.monotonic()
        self._requests = request_log_of(configuration)
        self.encryption: Encryption | None = None
        self.refusal: str | None = None

    @property
    def port(self) -> int:
        """The port on which the server listens, also when it was left to the system (0)."""
        for listening in self._listening:
            port: int = listening.sockets[0].getsockname()[1]
            return port
        return self._configuration.port

    @property
    def service(self) -> Service:
        """The parts of the running server; only after `start`."""
        if self._slot.service is None:
            raise RuntimeError("the server has not been started")
        return self._slot.service

    async def start(self) -> None:
        """Listen, open the store, read the log.

        Raises StoreRefused, EncryptionRefused, and OSError for an address in use.
        """
        log.info("starting", version=program_version(), host=self._configuration.host, pid=os.getpid())
        self.encryption = await asyncio.to_thread(encryption_of, self._configuration)
        self._runner = web.AppRunner(self._application(), shutdown_timeout=SHUTDOWN_S_MAX)
        await self._runner.setup()
        await self._listen(cast("web.Server", self._runner.server))
        await self._open()

    async def stop(self) -> None:
        """End the streams, let requests finish, close the store."""
        self._closing.set()
        for listening in self._listening:
            listening.close()
        if self._runner is not None:
            await self._runner.cleanup()
        await self._stack.aclose()
        self._requests.flush()

    def reload_certificate(self) -> None:
        """Take the certificate as it is now, for connections from now on."""
        if self.encryption is not None:
            self.encryption.reload()

    def stop_soon(self, reason: str) -> None:
        """Have `serve` stop this server; it is not ready from here on."""
        if not self.stopping.is_set():
            log.info("stopping", reason=reason, drain_s=self._configuration.drain_s)
            self.stopping.set()

    def readiness(self) -> Readiness:
        """How ready this process is."""
        service = self._slot.service
        checks = Checks(
            database=self._store is not None and self._store.reachable,
            log_read=service is not None,
            following=service is not None and service.contests.following,
            staying=not self.stopping.is_set() and not self._closing.is_set(),
        )
        contests = 0 if service is None else sum(1 for _ in service.contests)
        return readiness(checks, contests=contests, pid=os.getpid())

    async def _listen(self, server: web.Server) -> None:
        """Accept connections: from the sockets of the group, else from one of our own. Raises OSError."""
        loop = asyncio.get_running_loop()
        # In place of a TCPSite, which leaves no choice of the protocol.
        protocol = partial(ErrorsAsJson, server, loop=loop, access_log_class=self._requests.for_connections())
        listen = partial(loop.create_server, protocol, **tls_options(self.encryption))
        sockets, at_once = await accepting(self._group, self._configuration.host, self._configuration.port)
        for each in sockets:
            each.in_plain_text = self.encryption is None
            self._listening.append(await listen(sock=each, backlog=at_once))

    async def _open(self) -> None:
        configuration = self._configuration
        dsn = configuration.database_url
        if dsn is None:
            self._stack.enter_context(server_ownership(configuration.data_dir))
            dsn = await self._stack.enter_async_context(embedded_postgres(configuration.data_dir))
        store = await opened_patiently(
            dsn, self.stopping, presence_number=None if self._group is None else self._group.presence_number
        )
        if store is None:
            return
        self._store = store
        self._stack.push_async_callback(store.close)
        # All that can be asked for before the log is read: afterwards, what was read is being decoded in between.
        tokens = await token_maker(store)
        entity_tags_key, repetition_key = [
            await store.secret(name, new_key) for name in (ENTITY_TAGS_SECRET, REPETITIONS_SECRET)
        ]
        cms = await opened_cms(store, configuration.cms)
        bearers, users_in_memory = await bearer_tokens(store), users_ledger(store)
        identity = Identity(store, bearers, throttled=configuration.rate_limits, users=users_in_memory)
        self._stack.callback(identity.close)
        contests = Contests(store, tokens, OWN_MARKS if self._group is None else self._group.marks)
        self._stack.push_async_callback(contests.close)
        # Passwords are slow on purpose, and another core has time for one meanwhile.
        self.made_up_password, _ = await asyncio.gather(self._admin_password(store), _loaded(contests))
        clock, awards = ContestClock(contests, self._circumstances), AwardKeeper(contests, self._circumstances)
        self._stack.push_async_callback(awards.stop)
        duties = Duties(store)
        webhooks = await self._stack.enter_async_context(
            opened_webhooks(
                store,
                contests,
                tokens,
                self._circumstances,
                CallRules(
                    version=program_version(),
                    private_allowed=configuration.webhook_allow_private,
                    call_s_max=configuration.webhook_call_s_max,
                ),
                may_call=partial(duties.holds, WEBHOOKS_DUTY),
            )
        )
        platforms = await self._stack.enter_async_context(
            opened_platforms(
                store, opened_in(contests), self._circumstances, configuration.platforms, program_version()
            )
        )
        students = await self._stack.enter_async_context(
            opened_students(store, platforms.client, self._circumstances, configuration.students)
        )
        users = await self._stack.enter_async_context(
            opened_users(
                store,
                users_in_memory,
                identity,
                bearers,
                self._circumstances,
                configuration.users,
                rate_limits=configuration.rate_limits,
            )
        )
        matches = await match_parts(store, users.fresh, self._circumstances)
        match_contests = MatchContests(matches.register, opened_in(contests), self._circumstances)
        matches.register.watch(match_contests.bring_level)
        self._stack.push_async_callback(duties.stop)
        if configuration.checkpoint_events is not None:
            keeper = CheckpointKeeper(store, tokens, dsn, contests, configuration.checkpoint_events)
            duties.take_up(CHECKPOINTS_DUTY, keeper.run)
        duties.take_up("contest clock", clock.play)
        duties.take_up("award watch", awards.watch)
        duties.take_up(WEBHOOKS_DUTY, webhooks.delivery.run)
        if configuration.platforms.every_s > 0:
            schedule = Schedule(platforms.syncing, configuration.platforms.every_s, self._circumstances)
            duties.take_up(SYNC_DUTY, schedule.keep)
        of_students = StudentKeeper(students.register, students.syncing, self._circumstances, configuration.platforms)
        duties.take_up(STUDENTS_DUTY, of_students.keep)
        duties.take_up(USERS_DUTY, partial(keep_tidy, users.register))
        duties.take_up(MATCHES_DUTY, match_contests.keep)
        Sources(store, contests, tokens, self._circumstances, program_version()).take_up(configuration.sources, duties)
        take_up_publishing(configuration.publishing, contests, tokens, duties)
        self._slot.service = Service(
            store=store,
            contests=contests,
            shadows=Shadows(store, tokens),
            identity=identity,
            tokens=tokens,
            answers=AnswerCache(entity_tags_key),
            pasts=Pasts(store, tokens),
            closing=self._closing,
            feeds=FanOut(identity.valid, self._closing, configuration.keep_alive_s, configuration.feed_limits),
            version=program_version(),
            keep_alive_s=configuration.keep_alive_s,
            circumstances=self._circumstances,
            clock=clock,
            awards=awards,
            webhooks=webhooks,
            platforms=platforms,
            students=students,
            cms=cms,
            users=users,
            matches=matches,
            repetition_key=repetition_key,
            auto_login=configuration.auto_login,
            trusted_proxies=configuration.trusted_proxies,
            base_url=configuration.base_url,
            behind_proxy=configuration.behind_proxy,
            rate_limits=configuration.rate_limits,
            edge_secret=configuration.edge_secret,
            publishes=configuration.publishes,
        )
        watcher = Watcher(store, contests, program_version())
        watcher.start()
        self._stack.callback(leaving_when_replaced(store, self).cancel)
        self._stack.push_async_callback(watcher.stop)
        log.info(
            "ready",
            port=self.port,
            contests=sum(1 for _ in contests),
            events=sum(contest.position for contest in contests),
            duration_s=round(time.monotonic() - self.started_s, 3),
        )

    async def _admin_password(self, store: PostgresStore) -> str | None:
        """See to the account of the administrator; its password when one was made up. A group has had it seen to."""
        return await ensure_admin(store, self._configuration.admin_password) if self._group is None else None

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[errors_as_json], client_max_size=BODY_BYTES_MAX)
        application[SLOT] = self._slot
        application[API_PREFIXES] = self._configuration.prefixes
        application[CMS_AT_ROOT] = self._configuration.cms.contest_id is not None
        application[HELD_BODIES] = HeldBodies()
        application[REQUEST_LOG] = self._requests
        application[IS_DATABASE_THERE] = lambda: self._store is None or self._store.reachable
        application[BOARD_CHANNELS] = BoardChannels(self._configuration.feed_limits.board_beat_s)
        application[COMPARISONS] = Comparisons()
        application[BUDGET] = RequestBudget()
        application[BUCKETS] = RequestBuckets(requests_max=self._configuration.students.syncs_at_once)
        application[WHOLE_LISTS] = WholeLists()
        application.on_response_prepare.append(mark_response)
        application.on_response_prepare.append(self._requests.prepare)
        application.router.add_get("/healthz", self._get_health)
        application.router.add_get(READINESS_PATH, self._get_readiness)
        application.router.add_get(METRICS_PATH, get_metrics)
        for prefix in self._configuration.prefixes:
            application.router.add_routes(
                contest_api_routes(prefix, for_edges=self._configuration.edge_secret is not None)
            )
            application.router.add_routes(student_api_routes(prefix))
            for earlier in EARLIER_VERSIONS:
                application.router.add_routes(version_routes(prefix, earlier))
        application.router.add_routes(platform_api_routes())
        application.router.add_routes(loc_api_routes(HANDLERS))
        application.router.add_routes(page_routes(self._configuration.prefixes))
        application.router.add_routes(cms_api_routes(self._configuration.cms.contest_id))
        return application

    async def _get_health(self, _request: web.Request) -> web.Response:
        """The process is alive."""
        return web.json_response({"status": "alive"})

    async def _get_readiness(self, _request: web.Request) -> web.Response:
        """Whether requests should be sent here, and if not, why."""
        found = self.readiness()
        return web.Response(
            status=HTTPStatus.OK if found.ready else HTTPStatus.SERVICE_UNAVAILABLE,
            body=msgspec.json.encode(found),
            content_type="application/json",
            headers={hdrs.CACHE_CONTROL: "no-store"},
        )


async def serve(
    configuration: Configuration, announce: Callable[[Server], Awaitable[None]], group: Membership | None = None
) -> None:
    """Run a server until SIGTERM or SIGINT; `announce` is called when it is ready.

    Raises as `Server.start`, and LogReplaced when the database has come to hold another log.
    """
    server = Server(configuration, group=group)
    await serve_until_told(server, configuration, announce)
    raise_refusal(server)


async def _loaded(contests: Contests) -> None:
    """Read the log without looking for cyclic garbage: none arises there, and what is read stays for good."""
    gc.disable()
    try:
        await contests.load()
    finally:
        gc.freeze()
        gc.set_threshold(*GARBAGE_THRESHOLDS)
        gc.enable()
