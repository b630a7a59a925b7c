"""How far the reading of a contest has come.

This module counts. It must not know what is counted, nor how it is shown.
"""

from collections.abc import Callable

Progress = Callable[[int, int | None], None]
"""Told how many objects or lines are done, and how many there are."""

PROGRESS_STEP = 1000
"""How many objects or lines are done between two reports."""


class Counted:
    """Counts objects and lines up to a total, and reports every so often and at the end."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress = progress
        self._total = total
        self._done = 0

    def one_more(self) -> None:
        """One more object or line is done."""
        self._done += 1
        if self._progress is not None and (self._done % PROGRESS_STEP == 0 or self._done == self._total):
            self._progress(self._done, self._total)
