"""An event feed as it comes over the wire, without a client's help: headers, and the payload without chunks.

This module must not know what should be in it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from aiohttp import hdrs

from tests.cds.contest_api.serving import DEADLINE_S, basic_authorization
from tests.cds.contest_api.test_http import CHIEF

FEED = "contests/small/event-feed"
SSE: dict[str, str] = {hdrs.ACCEPT: "text/event-stream"}
PLAIN: dict[str, str] = {hdrs.ACCEPT_ENCODING: "identity"}
GZIP: dict[str, str] = {hdrs.ACCEPT_ENCODING: "gzip"}


class Port(Protocol):
    """What listens on a port."""

    @property
    def port(self) -> int:
        """The number of the port."""
        ...


class Listening(Protocol):
    """A started server, or a relay of one."""

    @property
    def server(self) -> Port:
        """What was started."""
        ...


class RawFeed:
    """A feed as it comes over the wire: headers, and the payload without chunks."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.headers: dict[str, str] = {}
        self.status = 0
        self.payload = b""
        self._reader = reader
        self._writer = writer

    async def read_headers(self) -> None:
        """Read up to the body."""
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        self.status = int(head[0].split()[1])
        self.headers = dict(line.split(": ", 1) for line in head[1:] if line)

    async def read(self) -> bool:
        """Read the next piece of the payload; False at the end."""
        async with asyncio.timeout(DEADLINE_S):
            if self.headers.get("Transfer-Encoding") != "chunked":
                piece = await self._reader.read(1 << 16)
            else:
                size = int(await self._reader.readline(), 16)
                piece = (await self._reader.readexactly(size + 2))[:-2]
        self.payload += piece
        return bool(piece)

    async def to_its_end(self) -> bytes:
        """The whole payload."""
        while await self.read():
            pass
        return self.payload


@asynccontextmanager
async def raw_feed(
    server: Listening,
    query: str = "",
    headers: dict[str, str] | None = None,
    *,
    version: str = "1.1",
    method: str = "GET",
) -> AsyncIterator[RawFeed]:
    """A feed that is asked for without a client's help, as the chief judge of the contest."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.server.port, limit=1 << 24)
    sent = {"Host": "x", hdrs.AUTHORIZATION: basic_authorization(CHIEF)} | (headers or {})
    lines = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
    writer.write(f"{method} /api/{FEED}{query} HTTP/{version}\r\n{lines}\r\n".encode())
    feed = RawFeed(reader, writer)
    await feed.read_headers()
    try:
        yield feed
    finally:
        writer.close()


def events(content: bytes) -> list[dict[str, str]]:
    """Server-sent events with data as a browser takes them (HTML, "Interpreting an event stream")."""
    found = []
    for event in content.decode().split("\n\n")[:-1]:
        fields = dict(line.split(": ", 1) for line in event.split("\n") if not line.startswith(":"))
        if "data" in fields:
            found.append(fields)
    return found
