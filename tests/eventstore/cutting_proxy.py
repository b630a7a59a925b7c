"""A stand-in for a bad network: passes bytes between a store and Postgres, and cuts a connection at a chosen moment."""

import asyncio
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, quote, urlsplit

READ_BYTES_MAX = 1 << 16


class Cut(Enum):
    """What happens to the bytes that hold the mark."""

    BEFORE_SENDING = "the database never sees them"
    AFTER_SENDING = "the database gets them, and the connection is cut before it can have answered"
    BEFORE_ANSWER = "the database has answered, and the answer is lost"


class CuttingProxy:
    """Listens on a socket in `directory` in place of the server of `dsn`; cuts once when armed."""

    def __init__(self, dsn: str, directory: Path) -> None:
        self._server_dsn = urlsplit(dsn)
        self._directory = directory
        self._mark: bytes | None = None
        self._cut = Cut.BEFORE_SENDING
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.cuts = 0

    @property
    def dsn(self) -> str:
        """The address of the database through this proxy."""
        query = f"host={quote(str(self._directory))}&port=5432"
        return self._server_dsn._replace(netloc=self._server_dsn.netloc.rpartition("@")[0] + "@", query=query).geturl()

    def arm(self, mark: bytes, cut: Cut) -> None:
        """Cut the connection that next sends bytes with a mark in them."""
        self._mark, self._cut = mark, cut

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_unix_server(self._accept, self._directory / ".s.PGSQL.5432")
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        query = parse_qs(self._server_dsn.query)
        server_reader, server_writer = await asyncio.open_unix_connection(f"{query['host'][0]}/.s.PGSQL.5432")
        answers = asyncio.create_task(_pass(server_reader, writer))
        try:
            await self._pass_questions(reader, server_reader, server_writer, answers)
        finally:
            answers.cancel()
            for end in (writer, server_writer):
                end.close()
            with suppress(asyncio.CancelledError, ConnectionError):
                await answers

    async def _pass_questions(
        self,
        reader: asyncio.StreamReader,
        server_reader: asyncio.StreamReader,
        server_writer: asyncio.StreamWriter,
        answers: "asyncio.Task[None]",
    ) -> None:
        """Pass bytes to the server until the client goes away or the cut comes."""
        while data := await reader.read(READ_BYTES_MAX):
            cut = self._mark is not None and self._mark in data
            if cut:
                self._mark = None
                self.cuts += 1
                if self._cut is Cut.BEFORE_SENDING:
                    return
                answers.cancel()
                with suppress(asyncio.CancelledError):
                    await answers
            server_writer.write(data)
            await server_writer.drain()
            if cut:
                if self._cut is Cut.BEFORE_ANSWER:
                    await server_reader.read(READ_BYTES_MAX)
                return


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass bytes one way until the sender goes away."""
    while data := await reader.read(READ_BYTES_MAX):
        writer.write(data)
        await writer.drain()
    writer.close()
