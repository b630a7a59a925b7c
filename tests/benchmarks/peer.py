"""Ours beside a peer: the same contest served by `clics-server` of the package `xcpcio`, asked by the same clients.

The peer is installed as its authors publish it, with the versions of requirements-peer.lock, into an environment of its
own. It runs without its log of requests. It gets the package that we import, with our public feed and our teams in it,
so that both send the same objects. This module must not know how either of them works inside.
"""

import hashlib
import http.client
import json
import math
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from cds.configuration import API_PREFIX
from tests.benchmarks.contest_package import CONTEST_ID
from tests.benchmarks.figures import Figure, Series, side_by_side
from tests.benchmarks.generators import Downloads, RequestGenerator, request_generator
from tests.benchmarks.processes import PROJECT, RunningServer, contest_server, free_port
from tests.benchmarks.serving import FEED_PATH, fetched
from tests.eventstore.embedded_processes import wait_until_ended

LOCK = PROJECT / "requirements-peer.lock"
ENVIRONMENT = PROJECT / ".venv-peer"
FINGERPRINT = "lock"
"""The file in the environment that holds the hash of the lock it was made from."""

INSTALL_TIMEOUT_S = 600.0
READY_TIMEOUT_S = 120.0
READY_POLL_S = 0.05
STOP_TIMEOUT_S = 10.0
IMPORT_TIMEOUT_S = 600.0
SECONDS = 2.0
FEED_CLIENTS = (1, 10)

PEER = "xcpcio 0.85.4, clics-server"
PEER_FEED_PATH = f"/api/contests/{CONTEST_ID}/event-feed"
PEER_TEAMS_PATH = f"/api/contests/{CONTEST_ID}/teams"
TEAMS_PATH = f"{API_PREFIX}/contests/{CONTEST_ID}/teams"


class PeerUnavailable(Exception):
    """The peer cannot be installed here."""


def measure_peer(package: Path, repeats: int, seconds: float = SECONDS) -> list[Figure]:
    """Feed downloads and GETs of teams, ours and the peer's in turn; where there is no peer the rows say so.

    `package` is a contest package directory of CONTEST_ID, `seconds` the length of one run of requests.
    """
    generator = request_generator(seconds, own=seconds < 1)
    with tempfile.TemporaryDirectory(prefix="cds-peer-") as room:
        data_dir = Path(room) / "data"
        _import(package, data_dir)
        try:
            return _measured(package, Path(room), data_dir, generator, repeats)
        finally:
            wait_until_ended(data_dir)


def _measured(package: Path, room: Path, data_dir: Path, generator: RequestGenerator, repeats: int) -> list[Figure]:
    with contest_server(data_dir) as ours:
        try:
            environment = peer_environment()
        except PeerUnavailable as unavailable:
            return _alone(ours, generator, repeats, str(unavailable))
        served = _package_of_what_we_serve(package, room / "package", ours)
        with peer_server(environment, served) as peer:
            _check_same(ours, peer)
            return _beside(ours, peer, generator, repeats)


def peer_environment() -> Path:
    """The environment with the peer in it, made where it is not there yet. Raises PeerUnavailable."""
    wanted = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    made_from = ENVIRONMENT / FINGERPRINT
    if made_from.is_file() and made_from.read_text(encoding="utf-8") == wanted:
        return ENVIRONMENT
    python = str(ENVIRONMENT / "bin" / "python")
    steps = (
        [sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)],
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", str(LOCK)],
    )
    for step in steps:
        try:
            subprocess.run(
                step, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=INSTALL_TIMEOUT_S
            )
        except (subprocess.SubprocessError, OSError) as error:
            raise PeerUnavailable("it cannot be installed here") from error
    made_from.write_text(wanted, encoding="utf-8")
    return ENVIRONMENT


@contextmanager
def peer_server(environment: Path, package: Path) -> Iterator[RunningServer]:
    """The peer on a contest package, as a process of its own, for the length of the block."""
    port = free_port()
    command = [
        str(environment / "bin" / "clics-server"),
        *("--contest-package", str(package)),
        *("--host", "127.0.0.1", "--port", str(port), "--log-level", "error"),
    ]
    began_s = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_until_serving(process, port)
            yield RunningServer(port=port, pid=process.pid, ready_s=time.perf_counter() - began_s)
        finally:
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _import(package: Path, data_dir: Path) -> None:
    command = [str(Path(sys.executable).with_name("cds")), "import", str(package), "--data-dir", str(data_dir)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=IMPORT_TIMEOUT_S)


def _package_of_what_we_serve(package: Path, directory: Path, ours: RunningServer) -> Path:
    """A copy of the package's objects with our public feed, which no package holds, and our teams."""
    directory.mkdir()
    for file in package.glob("*.json"):
        shutil.copy(file, directory)
    (directory / "event-feed.ndjson").write_bytes(fetched(ours, FEED_PATH).body)
    (directory / "teams.json").write_bytes(fetched(ours, TEAMS_PATH).body)
    return directory


def _check_same(ours: RunningServer, peer: RunningServer) -> None:
    """Raise RuntimeError unless both send the same objects: only then is it a comparison."""
    mine, others = fetched(ours, FEED_PATH).body, fetched(peer, PEER_FEED_PATH).body
    if [json.loads(line) for line in mine.splitlines()] != [json.loads(line) for line in others.splitlines()]:
        raise RuntimeError("the peer's feed is another one")
    if json.loads(fetched(ours, TEAMS_PATH).body) != json.loads(fetched(peer, PEER_TEAMS_PATH).body):
        raise RuntimeError("the peer's teams are others")


def _beside(ours: RunningServer, peer: RunningServer, generator: RequestGenerator, repeats: int) -> list[Figure]:
    feed = fetched(ours, FEED_PATH)
    of_ours = Downloads(ours.port, FEED_PATH, feed.lines)
    of_peer = Downloads(peer.port, PEER_FEED_PATH, feed.lines)
    figures = [
        _figure(
            _feed_subject(clients),
            "events/s",
            PEER,
            *side_by_side(repeats, partial(of_ours.rate, clients), partial(of_peer.rate, clients)),
        )
        for clients in FEED_CLIENTS
    ]
    of_teams = side_by_side(
        repeats,
        lambda: generator.rate(ours.port, TEAMS_PATH),
        lambda: generator.rate(peer.port, PEER_TEAMS_PATH),
    )
    return [*figures, _figure("GET /teams beside a peer", "requests/s", PEER, *of_teams)]


def _alone(ours: RunningServer, generator: RequestGenerator, repeats: int, reason: str) -> list[Figure]:
    """Ours, with nothing beside it."""
    downloads = Downloads(ours.port, FEED_PATH, fetched(ours, FEED_PATH).lines)
    nothing = Series((math.nan,))
    baseline = f"{PEER}: {reason}"

    def measured(once: Callable[[], float]) -> Series:
        return Series(tuple(once() for _ in range(repeats)))

    figures = [
        _figure(_feed_subject(clients), "events/s", baseline, measured(partial(downloads.rate, clients)), nothing)
        for clients in FEED_CLIENTS
    ]
    teams = measured(lambda: generator.rate(ours.port, TEAMS_PATH))
    return [*figures, _figure("GET /teams beside a peer", "requests/s", baseline, teams, nothing)]


def _figure(subject: str, unit: str, baseline_is: str, ours: Series, baseline: Series) -> Figure:
    return Figure(subject=subject, unit=unit, ours=ours, baseline=baseline, baseline_is=baseline_is)


def _feed_subject(clients: int) -> str:
    return f"full feed beside a peer, {clients} {'client' if clients == 1 else 'clients'}"


def _wait_until_serving(process: subprocess.Popen[bytes], port: int) -> None:
    """Ask until it answers. Raises RuntimeError when the process ends, TimeoutError."""
    deadline_s = time.monotonic() + READY_TIMEOUT_S
    while not _serves(port):
        if process.poll() is not None:
            raise RuntimeError(f"the peer ended with exit code {process.returncode}")
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"the peer does not answer after {READY_TIMEOUT_S} s")
        time.sleep(READY_POLL_S)


def _serves(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=READY_TIMEOUT_S)
    try:
        connection.request("GET", PEER_TEAMS_PATH)
        return connection.getresponse().status == http.HTTPStatus.OK
    except ConnectionError:
        return False
    finally:
        connection.close()
