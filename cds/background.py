"""Work that goes on beside the requests: it ends with whoever began it, and anything else is a fault that must be seen.

This module must not know what the work is.
"""

import asyncio
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)


def telling_of_failure(event: str) -> Callable[[asyncio.Task[None]], None]:
    """What to call when a task is done: it logs `event` when the task has failed, and nothing when it was ended."""

    def tell(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            log.error(event, task=task.get_name(), exc_info=task.exception())

    return tell
