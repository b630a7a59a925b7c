"""Writing a whole log into an empty database, in pieces each of which is a transaction of its own.

A table `restoring` is there from the first piece to the last, and names the backup: no store opens such a database, and
a restore that was interrupted can go on where it stopped. The end of each stream says how far it has come. This module
must not know where a backup is kept; what it is given has been checked.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import islice

import asyncpg
import msgspec

from eventstore.addressing import address_of
from eventstore.chain import GENESIS
from eventstore.connecting import Connections, close_quietly, is_loss, losses_as_unavailable, one_line
from eventstore.copying import COPY_TIMEOUT_S, EVENT_COLUMNS
from eventstore.migrating import AppliedMigration, Migration, known_migrations, migrate, missing_migrations
from eventstore.presence import PRESENCE_CLASS
from eventstore.queries import QUERIES
from eventstore.side_tables import SIDE_TABLES
from eventstore.store import Event, Head, StoreRefused

LOCK_PATIENCE_S = 10.0
LOCK_PAUSE_S = 0.1
"""How long a restore waits for another one to end, which may have been killed just now, and how often it looks."""

SIDE_ROWS = 500
"""Rows of a side table that are written at once."""

NOBODY = -1
"""In the place of our own number among those present: we are not."""


class Run(msgspec.Struct, frozen=True):
    """Rows of one stream that follow each other."""

    stream: str
    events: Sequence[Event]

    @property
    def end(self) -> Head:
        """Where the stream is behind them."""
        return Head(position=self.events[-1].position, chain=self.events[-1].chain)


async def refuse_half_restored(connection: asyncpg.Connection) -> None:
    """Raise StoreRefused where a restore has begun and not ended: what is there is only a part of a log."""
    if await connection.fetchval(QUERIES["is_half_restored"]):
        raise StoreRefused(
            "a backup is being restored into this database, or that was broken off: "
            "run `cds restore` with the same directory again until it says that it is done"
        )


class RestoreTarget:
    """A database that a log is written into. Made by `opened_target`."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        """Use `opened_target` instead."""
        self._connection = connection
        self._numbers: dict[str, int] = {}

    async def begin(self, backup: str, applied: Sequence[AppliedMigration], streams: Sequence[str]) -> None:
        """Mark the database as being restored from the backup of that name, whose database had had these migrations.

        Makes the tables as they were there, and the streams in their order. Where the very same restore was
        interrupted, it is gone on with. Raises StoreRefused when the database is not empty, is in use, or belongs to
        another restore, and when this program is older than the backup.
        """
        steps = _steps(applied)
        with losses_as_unavailable():
            if await self._connection.fetchval(QUERIES["is_half_restored"]):
                begun = await self._connection.fetchval(QUERIES["restoring"])
                if begun != backup:
                    raise StoreRefused(
                        f"another backup is half restored there ({begun}): end that restore, or take an empty database"
                    )
            else:
                async with self._connection.transaction():
                    await self._mark(backup, steps)
                await self._keep_mark_if_alone()
            async with self._connection.transaction():
                await self._connection.execute(QUERIES["forget_secrets"])
                for name in streams:
                    await self._connection.execute(QUERIES["create_stream"], name, GENESIS.chain)
            rows = await self._connection.fetch(QUERIES["all_streams"])
        self._numbers = {row[1]: row[0] for row in rows}

    async def _mark(self, backup: str, steps: Sequence[Migration]) -> None:
        """Make the tables and the mark, where nothing is."""
        await self._connection.execute(QUERIES["lock_migrations"])
        await self._require_alone()
        there = await self._contents()
        if there:
            raise StoreRefused(
                f"the database is not empty ({', '.join(there)}): a backup is restored into an empty one, "
                "such as a new data directory"
            )
        await self._connection.execute(QUERIES["create_migration_table"])
        rows = await self._connection.fetch(QUERIES["applied_migrations"])
        if len(rows) > len(steps):
            raise StoreRefused(
                f"the database is prepared for a later version (migration {rows[-1][0]:04d}) than the backup is of "
                f"({len(steps):04d}): take a new data directory or database"
            )
        await migrate(self._connection, steps)
        await self._connection.execute(QUERIES["begin_restoring"])
        await self._connection.execute(QUERIES["note_restoring"], backup)

    async def _keep_mark_if_alone(self) -> None:
        """Whoever opened the database in this very moment has either seen the mark, or is seen here."""
        try:
            await self._require_alone()
        except StoreRefused:
            await self._connection.execute(QUERIES["end_restoring"])
            raise

    async def _require_alone(self) -> None:
        if await self._connection.fetchval(QUERIES["others_holding"], PRESENCE_CLASS, NOBODY):
            raise StoreRefused("a server or another command has this database open: stop it first")

    async def _contents(self) -> list[str]:
        """What there is that a restore would write over; an earlier version may not have had all of the tables."""
        found: list[asyncpg.Record] = []
        if await self._connection.fetchval(QUERIES["has_table"], "stream"):
            found += await self._connection.fetch(QUERIES["contents_of_database"])
        if await self._connection.fetchval(QUERIES["has_table"], "kept"):
            found += await self._connection.fetch(QUERIES["contents_of_kept"])
        return [f"{count} {what}" for what, count in found if count]

    async def ends(self) -> dict[str, Head]:
        """How far each stream has come, in the order of their creation."""
        with losses_as_unavailable():
            rows = await self._connection.fetch(QUERIES["all_streams"])
        return {row[1]: Head(position=row[2], chain=row[3]) for row in rows}

    async def write(self, runs: Sequence[Run]) -> None:
        """Write rows behind the ends of their streams: all of them or, when this does not come back, perhaps none."""
        records = [
            (
                self._numbers[run.stream],
                event.position,
                event.type,
                event.id,
                event.data,
                event.recorded_at_us,
                event.actor,
                event.cause,
                event.version,
                event.chain,
            )
            for run in runs
            for event in run.events
        ]
        with losses_as_unavailable():
            async with self._connection.transaction():
                await self._connection.copy_records_to_table(
                    "event", records=records, columns=EVENT_COLUMNS, timeout=COPY_TIMEOUT_S
                )
                for run in runs:
                    end = run.end
                    await self._connection.execute(
                        QUERIES["move_stream_end"], self._numbers[run.stream], end.position, end.chain
                    )

    async def files(self) -> set[str]:
        """The addresses of the files that are there already."""
        with losses_as_unavailable():
            return {row[0] for row in await self._connection.fetch(QUERIES["files_restored"])}

    async def put_small_files(self, contents: Sequence[bytes]) -> None:
        """Keep files of one piece each, in one transaction."""
        files = {address_of(content): content for content in contents}
        sizes = [len(content) for content in files.values()]
        with losses_as_unavailable():
            await self._connection.execute(QUERIES["keep_files"], list(files), sizes, list(files.values()))

    async def put_large_file(self, address: str, size_bytes: int, pieces: AsyncIterator[bytes]) -> None:
        """Keep a file in pieces, each of files.FILE_CHUNK_BYTES but the last. What `pieces` raises undoes it."""
        with losses_as_unavailable():
            async with self._connection.transaction():
                await self._connection.execute(QUERIES["keep_file"], address, size_bytes)
                number = 0
                async for piece in pieces:
                    await self._connection.execute(QUERIES["keep_file_chunk"], address, number, piece)
                    number += 1

    async def finish(self, side_rows: Mapping[str, Iterable[str]]) -> None:
        """Write the rows of the side tables (as JSON, by table), bring the tables to what this program expects, and
        take the mark away: from now on it is a database like any other.
        """
        with losses_as_unavailable():
            async with self._connection.transaction():
                for table, lines in side_rows.items():
                    rest = iter(lines)
                    while some := list(islice(rest, SIDE_ROWS)):
                        await self._connection.execute(SIDE_TABLES[table].put_rows, some, timeout=COPY_TIMEOUT_S)
                await migrate(self._connection)
                await self._connection.execute(QUERIES["end_restoring"])


@asynccontextmanager
async def opened_target(dsn: str) -> AsyncIterator[RestoreTarget]:
    """A database to restore into, for the length of the block. Raises StoreUnavailable, and StoreRefused when another
    process is restoring into it, or when the database does not take what it is given.
    """
    connection = await Connections(dsn).connect()
    try:
        await _locked(connection)
        yield RestoreTarget(connection)
    except asyncpg.PostgresError as error:
        if is_loss(error):
            raise
        raise StoreRefused(f"the database refuses what is restored: {one_line(error)}") from error
    finally:
        await close_quietly(connection)


async def _locked(connection: asyncpg.Connection) -> None:
    """Be the only one that restores here, for as long as the session lives."""
    deadline_s = asyncio.get_running_loop().time() + LOCK_PATIENCE_S
    while True:
        with losses_as_unavailable():
            if await connection.fetchval(QUERIES["try_lock_restoring"]):
                return
        if asyncio.get_running_loop().time() >= deadline_s:
            raise StoreRefused("another process is restoring into this database")
        await asyncio.sleep(LOCK_PAUSE_S)


def _steps(applied: Sequence[AppliedMigration]) -> Sequence[Migration]:
    """The migrations that the database of a backup had had. Raises StoreRefused where this program knows them not."""
    known = known_migrations()
    missing_migrations(known, applied)
    return known[: len(applied)]
