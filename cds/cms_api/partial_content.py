"""The part of a file that a request asks for (RFC 9110, section 14): one range of bytes, or all of it.

Pure but for the request that it reads. This module must not know which file it is.
"""

from typing import NamedTuple

from aiohttp import hdrs, web


class ByteRange(NamedTuple):
    """Bytes from `first` to `last`, both counted from 0 and both included."""

    first: int
    last: int


class NotSatisfiable(Exception):
    """The range lies behind the end of the file."""


def range_asked(request: web.Request, size_bytes: int, entity_tag: str) -> ByteRange | None:
    """The range that is asked for, None for all: also where several are, or where `If-Range` is of another version.

    Raises NotSatisfiable.
    """
    if request.headers.get(hdrs.IF_RANGE, f'"{entity_tag}"') != f'"{entity_tag}"':
        return None
    try:
        asked = request.http_range
    except ValueError:
        return None
    if asked.start is None and asked.stop is None:
        return None
    first = asked.start or 0
    if first < 0:
        return ByteRange(max(0, size_bytes + first), size_bytes - 1) if size_bytes else None
    if first >= size_bytes:
        raise NotSatisfiable
    return ByteRange(first, size_bytes - 1 if asked.stop is None else min(asked.stop, size_bytes) - 1)
