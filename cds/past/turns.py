"""Turns at one thing, one after the other: those who see more go first, and whoever sees least leaves places.

This module must not know what the turns are for.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from heapq import heappop, heappush
from itertools import count

from projections.visibility_table import SEES_LIVE_SCOREBOARD
from schemas.viewers import Role

WAITING_MAX = 32
WAITING_PUBLIC_MAX = 16
"""Who may have the turn or wait for it at once, and those among them that are the public."""

PUBLIC: Role = "public"


class TooManyWaiting(Exception):
    """As many as may are waiting already."""


class Turns:
    """Who has the turn, and who waits for it."""

    def __init__(self) -> None:
        """Nobody has it."""
        self.waiting = 0
        self.waiting_public = 0
        self._taken = False
        self._numbers = count()
        self._queue: list[tuple[int, int, asyncio.Future[None]]] = []

    @asynccontextmanager
    async def taking_one(self, role: Role) -> AsyncIterator[None]:
        """Have the turn for the length of the block. Raises TooManyWaiting."""
        public = role == PUBLIC
        if self.waiting >= WAITING_MAX or (public and self.waiting_public >= WAITING_PUBLIC_MAX):
            raise TooManyWaiting
        self.waiting += 1
        self.waiting_public += public
        try:
            await self._wait(role)
            try:
                yield
            finally:
                self._pass_on()
        finally:
            self.waiting -= 1
            self.waiting_public -= public

    async def _wait(self, role: Role) -> None:
        if not self._taken:
            self._taken = True
            return
        given = asyncio.get_running_loop().create_future()
        heappush(self._queue, (_rank(role), next(self._numbers), given))
        try:
            await given
        except asyncio.CancelledError:
            if given.done() and not given.cancelled():
                self._pass_on()  # It was given to somebody who has just left.
            raise

    def _pass_on(self) -> None:
        while self._queue:
            _, _, given = heappop(self._queue)
            if not given.done():
                given.set_result(None)
                return
        self._taken = False


def _rank(role: Role) -> int:
    """Staff, then whoever else has logged in, then the public."""
    if role == PUBLIC:
        return 2
    return 0 if SEES_LIVE_SCOREBOARD[role] else 1
