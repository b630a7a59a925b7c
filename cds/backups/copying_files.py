"""Copying the contents of files that a backup does not have yet, each compared with its hash.

This module must not know what refers to a file.
"""

import asyncio
from collections.abc import Iterator, Sequence
from hashlib import sha256

from cds.backups.checking import decoded_file_row, is_intact_file
from cds.backups.layout import BackupDirectory
from cds.backups.refusal import BackupRefused
from cds.progress import Report
from eventstore.addressing import address_of
from eventstore.backing_up import LogSource
from eventstore.files import FILE_CHUNK_BYTES

COPYING_FILES = "copying files"

SMALL_FILES_MAX = 500
SMALL_FILES_BYTES = 8 * 1024 * 1024
"""Files of one piece that are read at once: so many at most, and none more behind so many bytes."""


class FileCopy:
    """The files that a backup has to hold."""

    def __init__(self, directory: BackupDirectory, trusted: frozenset[str] = frozenset()) -> None:
        """None yet. Of those at `trusted` addresses the length is looked at alone: a complete backup has them."""
        self.wanted: dict[str, int] = {}
        self._directory = directory
        self._trusted = trusted

    def want(self, line: str) -> None:
        """One more, as the list of files says it."""
        row = decoded_file_row(line)
        self.wanted[row.address] = row.size_bytes

    async def copy(self, source: LogSource, report: Report) -> int:
        """Copy what is not there; how many those were. Raises BackupRefused for one that does not match its hash."""
        missing = await asyncio.to_thread(self._missing, report)
        small = {address: size for address, size in missing.items() if size <= FILE_CHUNK_BYTES}
        done = len(self.wanted) - len(missing)
        for group in groups(small):
            contents = await source.small_files(group)
            await asyncio.to_thread(self._write_all, group, contents)
            done += len(group)
            report(COPYING_FILES, done, len(self.wanted))
        for address, size_bytes in missing.items():
            if size_bytes > FILE_CHUNK_BYTES:
                await self._copy_large(source, address, size_bytes)
                done += 1
                report(COPYING_FILES, done, len(self.wanted))
        return len(missing)

    def _missing(self, report: Report) -> dict[str, int]:
        """Those that are not there as a whole."""
        missing = {}
        for number, (address, size_bytes) in enumerate(self.wanted.items(), 1):
            if not self._is_there(address, size_bytes):
                missing[address] = size_bytes
            report("looking for files", number, len(self.wanted))
        return missing

    def _is_there(self, address: str, size_bytes: int) -> bool:
        path = self._directory.file(address)
        if address in self._trusted:
            return path.exists() and path.stat().st_size == size_bytes
        if not is_intact_file(self._directory, address, size_bytes):
            return False
        self._directory.note_found(path)
        return True

    def _write_all(self, addresses: Sequence[str], contents: dict[str, bytes]) -> None:
        for address in addresses:
            content = contents.get(address, b"")
            if address_of(content) != address:
                raise _damaged(address)
            self._directory.write(self._directory.file(address), content)

    async def _copy_large(self, source: LogSource, address: str, size_bytes: int) -> None:
        digest = sha256()
        with self._directory.writing(self._directory.file(address)) as write:
            async for piece in source.file_pieces(address, size_bytes):
                digest.update(piece)
                write(piece)
            if digest.hexdigest() != address:
                raise _damaged(address)


def groups(sizes: dict[str, int]) -> Iterator[list[str]]:
    """The addresses of small files in groups, each of which is handled at once."""
    group: list[str] = []
    size_bytes = 0
    for address, size in sizes.items():
        group.append(address)
        size_bytes += size
        if len(group) >= SMALL_FILES_MAX or size_bytes >= SMALL_FILES_BYTES:
            yield group
            group, size_bytes = [], 0
    if group:
        yield group


def _damaged(address: str) -> BackupRefused:
    return BackupRefused(f"the log is damaged: file {address} does not match its hash (`cds verify` says more)")
