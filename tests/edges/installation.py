"""An installation on this machine: Postgres, a core with two workers, three nodes of NATS, two edges.

This module starts and finds its processes; it must not know what is done to them.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec

from eventstore.embedded.launcher import embedded_postgres
from tests.cds.contest_api.serving import ADMIN_PASSWORD, fill
from tests.cds.contest_api.small_contest import small_contest
from tests.eventstore.embedded_processes import wait_until_ended
from tests.faults.processes import children_of
from tests.nats_servers import NatsNode, free_ports, nats_cluster

CONTEST_ID = "small"
EDGES = 2
WORKERS = 2
REPLICAS = 3
SECRET = "a secret between the core and the edges of a campaign"
READY_S_MAX = 60.0
ASKED_EVERY_S = 0.1

LISTED = Path("/proc/net/tcp")
ESTABLISHED = "01"


class Installation(msgspec.Struct, frozen=True):
    """Where everything is. `core_pid` is the supervisor of the workers."""

    core: str
    edges: tuple[str, ...]
    nodes: list[NatsNode]
    core_pid: int

    def publishing_worker(self) -> int:
        """The worker that is connected to NATS. Raises LookupError while none is."""
        ports = {node.port for node in self.nodes}
        for worker in children_of(self.core_pid):
            if ports & remote_ports(worker):
                return worker
        raise LookupError("no worker publishes")


@asynccontextmanager
async def installed(directory: Path) -> AsyncIterator[Installation]:
    """Everything started, and ready when the block begins."""
    async with AsyncExitStack() as stack:
        stack.push_async_callback(asyncio.to_thread, wait_until_ended, directory / "database")
        dsn = await stack.enter_async_context(embedded_postgres(directory / "database"))
        await fill(dsn, [small_contest(CONTEST_ID, "frozen")])
        nodes = await stack.enter_async_context(nats_cluster(directory / "nats", REPLICAS))
        core_port, *edge_ports = free_ports(1 + EDGES)
        urls = ",".join(node.url for node in nodes)
        serve = ["serve", "--port", str(core_port), "--workers", str(WORKERS), "--database-url", dsn]
        serve += ["--nats", urls, "--nats-replicas", str(REPLICAS), "--data-dir", str(directory / "core")]
        core_pid = await stack.enter_async_context(_running(directory / "core.log", *serve))
        core = f"http://127.0.0.1:{core_port}"
        await ready(core)
        for port in edge_ports:
            edge = ["edge", "--nats", urls, "--core", f"{core}/api", "--port", str(port)]
            edge += ["--data-dir", str(directory / f"edge-{port}")]
            await stack.enter_async_context(_running(directory / f"edge-{port}.log", *edge))
        edges = tuple(f"http://127.0.0.1:{port}" for port in edge_ports)
        for address in edges:
            await ready(address)
        yield Installation(core, edges, nodes, core_pid)


async def ready(address: str) -> None:
    """Come back when a server says that it is. Raises TimeoutError."""
    async with asyncio.timeout(READY_S_MAX), aiohttp.ClientSession() as session:
        while not await _is_ready(session, address):
            await asyncio.sleep(ASKED_EVERY_S)


async def _is_ready(session: aiohttp.ClientSession, address: str) -> bool:
    try:
        async with session.get(f"{address}/readyz") as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False


@asynccontextmanager
async def _running(log: Path, *arguments: str) -> AsyncIterator[int]:
    """A command of ours for the length of the block; its process id."""
    environment = os.environ | {"CDS_EDGE_SECRET": SECRET, "CDS_ADMIN_PASSWORD": ADMIN_PASSWORD}
    command = str(Path(sys.executable).with_name("cds"))
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            command, *arguments, env=environment, stdout=output, stderr=output
        )
    try:
        yield process.pid
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()


def remote_ports(pid: int) -> set[int]:
    """The ports that a process is connected to over TCP."""
    own = set(_sockets(pid))
    lines: Sequence[str] = LISTED.read_text().splitlines()[1:]
    fields = (line.split() for line in lines)
    return {int(each[2].partition(":")[2], 16) for each in fields if each[3] == ESTABLISHED and each[9] in own}


def _sockets(pid: int) -> list[str]:
    found = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = entry.readlink().name
        except OSError:
            continue
        if target.startswith("socket:["):
            found.append(target.removeprefix("socket:[").removesuffix("]"))
    return found
