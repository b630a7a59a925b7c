"""The costs of readers of a stream: who come, wait, and are told something, many of them beside a single one.

Everything is a difference in processor time of the server's process. This module must not know what follows from it.
"""

import base64
import http.client
import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from math import nan

import msgspec

from tests.benchmarks.capacity.asking import BOARD_PATH, FEED_PATH, last_token
from tests.benchmarks.capacity.processes_seen import memory_kib, processor_s
from tests.benchmarks.capacity.readers import Readers, request_of
from tests.benchmarks.capacity.servers import ADMIN, OF_CONTEST, Measured, connection_to

LINE_TEXT = 150
"""Characters of a clarification whose line is about as long as one of a submission or judgement."""

LONG_TEXT = 8 * 1_024
"""More, so that what each KiB costs is seen, and little enough for a block of live lines."""

PAUSE_S = 0.13
"""Between two writes: more than a beat of the scoreboard, so that each is an event of its own."""

WARMING_UP = 5
REST_S = 1.5
IDLE_S = 7.5
"""Twice the time after which every connection is looked at thoroughly (cds/fan_out/limits.py)."""

MICROSECONDS = 1_000_000


class StreamCosts(msgspec.Struct, frozen=True, kw_only=True):
    """What one reader of a stream costs; see UnitCosts. `idle_us` is not a number where that was not measured."""

    send_us: float
    idle_us: float
    memory_kib: float
    line_us: float


class Writer:
    """Writes to the contest as its administrator, one request after the other."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        """On an open connection to the core."""
        self._connection = connection
        self._headers = {"Authorization": ADMIN, "Content-Type": "application/json"}
        self._team, self._problem, self._language = map(self._first, ("teams", "problems", "languages"))

    def submit(self) -> None:
        """A submission, which changes the board by one attempt."""
        body: dict[str, object] = {
            "team_id": self._team,
            "problem_id": self._problem,
            "language_id": self._language,
            "time": _now(),
            "files": [{"data": _archive()}],
        }
        self._post("submissions", body)

    def say(self, characters: int) -> None:
        """An announcement of so many characters, which does not change the board."""
        self._post("clarifications", {"text": "x" * characters, "time": _now()})

    def _first(self, name: str) -> str:
        self._connection.request("GET", f"{OF_CONTEST}/{name}", headers=self._headers)
        found: list[dict[str, str]] = json.loads(self._connection.getresponse().read())
        return found[0]["id"]

    def _post(self, name: str, body: dict[str, object]) -> None:
        self._connection.request("POST", f"{OF_CONTEST}/{name}", json.dumps(body), self._headers)
        answer = self._connection.getresponse()
        told = answer.read()
        if answer.status not in (HTTPStatus.OK, HTTPStatus.CREATED):
            raise RuntimeError(f"{name}: {answer.status} {told[:200]!r}")


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of stream: its request, what stands in it once for each thing told, and what makes something be told."""

    request: Callable[[Measured], bytes]
    mark: bytes
    write: Callable[[Writer], None]


def _at_the_end(server: Measured) -> bytes:
    """The request of somebody who has all lines already: what reading them takes is not what waiting takes."""
    return request_of(f"{FEED_PATH}?since_token={last_token(server)}")


BOARDS = Kind(
    request=lambda _server: request_of(BOARD_PATH, "Accept: text/event-stream"), mark=b"\nid: ", write=Writer.submit
)
LINES = Kind(request=_at_the_end, mark=b'"token":"', write=lambda writer: writer.say(LINE_TEXT))
LONG_LINES = Kind(request=_at_the_end, mark=LINES.mark, write=lambda writer: writer.say(LONG_TEXT))


def stream_costs(server: Measured, kind: Kind, clients: int, writes: int, *, idling: bool = True) -> StreamCosts:
    """So many readers of a stream beside a single one. Without `idling` the time that they idle counts as sending."""
    with _writer(server) as writer, _readers(server, kind) as readers:
        readers.join(1)
        _told(server, readers, kind, writer, WARMING_UP)
        alone_idle_s = _idle_s(server) if idling else 0.0
        alone = _told(server, readers, kind, writer, writes)
        held_kib = memory_kib(server.pid)
        readers.join(clients)
        time.sleep(REST_S)
        held_kib = memory_kib(server.pid) - held_kib
        crowd_idle_s = _idle_s(server) if idling else 0.0
        crowd = _told(server, readers, kind, writer, writes)
    idle_s = max(crowd_idle_s - alone_idle_s, 0.0)
    sending_s = crowd.processor_s - alone.processor_s - idle_s * crowd.took_s
    return StreamCosts(
        send_us=sending_s / (crowd.marks - alone.marks) * MICROSECONDS,
        idle_us=idle_s / clients * MICROSECONDS if idling else nan,
        memory_kib=held_kib / clients,
        line_us=(alone.processor_s - alone_idle_s * alone.took_s) / writes * MICROSECONDS,
    )


def _readers(server: Measured, kind: Kind) -> Readers:
    return Readers(server.port, kind.request(server), kind.mark, tls=server.tls)


def write_us(server: Measured, writes: int) -> float:
    """A write at the core, without readers."""
    with _writer(server) as writer:
        for _ in range(WARMING_UP):
            writer.submit()
        processor = processor_s(server.pid)
        for _ in range(writes):
            writer.submit()
        return (processor_s(server.pid) - processor) / writes * MICROSECONDS


class _Told(msgspec.Struct, frozen=True):
    processor_s: float
    took_s: float
    marks: int


def _told(server: Measured, readers: Readers, kind: Kind, writer: Writer, writes: int) -> _Told:
    """What it takes to tell all readers of so many writes."""
    marks, began_s, processor = readers.marks, time.perf_counter(), processor_s(server.pid)
    for _ in range(writes):
        kind.write(writer)
        time.sleep(PAUSE_S)
    # What comes late may be told together, but everybody is told something.
    readers.settle(marks + len(readers))
    return _Told(processor_s(server.pid) - processor, time.perf_counter() - began_s, readers.marks - marks)


def _idle_s(server: Measured) -> float:
    """Processor time in a second in which nothing happens."""
    time.sleep(REST_S)
    began_s, processor = time.perf_counter(), processor_s(server.pid)
    time.sleep(IDLE_S)
    return (processor_s(server.pid) - processor) / (time.perf_counter() - began_s)


@contextmanager
def _writer(server: Measured) -> Iterator[Writer]:
    """Somebody who writes for the length of the block."""
    tls = server.tls and server.port == server.write_port
    with closing(connection_to(server.write_port, tls=tls)) as connection:
        yield Writer(connection)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _archive() -> str:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("main.cpp", f"int main() {{}} // {time.monotonic_ns()}\n")
    return base64.b64encode(stream.getvalue()).decode()
