"""Reading a whole database for a backup, while servers write to it.

The log only grows, so the ends of its streams decide what belongs to a backup; they are read in one snapshot together
with everything beside the log that changes. Rows and contents of files are read afterwards, without holding up
anybody: what lies before those ends stays as it is. Nothing is written, so a standby can be read as well. This module
must not know where a backup is kept.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import asyncpg
import msgspec

from eventstore.codec import event_of
from eventstore.connecting import Connections, close_quietly, losses_as_unavailable, one_line
from eventstore.files import FILE_CHUNK_BYTES
from eventstore.migrating import AppliedMigration, missing_in
from eventstore.queries import QUERIES
from eventstore.restoring import refuse_half_restored
from eventstore.side_tables import SIDE_TABLES
from eventstore.store import Event, Head, StoreRefused

PAGE_ROWS_MAX = 2_000
PAGE_BYTES = 4 * 1024 * 1024
"""The rows of one page at most; none more are in it behind so many bytes of data."""

SIDE_ROWS = 500
"""Rows of a side table that are fetched at once."""


class StreamEnd(msgspec.Struct, frozen=True):
    """A stream as the snapshot has it; `number` is that of this database."""

    number: int
    name: str
    head: Head


class LogSource:
    """A database that is read for a backup. Made by `opened_source`."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        """Use `opened_source` instead."""
        self._connection = connection

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[None]:
        """For the length of the block, everything is read as it was at one moment. To be left soon: nothing that others
        delete is given free meanwhile.
        """
        with losses_as_unavailable():
            async with self._connection.transaction(isolation="repeatable_read", readonly=True):
                yield

    async def migrations(self) -> list[AppliedMigration]:
        """The steps that the database has had, in order."""
        rows = await self._connection.fetch(QUERIES["applied_migrations"])
        return [AppliedMigration(number=row[0], name=row[1], sha256=row[2]) for row in rows]

    async def streams(self) -> list[StreamEnd]:
        """All streams in order of creation, also those without events."""
        rows = await self._connection.fetch(QUERIES["all_streams"])
        return [StreamEnd(row[0], row[1], Head(position=row[2], chain=row[3])) for row in rows]

    async def side_rows(self, table: str) -> AsyncIterator[str]:
        """The rows of a side table as JSON, in the order of its key. Only within a snapshot.

        None where an earlier version has made the database, which had no such table.
        """
        if not await self._connection.fetchval(QUERIES["has_table"], table):
            return
        async for row in self._connection.cursor(SIDE_TABLES[table].rows, prefetch=SIDE_ROWS):
            yield row[0]

    async def file_rows(self) -> AsyncIterator[str]:
        """Address and size of every file as JSON, in the order of addresses. Only within a snapshot."""
        async for row in self._connection.cursor(QUERIES["rows_of_file"], prefetch=SIDE_ROWS):
            yield row[0]

    async def chains_at(self, positions: Mapping[str, int]) -> dict[str, bytes]:
        """The chain values at a position of each of some streams; those without such a row are left out."""
        with losses_as_unavailable():
            rows = await self._connection.fetch(QUERIES["chains_at"], list(positions), list(positions.values()))
        return {row[0]: row[1] for row in rows}

    async def rows(self, stream: StreamEnd, after: int) -> AsyncIterator[list[Event]]:
        """The rows of a stream behind a position, up to its end, page by page, as they were written."""
        position = after
        while position < stream.head.position:
            with losses_as_unavailable():
                rows = await self._connection.fetch(
                    QUERIES["rows_of_stream"], stream.number, position, stream.head.position, PAGE_ROWS_MAX, PAGE_BYTES
                )
            if not rows:
                return
            events = [event_of(stream.name, row) for row in rows]
            position = events[-1].position
            yield events

    async def small_files(self, addresses: Sequence[str]) -> dict[str, bytes]:
        """The contents of files that are kept in one piece, by address."""
        with losses_as_unavailable():
            rows = await self._connection.fetch(QUERIES["small_files"], list(addresses))
        return {row[0]: row[1] for row in rows}

    async def file_pieces(self, address: str, size_bytes: int) -> AsyncIterator[bytes]:
        """The contents of a file, piece by piece; what is missing is left out."""
        for number in range(-(-size_bytes // FILE_CHUNK_BYTES)):
            with losses_as_unavailable():
                piece = await self._connection.fetchval(QUERIES["file_chunk"], address, number)
            yield piece or b""


@asynccontextmanager
async def opened_source(dsn: str) -> AsyncIterator[LogSource]:
    """A database to be read, for the length of the block.

    Raises StoreUnavailable when it is away, StoreRefused when it holds no log, or one that is half restored, or one of
    a later version of this program, which may have tables that are not known here.
    """
    connection = await Connections(dsn).connect()
    try:
        with losses_as_unavailable():
            await refuse_half_restored(connection)
            if not await connection.fetchval(QUERIES["has_table"], "stream"):
                raise StoreRefused("the database holds no log")
            await missing_in(connection)
        yield LogSource(connection)
    except asyncpg.PostgresError as error:
        # Such as a standby that cannot keep what is being read any longer.
        raise StoreRefused(f"the database refuses to be read: {one_line(error)}") from error
    finally:
        await close_quietly(connection)
