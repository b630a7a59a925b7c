"""Zip archives as every tool writes them: their directory, read in a few steps.

A submission is nearly always such an archive, and a contest brings thousands of them. Whatever is anything but plain is
not read here, and left to the library: a comment, data behind the entries or between them, extra fields, encryption,
sizes that are told elsewhere. This module must not know what is allowed in an archive.
"""

import struct

import msgspec

UTF_8_FLAG = 0x800

_END = struct.Struct("<4s4H2LH")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_HEADER = struct.Struct("<4s5H3L2H")
_END_SIGNATURE = b"PK\x05\x06"
_ENTRY_SIGNATURE = b"PK\x01\x02"
_HEADER_SIGNATURE = b"PK\x03\x04"
_SIZE_ELSEWHERE = 0xFFFFFFFF


class PackedEntry(msgspec.Struct, frozen=True):
    """An entry of an archive as it stands there, `place` bytes from the beginning; `mode` is that of Unix, 0 for none.

    `packed` is empty until it has been looked for.
    """

    filename: str
    mode: int
    encrypted: bool
    method: int
    size_bytes: int
    checksum: int
    place: int
    packed: memoryview = memoryview(b"")

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        return self.filename.endswith("/")


def plain_entries(content: bytes, entries_max: int) -> list[PackedEntry] | None:
    """The entries of a plain archive, in its order; None for any other, and for more entries than that."""
    end = len(content) - _END.size
    if end < 0:
        return None
    signature, disk, first_disk, here, count, size_bytes, offset, comment_bytes = _END.unpack_from(content, end)
    if signature != _END_SIGNATURE or disk or first_disk or here != count or comment_bytes:
        return None
    if offset + size_bytes != end or not 0 < count <= entries_max:
        return None
    entries, place, behind = [], offset, 0
    for _ in range(count):
        if place + _ENTRY.size > end:
            return None
        found = _entry(content, place, behind, offset)
        if found is None:
            return None
        entry, place, behind = found
        entries.append(entry)
    return entries if place == end and behind == offset else None


def _entry(content: bytes, place: int, begins: int, data_end: int) -> tuple[PackedEntry, int, int] | None:
    """The entry at a place of the directory, whose data begins where that of the last one ended; and both ends."""
    read = _ENTRY.unpack_from(content, place)
    signature, _, needs, flags, method, time, date, checksum, packed_bytes, size_bytes = read[:10]
    name_bytes, extra_bytes, comment_bytes, disk, _, attributes, header = read[10:]
    if signature != _ENTRY_SIGNATURE or flags & ~UTF_8_FLAG or extra_bytes or comment_bytes or disk:
        return None
    told = (_HEADER_SIGNATURE, needs, flags, method, time, date, checksum, packed_bytes, size_bytes, name_bytes, 0)
    if header != begins or header + _HEADER.size > data_end or _HEADER.unpack_from(content, header) != told:
        return None
    name_at, data_at = place + _ENTRY.size, header + _HEADER.size + name_bytes
    name = content[name_at : name_at + name_bytes]
    ends = data_at + packed_bytes
    if ends > data_end or _SIZE_ELSEWHERE in (packed_bytes, size_bytes):
        return None
    if content[header + _HEADER.size : data_at] != name or not (name.isascii() or flags & UTF_8_FLAG):
        return None
    try:
        filename = name.decode()
    except UnicodeDecodeError:
        return None
    entry = PackedEntry(
        filename=filename,
        mode=attributes >> 16,
        encrypted=False,
        method=method,
        size_bytes=size_bytes,
        checksum=checksum,
        place=header,
        packed=memoryview(content)[data_at:ends],
    )
    return entry, name_at + name_bytes, ends
