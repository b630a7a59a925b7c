"""Progress of long work: a bar on a terminal, plain lines elsewhere.

This module must not know what the work is.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

LINE_EVERY_S = 2.0


class Report(Protocol):
    """Takes word of what is being done, how many of how many (None: unknown)."""

    def __call__(self, doing: str, done: int, total: int | None) -> None:
        """Say it."""
        ...


@contextmanager
def shown_progress() -> Iterator[Report]:
    """A way to report progress, shown on standard error while the block lasts."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _PlainLines()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        yield _Bars(progress)


class _Bars:
    """One bar for each kind of work."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, doing: str, done: int, total: int | None) -> None:
        if doing not in self._tasks:
            self._tasks[doing] = self._progress.add_task(doing, total=total)
        self._progress.update(self._tasks[doing], completed=done, total=total)


class _PlainLines:
    """A line when a kind of work begins and ends, and now and then between."""

    def __init__(self) -> None:
        self._said_at: dict[str, float] = {}

    def __call__(self, doing: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        if doing in self._said_at and done != total and now - self._said_at[doing] < LINE_EVERY_S:
            return
        self._said_at[doing] = now
        of = "" if total is None else f" of {total}"
        sys.stderr.write(f"{doing}: {done}{of}\n")
