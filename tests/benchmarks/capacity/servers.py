"""The server that is measured: `cds serve` as it is, or `cds edge` behind a core and a nats-server of its own.

Both have the same contest, which runs at this moment. This module must not know what is measured.
"""

import base64
import http.client
import subprocess
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
from tests.benchmarks.processes import (
    ADMIN_PASSWORD,
    CDS,
    EDGE_SECRET,
    edge_options,
    environment_of_commands,
    free_port,
    nats_server,
    nats_url,
    running,
)
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
SECRET = {"CDS_EDGE_SECRET": EDGE_SECRET}


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
    subprocess.run(command, check=True, capture_output=True, timeout=IMPORT_TIMEOUT_S, env=environment_of_commands())
    wait_until_ended(data_dir)


@contextmanager
def core(data_dir: Path, *, tls: bool = False) -> Iterator[Measured]:
    """`cds serve`, which is measured and written to."""
    port = free_port()
    options = ("--tls", "self-signed") if tls else ()
    with running("serve", "--port", str(port), "--data-dir", str(data_dir), *options, **SECRET) as process:
        wait_until_ready(port, tls=tls)
        yield Measured(port=port, pid=process.pid, write_port=port, tls=tls)
    wait_until_ended(data_dir)


@contextmanager
def edge(data_dir: Path, *, tls: bool = False) -> Iterator[Measured]:
    """`cds edge`, which is measured, behind a core that is written to and a nats-server between them."""
    core_port, edge_port = free_port(), free_port()
    options = ("--tls", "self-signed") if tls else ()
    with ExitStack() as stack:
        nats = stack.enter_context(nats_server(data_dir.parent / "nats"))
        serve = ("serve", "--port", str(core_port), "--data-dir", str(data_dir), "--nats", nats_url(nats.port))
        stack.enter_context(running(*serve, **SECRET))
        wait_until_ready(core_port, tls=False)
        own = edge_options(core_port, nats.port, edge_port, data_dir.parent / "edge")
        process = stack.enter_context(running("edge", *own, *options, **SECRET))
        wait_until_ready(edge_port, tls=tls)
        _wait_until_level(edge_port, core_port, tls=tls)
        yield Measured(port=edge_port, pid=process.pid, write_port=core_port, tls=tls)
    wait_until_ended(data_dir)


KINDS = {"core": core, "edge": edge}


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
