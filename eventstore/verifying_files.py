"""Whether the contents of files in Postgres are what their addresses say.

Knows how a file is cut into rows. It must not know what refers to a file. What is kept meanwhile may be looked at, or
not.
"""

from collections.abc import AsyncIterator, Callable
from hashlib import sha256

import asyncpg
import msgspec

from eventstore.connecting import losses_as_unavailable, one_line
from eventstore.queries import QUERIES
from eventstore.verifying import DAMAGES, STATEMENT_TIMEOUT_S, Difference

FILES_AT_ONCE_MAX = 1_000
BYTES_AT_ONCE_MAX = 8 * 1024 * 1024
"""So many files, or so many bytes of files by what their rows say, are read in one go."""

CHUNKS_AT_ONCE_MAX = 8
"""Pieces of one large file that are read in one go."""

FILE_DIFFERENCES_MAX = 100
"""After so many differences the rest of the files is not looked at."""

FILE = "file"
"""The kind of differences of files."""


class KeptFile(msgspec.Struct, frozen=True):
    """A file as its row tells of it."""

    address: str
    size_bytes: int


class _Reading:
    """A file whose pieces come one after the other."""

    def __init__(self, file: KeptFile) -> None:
        self.file = file
        self._digest = sha256()
        self._size_bytes = 0
        self._numbers = 0
        self._gap: int | None = None

    def take(self, number: int, content: bytes) -> None:
        if number != self._numbers and self._gap is None:
            self._gap = self._numbers
        self._numbers = number + 1
        self._digest.update(content)
        self._size_bytes += len(content)

    def difference(self) -> Difference | None:
        """What is wrong with the file, when all of its pieces have come."""
        told = None
        if self._gap is not None:
            told = f"piece {self._gap} is missing"
        elif self._size_bytes != self.file.size_bytes:
            told = f"{self._size_bytes} bytes are kept of {self.file.size_bytes}"
        elif (found := self._digest.hexdigest()) != self.file.address:
            told = f"its bytes were altered: they hash to {found}"
        return None if told is None else Difference(kind=FILE, where=f"file {self.file.address}", told=told)


async def check_files(
    connection: asyncpg.Connection, begin: str, end: str, progress: Callable[[int], None] = lambda _: None
) -> list[Difference]:
    """Differences of the files whose addresses lie from `begin` up to, and without, `end`.

    `progress` is told how many files more have been looked at. Raises StoreUnavailable.
    """
    found: list[Difference] = []
    with losses_as_unavailable():
        async for group in _groups(connection, begin, end):
            found += await _differences(connection, group)
            progress(len(group))
            if len(found) >= FILE_DIFFERENCES_MAX:
                told = f"{len(found)} differences; what follows was not looked at"
                return [*found, Difference(kind="more", where=f"file {group[-1].address}", told=told)]
    return found


async def count_files(connection: asyncpg.Connection) -> int:
    """How many files are kept."""
    with losses_as_unavailable():
        count: int = await connection.fetchval(QUERIES["count_files"], timeout=STATEMENT_TIMEOUT_S)
    return count


async def check_stray_pieces(connection: asyncpg.Connection) -> list[Difference]:
    """Pieces of files that have no row: it was removed, or they were inserted. Raises StoreUnavailable."""
    with losses_as_unavailable():
        rows = await connection.fetch(QUERIES["stray_file_chunks"], FILE_DIFFERENCES_MAX, timeout=STATEMENT_TIMEOUT_S)
    return [
        Difference(kind=FILE, where=f"file {address}", told="its row is missing, and pieces of it are there")
        for (address,) in rows
    ]


async def _groups(connection: asyncpg.Connection, begin: str, end: str) -> AsyncIterator[list[KeptFile]]:
    """All files between, in the order of their addresses; each group is read in one go, a large file for itself."""
    after = begin
    group: list[KeptFile] = []
    inclusive = True
    while rows := await connection.fetch(QUERIES["files_between"], after, end, FILES_AT_ONCE_MAX, inclusive):
        for address, size_bytes in rows:
            if group and sum(each.size_bytes for each in group) + size_bytes > BYTES_AT_ONCE_MAX:
                yield group
                group = []
            group.append(KeptFile(address, size_bytes))
        after, inclusive = rows[-1][0], False
        yield group
        group = []


async def _differences(connection: asyncpg.Connection, group: list[KeptFile]) -> list[Difference]:
    """What is wrong with files; each is read by itself where the database cannot read all of them."""
    try:
        return [each for each in await _checked(connection, group) if each is not None]
    except DAMAGES as damage:
        if len(group) == 1:
            told = f"its bytes cannot be read: {one_line(damage)}"
            return [Difference(kind=FILE, where=f"file {group[0].address}", told=told)]
        return [found for file in group for found in await _differences(connection, [file])]


async def _checked(connection: asyncpg.Connection, group: list[KeptFile]) -> list[Difference | None]:
    readings = {file.address: _Reading(file) for file in group}
    if len(group) == 1:
        address, after = group[0].address, -1
        while rows := await connection.fetch(QUERIES["file_chunks_after"], address, after, CHUNKS_AT_ONCE_MAX):
            for number, content in rows:
                readings[address].take(number, content)
                after = number
    else:
        for address, number, content in await connection.fetch(QUERIES["file_chunks_of"], list(readings)):
            readings[address].take(number, content)
    return [reading.difference() for reading in readings.values()]
