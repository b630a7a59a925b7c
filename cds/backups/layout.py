"""The directory of a backup on disk: names, rights, and how something is written whole or not at all.

What is copied holds password hashes, keys and secrets, so nobody but the owner may look into it. This module must not
know what it writes.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cds.backups.refusal import BackupRefused
from eventstore.embedded.locks import FileLock

DIRECTORY_MODE = 0o700
FILE_MODE = 0o600

MANIFESTS, ROWS, FILES, TABLES = "manifests", "rows", "files", "tables"
LOCK = "lock"
ROWS_SUFFIX = ".rows.gz"
UNFINISHED = ".unfinished"
"""The end of the name of a file that is being written."""


class BackupDirectory:
    """A directory that holds backups of one log."""

    def __init__(self, path: Path) -> None:
        """The directory at a path, which may not exist yet."""
        self.path = path
        self._written: set[Path] = set()

    @property
    def manifests(self) -> Path:
        """The directory of the manifests."""
        return self.path / MANIFESTS

    @property
    def rows(self) -> Path:
        """The directory of the rows of the log."""
        return self.path / ROWS

    def segment(self, number: int) -> Path:
        """Rows of the log, counted from 1."""
        return self.rows / f"{number:08d}{ROWS_SUFFIX}"

    def file(self, address: str) -> Path:
        """The contents of a file."""
        return self.path / FILES / address[:2] / address

    def piece(self, name: str) -> Path:
        """A piece of a table, by its hash."""
        return self.path / TABLES / name[:2] / f"{name}.gz"

    def prepare(self) -> None:
        """Make the directory where there is none. Raises BackupRefused for one that holds something else."""
        self.path.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        present = {entry.name for entry in self.path.iterdir()}
        if present and MANIFESTS not in present:
            raise BackupRefused(f"{self.path} is not empty, and holds no backup: choose another directory")
        self.path.chmod(DIRECTORY_MODE)
        for name in (MANIFESTS, ROWS, FILES, TABLES):
            (self.path / name).mkdir(mode=DIRECTORY_MODE, exist_ok=True)

    def require(self) -> None:
        """Raise BackupRefused where no backup was ever begun."""
        if not self.manifests.is_dir():
            raise BackupRefused(f"{self.path} holds no backup")

    @contextmanager
    def locked(self, *, alone: bool) -> Iterator[None]:
        """Nobody else writes here for the length of the block, and nobody reads while we write (`alone`)."""
        lock = FileLock(self.path / LOCK)
        try:
            if not (lock.try_exclusive() if alone else lock.try_shared()):
                raise BackupRefused(f"another process uses {self.path} at the moment")
            yield
        finally:
            lock.close()

    @contextmanager
    def writing(self, path: Path, *, at_once: bool = False) -> Iterator[Callable[[bytes], object]]:
        """Write a file, given piece by piece: it is there as a whole or not at all, and on disk after `flush`.

        `at_once`: on disk before it has its name. What is raised within the block leaves nothing behind. Raises
        BackupRefused where the disk does not take it.
        """
        unfinished = path.with_name(path.name + UNFINISHED)
        with _told_of(path):
            path.parent.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
            try:
                descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
                with os.fdopen(descriptor, "wb") as file:
                    yield file.write
                    file.flush()
                    if at_once:
                        os.fsync(descriptor)
                unfinished.rename(path)
            finally:
                unfinished.unlink(missing_ok=True)
        self._written.add(path)

    def write(self, path: Path, content: bytes) -> None:
        """The same, in one piece."""
        with self.writing(path) as write:
            write(content)

    def write_last(self, path: Path, content: bytes) -> None:
        """Write what makes everything else count: all that was written before it is on disk by then, and so is it."""
        self.flush()
        with self.writing(path, at_once=True) as write:
            write(content)
        self.flush()

    def note_found(self, path: Path) -> None:
        """A file that an earlier process has written, and perhaps not flushed."""
        self._written.add(path)

    def flush(self) -> None:
        """Come back when everything that was written is on disk, the names included."""
        directories = {parent for path in self._written for parent in (path.parent, path.parent.parent)}
        for path in (*self._written, *directories, self.path):
            _flush(path)
        self._written.clear()

    def remove(self, paths: Sequence[Path]) -> None:
        """Delete files; on disk when this returns."""
        for path in paths:
            path.unlink()
        for parent in {path.parent for path in paths}:
            _flush(parent)

    def pieces_on_disk(self) -> list[Path]:
        """All pieces of tables that are there, and what was left of some that were being written."""
        return list((self.path / TABLES).glob("*/*"))

    def segments_on_disk(self) -> list[int]:
        """The numbers of all rows that are there."""
        names = [entry.name for entry in self.rows.iterdir() if entry.name.endswith(ROWS_SUFFIX)]
        numbers = [name.removesuffix(ROWS_SUFFIX) for name in names]
        return sorted(int(number) for number in numbers if number.isdecimal())


def _flush(path: Path) -> None:
    with _told_of(path):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def _told_of(path: Path) -> Iterator[None]:
    """Errors of the disk within the block are of this file. They come as BackupRefused, which names it."""
    try:
        yield
    except OSError as error:
        raise BackupRefused(f"{path}: cannot be written: {error.strerror or error}") from error
