"""How often a host is asked: between the beginnings of two requests lies an interval, whichever process asks.

In one process turns are had in the order in which they are asked for; whoever is first in it takes a turn of all
processes on the database. This module must not know what is asked, nor the network.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Protocol

from eventstore.limits import TURN_US_MAX
from eventstore.store import Turn

US_PER_S = 1_000_000


class HostBusy(Exception):
    """The next turn comes later than somebody is ready to wait for it: in `wait_s` seconds, as far as is known."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"the next turn comes in {wait_s:.0f} s")
        self.wait_s = wait_s


class Turns(Protocol):
    """Turns of all processes; what an EventStore has of them."""

    async def take_turn(self, name: str, *, interval_us: int, patience_us: int, held_us: int | None = None) -> Turn:
        """See EventStore.take_turn."""
        ...

    async def postpone_turns(self, name: str, wait_us: int) -> None:
        """See EventStore.postpone_turns."""
        ...


class HostLimiter:
    """Turns at one host, as one process has them."""

    def __init__(
        self,
        host: str,
        interval_s: float,
        turns: Turns,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`clock` tells seconds that never go back. An interval of 0 makes nobody wait, and asks nobody for turns."""
        self._name = f"upstream {host}"
        self._interval_s = interval_s
        self._shared = turns
        self._clock = clock
        self._sleep = sleep
        # When the next turn may be had, as far as this process knows.
        self._free_s = clock()
        # A place that somebody was promised who has left; the next one has it.
        self._place_us: int | None = None
        self._turns = asyncio.Lock()
        self._waiting = 0

    async def turn(self, patience_s: float = math.inf) -> None:
        """Wait until the host may be asked once more.

        Raises HostBusy as soon as it is known that this would take longer, and StoreUnavailable.
        """
        wait_s = self._free_s - self._clock() + self._waiting * self._interval_s
        if wait_s > patience_s:
            raise HostBusy(wait_s)
        self._waiting += 1
        try:
            # Nobody knows how many wait in other processes.
            async with asyncio.timeout(None if math.isinf(patience_s) else patience_s):
                await self._turn(self._clock() + patience_s)
        except TimeoutError:
            raise HostBusy(max(self._free_s - self._clock(), self._interval_s)) from None
        finally:
            self._waiting -= 1

    async def leave_alone(self, wait_s: float) -> None:
        """Let nobody ask for so long; the host itself wants it. Raises StoreUnavailable."""
        self._free_s = max(self._free_s, self._clock() + wait_s)
        if self._interval_s > 0:
            await self._shared.postpone_turns(self._name, _microseconds(wait_s))

    async def _turn(self, deadline_s: float) -> None:
        async with self._turns:
            if self._interval_s > 0:
                await self._shared_turn(deadline_s)
                return
            while (wait_s := self._free_s - self._clock()) > 0:
                await self._sleep(wait_s)

    async def _shared_turn(self, deadline_s: float) -> None:
        """Wait for a turn of all processes. Raises HostBusy and StoreUnavailable."""
        interval_us = _microseconds(self._interval_s)
        while True:
            patience_s = max(deadline_s - self._clock(), 0.0)
            turn = await self._shared.take_turn(
                self._name,
                interval_us=interval_us,
                patience_us=_microseconds(patience_s),
                held_us=self._place_us,
            )
            if turn.wait_us == 0:
                self._place_us = None
                self._free_s = self._clock() + self._interval_s
                return
            wait_s = turn.wait_us / US_PER_S
            self._place_us = turn.place_us
            self._free_s = self._clock() + wait_s
            if turn.place_us is None or wait_s > patience_s:
                raise HostBusy(wait_s)
            await self._sleep(wait_s)


def _microseconds(time_s: float) -> int:
    return min(round(min(time_s, TURN_US_MAX / US_PER_S) * US_PER_S), TURN_US_MAX)
