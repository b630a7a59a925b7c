"""A crowd of feed clients in a process of its own (feed_client.c, compiled on the spot), and servers that obey.

This module knows how to talk to both; it must not know what is measured.
"""

import http.client
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import msgspec

from tests.benchmarks.feed_server import CONTEST_ID, FEED_PATH
from tests.benchmarks.processes import FIRST_WORD_TIMEOUT_S, PROJECT, STOP_TIMEOUT_S
from tests.cds.contest_api.serving import basic_authorization
from tests.cds.contest_api.small_contest import login

CLIENT_SOURCE = Path(__file__).with_name("feed_client.c")
COMPILE_TIMEOUT_S = 60.0
NANOSECONDS = 1_000_000_000
CONNECTIONS_MAX = 12_000
WRITERS = 4
"""Connections that write by turns, so that a slow answer does not hold up the next write."""

JUDGE = basic_authorization(login(CONTEST_ID, "judge"))
PADDING = "x" * 250


class Taken(msgspec.Struct, frozen=True):
    """What the whole crowd has taken, from its first byte on."""

    seconds: float
    lines: int
    bytes: int


class Ages(msgspec.Struct, frozen=True):
    """How old lines were when they came, in milliseconds."""

    count: int
    median_ms: float
    high_ms: float
    maximum_ms: float


class Listening(Protocol):
    """A server that clients can connect to."""

    @property
    def port(self) -> int:
        """Where, on the loopback."""
        ...


class Obeying:
    """A process that answers each line that it is told with one line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        """A process with text pipes."""
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("a process without pipes")
        self._input, self._output = process.stdin, process.stdout

    def tell(self, words: str) -> list[float]:
        """Say something and wait for the answer."""
        self.say(words)
        return self.hear()

    def say(self, words: str) -> None:
        """Say something; `hear` has the answer."""
        self._input.write(words + "\n")
        self._input.flush()

    def hear(self) -> list[float]:
        """The next answer. Raises RuntimeError when the process has given up; it has said why."""
        answer = self._output.readline()
        if not answer:
            raise RuntimeError("the process has ended before its time")
        return [float(word) for word in answer.split()]


class LiveServer(Obeying):
    """feed_server.py."""

    port: int

    def lines(self) -> int:
        """How many lines the feed has."""
        return int(self.tell("lines")[0])

    def memory_bytes(self) -> float:
        """Resident memory."""
        return self.tell("memory")[0]

    def processor_s(self) -> float:
        """Seconds that it has spent on processors."""
        return self.tell("cpu")[0] / NANOSECONDS


class Crowd(Obeying):
    """feed_client.c: the clients of one server."""

    def join(self, clients: int, lines: int) -> None:
        """Connect so many, and wait until each has so many lines."""
        self.tell(f"open {clients} {FEED_PATH}")
        self.tell(f"expect {lines}")

    def stall(self, clients: int) -> None:
        """Connect so many that never read."""
        self.tell(f"stall {clients} {FEED_PATH}")

    def taken(self) -> Taken:
        """The answer to `expect`."""
        seconds, lines, size = self.hear()
        return Taken(seconds, int(lines), int(size))

    def ages(self) -> Ages:
        """How old the lines were since `forget`."""
        count, *seconds = self.tell("ages")
        return Ages(int(count), *(1_000 * each for each in seconds))


def has_compiler() -> bool:
    """Whether the crowd can be compiled here."""
    return shutil.which("cc") is not None


def compiled_client(scratch: Path) -> Path:
    """The program of the crowd, which is compiled once for a directory."""
    program = scratch / "feed_client"
    if not program.exists():
        subprocess.run(["cc", "-O2", "-o", str(program), str(CLIENT_SOURCE)], check=True, timeout=COMPILE_TIMEOUT_S)
    return program


@contextmanager
def live_server(kind: str, scratch: Path, **environment: str) -> Iterator[LiveServer]:
    """A server of this kind (feed_server.py) with these variables, for the length of the block."""
    data_dir = scratch / f"live-{time.monotonic_ns()}"
    command = [sys.executable, "-m", "tests.benchmarks.feed_server", kind, str(data_dir)]
    with _obeying(command, environment) as process:
        server = LiveServer(process)
        server.port = int(server.hear()[0])
        yield server


@contextmanager
def crowd_at(server: Listening, program: Path) -> Iterator[Crowd]:
    """A crowd that has not connected yet, for the length of the block."""
    with _obeying([str(program), str(server.port), str(CONNECTIONS_MAX)]) as process:
        yield Crowd(process)


def write_at_pace(port: int, count: int, per_second: float) -> None:
    """POST so many clarifications that name the moment of their request. Raises RuntimeError for a refusal."""
    failures: list[str] = []
    began_s = time.monotonic() + 0.1

    def write(first: int) -> None:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=FIRST_WORD_TIMEOUT_S)) as connection:
            for number in range(first, count, WRITERS):
                time.sleep(max(began_s + number / per_second - time.monotonic(), 0))
                status, body = _post_clarification(connection)
                if status not in (http.HTTPStatus.OK, http.HTTPStatus.CREATED):
                    failures.append(f"{status} {body[:200]!r}")
                    return

    writers = [threading.Thread(target=write, args=(first,)) for first in range(WRITERS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    if failures:
        raise RuntimeError(failures[0])


def _post_clarification(connection: http.client.HTTPConnection) -> tuple[int, bytes]:
    headers = {"Authorization": JUDGE, "Content-Type": "application/json"}
    told = {"text": f"@T{time.monotonic_ns()}@{PADDING}"}
    connection.request("POST", f"/api/contests/{CONTEST_ID}/clarifications", json.dumps(told), headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


@contextmanager
def _obeying(
    command: Sequence[str], environment: Mapping[str, str] = MappingProxyType({})
) -> Iterator[subprocess.Popen[str]]:
    variables = {**os.environ, **environment}
    with subprocess.Popen(
        command, cwd=PROJECT, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=None, text=True
    ) as process:
        try:
            yield process
        finally:
            if process.stdin is not None:
                process.stdin.close()
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
