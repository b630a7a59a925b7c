"""Putting a backup back: into an empty database, checked on its way, and again from where it was interrupted.

Afterwards the log is what it was, byte for byte, so every answer and every token of then is good again; what was
written later is not there, and its tokens are refused. This module must not know how anything is laid out in the files.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path

from cds.backups.checking import (
    check_backup,
    file_pieces,
    file_rows,
    follow,
    read_segment,
    require_ends,
    require_file,
    table_lines,
)
from cds.backups.copying_files import groups
from cds.backups.layout import BackupDirectory
from cds.backups.manifest import KeptManifest, Manifest, manifest_at
from cds.backups.refusal import BackupRefused
from cds.progress import Report
from eventstore.addressing import address_of
from eventstore.chain import GENESIS
from eventstore.files import FILE_CHUNK_BYTES
from eventstore.restoring import RestoreTarget, Run, opened_target
from eventstore.side_tables import SIDE_TABLES
from eventstore.store import Head

RESTORING_ROWS, RESTORING_FILES = "restoring rows", "restoring files"


def chosen_backup(path: Path, moment: datetime | None) -> KeptManifest:
    """The last backup in a directory that was taken by a moment (None: the last of all). Raises BackupRefused."""
    return manifest_at(BackupDirectory(path), moment)


async def check(path: Path, kept: KeptManifest, report: Report) -> None:
    """Read all of a backup. Raises BackupRefused, naming the first file that is not as it should be."""
    directory = BackupDirectory(path)
    with directory.locked(alone=False):
        await asyncio.to_thread(check_backup, directory, kept.manifest, report)


async def restore_backup(dsn: str, path: Path, kept: KeptManifest, report: Report) -> None:
    """Restore a backup into the database at an address, which is empty or holds a part of this very restore.

    Raises BackupRefused for a backup that is damaged, StoreRefused for a database that does not take it, and
    StoreUnavailable; the same call goes on where this one stopped.
    """
    directory = BackupDirectory(path)
    with directory.locked(alone=False):
        async with opened_target(dsn) as target:
            await _Restoring(directory, kept, target, report).restore()


class _Restoring:
    """One restore."""

    def __init__(self, directory: BackupDirectory, kept: KeptManifest, target: RestoreTarget, report: Report) -> None:
        self._directory = directory
        self._name = kept.name
        self._manifest: Manifest = kept.manifest
        self._target = target
        self._report = report

    async def restore(self) -> None:
        """All of it."""
        manifest = self._manifest
        streams = [stream.name for stream in manifest.streams]
        await self._target.begin(self._name, [step.applied for step in manifest.migrations], streams)
        await self._rows()
        await self._files()
        tables = {table: table_lines(self._directory, manifest, table) for table in SIDE_TABLES}
        await self._target.finish(tables)

    async def _rows(self) -> None:
        """The log, file by file; what is there already is compared with it."""
        written = await self._target.ends()
        ends: dict[str, Head] = {}
        rows = 0
        for entry in self._manifest.segments:
            path = self._directory.segment(entry.number)
            frames = await asyncio.to_thread(read_segment, self._directory, entry)
            missing: list[Run] = []
            for frame in frames:
                follow(ends, frame, path)
                end = written.get(frame.run.stream)
                if end is None:
                    raise BackupRefused(f"{path}: stream {frame.run.stream!r} is not in the manifest")
                if end.position <= frame.base.position:
                    missing.append(frame.run)
                elif end.position <= frame.run.end.position and end != frame.run.end:
                    raise BackupRefused(f"the database does not hold what {path} says: begin anew with an empty one")
            if missing:
                await self._target.write(missing)
            rows += entry.rows
            self._report(RESTORING_ROWS, rows, self._manifest.rows)
        require_ends(ends, self._manifest.heads, self._directory)
        found = {stream: end for stream, end in (await self._target.ends()).items() if end != GENESIS}
        if found != self._manifest.heads:
            raise BackupRefused("the database does not hold what the backup says: begin anew with an empty one")

    async def _files(self) -> None:
        """Contents of files that are not there yet."""
        wanted = await asyncio.to_thread(file_rows, self._directory, self._manifest)
        if len(wanted) != self._manifest.files:
            raise BackupRefused(f"{self._directory.path}: the list of files is not the one of the manifest")
        there = await self._target.files()
        missing = {address: size for address, size in wanted.items() if address not in there}
        done = len(wanted) - len(missing)
        self._report(RESTORING_FILES, done, len(wanted))
        small = {address: size for address, size in missing.items() if size <= FILE_CHUNK_BYTES}
        for group in groups(small):
            await self._target.put_small_files(await asyncio.to_thread(self._contents, group))
            done += len(group)
            self._report(RESTORING_FILES, done, len(wanted))
        for address, size_bytes in missing.items():
            if size_bytes > FILE_CHUNK_BYTES:
                await asyncio.to_thread(require_file, self._directory, address, size_bytes)
                await self._target.put_large_file(address, size_bytes, self._pieces(address))
                done += 1
                self._report(RESTORING_FILES, done, len(wanted))

    def _contents(self, addresses: Sequence[str]) -> list[bytes]:
        """The contents of small files, compared with their hashes."""
        contents = []
        for address in addresses:
            path = self._directory.file(address)
            try:
                content = path.read_bytes()
            except FileNotFoundError:
                raise BackupRefused(f"{path}: is missing") from None
            if address_of(content) != address:
                raise BackupRefused(f"{path}: is damaged")
            contents.append(content)
        return contents

    async def _pieces(self, address: str) -> AsyncIterator[bytes]:
        for piece in file_pieces(self._directory, address):
            yield piece
