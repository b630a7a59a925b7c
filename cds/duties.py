"""Duties: work that one process alone does at a time, of all that have the database open.

This module must not know what the work is.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger(__name__)


class Duties:
    """The duties of this process."""

    def __init__(self) -> None:
        """None yet."""
        self._tasks: list[asyncio.Task[None]] = []

    def take_up(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do this work whenever it is this process's turn; `work` runs until it is cancelled."""
        task = asyncio.create_task(self._do(work), name=f"duty {name}")
        task.add_done_callback(_report_end)
        self._tasks.append(task)

    async def stop(self) -> None:
        """Lay down all duties."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _do(self, work: Callable[[], Awaitable[None]]) -> None:
        await work()


def _report_end(task: asyncio.Task[None]) -> None:
    """A duty ends with the server; anything else is a fault that must be seen."""
    if not task.cancelled() and task.exception() is not None:
        log.error("duty_failed", duty=task.get_name(), exc_info=task.exception())
