"""A bad network on loopback: passes bytes between clients and a server, and breaks as it is told.

It can cut connections, take none, hold bytes back, slow them down, and swallow what Postgres tells those who listen.
This module must not know who speaks with whom.
"""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Self

READ_BYTES_MAX = 1 << 16
CONNECTIONS_MAX = 2_000
"""Beyond this a connection is closed at once: whoever loops must not take the machine along."""

CLOSE_LOOK_S = 0.1
"""How often it is looked, at the end, whether anybody has come meanwhile."""

HEADER_BYTES = 5
"""Of a message of Postgres: its type, and the length of what follows, which counts itself."""

NOTIFICATION = ord("A")
"""The type of a NotificationResponse (PostgreSQL, "Message Formats")."""

Target = tuple[str, int] | Path
"""Where connections lead: host and port, or a socket in the file system."""


class Proxy:
    """Listens on a port of its own in place of a server."""

    def __init__(self, target: Target | None = None, *, speaks_postgres: bool = False) -> None:
        """It does not listen yet. `target` may be set later; until then connections are closed."""
        self.target = target
        self.refusing = False
        self.delay_s = 0.0
        self.deaf = False
        self.cuts = 0
        self.notifications_lost = 0
        self._speaks_postgres = speaks_postgres
        self._passing = asyncio.Event()
        self._passing.set()
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[None], tuple[asyncio.StreamWriter, ...]] = {}

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=READ_BYTES_MAX)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.heal()
        while self._connections:
            # Those who pass bytes end by themselves; one that is cancelled is complained of by asyncio.
            self.cut()
            await asyncio.wait(self._connections, timeout=CLOSE_LOOK_S)

    def hold(self) -> None:
        """Keep back every byte from now on."""
        self._passing.clear()

    def heal(self) -> None:
        """Pass everything on, at once, to whoever asks."""
        self.refusing = self.deaf = False
        self.delay_s = 0.0
        self._passing.set()

    def cut(self, share: float = 1.0) -> int:
        """Cut so much of the open connections, the oldest first and one at least; how many that were."""
        open_now = list(self._connections.values())
        chosen = open_now[: max(1, round(len(open_now) * share))]
        for ends in chosen:
            for end in ends:
                end.transport.abort()
        self.cuts += len(chosen)
        return len(chosen)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections[task] = (writer,)
        try:
            if not self.refusing and self.target is not None and len(self._connections) <= CONNECTIONS_MAX:
                with suppress(OSError):
                    await self._connect(task, reader, writer)
        finally:
            del self._connections[task]
            writer.close()

    async def _connect(
        self, task: asyncio.Task[None], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        assert self.target is not None
        if isinstance(self.target, Path):
            there, to_there = await asyncio.open_unix_connection(self.target)
        else:
            there, to_there = await asyncio.open_connection(*self.target)
        self._connections[task] = (writer, to_there)
        answers = _WithoutNotifications(self) if self._speaks_postgres else None
        pumps = [
            asyncio.create_task(self._pump(reader, to_there, None)),
            asyncio.create_task(self._pump(there, writer, answers)),
        ]
        try:
            # Where one side closes, so does the other: HTTP and Postgres know no half-open connection.
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            to_there.close()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, answers: "_WithoutNotifications | None"
    ) -> None:
        """Pass bytes one way until the sender goes away."""
        with suppress(ConnectionError):
            while data := await source.read(READ_BYTES_MAX):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                await self._passing.wait()
                sink.write(data if answers is None else answers.of(data))
                await sink.drain()


class _WithoutNotifications:
    """What a Postgres says, less what it tells those who listen while the proxy is deaf."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._waiting = bytearray()

    def of(self, data: bytes) -> bytes:
        """The whole messages that have come by now; the connection speaks plain text from its first byte."""
        self._waiting += data
        passed, begin = bytearray(), 0
        while len(self._waiting) >= begin + HEADER_BYTES:
            end = begin + 1 + int.from_bytes(self._waiting[begin + 1 : begin + HEADER_BYTES])
            if end > len(self._waiting):
                break
            if self._proxy.deaf and self._waiting[begin] == NOTIFICATION:
                self._proxy.notifications_lost += 1
            else:
                passed += self._waiting[begin:end]
            begin = end
        del self._waiting[:begin]
        return bytes(passed)
