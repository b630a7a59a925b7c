"""Archives of sources as submissions bring them: checked before anything is stored.

Nothing that an archive says of itself is believed: what counts is what comes out when it is unpacked, which stops
at the limit. This module must not know who submits, nor where archives are kept.
"""

import io
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath

import msgspec

from cds.commands.decision import Refused
from cds.plain_archives import PackedEntry, plain_entries
from schemas.objects import Language

KIBIBYTE = 1024
MEBIBYTE = 1024 * KIBIBYTE

ENTRIES_MAX = 100
"""Entries of one archive, directories included."""

PACKED_BYTES_MAX = 10 * MEBIBYTE
UNPACKED_BYTES_MAX = 64 * MEBIBYTE
"""All files of an archive together, also where the problem sets no limit of its own."""

UNPACKED_SOON_BYTES_MAX = MEBIBYTE
"""So much is unpacked in about a millisecond."""

PATH_BYTES_MAX = 255
ENTRY_POINT_CHARACTERS_MAX = 255

LISTED_MAX = 5
"""As many file names are listed in an error."""

QUOTED_CHARACTERS_MAX = 60
"""As much of a name out of an archive is repeated in an error."""

_CHUNK_BYTES = 256 * KIBIBYTE
_DIRECTORY_SIGNATURE = b"PK\x01\x02"
_SIGNATURES_MAX = 100 * ENTRIES_MAX
_LOCAL_HEADER_BYTES = 30
_LOCAL_NAME_AND_EXTRA = struct.Struct("<HH")
_LOCAL_NAME_AND_EXTRA_OFFSET = 26
_ENCRYPTED_FLAGS = 0x1 | 0x40 | 0x2000
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Those that every judging system can unpack (ISO/IEC 21320-1)."""

_KOTLIN_SUFFIXES = (".kt", ".kts")
_DRIVE = re.compile(r"[A-Za-z]:")
_ARCHIVE_ERRORS = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    struct.error,
    OSError,
    RuntimeError,
    ValueError,
    EOFError,
    IndexError,
    OverflowError,
)
"""What zipfile raises for what is no zip archive; NotImplementedError is a RuntimeError."""


class TakesLonger(Exception):
    """An archive that holds more than UNPACKED_SOON_BYTES_MAX by its own account."""


class ArchiveTooLarge(Refused):
    """An archive that has more bytes or more entries than are accepted."""


class ArchiveEntry(msgspec.Struct, frozen=True):
    """A file in an archive: its path as it stands there, and its real size unpacked."""

    filename: str
    size_bytes: int


def checked_archive(content: bytes, *, code_limit_kib: int | None, soon: bool = False) -> tuple[ArchiveEntry, ...]:
    """The files of a zip archive, in its order, after all of them were unpacked within the limits.

    `code_limit_kib` bounds the sum of the sources (JSON Format, "Problems": `code_limit` in KiB). Raises Refused,
    naming the property `files`. With `soon` it comes back in about a millisecond, or raises TakesLonger.
    """
    if len(content) > PACKED_BYTES_MAX:
        raise _too_large(f"the archive has {len(content)} bytes; at most {PACKED_BYTES_MAX} are accepted")
    if content.count(_DIRECTORY_SIGNATURE) > _SIGNATURES_MAX:
        # Before the directory is read, which takes seconds for an archive of nothing but entries.
        raise _too_large(f"the archive has more than {ENTRIES_MAX} entries")
    limit_bytes = UNPACKED_BYTES_MAX
    if code_limit_kib is not None:
        limit_bytes = min(limit_bytes, code_limit_kib * KIBIBYTE)
    plain = plain_entries(content, ENTRIES_MAX)
    try:
        if plain is not None:
            return tuple(_unpacked(_checked_directory(plain, soon=soon), limit_bytes, soon=soon))
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = {_as_packed(entry): entry for entry in archive.infolist()}
            files = _checked_directory(list(entries), soon=soon)
            with_data = (_with_data(archive, content, file, entries[file]) for file in files)
            return tuple(_unpacked(with_data, limit_bytes, soon=soon))
    except _ARCHIVE_ERRORS as error:
        raise _refused("the file is not a zip archive that can be unpacked") from error


def checked_path(path: str) -> str:
    """The path of a file inside an archive, when it leads nowhere else. Raises Refused (property `files`)."""
    if not path or not path.isprintable() or "\\" in path or len(path.encode()) > PATH_BYTES_MAX:
        raise _refused(f"the name {_shown(path)} is no path of printable characters within {PATH_BYTES_MAX} bytes")
    if path.startswith("/") or _DRIVE.match(path) or any(part in ("", ".", "..") for part in path.split("/")):
        raise _refused(f"the path {_shown(path)} leads out of the archive or is not in its simplest form")
    return path


def _checked_directory(entries: Sequence[PackedEntry], *, soon: bool) -> list[PackedEntry]:
    """The entries that are files, when all entries are sound."""
    if len(entries) > ENTRIES_MAX:
        raise _too_large(f"the archive has {len(entries)} entries; at most {ENTRIES_MAX} are accepted")
    for entry in entries:
        _check_entry(entry)
    files = [entry for entry in entries if not entry.is_directory]
    if not files:
        raise _refused("the archive holds no file")
    if len(entries) > 1:
        _check_names_apart(entries, files)
    if soon and sum(file.size_bytes for file in files) > UNPACKED_SOON_BYTES_MAX:
        raise TakesLonger
    return files


def _check_entry(entry: PackedEntry) -> None:
    path = checked_path(entry.filename.removesuffix("/"))
    kind = stat.S_IFMT(entry.mode)
    if kind not in (0, stat.S_IFDIR if entry.is_directory else stat.S_IFREG):
        raise _refused(f"{_shown(path)} is a link or another special file")
    if entry.encrypted:
        raise _refused(f"{_shown(path)} is encrypted")
    if entry.method not in _METHODS:
        raise _refused(f"{_shown(path)} is packed by a method other than deflate")
    if entry.is_directory and entry.size_bytes:
        raise _refused(f"{_shown(path)} is a directory with content")


def _check_names_apart(entries: Sequence[PackedEntry], files: Sequence[PackedEntry]) -> None:
    seen: set[str] = set()
    for entry in entries:
        path = entry.filename.removesuffix("/")
        if path in seen:
            raise _refused(f"{_shown(path)} is in the archive twice")
        seen.add(path)
    directories = {str(parent) for path in seen for parent in PurePosixPath(path).parents}
    for file in files:
        if file.filename in directories:
            raise _refused(f"{_shown(file.filename)} is a file and a directory in one archive")


def _as_packed(entry: zipfile.ZipInfo) -> PackedEntry:
    """An entry as the library has read it, but for its data."""
    return PackedEntry(
        # The original name: zipfile cuts the other one at a NUL.
        filename=entry.orig_filename,
        mode=entry.external_attr >> 16,
        encrypted=bool(entry.flag_bits & _ENCRYPTED_FLAGS),
        method=entry.compress_type,
        size_bytes=entry.file_size,
        checksum=entry.CRC,
        place=entry.header_offset,
    )


def _with_data(archive: zipfile.ZipFile, content: bytes, file: PackedEntry, read: zipfile.ZipInfo) -> PackedEntry:
    """The same with its bytes as they are packed. zipfile would stop where the header says that the file ends."""
    with archive.open(read):
        # Opening compares the header in front of the file with the directory.
        lengths = _LOCAL_NAME_AND_EXTRA.unpack_from(content, read.header_offset + _LOCAL_NAME_AND_EXTRA_OFFSET)
    start = read.header_offset + _LOCAL_HEADER_BYTES + sum(lengths)
    packed = memoryview(content)[start : start + read.compress_size]
    if len(packed) != read.compress_size:
        raise _refused(f"{_shown(file.filename)} is cut off")
    return msgspec.structs.replace(file, packed=packed)


def _unpacked(files: Iterable[PackedEntry], limit_bytes: int, *, soon: bool) -> Iterator[ArchiveEntry]:
    left_bytes = limit_bytes
    for file in files:
        size_bytes, checksum = 0, 0
        for chunk in _chunks(file):
            size_bytes += len(chunk)
            checksum = zlib.crc32(chunk, checksum)
            if size_bytes > left_bytes:
                raise _too_large(f"the files of the archive have more than the {limit_bytes} bytes that are accepted")
            if soon and size_bytes > file.size_bytes:
                break  # No more is unpacked than the archive has owned up to.
        if size_bytes != file.size_bytes or checksum != file.checksum:
            raise _refused(f"{_shown(file.filename)} is damaged: its size or checksum is not what the archive says")
        left_bytes -= size_bytes
        yield ArchiveEntry(file.filename, size_bytes)


def _chunks(file: PackedEntry) -> Iterator[bytes]:
    """A file unpacked, piece by piece; never more at once than _CHUNK_BYTES. Raises zlib.error, and Refused."""
    if file.method == zipfile.ZIP_STORED:
        yield bytes(file.packed)
        return
    inflating = zlib.decompressobj(-zlib.MAX_WBITS)
    rest: bytes | memoryview = file.packed
    while not inflating.eof:
        chunk = inflating.decompress(rest, _CHUNK_BYTES)
        rest = inflating.unconsumed_tail
        if not chunk and not rest and not inflating.eof:
            raise _refused(f"{_shown(file.filename)} is cut off")
        yield chunk
    if inflating.unused_data or rest:
        raise _refused(f"{_shown(file.filename)} has bytes behind its end")


def check_entry_point(entry_point: str | None, language: Language, entries: Sequence[ArchiveEntry]) -> None:
    """Refuse an entry point that is missing or names no file although the language needs one.

    It may be a path or name of a file ("main.py"), with or without a suffix of the language, or a class
    ("org.example.Main", Kotlin's "MainKt") whose file is in the archive (Contest API, "Modifying submissions").
    Where the language needs none, any text is as good as none. Raises Refused (property `entry_point`).
    """
    if entry_point is not None and (len(entry_point) > ENTRY_POINT_CHARACTERS_MAX or not entry_point.isprintable()):
        raise Refused(
            f"entry_point must be at most {ENTRY_POINT_CHARACTERS_MAX} printable characters long", "entry_point"
        )
    if not language.entry_point_required:
        return
    what = language.entry_point_name or "entry point"
    if not entry_point:
        raise Refused(f"{language.name} needs an entry_point ({what})", "entry_point")
    if not any(_names(entry_point, entry.filename, language.extensions) for entry in entries):
        raise Refused(f"entry_point {_shown(entry_point)} names none of the files: {_listed(entries)}", "entry_point")


def _names(entry_point: str, path: str, extensions: Sequence[str]) -> bool:
    if entry_point in (path, PurePosixPath(path).name):
        return True
    suffixes = [f".{extension.removeprefix('.')}" for extension in extensions]
    last = entry_point.rpartition(".")[2]
    classes = {entry_point} if f".{last}" in suffixes else {entry_point, last}
    return any(
        name in classes
        for suffix in suffixes
        if path.endswith(suffix)
        for name in _class_names(path.removesuffix(suffix), suffix)
    )


def _class_names(stem: str, suffix: str) -> Iterator[str]:
    """What the class in a file may be called: by the path, by the name, and as Kotlin makes it of the name."""
    name = PurePosixPath(stem).name
    yield from (stem, name)
    if suffix in _KOTLIN_SUFFIXES:
        yield f"{name[:1].upper()}{name[1:]}Kt"


def _listed(entries: Sequence[ArchiveEntry]) -> str:
    names = ", ".join(_shown(entry.filename) for entry in entries[:LISTED_MAX])
    return f"{names} and {len(entries) - LISTED_MAX} more" if len(entries) > LISTED_MAX else names


def _shown(text: str) -> str:
    shortened = text if len(text) <= QUOTED_CHARACTERS_MAX else f"{text[:QUOTED_CHARACTERS_MAX]}…"
    return repr(shortened)


def _refused(reason: str) -> Refused:
    return Refused(reason, "files")


def _too_large(reason: str) -> ArchiveTooLarge:
    return ArchiveTooLarge(reason, "files")
