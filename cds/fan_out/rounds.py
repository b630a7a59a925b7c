"""How much may be done in one round of the event loop by tasks that have a lot to do: the others wait for the next.

This module must not know what is done.
"""

import asyncio
from collections import deque


class Rounds:
    """Turns, so many in a round of the event loop, in the order in which they are asked for."""

    def __init__(self, turns: int) -> None:
        """`turns`, at least 1, is how many there are in a round."""
        self._turns = self._left = turns
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._ending = False

    async def turn(self) -> None:
        """Come back when it is the caller's turn: at once while this round has one left and nobody waits for it."""
        if self._waiting or not self._left:
            waiting = asyncio.get_running_loop().create_future()
            self._waiting.append(waiting)
            await waiting
            return
        self._take()

    def _take(self) -> None:
        self._left -= 1
        if not self._ending:
            self._ending = True
            asyncio.get_running_loop().call_soon(self._end)

    def _end(self) -> None:
        """The loop has gone round, and has seen to everybody else. Who has left meanwhile does not take a turn."""
        self._left, self._ending = self._turns, False
        while self._waiting and self._left:
            waiting = self._waiting.popleft()
            if not waiting.done():
                self._take()
                waiting.set_result(None)
