"""How far a long run has come, for whoever watches.

This module must not know what the run does.
"""

import asyncio
from collections.abc import Callable

import structlog

PROGRESS_EVERY_S = 2.0
"""So long the log is not told of progress again."""

Progress = Callable[[str, int, int | None], None]
"""Told what is being done, how many of how many (None: unknown)."""

log = structlog.get_logger(__name__)


class Telling:
    """Progress: to a callback each time, to the log now and then."""

    def __init__(self, doing: str, total: int | None, progress: Progress | None) -> None:
        """Nothing is done yet of what is being done (`doing`), so much as `total`; None: unknown."""
        self._doing = doing
        self._done = 0
        self._total = total
        self._progress = progress
        self._told_s = asyncio.get_running_loop().time()

    def tell_of_one_more(self) -> None:
        """Another one is done."""
        self.tell(self._done + 1)

    def tell(self, done: int) -> None:
        """So many are done."""
        self._done = done
        if self._progress is not None:
            self._progress(self._doing, done, self._total)
        now_s = asyncio.get_running_loop().time()
        if now_s - self._told_s >= PROGRESS_EVERY_S:
            self._told_s = now_s
            log.info("sync_progress", doing=self._doing, done=done, total=self._total)
