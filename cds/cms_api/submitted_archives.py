"""Archives in which a whole submission is handed in (CMS ContestWebServer API, 2.3): the files that are in them.

Zip archives, and tar archives packed by gzip. Nothing that they say of themselves is believed, and no more is unpacked
than a submission may have. Directories do not matter: a file is known by its name alone. Pure.
This module must not know which files a task asks for, only how many.
"""

import io
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from math import ceil
from pathlib import PurePosixPath

from cds.archives import KIBIBYTE, ArchiveTooLarge, checked_archive, checked_path
from cds.cms_api.file_matching import FILE_BYTES_MAX, ReceivedFile
from cds.cms_api.unacceptable import INVALID_ARCHIVE, TOO_BIG, Unacceptable, sentence
from cds.commands.decision import Refused

FILES_PER_ELEMENT_MAX = 2
"""An archive may hold so many files for each one that the task asks for (2.12)."""

GZIP_SIGNATURE = b"\x1f\x8b"
TAR_BLOCK_BYTES = 512
TAR_MEMBER_BYTES = 8 * TAR_BLOCK_BYTES
"""What a member of a tar archive may take besides its content: headers, names, and what fills its last block."""

TAR_END_BYTES = 64 * KIBIBYTE
"""What a tar archive may have besides its members: what fills its last record, and its directories."""

_GZIP_WINDOW = 16 + zlib.MAX_WBITS
_TAR_NOTES = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGLINK)
"""Members that say more of others: times to the nanosecond, mostly, and names that are too long for a header."""

_LONG_PATH = re.compile(rb"(?:\A|\n)[0-9]+ path=([^\n]*)\n")
"""A name as the note before a member tells it (POSIX pax)."""

_NOT_OPENED = "The archive could not be opened; it must be a zip archive, or a tar archive packed by gzip."


def unpacked(content: bytes, elements: int) -> list[ReceivedFile]:
    """The files of an archive that is handed in to a task with so many files. Raises Unacceptable.

    Takes a moment for a large one.
    """
    limit_bytes = FILE_BYTES_MAX * elements
    if len(content) > limit_bytes:
        raise Unacceptable(TOO_BIG, f"The archive has {len(content)} bytes; it may have at most {limit_bytes}.")
    is_tar = content.startswith(GZIP_SIGNATURE)
    if not is_tar and not zipfile.is_zipfile(io.BytesIO(content)):
        raise Unacceptable(INVALID_ARCHIVE, _NOT_OPENED)
    reading = _tar_files if is_tar else _zip_files
    try:
        files = reading(content, elements)
    except Refused as refused:
        subject = TOO_BIG if isinstance(refused, ArchiveTooLarge) else INVALID_ARCHIVE
        raise Unacceptable(subject, sentence(refused.reason)) from None
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, ValueError):
        raise Unacceptable(INVALID_ARCHIVE, _NOT_OPENED) from None
    if len(files) > FILES_PER_ELEMENT_MAX * elements:
        most = FILES_PER_ELEMENT_MAX * elements
        raise Unacceptable(TOO_BIG, f"The archive holds {len(files)} files; it may hold at most {most}.")
    if sum(len(file.content) for file in files) > limit_bytes:
        raise Unacceptable(TOO_BIG, f"The files of the archive may have at most {limit_bytes} bytes together.")
    return files


def _zip_files(content: bytes, elements: int) -> list[ReceivedFile]:
    entries = checked_archive(content, code_limit_kib=ceil(FILE_BYTES_MAX * elements / KIBIBYTE))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [_received(entry.filename, archive.read(entry.filename)) for entry in entries]


def _tar_files(content: bytes, elements: int) -> list[ReceivedFile]:
    members_max = FILES_PER_ELEMENT_MAX * elements
    limit_bytes = FILE_BYTES_MAX * elements + TAR_MEMBER_BYTES * members_max + TAR_END_BYTES
    inflating = zlib.decompressobj(_GZIP_WINDOW)
    blocks = inflating.decompress(content, limit_bytes + 1)
    if len(blocks) > limit_bytes:
        raise ArchiveTooLarge("the files of the archive are too large", "files")
    if not inflating.eof:
        raise Refused("the archive is cut off", "files")
    return [_received(path, member) for path, member in _tar_members(blocks)]


def _tar_members(blocks: bytes) -> Iterator[tuple[str, bytes]]:
    """The path and the content of each file. The library would go backwards where a header says so. Raises Refused."""
    place, long_path = 0, b""
    while header := blocks[place : place + TAR_BLOCK_BYTES].rstrip(b"\0"):
        member = tarfile.TarInfo.frombuf(header.ljust(TAR_BLOCK_BYTES, b"\0"), "utf-8", "strict")
        begin = place + TAR_BLOCK_BYTES
        end = begin + member.size
        if not begin <= end <= len(blocks):
            raise Refused(f"{member.name!r} is cut off", "files")
        place = begin + ceil(member.size / TAR_BLOCK_BYTES) * TAR_BLOCK_BYTES
        if member.type == tarfile.GNUTYPE_LONGNAME:
            long_path = blocks[begin:end].rstrip(b"\0")
            continue
        if member.type == tarfile.XHDTYPE and (found := _LONG_PATH.search(blocks[begin:end])):
            long_path = found[1]
        if member.type in _TAR_NOTES:
            continue
        path, long_path = long_path.decode() or member.name, b""
        if member.isdir():
            continue
        if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
            raise Refused(f"{path!r} is a link or another special file", "files")
        yield checked_path(path.removeprefix("./")), blocks[begin:end]


def _received(path: str, content: bytes) -> ReceivedFile:
    return ReceivedFile(None, PurePosixPath(path).name, content)
