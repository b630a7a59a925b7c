"""One reading for many who want to know the same at the same time.

This module must not know what is read.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Read = TypeVar("Read")


class SharedReading(Generic[Read]):
    """Something that many want to read at the same time: one reading serves all who asked before it began."""

    def __init__(self, read: Callable[[], Awaitable[Read]], name: str) -> None:
        """`name` is that of the task that reads."""
        self._read = read
        self._name = name
        self._reading = asyncio.Lock()
        self._next: asyncio.Task[Read] | None = None

    async def now(self) -> Read:
        """What there is at this moment, or later. Raises what reading raises."""
        if self._next is None:
            self._next = asyncio.create_task(self._begin(), name=self._name)
            self._next.add_done_callback(_heard)
        return await asyncio.shield(self._next)

    async def _begin(self) -> Read:
        async with self._reading:
            self._next = None  # whoever comes from here on may know of something that this reading does not see
            return await self._read()


def _heard(reading: asyncio.Task[Read]) -> None:
    """Whoever waited has been told; when all of them have left, nobody has to be."""
    if not reading.cancelled():
        reading.exception()
