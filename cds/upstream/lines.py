"""Bytes of a feed into its lines, wherever the pieces in which they come are cut.

Only what an end of line has confirmed is a line: a piece that a broken connection leaves behind, be it half a
character, is forgotten with this object. This module must not know what a line says.
"""

from cds.dialects.json_values import Unreadable, decode_json

LINE_BYTES_MAX = 8 * 1024 * 1024
"""The longest line that is kept. An event of the log may hold twice as much, so what becomes of a line fits too."""


class LineSplitter:
    """Takes the bytes of one connection."""

    def __init__(self, line_bytes_max: int = LINE_BYTES_MAX) -> None:
        """Nothing has come yet."""
        self.rested = False
        """Whether the last that came is an empty line: the upstream lives and has nothing to say (Contest API)."""
        self._line_bytes_max = line_bytes_max
        self._pieces: list[bytes] = []
        self._size_bytes = 0

    @property
    def is_between_lines(self) -> bool:
        """Whether nothing has come behind the last end of line."""
        return not self._size_bytes

    def take(self, data: bytes) -> list[bytes | int]:
        """The lines that are complete now, without their ends; of one that is too long only its length in bytes."""
        first, *others = data.split(b"\n")
        self._add(first)
        taken: list[bytes | int] = []
        for piece in others:
            self._finish(taken)
            self._add(piece)
        return taken

    def rest(self) -> list[bytes | int]:
        """The last line, where an answer that has properly ended leaves out its end; else nothing.

        What was cut off within a line is no whole JSON object, so half a line is never taken for one.
        """
        line = b"".join(self._pieces).strip()
        try:
            whole = isinstance(decode_json(line), dict)
        except Unreadable:
            return []
        return [line] if whole else []

    def _add(self, piece: bytes) -> None:
        if not piece:
            return
        self.rested = False
        self._size_bytes += len(piece)
        if self._size_bytes <= self._line_bytes_max:
            self._pieces.append(piece)
        else:  # what is too long is let go of, and only its length kept
            self._pieces.clear()

    def _finish(self, taken: list[bytes | int]) -> None:
        size_bytes, line = self._size_bytes, b"".join(self._pieces).strip()
        self._pieces.clear()
        self._size_bytes = 0
        if size_bytes > self._line_bytes_max:
            taken.append(size_bytes)
        elif line:
            taken.append(line)
        else:
            self.rested = True
