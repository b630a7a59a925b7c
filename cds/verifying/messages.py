"""Messages between a process and those that work for it: a length in four bytes, then msgpack.

This module must not know what they say.
"""

import asyncio
from struct import Struct
from typing import BinaryIO

import msgspec

_LENGTH = Struct(">I")

MESSAGE_BYTES_MAX = 16 * 1024 * 1024
"""Far more than the differences of one piece of work."""


def message(content: object) -> bytes:
    """A message that holds a structure."""
    encoded = msgspec.msgpack.encode(content)
    return _LENGTH.pack(len(encoded)) + encoded


def received_from(pipe: BinaryIO) -> bytes | None:
    """The next message, None when there will be none. Raises ValueError for one that is too long."""
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    return pipe.read(_checked_length(head))


async def received(reader: asyncio.StreamReader) -> bytes | None:
    """The same."""
    try:
        head = await reader.readexactly(_LENGTH.size)
        return await reader.readexactly(_checked_length(head))
    except asyncio.IncompleteReadError:
        return None


def _checked_length(head: bytes) -> int:
    length: int = _LENGTH.unpack(head)[0]
    if length > MESSAGE_BYTES_MAX:
        raise ValueError(f"a message of {length} bytes; the limit is {MESSAGE_BYTES_MAX}")
    return length
