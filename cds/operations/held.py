"""What is held for a moment, so that much of it is dealt with at once.

Code that runs many times in a row costs a fraction of what it costs between other work, which has taken its place in
the caches of the processor; and writing costs a process more than anything else about a line of a log. This module
must not know what is held, nor what the lines say.
"""

import asyncio
import sys
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

HELD_S_MAX = 0.05
"""How long something may be held. As much is lost of a process that is killed."""

WRITTEN_BYTES_MAX = 4_096
"""So many bytes at most are written at once: several processes share one pipe, which keeps so much in one piece."""

Item = TypeVar("Item")


class Held(Generic[Item]):
    """Items that have not been dealt with yet, in order."""

    def __init__(self, deal_with: Callable[[list[Item]], None], items_max: int) -> None:
        """None yet; no more than `items_max` are held."""
        self._deal_with = deal_with
        self._items_max = items_max
        self._items: list[Item] = []
        self._due: asyncio.TimerHandle | None = None

    def take(self, item: Item) -> None:
        """Take an item; to be called on a running event loop."""
        self._items.append(item)
        if len(self._items) >= self._items_max:
            self.flush()
        elif self._due is None:
            self._due = asyncio.get_running_loop().call_later(HELD_S_MAX, self.flush)

    def flush(self) -> None:
        """Deal with what there is."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        items, self._items = self._items, []
        if items:
            self._deal_with(items)


def write_lines(lines: Iterable[bytes]) -> None:
    """Write lines, given without their ends, to standard error, each of them whole."""
    piece, length = list[bytes](), 0
    for line in lines:
        if piece and length + len(line) + 1 > WRITTEN_BYTES_MAX:
            _write(piece)
            piece, length = [], 0
        piece.append(line)
        length += len(line) + 1
    if piece:
        _write(piece)


def _write(lines: list[bytes]) -> None:
    # At the end of a line standard error keeps nothing back.
    sys.stderr.write(b"\n".join([*lines, b""]).decode())
