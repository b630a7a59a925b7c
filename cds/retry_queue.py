"""What waits to be done by several hands at once: the urgent first, what failed again later, and never without end.

Pure but for what it holds. It knows moments that it is given; it must not know any clock, nor what waits in it.
"""

import heapq
from collections.abc import Sequence
from typing import Generic, TypeVar

import msgspec

Item = TypeVar("Item")

Rank = tuple[bool, int, int]
"""Where something stands; less is earlier."""


class Waiting(msgspec.Struct, Generic[Item], frozen=True, kw_only=True):
    """Something that waits. `number`: of how many it was put in as; `failures`: how often it has failed."""

    item: Item
    urgent: bool
    number: int
    failures: int = 0

    @property
    def rank(self) -> Rank:
        """What is urgent comes first, then what has failed less often, so that nothing waits for what fails."""
        return not self.urgent, self.failures, self.number


class RetryQueue(Generic[Item]):
    """What waits, now or until a moment to come."""

    def __init__(self, pauses_s: Sequence[float], waiting_max: int) -> None:
        """Nothing waits. `pauses_s`: how long after each failure something is tried again, until there is no more."""
        self._pauses_s = pauses_s
        self._waiting_max = waiting_max
        self._now: list[tuple[Rank, Waiting[Item]]] = []
        self._later: list[tuple[float, Rank, Waiting[Item]]] = []
        self._numbers = 0

    def __len__(self) -> int:
        """How many wait, now or for later."""
        return len(self._now) + len(self._later)

    def put(self, item: Item, *, urgent: bool) -> Item | None:
        """Have something wait. Returns what has to go for it where too much waits: it may be this itself.

        It is the last in rank that goes: what failed often before what is new, and what is urgent last of all.
        """
        self._numbers += 1
        new = Waiting(item=item, urgent=urgent, number=self._numbers)
        heapq.heappush(self._now, (new.rank, new))
        return None if len(self) <= self._waiting_max else self._last_dropped()

    def put_back(self, failed: Waiting[Item], now_s: float) -> bool:
        """Have something that was taken and has failed wait for its next moment; False: it has had its last."""
        if failed.failures >= len(self._pauses_s):
            return False
        again = msgspec.structs.replace(failed, failures=failed.failures + 1)
        heapq.heappush(self._later, (now_s + self._pauses_s[failed.failures], again.rank, again))
        return True

    def take(self, now_s: float) -> Waiting[Item] | None:
        """The first of what may be tried now; it waits no longer. None: there is nothing."""
        return heapq.heappop(self._now)[1] if self.due(now_s) else None

    def due(self, now_s: float) -> int:
        """How many may be tried now."""
        while self._later and self._later[0][0] <= now_s:
            _, rank, waiting = heapq.heappop(self._later)
            heapq.heappush(self._now, (rank, waiting))
        return len(self._now)

    def next_s(self) -> float | None:
        """The moment from which on the first of those for later may be tried; None: there is none."""
        return self._later[0][0] if self._later else None

    def _last_dropped(self) -> Item:
        everything = [waiting for _, waiting in self._now] + [waiting for _, _, waiting in self._later]
        last = max(everything, key=lambda waiting: waiting.rank)
        self._now = [entry for entry in self._now if entry[-1] is not last]
        self._later = [entry for entry in self._later if entry[-1] is not last]
        heapq.heapify(self._now)
        heapq.heapify(self._later)
        return last.item
