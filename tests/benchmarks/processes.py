"""Processes of a benchmark run: the server that is measured and what it needs, bare ones beside it, load generators.

Everything is started by this program and ends with it; the bare servers end even if it is killed. This module must
not know what is measured.
"""

import http.client
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from cds.configuration import API_PREFIX
from tests.eventstore.embedded_processes import wait_until_ended
from tests.nats_servers import nats_server_program

READY_TIMEOUT_S = 120.0
READY_POLL_S = 0.005
STOP_TIMEOUT_S = 10.0
FIRST_WORD_TIMEOUT_S = 30.0
GENERATOR_TIMEOUT_S = 120.0

BYTES_PER_MB = 1_000_000
PROJECT = Path(__file__).resolve().parents[2]
CDS = Path(sys.executable).with_name("cds")
ADMIN_PASSWORD = "password of the benchmark"
EDGE_SECRET = "secret of an edge that is only measured"


class RunningServer(msgspec.Struct, frozen=True, kw_only=True):
    """A server that answers; `ready_s` is the time from starting the process to readiness."""

    port: int
    pid: int
    ready_s: float

    @property
    def memory_mb(self) -> float:
        """Resident memory of the server's process, without its database."""
        told = subprocess.run(["ps", "-o", "rss=", "-p", str(self.pid)], capture_output=True, text=True, check=True)
        return int(told.stdout) * 1024 / BYTES_PER_MB


@contextmanager
def contest_server(data_dir: Path, *options: str) -> Iterator[RunningServer]:
    """`cds serve` on a data directory whose Postgres sleeps, as a process of its own, for the length of the block."""
    wait_until_ended(data_dir)
    port = free_port()
    began_s = time.perf_counter()
    with running("serve", "--port", str(port), "--data-dir", str(data_dir), *options) as process:
        _wait_until_ready(process, port)
        yield RunningServer(port=port, pid=process.pid, ready_s=time.perf_counter() - began_s)


@contextmanager
def edge_server(core_port: int, nats_port: int, data_dir: Path) -> Iterator[RunningServer]:
    """`cds edge` between a core that knows EDGE_SECRET and its clients, for the length of the block."""
    port, began_s = free_port(), time.perf_counter()
    with running("edge", *edge_options(core_port, nats_port, port, data_dir), CDS_EDGE_SECRET=EDGE_SECRET) as process:
        _wait_until_ready(process, port)
        yield RunningServer(port=port, pid=process.pid, ready_s=time.perf_counter() - began_s)


@contextmanager
def nats_server(store: Path) -> Iterator[RunningServer]:
    """A nats-server with JetStream, on the loopback. Raises FileNotFoundError where it is not installed."""
    port, began_s = free_port(), time.perf_counter()
    command = [str(nats_server_program()), "--addr", "127.0.0.1", "--port", str(port)]
    command += ["--jetstream", "--store_dir", str(store)]
    with _ending(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)) as process:
        _wait_until_listening(port)
        yield RunningServer(port=port, pid=process.pid, ready_s=time.perf_counter() - began_s)


@contextmanager
def running(*arguments: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command of `cds` for the length of the block, with these variables and no others of ours."""
    command, variables = [str(CDS), *arguments], environment_of_commands() | environment
    process = subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with _ending(process):
        yield process


def edge_options(core_port: int, nats_port: int, port: int, data_dir: Path) -> list[str]:
    """The options of `cds edge` for a core and a NATS on the loopback."""
    options = ["--nats", nats_url(nats_port), "--core", f"http://127.0.0.1:{core_port}{API_PREFIX}"]
    return [*options, "--port", str(port), "--data-dir", str(data_dir)]


def nats_url(port: int) -> str:
    """Where a nats-server on the loopback is."""
    return f"nats://127.0.0.1:{port}"


def environment_of_commands() -> dict[str, str]:
    """The variables of commands of ours: what there is, without settings of ours but the password of the admin."""
    named = {name: value for name, value in os.environ.items() if not name.startswith("CDS_")}
    return named | {"CDS_ADMIN_PASSWORD": ADMIN_PASSWORD}


@contextmanager
def _ending(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is told to end with the block, and made to when it does not."""
    with process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


@contextmanager
def bare_process(module: str, *arguments: str) -> Iterator[RunningServer]:
    """One of our small servers: it says its port, and ends when its standard input does."""
    began_s = time.perf_counter()
    with subprocess.Popen(
        _python(module, arguments), cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("a process without pipes")
        try:
            if not select.select([process.stdout], [], [], FIRST_WORD_TIMEOUT_S)[0]:
                raise TimeoutError(f"{module} says nothing")
            port = int(process.stdout.readline())
            yield RunningServer(port=port, pid=process.pid, ready_s=time.perf_counter() - began_s)
        finally:
            process.stdin.close()
            process.wait(STOP_TIMEOUT_S)


def generate(module: str, *arguments: str) -> bytes:
    """Run one of our load generators to its end; what it tells. Raises CalledProcessError when it fails."""
    return subprocess.run(
        _python(module, arguments), cwd=PROJECT, stdout=subprocess.PIPE, check=True, timeout=GENERATOR_TIMEOUT_S
    ).stdout


def _python(module: str, arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def free_port() -> int:
    """A port of the loopback that nobody listens on at the moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _wait_until_ready(process: subprocess.Popen[bytes], port: int) -> None:
    """Ask /readyz until it answers 200. Raises RuntimeError when the process ends, TimeoutError."""
    deadline_s = time.monotonic() + READY_TIMEOUT_S
    while not _is_ready(port):
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with exit code {process.returncode}")
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"the server is not ready after {READY_TIMEOUT_S} s")
        time.sleep(READY_POLL_S)


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=READY_TIMEOUT_S)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except ConnectionError:
        return False
    finally:
        connection.close()


def _wait_until_listening(port: int) -> None:
    deadline_s = time.monotonic() + READY_TIMEOUT_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), READY_TIMEOUT_S).close()
            return
        except ConnectionError:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(READY_POLL_S)
