"""What packing has in common: parts, arrays of numbers, and how bytes are refused.

This module must not know what is packed.
"""

from array import array
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import TypeVar

import msgspec

T = TypeVar("T")

encode = msgspec.msgpack.encode


class Unpackable(Exception):
    """What cannot be packed, or bytes that are nothing packed; the text says why."""


class Part(msgspec.Struct, frozen=True, gc=False):
    """Some of what was packed: its kind, what of that kind (a type, a role), and the bytes."""

    kind: str
    of: str
    content: bytes


@contextmanager
def as_unpackable(part: Part) -> Iterator[None]:
    """Whatever bytes that were not packed here may lead to is Unpackable."""
    try:
        yield
    except (msgspec.MsgspecError, LookupError, ValueError) as error:
        raise Unpackable(f"{part.kind} {part.of}: {error}") from error


def unpacked_array(type_code: str, packed: bytes) -> "array[int]":
    """An array from its bytes, in the order of bytes of this machine. Raises ValueError for part of a member."""
    unpacked: array[int] = array(type_code)
    unpacked.frombytes(packed)
    return unpacked


def pieces(members: Iterable[T], length: int) -> Iterator[list[T]]:
    """The members in lists of this length, the last one perhaps shorter."""
    rest = iter(members)
    while piece := list(islice(rest, length)):
        yield piece
