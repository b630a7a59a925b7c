"""A process that posts what stands in a file, on many connections at once, and tells how fast it was answered.

It stands in where wrk is not installed. Every connection has one request under way. It must not know what it posts.
"""

import selectors
import socket
import sys
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from statistics import quantiles

import msgspec

CONNECTIONS = 64
"""Connections with one request under way each."""

ANSWERS_MIN = 2
"""Fewer have no percentiles; a busy machine may not give so many in a short run."""

BUFFER_BYTES = 1 << 16
ANSWER_TIMEOUT_S = 10.0
HEADERS_END = b"\r\n\r\n"
LENGTH = b"\r\ncontent-length: "
SUCCESS = b"HTTP/1.1 20"


class Posted(msgspec.Struct, frozen=True, kw_only=True):
    """How many posts were answered in how many seconds, and how long half and nearly all of them waited."""

    answers: int
    failures: int
    seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def rate(self) -> float:
        """Answers per second."""
        return self.answers / self.seconds


class _Connection:
    """One connection; it looks at an answer for its length alone."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), ANSWER_TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.asked_s = 0.0
        self._answer = b""

    def post(self, request: bytes) -> None:
        """Send a request."""
        self._answer = b""
        self.asked_s = time.perf_counter()
        self.socket.sendall(request)

    def take(self) -> bool:
        """Take what has come; whether the answer is whole now. Raises RuntimeError for one that is no success."""
        self._answer += self.socket.recv(BUFFER_BYTES)
        if not self._answer.startswith(SUCCESS):
            raise RuntimeError(f"the server did not answer with success: {self._answer[:300]!r}")
        head, end, body = self._answer.partition(HEADERS_END)
        return bool(end) and len(body) >= int(head.lower().partition(LENGTH)[2].split(b"\r\n", 1)[0])


def post_repeatedly(port: int, path: str, file: Path, seconds: float) -> Posted:
    """Post for so many seconds, and until there are ANSWERS_MIN answers.

    Raises RuntimeError for a refusal, TimeoutError when no answer comes.
    """
    requests = cycle(list(_requests(port, path, file)))
    waited_ms: list[float] = []
    with selectors.DefaultSelector() as selector:
        began_s = time.perf_counter()
        for _ in range(CONNECTIONS):
            connection = _Connection(port)
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.post(next(requests))
        while (now_s := time.perf_counter()) - began_s < seconds or len(waited_ms) < ANSWERS_MIN:
            ready = selector.select(ANSWER_TIMEOUT_S)
            if not ready:
                raise TimeoutError(f"no answer came for {ANSWER_TIMEOUT_S} s")
            for key, _ in ready:
                if key.data.take():
                    waited_ms.append((time.perf_counter() - key.data.asked_s) * 1_000)
                    key.data.post(next(requests))
        for key in list(selector.get_map().values()):
            key.data.socket.close()
    cuts = quantiles(waited_ms, n=100)
    return Posted(answers=len(waited_ms), failures=0, seconds=now_s - began_s, p50_ms=cuts[49], p99_ms=cuts[98])


def _requests(port: int, path: str, file: Path) -> Iterator[bytes]:
    for line in file.read_bytes().splitlines():
        authorization, _, body = line.partition(b"\t")
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: {authorization.decode()}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}"
        )
        yield head.encode() + HEADERS_END + body


if __name__ == "__main__":
    sys.stdout.buffer.write(
        msgspec.json.encode(post_repeatedly(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), float(sys.argv[4])))
    )
