"""A server that hardly works: it sends ready bytes for whatever comes. It shows what the load generators can take.

It ends when its standard input does. This module must not know HTTP beyond the end of a request.
"""

import asyncio
import sys
from pathlib import Path

REQUEST_ENDS = (b"\r\n\r\n", b"}")
"""How a request ends: one without a body, and one whose body is a JSON object."""


class _Answering(asyncio.Protocol):
    """Writes the same bytes for every request, and closes then if it is told to."""

    def __init__(self, answer: bytes, *, close: bool) -> None:
        self._answer = answer
        self._close = close
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.WriteTransport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._transport is None or not data.endswith(REQUEST_ENDS):
            return
        self._transport.write(self._answer)
        if self._close:
            self._transport.close()


async def _serve(answer: bytes, *, close: bool) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Answering(answer, close=close), "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.buffer.read)
    server.close()


def raw_answer(body: bytes, *, close: bool) -> bytes:
    """A whole HTTP answer."""
    connection = "close" if close else "keep-alive"
    return f"HTTP/1.1 200 OK\r\nConnection: {connection}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


if __name__ == "__main__":
    closing = sys.argv[2] == "close"
    asyncio.run(_serve(raw_answer(Path(sys.argv[1]).read_bytes(), close=closing), close=closing))
