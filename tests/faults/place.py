"""Where a round takes place: Postgres, a server or a group of workers, a relay, and bad networks between them.

What is killed is started again, as whatever starts services on a machine would do. This module knows processes; it
must not know what is written or read.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import asyncpg

from eventstore.embedded.launcher import embedded_postgres
from eventstore.embedded.layout import READY, Layout, Status, dsn, read_status
from eventstore.embedded.locks import is_held_exclusively
from tests.acceptance.command_line import EXECUTED, SERVING, Process, started, until
from tests.faults.processes import children_of, command_of, signalled
from tests.faults.proxy import Proxy
from tests.faults.schedule import Deployment

PASSWORD = "secret"
WORKERS = 2
START_S_MAX = 90.0
"""How long a server may take to serve on a machine that is busy with other things, the database being away included."""

STOP_S_MAX = 90.0
"""How long Postgres may take to stop after that."""

RESTART_S = 0.1
"""How long a service stays dead before it is started again."""

WORKER_MODULE = "cds.workers.worker"
POSTGRES_SOCKET = ".s.PGSQL.5432"
RELAY_OPTIONS = ("--relay-limit", "first_pause_s=0.05", "--relay-limit", "pause_s_max=0.5")


class Service:
    """A command that is started again whenever it ends, until it is told to stop; clients reach it through a proxy."""

    def __init__(
        self,
        name: str,
        arguments: Callable[[], tuple[str | Path, ...]],
        directory: Path,
        proxy: Proxy,
        variables: Mapping[str, str],
    ) -> None:
        """`arguments` are asked for at each start, `proxy` is led to whatever port the command says."""
        self._name = name
        self._arguments = arguments
        self._directory = directory
        self._proxy = proxy
        self._variables = variables
        self._process: Process | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._serving = asyncio.Event()
        self.starts = 0

    @property
    def pid(self) -> int | None:
        """Its process, None while it does not run."""
        return None if self._process is None or self._process.poll() is not None else self._process.pid

    @property
    def is_serving(self) -> bool:
        """Whether it runs and has said that it serves."""
        return self._serving.is_set()

    @property
    def log(self) -> Path:
        """Where it logs."""
        return self._directory / f"{self._name}.err"

    async def start(self) -> None:
        """Start it, and come back when it serves."""
        self._keeping = asyncio.create_task(self._keep(), name=self._name)
        await self.until_serving()

    async def until_serving(self) -> None:
        """Come back when it runs and has said that it serves. Raises TimeoutError."""
        async with asyncio.timeout(START_S_MAX):
            await self._serving.wait()

    async def kill(self) -> bool:
        """SIGKILL; comes back when it is dead. Says whether it ran."""
        pid = self.pid
        if pid is None:
            return False
        self._serving.clear()
        signalled(pid, signal.SIGKILL)
        await until(lambda: self.pid is None)
        return True

    async def stop(self) -> None:
        """End it for good: politely, and by force if that takes long."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            with suppress(TimeoutError):
                await until(lambda: self.pid is None, 15.0)
            self._process.kill()
            await until(lambda: self.pid is None)

    async def _keep(self) -> None:
        while True:
            self.starts += 1
            out = self._directory / f"{self._name}-{self.starts}.out"
            with Path(os.devnull).open() as nothing, out.open("w") as said, self.log.open("a") as errors:
                self._process = started(
                    self._arguments(),
                    cwd=self._directory,
                    files=(nothing, said, errors),
                    executing=EXECUTED,
                    variables=self._variables,
                )
            await self._until_said(out)
            await until(lambda: self.pid is None, float("inf"))
            self._serving.clear()
            await asyncio.sleep(RESTART_S)

    async def _until_said(self, out: Path) -> None:
        """Lead clients to the port that it says, unless it dies before."""
        while self.pid is not None:
            lines = [line for line in out.read_text().splitlines(keepends=True) if line.startswith(SERVING)]
            if lines and lines[0].endswith("\n"):
                port = int(lines[0].split(":")[2].split("/")[0])
                self._proxy.target = ("127.0.0.1", port)
                self._serving.set()
                return
            await asyncio.sleep(0.02)


class Place:
    """Everything that runs in a round."""

    def __init__(self, deployment: Deployment, directory: Path) -> None:
        """Nothing runs yet."""
        self.deployment = deployment
        self.directory = directory
        self.data_dir = directory / "data"
        self.database = Proxy(speaks_postgres=True)
        self.clients = Proxy()
        self.relay_clients = Proxy()
        self.server: Service
        self.relay: Service

    @property
    def base(self) -> str:
        """The base URL for clients, with a slash at its end."""
        return f"http://127.0.0.1:{self.clients.port}/api/"

    @property
    def relay_base(self) -> str:
        """The same at the relay."""
        return f"http://127.0.0.1:{self.relay_clients.port}/api/"

    @property
    def is_embedded(self) -> bool:
        """Whether the server has its own Postgres."""
        return self.deployment.startswith("embedded")

    @property
    def workers(self) -> list[int]:
        """The processes that serve."""
        pid = self.server.pid
        if pid is None or not self.deployment.endswith("group"):
            return [] if pid is None else [pid]
        return [child for child in children_of(pid) if WORKER_MODULE in command_of(child)]

    @property
    def postgres(self) -> Status | None:
        """What the keeper of Postgres says."""
        return read_status(Layout(self.data_dir.resolve()))

    def database_arguments(self) -> tuple[str | Path, ...]:
        """How a command is led to the database, past every proxy."""
        if self.is_embedded:
            return ("--data-dir", self.data_dir)
        status = self.postgres
        assert status is not None
        return ("--database-url", dsn(status.socket_dir))

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection of our own to Postgres, past every proxy. While it is away, raises one of breaking.AWAY."""
        status = self.postgres
        if status is None or status.state != READY:
            raise ConnectionError("Postgres is not there")
        connection = await asyncpg.connect(dsn(status.socket_dir), timeout=5.0, command_timeout=10.0)
        try:
            yield connection
        finally:
            connection.terminate()

    def served_arguments(self) -> tuple[str | Path, ...]:
        """What the server is told at each start."""
        if self.is_embedded:
            where: tuple[str | Path, ...] = ("--data-dir", self.data_dir)
        else:
            where = ("--database-url", f"postgresql://cds@127.0.0.1:{self.database.port}/cds?sslmode=disable")
        workers = ("--workers", str(WORKERS)) if self.deployment.endswith("group") else ()
        return ("serve", "--port", "0", "--log-format", "json", *where, *workers)

    def relayed_arguments(self) -> tuple[str | Path, ...]:
        """What the relay is told: it comes through the same bad network as all clients."""
        return ("relay", self.base.removesuffix("/"), "--port", "0", "--log-format", "json", *RELAY_OPTIONS)


async def until_postgres_stopped(data_dir: Path) -> None:
    """Come back when the keeper has stopped Postgres, after whoever used it has gone. Raises TimeoutError."""
    layout = Layout(data_dir.resolve())
    await until(lambda: not layout.owner.exists() or not is_held_exclusively(layout.owner), STOP_S_MAX)


@asynccontextmanager
async def placed(
    deployment: Deployment, directory: Path, variables: Mapping[str, str], *, durable: bool
) -> AsyncIterator[Place]:
    """A place that serves, for the length of the block; nothing of it is left running."""
    place = Place(deployment, directory)
    variables = {"CDS_ADMIN_PASSWORD": PASSWORD, "CDS_WEBHOOK_ALLOW_PRIVATE": "1", **variables}
    async with AsyncExitStack() as stack:
        stack.push_async_callback(until_postgres_stopped, place.data_dir)
        for proxy in (place.database, place.clients, place.relay_clients):
            await stack.enter_async_context(proxy)
        if not place.is_embedded:
            await stack.enter_async_context(embedded_postgres(place.data_dir, durable=durable))
            status = place.postgres
            assert status is not None
            place.database.target = Path(status.socket_dir) / POSTGRES_SOCKET
        place.server = Service("serve", place.served_arguments, directory, place.clients, variables)
        place.relay = Service("relay", place.relayed_arguments, directory, place.relay_clients, variables)
        for service in (place.server, place.relay):
            stack.push_async_callback(service.stop)
            await service.start()
        yield place
