"""Whole databases, looked at, filled and cut short, for tests of backups.

This module must not know how a backup is made.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from cds.backups import copying_files, framing, pieces
from cds.backups.layout import UNFINISHED, BackupDirectory
from cds.backups.putting_back import chosen_backup, restore_backup
from cds.backups.taking import Taken, take_backup
from eventstore.postgres import PostgresStore
from eventstore.restoring import RestoreTarget
from eventstore.side_tables import SIDE_TABLES
from tests.cds.contest_api.serving import cloned_database

PROGRAM = "1.0"

Dump = Mapping[str, list[tuple[object, ...]]]
"""The rows of every table, in one order."""

LOG_QUERIES = {
    "stream": "SELECT name, position, chain FROM stream ORDER BY number",
    "event": "SELECT s.name, e.position, e.type, e.id, e.data, e.recorded_at_us, e.actor, e.cause, e.version, e.chain"
    " FROM event AS e JOIN stream AS s ON s.number = e.stream ORDER BY s.number, e.position",
    "file": "SELECT address, size_bytes FROM file ORDER BY address",
    "file_chunk": "SELECT address, number, content FROM file_chunk ORDER BY address, number",
    "credential": "SELECT * FROM credential ORDER BY 1, 2",
    "kept": "SELECT * FROM kept ORDER BY 1, 2",
    "secret": "SELECT * FROM secret ORDER BY 1",
    "server_account": "SELECT username, role, password_hash, disabled FROM server_account ORDER BY 1",
}
"""What a restore has to bring back. The numbers of streams are the database's own affair."""

assert LOG_QUERIES.keys() >= SIDE_TABLES.keys()


class Crash(Exception):
    """In the place of a kill -9."""


async def dump(dsn: str) -> Dump:
    """Everything that a database holds, but for what is derived."""
    connection = await asyncpg.connect(dsn)
    try:
        return {table: [tuple(row) for row in await connection.fetch(query)] for table, query in LOG_QUERIES.items()}
    finally:
        await connection.close()


async def execute(dsn: str, statement: str, *arguments: object) -> None:
    """Change a database behind the back of the program."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement, *arguments)
    finally:
        await connection.close()


def untold(doing: str, done: int, total: int | None) -> None:
    """Nobody looks."""


async def back_up(dsn: str, path: Path, *, verify: bool = False) -> Taken:
    """Take a backup."""
    return await take_backup(dsn, path, PROGRAM, untold, verify=verify)


async def restore(dsn: str, path: Path) -> None:
    """Restore the last backup."""
    await restore_backup(dsn, path, chosen_backup(path, None), untold)


@asynccontextmanager
async def filled(template: str) -> AsyncIterator[tuple[str, PostgresStore]]:
    """A database of one's own and a store on it."""
    async with cloned_database(template) as dsn:
        store = await PostgresStore.open(dsn)
        try:
            yield dsn, store
        finally:
            await store.close()


@contextmanager
def small_parts() -> Iterator[None]:
    """Many files in the place of a few large ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(framing, "SEGMENT_BYTES", 400)
        patch.setattr(copying_files, "SMALL_FILES_MAX", 2)
        patch.setattr(pieces, "PIECE_BYTES", 300)
        yield


@contextmanager
def crashing_backup(at: int, directory: str | None = None) -> Iterator[None]:
    """A backup ends in the middle of writing its file of that number, counted from 0; of those in one directory."""
    original = BackupDirectory.writing
    count = 0

    @contextmanager
    def writing(self: BackupDirectory, path: Path, *, at_once: bool = False) -> Iterator[Callable[[bytes], object]]:
        nonlocal count
        count += directory in (None, path.parent.name)
        if count > at:
            path.parent.mkdir(exist_ok=True)
            path.with_name(path.name + UNFINISHED).write_bytes(b"only the begin")
            raise Crash
        with original(self, path, at_once=at_once) as write:
            yield write

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BackupDirectory, "writing", writing)
        yield


@contextmanager
def crashing_restore(at: int) -> Iterator[None]:
    """A restore ends before its transaction of that number, counted from 0."""
    count = 0

    def crashing(method: Callable[..., Any]) -> Callable[..., Any]:
        async def instead(*arguments: object) -> None:
            nonlocal count
            count += 1
            if count > at:
                raise Crash
            await method(*arguments)

        return instead

    with pytest.MonkeyPatch.context() as patch:
        for name in ("begin", "write", "put_small_files", "put_large_file", "finish"):
            patch.setattr(RestoreTarget, name, crashing(getattr(RestoreTarget, name)))
        yield
