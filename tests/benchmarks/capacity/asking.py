"""The costs of requests: so many connections that have one under way each, so that the server has always work.

This module must not know which server it asks, nor what follows from the costs.
"""

import http.client
import json
import socket
import ssl
from contextlib import ExitStack, closing
from http import HTTPStatus
from statistics import fmean

import msgspec

from cds.pages.files import SCRIPT, SCRIPT_MODULES
from tests.benchmarks.capacity.processes_seen import memory_kib, processor_s
from tests.benchmarks.capacity.readers import Readers, connected, request_of, unchecked_context
from tests.benchmarks.capacity.servers import CONTEST_ID, OF_CONTEST, Measured, connection_to

CONNECTIONS = 16
ROUNDS = 40
ROUNDS_OF_PAGE = 4
NEW_CONNECTIONS = 160
WARMING_UP = 3
LOGOS = 20
BOARD_PATH = f"{OF_CONTEST}/scoreboard?frozen=true"
FEED_PATH = f"{OF_CONTEST}/event-feed"
STATIC_NAMES = ("icon.svg", "pages.css", "dark.css", SCRIPT, *SCRIPT_MODULES)
PAGE_PATHS = (
    f"/contests/{CONTEST_ID}",
    *(f"/static/{name}" for name in STATIC_NAMES),
    *(f"{OF_CONTEST}{name}" for name in ("/access", "", "/problems", "/teams", "/organizations", "/groups", "/awards")),
    BOARD_PATH,
)
"""What the page of a scoreboard asks for before it follows the board (cds/pages/static/following.js)."""

BUFFER_BYTES = 1 << 18
HEADERS_END = b"\r\n\r\n"
LENGTH = b"\r\ncontent-length: "
MICROSECONDS = 1_000_000
COMPRESSED = "Accept-Encoding: gzip"


class PageCosts(msgspec.Struct, frozen=True, kw_only=True):
    """What the page asks for until it is live, without logos and connections; bytes with the heads of the answers."""

    requests: int
    bytes: int
    us: float
    logo_bytes: int


def answer_us(server: Measured, path: str, *headers: str, rounds: int = ROUNDS) -> float:
    """A request on an open connection. Raises RuntimeError for an error."""
    return _asked(server, request_of(path, *headers), rounds)[0]


def unchanged_us(server: Measured, path: str) -> float:
    """A request of somebody who has the answer already."""
    return answer_us(server, path, f"If-None-Match: {entity_tag(server, path)}")


def connection_us(server: Measured, count: int = NEW_CONNECTIONS) -> float:
    """A new connection with one small request, closed again."""
    request = request_of("/healthz", "Connection: close")
    context = unchecked_context() if server.tls else None
    processor = 0.0
    for number in range(count // CONNECTIONS + 1):
        if number == 1:
            processor = processor_s(server.pid)
        with ExitStack() as closing_all:
            connections = [
                closing_all.enter_context(closing(connected(server.port, context))) for _ in range(CONNECTIONS)
            ]
            for connection in connections:
                connection.sendall(request)
            for connection in connections:
                while connection.recv(BUFFER_BYTES):
                    pass
    return (processor_s(server.pid) - processor) / (count // CONNECTIONS * CONNECTIONS) * MICROSECONDS


def start_us(server: Measured, request: bytes, count: int = NEW_CONNECTIONS) -> float:
    """A new connection with a request for a stream, until all that comes at once has come."""
    with Readers(server.port, request, b"\n", tls=server.tls) as readers:
        readers.join(WARMING_UP)
        processor = processor_s(server.pid)
        readers.join(count)
        return (processor_s(server.pid) - processor) / count * MICROSECONDS


def waiting_kib(server: Measured, count: int) -> float:
    """Resident memory of a connection on which one small request was answered."""
    with Readers(server.port, request_of("/healthz"), HEADERS_END, tls=server.tls) as readers:
        readers.join(WARMING_UP)
        held_kib = memory_kib(server.pid)
        readers.join(count)
        return (memory_kib(server.pid) - held_kib) / count


def page_costs(server: Measured) -> PageCosts:
    """Everything that the page asks for, as a browser that has nothing yet."""
    asked = [_asked(server, request_of(path, COMPRESSED), ROUNDS_OF_PAGE) for path in PAGE_PATHS]
    logos = [_asked(server, request_of(path), 1)[1] for path in _logo_paths(server)]
    return PageCosts(
        requests=len(asked),
        bytes=sum(size for _, size in asked),
        us=sum(us for us, _ in asked),
        logo_bytes=round(fmean(logos)),
    )


def entity_tag(server: Measured, path: str) -> str:
    """What a client that has an answer names it by."""
    with closing(connection_to(server.port, tls=server.tls)) as connection:
        return _answered(connection, path).headers["ETag"]


def last_token(server: Measured) -> str:
    """The token at the end of the feed."""
    with closing(connection_to(server.port, tls=server.tls)) as connection:
        connection.request("GET", f"{FEED_PATH}?stream=false")
        token: str = json.loads(connection.getresponse().read().splitlines()[-1])["token"]
        return token


def _logo_paths(server: Measured) -> list[str]:
    with closing(connection_to(server.port, tls=server.tls)) as connection:
        connection.request("GET", f"{OF_CONTEST}/organizations")
        organizations: list[dict[str, list[dict[str, str]]]] = json.loads(connection.getresponse().read())
    return [f"/api/{each['logo'][0]['href']}" for each in organizations if each.get("logo")][:LOGOS]


def _answered(connection: http.client.HTTPConnection, path: str) -> http.client.HTTPResponse:
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    if answer.status != HTTPStatus.OK:
        raise RuntimeError(f"GET {path}: {answer.status}")
    return answer


def _asked(server: Measured, request: bytes, rounds: int) -> tuple[float, int]:
    """Processor time of an answer in microseconds, and its bytes."""
    context = unchecked_context() if server.tls else None
    with ExitStack() as closing_all:
        connections = [closing_all.enter_context(closing(connected(server.port, context))) for _ in range(CONNECTIONS)]
        size = max(_first_answer(connection, request) for connection in connections)
        processor = processor_s(server.pid)
        for _ in range(rounds):
            for connection in connections:
                connection.sendall(request)
            for connection in connections:
                _take(connection, size)
        took_s = processor_s(server.pid) - processor
    return took_s / (rounds * CONNECTIONS) * MICROSECONDS, size


def _first_answer(connection: socket.socket | ssl.SSLSocket, request: bytes) -> int:
    """The bytes of an answer, which are the same each time."""
    connection.sendall(request)
    answer = b""
    while HEADERS_END not in answer:
        answer += _some(connection)
    head = answer.partition(HEADERS_END)[0]
    if not head.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 304 ")):
        raise RuntimeError(f"{request[:100]!r}: {head[:100]!r}")
    _, found, rest = head.lower().partition(LENGTH)
    size = len(head) + len(HEADERS_END) + (int(rest.split(b"\r\n", 1)[0]) if found and b" 304 " not in head[:20] else 0)
    _take(connection, size - len(answer))
    return size


def _take(connection: socket.socket, size: int) -> None:
    while size > 0:
        size -= len(_some(connection, size))


def _some(connection: socket.socket, size_max: int = BUFFER_BYTES) -> bytes:
    came = connection.recv(min(size_max, BUFFER_BYTES))
    if not came:
        raise RuntimeError("the server has closed a connection")
    return came
