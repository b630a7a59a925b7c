"""Duties: work that one process alone does at a time, of all that have the database open.

Whoever holds a duty does it until the process ends or its hold is lost; then another takes it up, within about a second
and a half. Work may be cancelled at any moment and begun again, here or elsewhere, so it must be such that this does no
harm. What must not be done by two, not even for the moment in which one has lost the duty and does not know it, is to
be done right after a look at `holds`. This module must not know what the work is.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from cds import metrics
from eventstore.store import EventStore

FAILED_PAUSE_S = 2.0
"""How long this process leaves a duty to others after it has failed at it."""

log = structlog.get_logger(__name__)


class Duties:
    """The duties of this process."""

    def __init__(self, store: EventStore) -> None:
        """None yet; the store knows whose turn it is."""
        self._store = store
        self._tasks: list[asyncio.Task[None]] = []

    def take_up(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do this work whenever it is this process's turn; `work` runs until it is cancelled."""
        self._tasks.append(asyncio.create_task(self._do(name, work), name=f"duty {name}"))

    def holds(self, name: str) -> bool:
        """Whether the duty is ours at this moment, for certain. To be asked before what nobody may do twice."""
        return self._store.holds(name)

    async def stop(self) -> None:
        """Lay down all duties, when what is being done has ended."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _do(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        async def begun() -> None:
            log.info("duty_begun", duty=name)
            await work()

        while True:
            try:
                if not await self._store.hold(name, begun):
                    metrics.DUTIES_LOST.labels(name).inc()
                    log.warning("duty_lost", duty=name)
                    continue
            except Exception:
                # Not swallowed: told in the log, and the work is begun again, by whoever comes first.
                log.exception("duty_failed", duty=name, retry_in_s=FAILED_PAUSE_S)
            await asyncio.sleep(FAILED_PAUSE_S)
