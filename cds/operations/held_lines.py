"""Lines on their way to standard error: held for a moment and written together.

Writing costs a process more than anything else about a line. This module must not know what the lines say.
"""

import asyncio
import sys

HELD_S_MAX = 0.05
"""How long a line may be held. As much is lost of a process that is killed."""

HELD_BYTES_MAX = 4_096
"""So many bytes at most are written at once: several processes share one pipe, which keeps so much in one piece."""


class HeldLines:
    """Lines that have not been written yet."""

    def __init__(self) -> None:
        """None yet."""
        self._lines: list[bytes] = []
        self._length = 0
        self._due: asyncio.TimerHandle | None = None

    def write(self, line: bytes) -> None:
        """Take a line, without its end; to be called on a running event loop."""
        length = len(line) + 1
        if self._length + length > HELD_BYTES_MAX:
            self.flush()
        self._lines.append(line)
        self._length += length
        if self._due is None:
            self._due = asyncio.get_running_loop().call_later(HELD_S_MAX, self.flush)

    def flush(self) -> None:
        """Write what there is."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        if self._lines:
            # At the end of a line standard error keeps nothing back.
            sys.stderr.write(b"\n".join([*self._lines, b""]).decode())
            self._lines, self._length = [], 0
