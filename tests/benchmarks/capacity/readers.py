"""Many connections that ask for a stream and read whatever comes, counting one kind of mark in it.

They live in a thread of the benchmark's process, so what they cost is not counted as the server's. This module must
not know what the marks mean.
"""

import selectors
import socket
import ssl
import threading
import time
from types import TracebackType
from typing import Self

BUFFER_BYTES = 1 << 18
CONNECT_TIMEOUT_S = 30.0
SELECT_S = 0.05
QUIET_S = 0.8
"""When nothing has come for so long, everything has."""

QUIET_TIMEOUT_S = 60.0


class Readers:
    """Connections to one port of the loopback with the same request; context manager."""

    def __init__(self, port: int, request: bytes, mark: bytes, *, tls: bool = False) -> None:
        """Nobody has connected yet. `mark` is counted wherever it occurs in what comes."""
        self.marks = 0
        self._port = port
        self._request = request
        self._mark = mark
        self._context = unchecked_context() if tls else None
        self._selector = selectors.DefaultSelector()
        self._ends: dict[socket.socket, bytes] = {}
        self._answered: set[socket.socket] = set()
        self._last_s = time.monotonic()
        self._failure: Exception | None = None
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._read_all, name="readers")

    def __enter__(self) -> Self:
        """Begin to read."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        self._closing.set()
        self._thread.join()
        for connection in self._ends:
            connection.close()
        self._selector.close()

    def __len__(self) -> int:
        """How many have connected."""
        return len(self._ends)

    def join(self, count: int) -> None:
        """Connect so many more and wait until all that comes at once has come."""
        for _ in range(count):
            connection = connected(self._port, self._context)
            connection.sendall(self._request)
            connection.setblocking(False)
            with self._lock:
                self._ends[connection] = b""
                self._selector.register(connection, selectors.EVENT_READ)
        self.settle()

    def settle(self, marks: int = 0) -> None:
        """Wait until everybody has got something, there are so many marks, and nothing comes any more.

        Raises TimeoutError, and RuntimeError when a connection has ended.
        """
        deadline_s = time.monotonic() + QUIET_TIMEOUT_S
        self._last_s = time.monotonic()
        while len(self._answered) < len(self) or self.marks < marks or time.monotonic() - self._last_s < QUIET_S:
            if self._failure is not None:
                raise RuntimeError("a reader has failed") from self._failure
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"{self.marks} of {marks} have come to {len(self)} readers in {QUIET_TIMEOUT_S} s")
            time.sleep(SELECT_S)

    def _read_all(self) -> None:
        try:
            while not self._closing.is_set():
                with self._lock:
                    ready = self._selector.select(0)
                if not ready:
                    time.sleep(SELECT_S / 10)
                for key, _ in ready:
                    if isinstance(key.fileobj, socket.socket):
                        self._take(key.fileobj)
        except (OSError, RuntimeError) as error:
            self._failure = error

    def _take(self, connection: socket.socket) -> None:
        while True:
            try:
                came = connection.recv(BUFFER_BYTES)
            except (BlockingIOError, ssl.SSLWantReadError):
                return
            if not came:
                raise RuntimeError("the server has closed a connection")
            text = self._ends[connection] + came
            self.marks += text.count(self._mark)
            self._answered.add(connection)
            self._ends[connection] = text[len(text) - len(self._mark) + 1 :]
            self._last_s = time.monotonic()


def connected(port: int, context: ssl.SSLContext | None) -> socket.socket:
    """A connection to a port of the loopback, over TLS with a context. Raises OSError."""
    connection = socket.create_connection(("127.0.0.1", port), CONNECT_TIMEOUT_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection if context is None else context.wrap_socket(connection)


def unchecked_context() -> ssl.SSLContext:
    """A context that believes any certificate: both ends are ours. No session is resumed with it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def request_of(path: str, *headers: str) -> bytes:
    """A GET with these headers, each as `Name: value`."""
    return "\r\n".join((f"GET {path} HTTP/1.1", "Host: 127.0.0.1", *headers, "", "")).encode()
