"""A process that asks for the same thing over and over on several connections, and tells how often it was answered.

It stands in where wrk is not installed. Every connection has one request under way; all answers are of one length,
so only bytes are counted after the first. It must not know what it asks for.
"""

import selectors
import socket
import sys
import time

import msgspec

BUFFER_BYTES = 1 << 20
ANSWER_TIMEOUT_S = 10.0
HEADERS_END = b"\r\n\r\n"
LENGTH = b"\r\ncontent-length: "


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """How many whole answers came in how many seconds."""

    answers: int
    seconds: float


class _Connection:
    """One connection; `expected_bytes` is the length of an answer with its headers."""

    def __init__(self, port: int, path: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), ANSWER_TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
        self.ask()
        answer = b""
        while HEADERS_END not in answer:
            answer += self._more()
        head = answer.partition(HEADERS_END)[0].lower()
        length = int(head.partition(LENGTH)[2].split(b"\r\n", 1)[0])
        self.expected_bytes = len(head) + len(HEADERS_END) + length
        while len(answer) < self.expected_bytes:
            answer += self._more()
        self._received_bytes = 0

    def ask(self) -> None:
        """Send the request."""
        self.socket.sendall(self._request)

    def take(self, buffer: bytearray) -> bool:
        """Take what has come; whether an answer is whole now."""
        size = self.socket.recv_into(buffer)
        if size == 0 or (self._received_bytes == 0 and not buffer.startswith(b"HTTP/1.1 200 ")):
            raise RuntimeError(f"the server did not answer 200: {bytes(buffer[:100])!r}")
        self._received_bytes += size
        if self._received_bytes < self.expected_bytes:
            return False
        self._received_bytes = 0
        return True

    def _more(self) -> bytes:
        came = self.socket.recv(BUFFER_BYTES)
        if not came:
            raise RuntimeError("the server closed the connection")
        return came


def ask_repeatedly(port: int, path: str, connections: int, seconds: float) -> Answered:
    """Ask for so many seconds. Raises RuntimeError for anything but 200, TimeoutError when no answer comes."""
    buffer = bytearray(BUFFER_BYTES)
    answers = 0
    with selectors.DefaultSelector() as selector:
        for _ in range(connections):
            connection = _Connection(port, path)
            selector.register(connection.socket, selectors.EVENT_READ, connection)
        began_s = time.perf_counter()
        for key in list(selector.get_map().values()):
            key.data.ask()
        while time.perf_counter() - began_s < seconds:
            ready = selector.select(ANSWER_TIMEOUT_S)
            if not ready:
                raise TimeoutError(f"no answer came for {ANSWER_TIMEOUT_S} s")
            for key, _ in ready:
                if key.data.take(buffer):
                    answers += 1
                    key.data.ask()
        took_s = time.perf_counter() - began_s
        for key in list(selector.get_map().values()):
            key.data.socket.close()
    return Answered(answers=answers, seconds=took_s)


if __name__ == "__main__":
    sys.stdout.buffer.write(
        msgspec.json.encode(ask_repeatedly(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
    )
