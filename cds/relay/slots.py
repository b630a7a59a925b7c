"""Slots for what is under way at the same time: so many in all, of one neighbour so many, and nobody waits for long.

This module must not know what is under way.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import msgspec


class NoSlot(Exception):
    """There was none within the time for which anybody waits."""


class _Share(msgspec.Struct):
    slots: asyncio.Semaphore
    users: int = 0


class Slots:
    """Who has a slot, and who waits."""

    def __init__(self, slots_max: int, wait_s_max: float, *, of_one_max: int | None = None) -> None:
        """`slots_max` at the same time, `of_one_max` of them one neighbour's (None: all)."""
        self._slots = asyncio.Semaphore(slots_max)
        self._of_one_max = slots_max if of_one_max is None else of_one_max
        self._wait_s_max = wait_s_max
        self._shares: dict[str, _Share] = {}

    @asynccontextmanager
    async def taken(self, neighbour: str = "") -> AsyncIterator[None]:
        """Have a slot for the length of the block. Raises NoSlot."""
        share = self._shares.setdefault(neighbour, _Share(asyncio.Semaphore(self._of_one_max)))
        share.users += 1
        try:
            async with AsyncExitStack() as stack:
                try:
                    async with asyncio.timeout(self._wait_s_max):
                        await stack.enter_async_context(share.slots)
                        await stack.enter_async_context(self._slots)
                except TimeoutError:
                    raise NoSlot from None
                yield
        finally:
            share.users -= 1
            if not share.users:
                del self._shares[neighbour]
