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
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

import msgspec

from cds.commands.decision import Refused
from schemas.objects import Language

KIBIBYTE = 1024
MEBIBYTE = 1024 * KIBIBYTE

ENTRIES_MAX = 100
"""Entries of one archive, directories included."""

PACKED_BYTES_MAX = 10 * MEBIBYTE
UNPACKED_BYTES_MAX = 64 * MEBIBYTE
"""All files of an archive together, also where the problem sets no limit of its own."""

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


class ArchiveEntry(msgspec.Struct, frozen=True):
    """A file in an archive: its path as it stands there, and its real size unpacked."""

    filename: str
    size_bytes: int


def checked_archive(content: bytes, *, code_limit_kib: int | None) -> tuple[ArchiveEntry, ...]:
    """The files of a zip archive, in its order, after all of them were unpacked within the limits.

    `code_limit_kib` bounds the sum of the sources (JSON Format, "Problems": `code_limit` in KiB). Raises Refused,
    naming the property `files`.
    """
    if len(content) > PACKED_BYTES_MAX:
        raise _refused(f"the archive has {len(content)} bytes; at most {PACKED_BYTES_MAX} are accepted")
    if content.count(_DIRECTORY_SIGNATURE) > _SIGNATURES_MAX:
        # Before the directory is read, which takes seconds for an archive of nothing but entries.
        raise _refused(f"the archive has more than {ENTRIES_MAX} entries")
    limit_bytes = UNPACKED_BYTES_MAX
    if code_limit_kib is not None:
        limit_bytes = min(limit_bytes, code_limit_kib * KIBIBYTE)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            files = _checked_directory(archive.infolist())
            return tuple(_unpacked(archive, content, files, limit_bytes))
    except _ARCHIVE_ERRORS as error:
        raise _refused("the file is not a zip archive that can be unpacked") from error


def checked_path(path: str) -> str:
    """The path of a file inside an archive, when it leads nowhere else. Raises Refused (property `files`)."""
    if not path or not path.isprintable() or "\\" in path or len(path.encode()) > PATH_BYTES_MAX:
        raise _refused(f"the name {_shown(path)} is no path of printable characters within {PATH_BYTES_MAX} bytes")
    if path.startswith("/") or _DRIVE.match(path) or any(part in ("", ".", "..") for part in path.split("/")):
        raise _refused(f"the path {_shown(path)} leads out of the archive or is not in its simplest form")
    return path


def _checked_directory(entries: Sequence[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    """The entries that are files, when all entries are sound."""
    if len(entries) > ENTRIES_MAX:
        raise _refused(f"the archive has {len(entries)} entries; at most {ENTRIES_MAX} are accepted")
    for entry in entries:
        _check_entry(entry)
    files = [entry for entry in entries if not entry.is_dir()]
    if not files:
        raise _refused("the archive holds no file")
    _check_names_apart(entries, files)
    return files


def _check_entry(entry: zipfile.ZipInfo) -> None:
    # The original name: zipfile cuts the other one at a NUL.
    path = checked_path(entry.orig_filename.removesuffix("/"))
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFDIR if entry.is_dir() else stat.S_IFREG):
        raise _refused(f"{_shown(path)} is a link or another special file")
    if entry.flag_bits & _ENCRYPTED_FLAGS:
        raise _refused(f"{_shown(path)} is encrypted")
    if entry.compress_type not in _METHODS:
        raise _refused(f"{_shown(path)} is packed by a method other than deflate")
    if entry.is_dir() and entry.file_size:
        raise _refused(f"{_shown(path)} is a directory with content")


def _check_names_apart(entries: Sequence[zipfile.ZipInfo], files: Sequence[zipfile.ZipInfo]) -> None:
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


def _unpacked(
    archive: zipfile.ZipFile, content: bytes, files: Sequence[zipfile.ZipInfo], limit_bytes: int
) -> Iterator[ArchiveEntry]:
    left_bytes = limit_bytes
    for file in files:
        with archive.open(file):
            # Opening compares the header in front of the file with the directory.
            packed = _packed(content, file)
        size_bytes, checksum = 0, 0
        for chunk in _chunks(packed, file):
            size_bytes += len(chunk)
            checksum = zlib.crc32(chunk, checksum)
            if size_bytes > left_bytes:
                raise _refused(f"the files of the archive have more than the {limit_bytes} bytes that are accepted")
        if size_bytes != file.file_size or checksum != file.CRC:
            raise _refused(f"{_shown(file.filename)} is damaged: its size or checksum is not what the archive says")
        left_bytes -= size_bytes
        yield ArchiveEntry(file.filename, size_bytes)


def _packed(content: bytes, file: zipfile.ZipInfo) -> memoryview:
    """The bytes of a file as they are packed. zipfile would stop where the header says that the file ends."""
    lengths = _LOCAL_NAME_AND_EXTRA.unpack_from(content, file.header_offset + _LOCAL_NAME_AND_EXTRA_OFFSET)
    start = file.header_offset + _LOCAL_HEADER_BYTES + sum(lengths)
    packed = memoryview(content)[start : start + file.compress_size]
    if len(packed) != file.compress_size:
        raise _refused(f"{_shown(file.filename)} is cut off")
    return packed


def _chunks(packed: memoryview, file: zipfile.ZipInfo) -> Iterator[bytes]:
    """A file unpacked, piece by piece; never more at once than _CHUNK_BYTES."""
    if file.compress_type == zipfile.ZIP_STORED:
        yield bytes(packed)
        return
    inflating = zlib.decompressobj(-zlib.MAX_WBITS)
    rest: bytes | memoryview = packed
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
