"""Writing a contest package: built beside its destination, then moved into place whole.

A destination that holds anything but a package of the same contest is refused. This module must not know what the
documents say, beyond the id of the contest.
"""

import os
import secrets
import shutil
import stat
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

from cds.dialects.json_values import JsonValue, Unreadable, decode_json
from cds.dialects.results import SourceRefused, one_line
from cds.dialects.yaml_values import decode_yaml
from cds.packages.limits import COLLECTION_BYTES_MAX, YAML_BYTES_MAX
from cds.packages.sources import DirectorySource, PackageSource, ZipSource
from schemas.object_types import OBJECT_TYPES

FEED_FILE = "event-feed.ndjson"

_CONTEST_JSON, _CONTEST_YAML = "contest.json", "contest.yaml"
_ENTRY_TIME = (1980, 1, 1, 0, 0, 0)
_ENTRY_MODE = stat.S_IFREG | 0o644
_COMPRESSION_LEVEL = 6
_SUFFIXES = (".json", ".yaml", ".ndjson")
_DIRECTORIES = frozenset({"api", "contest", *(row.endpoint for row in OBJECT_TYPES.values())})


class DestinationRefused(OSError):
    """Nothing was written: what is there is not ours to replace, or a path leads out of the package."""


class _Writer(Protocol):
    def write(self, path: str, pieces: Iterable[bytes]) -> None:
        """Write one file of the package."""
        ...


def write_package(
    destination: Path,
    documents: Mapping[str, bytes],
    feed_lines: Iterable[bytes],
    files: Iterable[tuple[str, bytes]],
) -> None:
    """Write a package to a directory, or to an archive when the destination ends in `.zip`.

    `documents` are the files at the top by name; `feed_lines` are lines of the event feed, or pieces of whole lines;
    `files` are paths within the package with their bytes. The same arguments give the same archive, byte for byte.
    Raises DestinationRefused, and OSError when the disk does; in either case nothing is left behind.
    """
    is_archive = destination.suffix.lower() == ".zip"
    target = destination.resolve() if destination.is_symlink() else destination.absolute()
    _check_replaceable(target, documents)
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.{secrets.token_hex(6)}.partial")
    try:
        if is_archive:
            _build_archive(beside, documents, feed_lines, files)
        else:
            beside.mkdir()
            _write_all(_DirectoryWriter(beside), documents, feed_lines, files)
        _move_into_place(beside, target)
    finally:
        _remove(beside)


def _write_all(
    writer: _Writer,
    documents: Mapping[str, bytes],
    feed_lines: Iterable[bytes],
    files: Iterable[tuple[str, bytes]],
) -> None:
    written: set[str] = set()
    for path, content in documents.items():
        writer.write(_checked(path, written), (content,))
    lines = iter(feed_lines)
    first = next(lines, None)
    if first is not None:
        writer.write(_checked(FEED_FILE, written), _whole_lines(first, lines))
    for path, content in files:
        # Two objects never share a path, but one object may name the same file in two properties.
        if path not in written:
            writer.write(_checked(path, written), (content,))


def _whole_lines(first: bytes, others: Iterable[bytes]) -> Iterable[bytes]:
    yield first if first.endswith(b"\n") else first + b"\n"
    for piece in others:
        yield piece if piece.endswith(b"\n") else piece + b"\n"


def _checked(path: str, written: set[str]) -> str:
    parts = path.split("/")
    if any(part in ("", ".", "..") or "\\" in part or "\0" in part for part in parts):
        raise DestinationRefused(one_line(f"{path}: is not a path within a package"))
    if path in written:
        raise DestinationRefused(one_line(f"{path}: is to be written twice"))
    written.add(path)
    return path


class _DirectoryWriter:
    """Writes a package as a directory."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def write(self, path: str, pieces: Iterable[bytes]) -> None:
        """Write one file of the package."""
        target = self._root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as stream:
            for piece in pieces:
                stream.write(piece)


class _ArchiveWriter:
    """Writes a package as a zip archive whose bytes depend on nothing but its contents."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def write(self, path: str, pieces: Iterable[bytes]) -> None:
        """Write one file of the package."""
        entry = zipfile.ZipInfo(path, _ENTRY_TIME)
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.create_system = 3
        entry.external_attr = _ENTRY_MODE << 16
        with self._archive.open(entry, "w", force_zip64=True) as stream:
            for piece in pieces:
                stream.write(piece)


def _build_archive(
    target: Path,
    documents: Mapping[str, bytes],
    feed_lines: Iterable[bytes],
    files: Iterable[tuple[str, bytes]],
) -> None:
    with target.open("xb") as stream:
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=_COMPRESSION_LEVEL) as archive:
            _write_all(_ArchiveWriter(archive), documents, feed_lines, files)
        stream.flush()
        os.fsync(stream.fileno())


def _move_into_place(built: Path, target: Path) -> None:
    """Put what was built in the place of what is there; a directory is first moved aside, then removed."""
    if not target.is_dir():
        built.replace(target)
        return
    aside = target.with_name(f".{target.name}.{secrets.token_hex(6)}.replaced")
    target.rename(aside)
    try:
        built.rename(target)
    except OSError:
        aside.rename(target)
        raise
    shutil.rmtree(aside)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _check_replaceable(target: Path, documents: Mapping[str, bytes]) -> None:
    """Refuse a destination that holds anything but nothing or a package of the same contest."""
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    wants_archive = target.suffix.lower() == ".zip"
    if target.is_dir() == wants_archive:
        raise DestinationRefused(f"{target}: is there and is {'a directory' if wants_archive else 'no directory'}")
    if target.is_dir():
        stranger = next((entry.name for entry in sorted(target.iterdir()) if not _belongs(entry)), None)
        if stranger is not None:
            raise DestinationRefused(one_line(f"{target}: holds {stranger}, which is no part of a contest package"))
    ours, theirs = _contest_id_of_documents(documents), _contest_id_at(target)
    if theirs is None:
        raise DestinationRefused(f"{target}: is not empty and not a contest package")
    if theirs != ours:
        raise DestinationRefused(one_line(f"{target}: is a package of the contest {theirs}, not of {ours}"))


def _belongs(entry: Path) -> bool:
    return entry.name in _DIRECTORIES if entry.is_dir() else entry.suffix in _SUFFIXES


def _contest_id_of_documents(documents: Mapping[str, bytes]) -> str | None:
    for name, decode in ((_CONTEST_JSON, decode_json), (_CONTEST_YAML, _decode_yaml)):
        if name in documents:
            return _id_in(decode(documents[name]))
    return None


def _contest_id_at(target: Path) -> str | None:
    """The id of the contest whose package is there, None when it is none."""
    try:
        if target.is_dir():
            return _contest_id_in(DirectorySource(target))
        archive = ZipSource(target)
        try:
            return _contest_id_in(archive)
        finally:
            archive.close()
    except (SourceRefused, Unreadable):
        return None


def _contest_id_in(package: PackageSource) -> str | None:
    if package.has(_CONTEST_JSON):
        return _id_in(decode_json(package.read(_CONTEST_JSON, COLLECTION_BYTES_MAX)))
    if package.has(_CONTEST_YAML):
        return _id_in(_decode_yaml(package.read(_CONTEST_YAML, YAML_BYTES_MAX)))
    return None


def _decode_yaml(text: bytes) -> JsonValue:
    return decode_yaml(text).value


def _id_in(contest: JsonValue) -> str | None:
    identifier = contest.get("id") if isinstance(contest, dict) else None
    return None if identifier is None else str(identifier)
