"""What has come from an upstream and waits to be written: in order, and never more than memory has room for.

This module must not know what becomes of anything.
"""

import asyncio
from collections import deque
from typing import TypeAlias

import msgspec

from cds.upstream.connection import Sign
from schemas.source_records import Anew, File, FileGivenUp, Oddity, Opened

WAITING_BYTES_MAX = 16 * 1024 * 1024
TAKEN_LINES_MAX = 2_000
"""Lines that are written together at most."""


class Connected(msgspec.Struct, frozen=True):
    """An answer has begun: behind the last place, or (`from_start`) at the beginning of the feed."""

    from_start: bool
    pace_permille: int


class Lines(msgspec.Struct, frozen=True):
    """Lines of that answer; of one that is too long its length. `heard_s` is when they came, by the loop's clock."""

    lines: list[bytes | int]
    heard_s: float


class Rested(msgspec.Struct, frozen=True):
    """The upstream has said all for now, or its answer has ended; `sign` says by what that is known."""

    sign: Sign = "quiet"


Item: TypeAlias = Connected | Lines | Rested | Opened | Anew | File | FileGivenUp | Oddity


class Inbox:
    """A queue with one who takes."""

    def __init__(self) -> None:
        """Empty."""
        self._items: deque[Item] = deque()
        self._size_bytes = 0
        self._some = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._idle = asyncio.Event()
        self._idle.set()

    def __bool__(self) -> bool:
        """Whether something waits."""
        return bool(self._items)

    async def put(self, item: Item) -> None:
        """Add something, as soon as there is room."""
        await self._room.wait()
        self.add(item)

    def add(self, item: Item) -> None:
        """Add something, room or not: who takes cannot wait for itself."""
        self._items.append(item)
        self._size_bytes += _size_bytes(item)
        if self._size_bytes >= WAITING_BYTES_MAX:
            self._room.clear()
        self._idle.clear()
        self._some.set()

    async def take(self, wait_s: float) -> list[Item]:
        """What waits, in order, at most so many lines; nothing when nothing comes in time."""
        try:
            async with asyncio.timeout(wait_s):
                await self._some.wait()
        except TimeoutError:
            return []
        taken: list[Item] = []
        lines = 0
        while self._items and lines < TAKEN_LINES_MAX:
            item = self._items.popleft()
            self._size_bytes -= _size_bytes(item)
            if isinstance(item, Lines) and len(item.lines) > TAKEN_LINES_MAX:
                self._put_back(Lines(item.lines[TAKEN_LINES_MAX:], item.heard_s))
                item = Lines(item.lines[:TAKEN_LINES_MAX], item.heard_s)
            lines += len(item.lines) if isinstance(item, Lines) else 0
            taken.append(item)
        if not self._items:
            self._some.clear()
        if self._size_bytes < WAITING_BYTES_MAX:
            self._room.set()
        return taken

    def done(self) -> None:
        """What was taken last has been dealt with."""
        if not self._items:
            self._idle.set()

    async def drained(self) -> None:
        """Come back when everything has been dealt with."""
        await self._idle.wait()

    def _put_back(self, item: Item) -> None:
        self._items.appendleft(item)
        self._size_bytes += _size_bytes(item)


def _size_bytes(item: Item) -> int:
    return sum(len(line) if isinstance(line, bytes) else 1 for line in item.lines) if isinstance(item, Lines) else 1
