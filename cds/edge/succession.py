"""One role of one contest through all its tellings: the audience that is served, and the one that takes its place.

A contest is told anew when its stream was lost, or its log was taken back. What was there goes on being served until
the next telling is level, so nobody is shown a part of a contest; then the streams of those who read end, and whoever
comes back finds the next one. This module must not know how lines are brought, nor who reads.
"""

import asyncio
import time
from typing import Protocol

from cds.background import telling_of_failure
from cds.edge.audience import EdgeAudience
from cds.edge.limits import AGAIN_S_MAX, EdgeLimits
from cds.fan_out.client import EndReason
from cds.relay.upstream import Unreachable


class Beginning(Protocol):
    """Makes the next audience."""

    def __call__(self, *, settles: bool) -> EdgeAudience:
        """See EdgeAudience."""
        ...


class Succession:
    """The audiences of a role. `current` is served; `coming` is read, and not level yet.

    `set_aside`: what is told cannot be read, or the core has nothing to tell; it is tried again after longer and longer
    pauses. What was there is served for a while yet, in case that passes.
    """

    def __init__(self, begin: Beginning, limits: EdgeLimits) -> None:
        """Nothing is read yet."""
        self.current: EdgeAudience | None = None
        self.coming: EdgeAudience | None = None
        self.set_aside = False
        self._begin = begin
        self._limits = limits
        self._set_aside_at_s = 0.0
        self._asked_at_s = time.monotonic()
        self._waiting = 0
        self._changed = asyncio.Event()
        self._running = asyncio.create_task(self._run(), name="have the audience of a role")
        self._running.add_done_callback(telling_of_failure("edge_role_failed"))

    @property
    def shown(self) -> EdgeAudience | None:
        """What is served or, as long as there is nothing, what is read."""
        return self.current or self.coming

    @property
    def settled(self) -> bool:
        """Whether there is something to be served, or it is known that there is not."""
        return self.current is not None or self.set_aside

    @property
    def unread_s(self) -> float:
        """For how long nobody has asked for it, nor read it; 0 while somebody does."""
        if self._waiting or (self.current is not None and self.current.users):
            self._asked_at_s = time.monotonic()
            return 0.0
        return time.monotonic() - self._asked_at_s

    @property
    def frozen_s(self) -> float:
        """For how long something has been served that nothing more can come to; 0 where that is not so.

        It is not so while lines come to what is to take its place.
        """
        if self.coming is not None and self.coming.view.line_count:
            return 0.0
        return time.monotonic() - self._set_aside_at_s if self.set_aside and self.current is not None else 0.0

    @property
    def size_bytes(self) -> int:
        """About how much its lines take, those that are served and those that are read."""
        return sum(each.view.lines.size_after(0) for each in (self.current, self.coming) if each is not None)

    def ask(self) -> EdgeAudience | None:
        """What is served; somebody wants it."""
        self._asked_at_s = time.monotonic()
        return self.current

    async def level(self) -> EdgeAudience:
        """What is served, as soon as there is anything. Raises Unreachable where that takes too long."""
        self._waiting += 1
        try:
            async with asyncio.timeout(self._limits.level_s_max):
                while self.current is None:
                    if self.set_aside:
                        raise Unreachable
                    await self._changed.wait()
        except TimeoutError:
            raise Unreachable from None
        finally:
            self._waiting -= 1
        return self.current

    def let_go(self) -> None:
        """Serve no more of what was there: whoever reads comes back, and is answered by the core."""
        if self.current is not None:
            former, self.current = self.current, None
            former.end("forgotten")
            self._put_aside()
            self._tell()

    async def close(self, reason: EndReason) -> None:
        """Be done with all of it."""
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)
        for audience in (self.current, self.coming):
            if audience is not None:
                audience.end(reason)
                await audience.close()
        self.current = self.coming = None
        self.set_aside = True
        self._tell()

    async def _run(self) -> None:
        failures = 0
        while True:
            begun_s = time.monotonic()
            # Instead of a whole contest nobody is shown a part, as long as nobody can say whether it is one.
            coming = self.coming = self._begin(settles=self.current is None)
            await coming.settled.wait()
            self._take_up(coming)
            await coming.over.wait()
            if coming.gone:
                self.let_go()
            failures = 0 if time.monotonic() - begun_s > AGAIN_S_MAX else failures + 1
            # What has lasted is followed by the next at once; what comes to nothing must not be read without end.
            if not coming.level or failures > 1:
                await asyncio.sleep(min(self._limits.consumer_pause_s * 2.0**failures, AGAIN_S_MAX))

    def _take_up(self, coming: EdgeAudience) -> None:
        """Serve what is level now; what was served before has ended."""
        self.coming = None
        if coming.level:
            self.set_aside = False
            former, self.current = self.current, coming
            if former is not None:
                former.end("forgotten")
        else:
            self._put_aside()
            coming.end("failed")
        self._tell()

    def _put_aside(self) -> None:
        if not self.set_aside:
            self.set_aside, self._set_aside_at_s = True, time.monotonic()

    def _tell(self) -> None:
        told, self._changed = self._changed, asyncio.Event()
        told.set()
