"""The composition root: the only place that builds the server's parts and puts them together.

This module must not hold rules; it starts, wires and stops.
"""

import asyncio
import gc
import secrets
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path
from typing import cast

import structlog
from aiohttp import web

from cds.award_keeping import AwardKeeper
from cds.circumstances import SYSTEM
from cds.configuration import Configuration
from cds.contest_api.answers import AnswerCache
from cds.contest_api.cross_origin import mark_response
from cds.contest_api.errors import ErrorsAsJson
from cds.contest_api.held_bodies import HELD_BODIES, HeldBodies
from cds.contest_api.middleware import errors_as_json
from cds.contest_api.routes import contest_api_routes
from cds.contest_api.service import SLOT, Service, ServiceSlot
from cds.contest_clock import ContestClock
from cds.contests import Contests
from cds.identity import Identity, matches, password_hash
from cds.live_contest import Circumstances
from eventstore.embedded.launcher import embedded_postgres
from eventstore.embedded.ownership import server_ownership
from eventstore.postgres import PostgresStore
from eventstore.store import EventStore, ServerAccount, StoreRefused, StoreUnavailable
from projections.tokens import KEY_BYTES, TokenMaker

DISTRIBUTION = "contest-data-server"
ADMIN_USERNAME = "admin"
PASSWORD_BYTES = 12
SHUTDOWN_S_MAX = 3.0
RETRY_S = 0.5
BODY_BYTES_MAX = 1024 * 1024
BACKLOG = 1_024
"""Connections that may wait to be accepted: a whole contest reconnects at once."""

TOKENS_SECRET = "tokens"  # noqa: S105 - the name of a secret, not one
REPETITIONS_SECRET = "repetitions"  # noqa: S105 - as above
ENTITY_TAGS_SECRET = "entity tags"  # noqa: S105 - as above

log = structlog.get_logger(__name__)


def program_version() -> str:
    """The version of this program, a semantic version."""
    return version(DISTRIBUTION)


@asynccontextmanager
async def opened_store(
    data_dir: Path, database_url: str | None, *, linger_s: float = 0, make: bool = True
) -> AsyncIterator[PostgresStore]:
    """The event store: at `database_url`, or in the embedded Postgres under `data_dir`.

    `make`: whether a data directory is made where there is none; otherwise StoreRefused is raised.
    """
    if database_url is None and not make and not await asyncio.to_thread(data_dir.is_dir):
        raise StoreRefused(f"there is no data directory {data_dir}")
    async with AsyncExitStack() as stack:
        dsn = database_url
        if dsn is None:
            dsn = await stack.enter_async_context(embedded_postgres(data_dir, linger_s=linger_s))
        store = await PostgresStore.open(dsn)
        stack.push_async_callback(store.close)
        yield store


async def token_maker(store: EventStore) -> TokenMaker:
    """The maker of feed tokens, under the key that the database keeps."""
    return TokenMaker(await store.secret(TOKENS_SECRET, _new_key))


async def ensure_admin(store: EventStore, wanted: str | None) -> str | None:
    """See to it that there is an account `admin`; returns its password when one had to be made up."""
    present = (await store.server_accounts()).get(ADMIN_USERNAME)
    if wanted is None and present is not None:
        return None
    if wanted is not None and present is not None and await asyncio.to_thread(matches, present.password_hash, wanted):
        return None
    password = wanted or secrets.token_urlsafe(PASSWORD_BYTES)
    hashed = await asyncio.to_thread(password_hash, password)
    await store.put_server_account(ServerAccount(username=ADMIN_USERNAME, role="admin", password_hash=hashed))
    return None if wanted else password


class Server:
    """One server process: it listens at once, and serves when the log has been read."""

    def __init__(self, configuration: Configuration, circumstances: Circumstances = SYSTEM) -> None:
        """A server that has not been started."""
        self._circumstances = circumstances
        self.made_up_password: str | None = None
        self.stopping = asyncio.Event()
        self._configuration = configuration
        self._closing = asyncio.Event()
        self._slot = ServiceSlot()
        self._store: PostgresStore | None = None
        self._runner: web.AppRunner | None = None
        self._listening: asyncio.Server | None = None
        self._stack = AsyncExitStack()

    @property
    def port(self) -> int:
        """The port on which the server listens, also when it was left to the system (0)."""
        if self._listening is None or not self._listening.sockets:
            return self._configuration.port
        port: int = self._listening.sockets[0].getsockname()[1]
        return port

    @property
    def service(self) -> Service:
        """The parts of the running server; only after `start`."""
        if self._slot.service is None:
            raise RuntimeError("the server has not been started")
        return self._slot.service

    async def start(self) -> None:
        """Listen, open the store, read the log. Raises StoreRefused, and OSError for an address in use."""
        self._runner = web.AppRunner(self._application(), shutdown_timeout=SHUTDOWN_S_MAX)
        await self._runner.setup()
        loop = asyncio.get_running_loop()
        # In place of a TCPSite, which leaves no choice of the protocol. After its setup the runner has a server.
        protocol = partial(ErrorsAsJson, cast("web.Server", self._runner.server), loop=loop)
        self._listening = await loop.create_server(
            protocol, self._configuration.host, self._configuration.port, backlog=BACKLOG
        )
        await self._open()

    async def stop(self) -> None:
        """End the streams, let requests finish, close the store."""
        self._closing.set()
        if self._listening is not None:
            self._listening.close()
        if self._runner is not None:
            await self._runner.cleanup()
        await self._stack.aclose()

    async def _open(self) -> None:
        configuration = self._configuration
        dsn = configuration.database_url
        if dsn is None:
            self._stack.enter_context(server_ownership(configuration.data_dir))
            dsn = await self._stack.enter_async_context(embedded_postgres(configuration.data_dir))
        store = await _opened_patiently(dsn, self.stopping)
        if store is None:
            return
        self._store = store
        self._stack.push_async_callback(store.close)
        self.made_up_password = await ensure_admin(store, configuration.admin_password)
        tokens = await token_maker(store)
        identity = Identity(store)
        self._stack.callback(identity.close)
        contests = Contests(store, tokens)
        self._stack.push_async_callback(contests.close)
        await _loaded(contests)
        clock, awards = ContestClock(contests, self._circumstances), AwardKeeper(contests, self._circumstances)
        for keeper in (clock, awards):
            keeper.start()
            self._stack.push_async_callback(keeper.stop)
        self._slot.service = Service(
            store=store,
            contests=contests,
            identity=identity,
            tokens=tokens,
            answers=AnswerCache(await store.secret(ENTITY_TAGS_SECRET, _new_key)),
            closing=self._closing,
            version=program_version(),
            keep_alive_s=configuration.keep_alive_s,
            circumstances=self._circumstances,
            clock=clock,
            awards=awards,
            repetition_key=await store.secret(REPETITIONS_SECRET, _new_key),
            auto_login=configuration.auto_login,
            trusted_proxies=configuration.trusted_proxies,
            base_url=configuration.base_url,
        )
        log.info("ready", contests=sum(1 for _ in contests))

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[errors_as_json], client_max_size=BODY_BYTES_MAX)
        application[SLOT] = self._slot
        application[HELD_BODIES] = HeldBodies()
        application.on_response_prepare.append(mark_response)
        application.router.add_get("/healthz", self._get_health)
        application.router.add_get("/readyz", self._get_readiness)
        for prefix in self._configuration.prefixes:
            application.router.add_routes(contest_api_routes(prefix))
        return application

    async def _get_health(self, _request: web.Request) -> web.Response:
        """The process is alive."""
        return web.json_response({"status": "alive"})

    async def _get_readiness(self, _request: web.Request) -> web.Response:
        """Whether the log has been read and the database answers."""
        service = self._slot.service
        reachable = self._store is not None and self._store.reachable
        ready = service is not None and service.contests.following and reachable
        status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
        return web.json_response({"status": "ready" if ready else "not ready"}, status=status)


async def serve(configuration: Configuration, announce: Callable[[Server], Awaitable[None]]) -> None:
    """Run a server until SIGTERM or SIGINT; `announce` is called when it is ready. Raises as `Server.start`."""
    server = Server(configuration)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stopping.set)
    starting = asyncio.create_task(_start_and_announce(server, announce))
    stopping = asyncio.create_task(server.stopping.wait())
    try:
        done, _ = await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
        if starting in done:
            starting.result()
            await stopping
    finally:
        for task in (starting, stopping):
            task.cancel()
        await asyncio.gather(starting, stopping, return_exceptions=True)
        await server.stop()
    log.info("stopped")


async def _start_and_announce(server: Server, announce: Callable[[Server], Awaitable[None]]) -> None:
    await server.start()
    if not server.stopping.is_set():
        await announce(server)


async def _opened_patiently(dsn: str, stopping: asyncio.Event) -> PostgresStore | None:
    """The store, as soon as its database can be reached; None when the server is to stop before that."""
    while not stopping.is_set():
        try:
            return await PostgresStore.open(dsn)
        except StoreUnavailable as away:
            log.warning("database_unavailable", reason=str(away), retry_in_s=RETRY_S)
            await asyncio.sleep(RETRY_S)
    return None


async def _loaded(contests: Contests) -> None:
    """Read the log without looking for cyclic garbage: none arises there, and what is read stays for good."""
    gc.disable()
    try:
        await contests.load()
    finally:
        gc.freeze()
        gc.enable()


def _new_key() -> bytes:
    return secrets.token_bytes(KEY_BYTES)
