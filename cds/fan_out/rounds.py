"""How much may be given in one round of the event loop to clients that want a lot: the others wait for the next.

This module must not know what is given.
"""

import asyncio
from collections import deque

TURN_BYTES_MIN = 16 * 1024
"""A smaller turn takes about as long as one of this size."""


class Rounds:
    """Turns, in the order in which they are asked for; each has a size, and a round ends when it is used up."""

    def __init__(self, bytes_max: int) -> None:
        """`bytes_max`, at least 1, is what a round holds; the last turn in it may be larger than what is left."""
        self._bytes_max = self._left = bytes_max
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._granted = 0
        self._ending = False

    async def turn(self, size: int) -> None:
        """Come back when so many bytes may be given: at once while this round has any left and nobody waits for it."""
        size = max(size, TURN_BYTES_MIN)
        if not self._waiting and self._left > 0:
            self._left -= size
            self._end_later()
            return
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.append((size, waiting))
        self._end_later()
        await waiting

    def _end_later(self) -> None:
        if not self._ending:
            self._ending = True
            asyncio.get_running_loop().call_soon(self._end)

    def _end(self) -> None:
        """The loop has gone round. Who was woken at the last end comes now, and is counted in the round that begins."""
        self._left, self._granted, self._ending = self._bytes_max - self._granted, 0, False
        if self._waiting or self._left < self._bytes_max:
            # Before those who are woken now, so that the next round begins before they come.
            self._end_later()
        while self._waiting and self._granted < self._bytes_max:
            size, waiting = self._waiting.popleft()
            if not waiting.done():
                self._granted += size
                waiting.set_result(None)
