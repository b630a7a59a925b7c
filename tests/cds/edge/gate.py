"""A gate in front of a server: it lets through, keeps what is answered to itself, or cuts connections and takes none.

This module must not know what goes through.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

PIECE_BYTES = 65_536


class Gate:
    """What goes through to a port of this machine."""

    def __init__(self, port: int) -> None:
        """Open, in front of that port."""
        self.root = ""
        self.answered = asyncio.Event()
        """Whether answers get through."""
        self.answered.set()
        self.asked_bytes = 0
        """How much has come to be let through."""
        self._port = port
        self._connections: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._listening: asyncio.Server | None = None

    async def open(self) -> None:
        """Take connections."""
        at = int(self.root.rpartition(":")[2] or 0)
        self._listening = await asyncio.start_server(self._let_through, "127.0.0.1", at)
        self.root = f"http://127.0.0.1:{self._listening.sockets[0].getsockname()[1]}"

    def cut(self) -> None:
        """Cut all connections; what was on its way is lost."""
        for each in list(self._connections):
            each.transport.abort()

    async def close(self) -> None:
        """The same, and take no more, also of those who have just come."""
        assert self._listening is not None
        self._listening.close()
        self.cut()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        await self._listening.wait_closed()

    async def _let_through(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task, mine = asyncio.current_task(), {writer}
        assert task is not None
        self._serving.add(task)
        self._connections.add(writer)
        try:
            to_reader, to_writer = await asyncio.open_connection("127.0.0.1", self._port)
            mine.add(to_writer)
            self._connections.add(to_writer)
            await asyncio.gather(self._requests(reader, to_writer), self._answers(to_reader, writer))
        except ConnectionError:
            pass
        finally:
            self._serving.discard(task)
            self._connections -= mine
            for each in mine:
                each.close()

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(PIECE_BYTES):
            self.asked_bytes += len(piece)
            writer.write(piece)
            await writer.drain()
        writer.close()

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(PIECE_BYTES):
            await self.answered.wait()
            writer.write(piece)
            await writer.drain()
        writer.close()


@asynccontextmanager
async def gate_to(root: str) -> AsyncIterator[Gate]:
    """A gate in front of the server at a root, for the length of the block."""
    gate = Gate(int(root.rpartition(":")[2]))
    await gate.open()
    try:
        yield gate
    finally:
        gate.answered.set()
        await gate.close()
