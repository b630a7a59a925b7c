"""Requests on their way into the measurements: counted here, and put there together.

The measurements are kept under locks, and with several workers in shared files: to note them one by one would cost a
request more than everything else that is done about it. This module must not know who reads them.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Literal

from cds.metrics import REQUEST_S, REQUESTS

HELD_S_MAX = 0.25
"""How long a request may be held: so much later do the other workers know of it."""

DURATIONS_HELD_MAX = 1_000

Fault = Literal["none", "client", "server"]
"""Whose fault it is that a request was not answered as it wanted."""


class HeldMeasurements:
    """Requests that have not been put into the measurements yet."""

    def __init__(self) -> None:
        """None yet."""
        self._counts: Counter[tuple[str, str, int, Fault]] = Counter()
        self._durations_s: list[float] = []
        self._due: asyncio.TimerHandle | None = None
        self._increments: dict[tuple[str, str, int, Fault], Callable[[float], None]] = {}

    def count(self, method: str, endpoint: str, status: int, fault: Fault, duration_s: float | None) -> None:
        """Count an answer; its duration is left out where it is None. To be called on a running event loop."""
        self._counts[method, endpoint, status, fault] += 1
        if duration_s is not None:
            self._durations_s.append(duration_s)
        if self._due is None:
            self._due = asyncio.get_running_loop().call_later(HELD_S_MAX, self.flush)
        elif len(self._durations_s) >= DURATIONS_HELD_MAX:
            self.flush()

    def flush(self) -> None:
        """Put what is held into the measurements."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        for counted, number in self._counts.items():
            increment = self._increments.get(counted)
            if increment is None:
                increment = self._increments[counted] = REQUESTS.labels(*counted).inc
            increment(number)
        REQUEST_S.observe_all(self._durations_s)
        self._counts.clear()
        self._durations_s.clear()
