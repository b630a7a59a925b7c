"""Where packages lie: a directory or a zip archive, seen alike, and neither ever left.

A path of a package is relative and written with `/`. A symbolic link that leads out of a directory, an entry of an
archive that does, and an archive that unpacks to more than the limits are refused. This module must not know what
the files mean.
"""

import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Protocol

from cds.dialects.results import SourceRefused, one_line, quoted
from cds.packages.limits import (
    ARCHIVE_ENTRIES_MAX,
    CHUNK_BYTES,
    RATIO_FREE_BYTES,
    RATIO_MAX,
    UNPACKED_BYTES_MAX,
)

_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ENCRYPTED_FLAG = 0x1
_RESOURCE_FORK_DIRECTORY = "__MACOSX"
_ARCHIVE_ERRORS = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
    OSError,
)


class PackageSource(Protocol):
    """A package to be read; paths are those of the package.

    Whoever stops before the end of `chunks` or `lines` closes them, so that no file stays open.
    """

    def has(self, path: str) -> bool:
        """Whether there is a file under this path."""
        ...

    def filenames(self, directory: str) -> Sequence[str]:
        """The names of the files that lie in a directory of the package, in order; none if it is not there.

        The empty path is the package itself.
        """
        ...

    def chunks(self, path: str) -> Generator[bytes]:
        """The bytes of a file, in pieces. Raises SourceRefused."""
        ...

    def read(self, path: str, bytes_max: int) -> bytes:
        """The bytes of a file. Raises SourceRefused when there are more than `bytes_max`."""
        ...

    def lines(self, path: str, line_bytes_max: int) -> Generator[bytes]:
        """The lines of a file; one that is longer than the limit comes cut off, and is the last."""
        ...


def joined(path: str, chunks: Generator[bytes], bytes_max: int) -> bytes:
    """All chunks together. Raises SourceRefused when there are more bytes than the limit."""
    taken: list[bytes] = []
    size = 0
    with closing(chunks):
        for chunk in chunks:
            size += len(chunk)
            if size > bytes_max:
                raise SourceRefused(one_line(f"{path}: is larger than {bytes_max} bytes"))
            taken.append(chunk)
    return b"".join(taken)


def lines_of(chunks: Generator[bytes], line_bytes_max: int) -> Generator[bytes]:
    """The lines in some chunks; one that is too long ends the iteration before it is read whole."""
    pending = b""
    with closing(chunks):
        for chunk in chunks:
            *lines, pending = (pending + chunk).split(b"\n")
            for line in lines:
                yield line + b"\n"
            if len(pending) > line_bytes_max:
                break
    if pending:
        yield pending


def _chunks_of(stream: IO[bytes]) -> Generator[bytes]:
    while chunk := stream.read(CHUNK_BYTES):
        yield chunk


class DirectorySource:
    """A package that is a directory."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._real_root = root.resolve()
        self._directories: dict[str, frozenset[str]] = {}

    def has(self, path: str) -> bool:
        """Whether there is a regular file under this path. Raises SourceRefused when it leads out of the package."""
        directory, _, name = path.rpartition("/")
        if directory and not self._has_directory(directory):
            return False
        return self._inside(path, self._root / directory / name) is not None

    def filenames(self, directory: str) -> Sequence[str]:
        """The names of what lies in a directory, subdirectories left out."""
        if not self._has_directory(directory):
            return ()
        with os.scandir(self._root / directory) as entries:
            return sorted(entry.name for entry in entries if not entry.is_dir())

    def chunks(self, path: str) -> Generator[bytes]:
        """The bytes of a file, in pieces."""
        with self._open(path) as stream:
            yield from _chunks_of(stream)

    def read(self, path: str, bytes_max: int) -> bytes:
        """The bytes of a file."""
        return joined(path, self.chunks(path), bytes_max)

    def lines(self, path: str, line_bytes_max: int) -> Generator[bytes]:
        """The lines of a file."""
        return lines_of(self.chunks(path), line_bytes_max)

    def _open(self, path: str) -> IO[bytes]:
        target = self._inside(path, self._root / path)
        if target is None:
            raise SourceRefused(f"{path}: there is no such file")
        return target.open("rb")

    def _inside(self, path: str, target: Path) -> Path | None:
        try:
            real = target.resolve(strict=True)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, RuntimeError, ValueError) as error:
            raise SourceRefused(one_line(f"{path}: cannot be read ({error})")) from error
        if not real.is_relative_to(self._real_root):
            raise SourceRefused(one_line(f"{path}: is a link that leads out of the package"))
        mode = real.stat().st_mode
        if stat.S_ISDIR(mode):
            return None
        if not stat.S_ISREG(mode):
            raise SourceRefused(one_line(f"{path}: is not a regular file"))
        return real

    def _has_directory(self, directory: str) -> bool:
        """Whether there is such a directory, with one listing for all objects of a type."""
        parent, _, name = directory.rpartition("/")
        if parent:
            if parent not in self._directories:
                self._directories[parent] = self._listing(parent)
            if name not in self._directories[parent]:
                return False
        return self._is_directory_inside(directory)

    def _listing(self, directory: str) -> frozenset[str]:
        if not self._is_directory_inside(directory):
            return frozenset()
        return frozenset(entry.name for entry in (self._root / directory).iterdir())

    def _is_directory_inside(self, directory: str) -> bool:
        target = self._root / directory
        if not target.is_dir():
            return False
        if not target.resolve().is_relative_to(self._real_root):
            raise SourceRefused(one_line(f"{directory}: is a link that leads out of the package"))
        return True


class ZipSource:
    """A package that is a zip archive; all of it may lie in one directory at the top."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._archive: zipfile.ZipFile | None = None
        self._unpacked_bytes = 0
        try:
            with self._errors(path.name):
                self._entries = _checked_entries(path.name, self._opened().infolist())
        except SourceRefused:
            self.close()
            raise
        self._prefix = _top_directory(self._entries)
        self._directories = self._listings()

    def close(self) -> None:
        """Let go of the archive; a later read opens it again."""
        if self._archive is not None:
            self._archive.close()
            self._archive = None

    def has(self, path: str) -> bool:
        """Whether there is an entry under this path."""
        return self._prefix + path in self._entries

    def filenames(self, directory: str) -> Sequence[str]:
        """The names of the entries that lie in a directory."""
        return self._directories.get((self._prefix + directory).rstrip("/"), ())

    def chunks(self, path: str) -> Generator[bytes]:
        """The unpacked bytes of an entry, in pieces; limits are checked as they come."""
        entry = self._entry(path)
        with self._errors(path), self._opened().open(entry) as stream:
            size = 0
            for chunk in _chunks_of(stream):
                size += len(chunk)
                self._count(path, entry, len(chunk), size)
                yield chunk

    def read(self, path: str, bytes_max: int) -> bytes:
        """The unpacked bytes of an entry."""
        return joined(path, self.chunks(path), bytes_max)

    def lines(self, path: str, line_bytes_max: int) -> Generator[bytes]:
        """The lines of an entry."""
        return lines_of(self.chunks(path), line_bytes_max)

    def _opened(self) -> zipfile.ZipFile:
        if self._archive is None:
            self._archive = zipfile.ZipFile(self._path)
        return self._archive

    def _entry(self, path: str) -> zipfile.ZipInfo:
        entry = self._entries.get(self._prefix + path)
        if entry is None:
            raise SourceRefused(one_line(f"{path}: there is no such file"))
        return entry

    def _count(self, path: str, entry: zipfile.ZipInfo, more: int, size: int) -> None:
        self._unpacked_bytes += more
        if self._unpacked_bytes > UNPACKED_BYTES_MAX:
            raise SourceRefused(f"{self._path.name}: unpacks to more than {UNPACKED_BYTES_MAX} bytes")
        _check_ratio(path, size, entry.compress_size)

    def _listings(self) -> dict[str, list[str]]:
        directories: dict[str, list[str]] = {}
        for path in sorted(self._entries):
            directory, _, name = path.rpartition("/")
            directories.setdefault(directory, []).append(name)
        return directories

    @contextmanager
    def _errors(self, path: str) -> Iterator[None]:
        """Say of anything that goes wrong in an archive where it did, in one line."""
        try:
            yield
        except _ARCHIVE_ERRORS as error:
            raise SourceRefused(one_line(f"{path}: cannot be unpacked ({error})")) from error


def _checked_entries(name: str, entries: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """The files of an archive by path; what the headers admit to is checked before anything is unpacked."""
    if len(entries) > ARCHIVE_ENTRIES_MAX:
        raise SourceRefused(f"{name}: holds more than {ARCHIVE_ENTRIES_MAX} entries")
    if sum(entry.file_size for entry in entries) > UNPACKED_BYTES_MAX:
        raise SourceRefused(f"{name}: unpacks to more than {UNPACKED_BYTES_MAX} bytes")
    files: dict[str, zipfile.ZipInfo] = {}
    for entry in entries:
        _check_entry(name, entry)
        if entry.is_dir():
            continue
        if entry.filename in files:
            raise SourceRefused(one_line(f"{name}: holds {quoted(entry.filename)} twice"))
        files[entry.filename] = entry
    return files


def _check_entry(name: str, entry: zipfile.ZipInfo) -> None:
    path = entry.filename
    shown = f"{name}: the entry {quoted(entry.orig_filename)}"
    if path[:1] in ("", "/") or "\\" in entry.orig_filename or "\0" in entry.orig_filename or path[1:2] == ":":
        raise SourceRefused(one_line(f"{shown} is not a relative path"))
    if ".." in path.split("/"):
        raise SourceRefused(one_line(f"{shown} leads out of the package"))
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise SourceRefused(one_line(f"{shown} is a symbolic link"))
    if entry.flag_bits & _ENCRYPTED_FLAG:
        raise SourceRefused(one_line(f"{shown} is encrypted"))
    if entry.compress_type not in _METHODS:
        raise SourceRefused(one_line(f"{shown} is packed by a method other than deflate"))
    _check_ratio(path, entry.file_size, entry.compress_size)


def _check_ratio(path: str, size: int, packed_size: int) -> None:
    if size > RATIO_FREE_BYTES and size > RATIO_MAX * packed_size:
        raise SourceRefused(one_line(f"{path}: unpacks to more than {RATIO_MAX} times its size"))


def _top_directory(entries: dict[str, zipfile.ZipInfo]) -> str:
    """The one directory in which everything lies, with its slash; empty when there are files beside it."""
    tops = {path.partition("/")[0] for path in entries if "/" in path} - {_RESOURCE_FORK_DIRECTORY}
    if any("/" not in path for path in entries) or len(tops) != 1:
        return ""
    return f"{tops.pop()}/"
