"""Taking a backup: what is new in a database is added to a directory, checked on its way.

The database may be written to meanwhile. Whatever ends this process, the next backup into the same directory goes on
behind what is there. This module must not know how anything is laid out in the files.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from cds.backups.checking import check_backup, file_rows
from cds.backups.copying_files import FileCopy
from cds.backups.copying_rows import RowCopy
from cds.backups.forgetting import forget_backups
from cds.backups.layout import BackupDirectory
from cds.backups.manifest import (
    FILE_TABLE,
    KeptManifest,
    Manifest,
    PieceEntry,
    StreamEntry,
    migration_entries,
    newest_manifest,
    write_manifest,
)
from cds.backups.pieces import Cutter, Piece
from cds.progress import Report
from eventstore.backing_up import LogSource, StreamEnd, opened_source
from eventstore.migrating import AppliedMigration
from eventstore.side_tables import SIDE_TABLES

COPYING_TABLES = "copying tables"


class Taken(msgspec.Struct, frozen=True):
    """A backup that is complete, its name, and how many rows and files it added to those that were there.

    `forgotten`: how many earlier backups were deleted behind it.
    """

    name: str
    manifest: Manifest
    rows: int
    files: int
    forgotten: int = 0


class _Snapshot(msgspec.Struct, frozen=True):
    """What was read at one moment; tables are on disk already."""

    taken_at: datetime
    migrations: Sequence[AppliedMigration]
    streams: Sequence[StreamEnd]
    tables: Mapping[str, Sequence[PieceEntry]]


async def take_backup(
    dsn: str, path: Path, program: str, report: Report, *, verify: bool = False, keep: timedelta | None = None
) -> Taken:
    """Back up the database at an address into a directory; `program` is the version that does it.

    `verify`: read all of the backup again at the end, also what earlier ones have copied. `keep`: forget the backups
    that are older than this one by so much. Raises BackupRefused (for a
    damaged log too), StoreUnavailable and StoreRefused; what was copied by then stays for the next attempt.
    """
    directory = BackupDirectory(path)
    directory.prepare()
    with directory.locked(alone=True):
        async with opened_source(dsn) as source:
            taken = await _copy(directory, source, program, report)
        if verify:
            await asyncio.to_thread(check_backup, directory, taken.manifest, report)
        # Last: what is damaged must not be the newest backup that there is.
        name = await asyncio.to_thread(write_manifest, directory, taken.manifest)
        forgotten = 0
        if keep is not None:
            forgotten = await asyncio.to_thread(forget_backups, directory, taken.manifest.taken_at - keep)
        return msgspec.structs.replace(taken, name=name, forgotten=forgotten)


async def _copy(directory: BackupDirectory, source: LogSource, program: str, report: Report) -> Taken:
    """Copy what is new. It counts once its manifest, which has no name yet, is written."""
    last = newest_manifest(directory)
    rows = RowCopy(directory, last.manifest if last is not None else None)
    await rows.find_place(source)
    known = file_rows(directory, last.manifest) if last is not None else {}
    files = FileCopy(directory, frozenset(known))
    snapshot = await _snapshot(directory, source, last, files, report)
    rows_added = await rows.copy(source, snapshot.streams, report)
    files_added = await files.copy(source, report)
    manifest = Manifest(
        number=1 if last is None else last.manifest.number + 1,
        taken_at=snapshot.taken_at,
        program=program,
        migrations=migration_entries(snapshot.migrations),
        streams=[StreamEntry(each.name, each.head.position, each.head.chain.hex()) for each in snapshot.streams],
        segments=rows.segments,
        tables=snapshot.tables,
        files=len(files.wanted),
        file_bytes=sum(files.wanted.values()),
    )
    return Taken("", manifest, rows_added, files_added)


async def _snapshot(
    directory: BackupDirectory, source: LogSource, last: KeptManifest | None, files: FileCopy, report: Report
) -> _Snapshot:
    """Read everything that changes, and where what only grows ends, as they are at one moment."""
    tables: dict[str, Sequence[PieceEntry]] = {}
    async with source.snapshot():
        # The snapshot is that of the first statement.
        streams = await source.streams()
        taken_at = datetime.now(UTC)
        migrations = await source.migrations()
        listed = _TableCopy(directory, last, FILE_TABLE)
        async for line in source.file_rows():
            files.want(line)
            listed.add(line)
        tables[FILE_TABLE] = listed.ended()
        for number, table in enumerate(SIDE_TABLES, 1):
            copied = _TableCopy(directory, last, table)
            async for line in source.side_rows(table):
                copied.add(line)
            tables[table] = copied.ended()
            report(COPYING_TABLES, number, len(SIDE_TABLES))
    return _Snapshot(taken_at, migrations, streams, tables)


class _TableCopy:
    """A table on its way to disk; pieces that the last backup has are there already."""

    def __init__(self, directory: BackupDirectory, last: KeptManifest | None, table: str) -> None:
        self._directory = directory
        self._present = (
            frozenset(entry.sha256 for entry in last.manifest.tables.get(table, ())) if last else frozenset()
        )
        self._cutter = Cutter()
        self._entries: list[PieceEntry] = []

    def add(self, line: str) -> None:
        """The next row."""
        self._take(self._cutter.add(line))

    def ended(self) -> Sequence[PieceEntry]:
        """All pieces, now that no row is to come."""
        self._take(self._cutter.rest())
        return self._entries

    def _take(self, piece: Piece | None) -> None:
        if piece is None:
            return
        name = piece.name
        path = self._directory.piece(name)
        if name not in self._present or not path.exists():
            self._directory.write(path, piece.packed())
        self._entries.append(PieceEntry(name, piece.lines))
