"""A process that downloads the same stream over several connections at once, counts, and tells how long it took.

Raw sockets and one large buffer, and nothing is looked at but the number of bytes, so that it takes far more than a
server in Python gives. It must not know what it downloads.
"""

import selectors
import socket
import sys
import time

import msgspec

BUFFER_BYTES = 1 << 20
CONNECT_TIMEOUT_S = 5.0
STALLED_S_MAX = 30.0
"""Seconds without a single byte on any connection after which it gives up."""


class Download(msgspec.Struct, frozen=True, kw_only=True):
    """What came over all connections together, and how long it took from the first connect to the last byte."""

    seconds: float
    bytes: int


class _Connection:
    """One download under way."""

    def __init__(self, port: int, path: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), CONNECT_TIMEOUT_S)
        request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
        self.socket.sendall(request.encode())
        self.socket.settimeout(0)
        self.bytes = 0

    def take(self, buffer: bytearray) -> bool:
        """Take what has come; False when the other side has closed."""
        size = self.socket.recv_into(buffer)
        if self.bytes == 0 and (size == 0 or not buffer.startswith(b"HTTP/1.1 200 ")):
            raise RuntimeError(f"the server did not answer 200: {bytes(buffer[: min(size, 100)])!r}")
        self.bytes += size
        return size > 0


def download(port: int, path: str, clients: int) -> Download:
    """Download with so many clients at once. Raises RuntimeError for a refusal, TimeoutError when nothing comes."""
    buffer = bytearray(BUFFER_BYTES)
    began_s = time.perf_counter()
    connections = [_Connection(port, path) for _ in range(clients)]
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection.socket, selectors.EVENT_READ, connection)
        while selector.get_map():
            ready = selector.select(STALLED_S_MAX)
            if not ready:
                raise TimeoutError(f"nothing came for {STALLED_S_MAX} s")
            for key, _ in ready:
                if not key.data.take(buffer):
                    selector.unregister(key.fileobj)
                    key.data.socket.close()
    return Download(
        seconds=time.perf_counter() - began_s,
        bytes=sum(connection.bytes for connection in connections),
    )


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(download(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))))
