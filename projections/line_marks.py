"""Where a line with a certain token stands, without keeping the token: eight bytes for each line.

What is kept is a hash, so whoever is given a number of a line compares the token there. This module must not know what
a line says, nor how a token comes about.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterator

from projections.feed_lines import SEGMENT_LINES_MAX

NUMBER_BITS = (SEGMENT_LINES_MAX - 1).bit_length()
NUMBER_MASK = (1 << NUMBER_BITS) - 1
HASH_MASK = ((1 << 64) - 1) ^ NUMBER_MASK
"""Of a hash so much is kept; the number of the line among those of its marks stands in the other bits."""


class LineMarks:
    """The marks of at most SEGMENT_LINES_MAX lines that follow one another, counted from 0."""

    def __init__(self) -> None:
        """No lines yet."""
        self._marks = array("Q")

    def __len__(self) -> int:
        """The number of lines."""
        return len(self._marks)

    @property
    def full(self) -> bool:
        """Whether no more lines may be added."""
        return len(self._marks) >= SEGMENT_LINES_MAX

    @property
    def size_bytes(self) -> int:
        """What they take in memory."""
        return len(self._marks) * self._marks.itemsize

    def add(self, token: bytes) -> None:
        """Note the token of the next line."""
        self._marks.append(_mark(token, len(self._marks)))
        if self.full:
            self._marks = array("Q", sorted(self._marks))

    def numbers(self, token: bytes, first: int = 0) -> Iterator[int]:
        """The lines that may have this token; while more come, those from the `first` on."""
        wanted = _mark(token, 0)
        if not self.full:
            # Until they are full, marks stand in the order of the lines.
            marks = self._marks
            yield from (number for number in range(first, len(marks)) if marks[number] & HASH_MASK == wanted)
            return
        at = bisect_left(self._marks, wanted)
        while at < len(self._marks) and self._marks[at] & HASH_MASK == wanted:
            yield self._marks[at] & NUMBER_MASK
            at += 1


def _mark(token: bytes, number: int) -> int:
    """What is kept of a token of a line. The hash is keyed, anew in each process (unless PYTHONHASHSEED says more)."""
    return hash(token) & HASH_MASK | number
