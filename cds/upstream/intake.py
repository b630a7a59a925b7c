"""Which of the lines of an answer are news, and which of them show that the upstream is another than it was.

An upstream that cannot resume says everything again from its beginning. As long as that is what it said before, line
for line, nothing has to be done; from the first difference on it has to be read anew. This module is pure.
"""

from collections import deque
from typing import Literal

from cds.upstream.reading import Reading

Verdict = Literal["news", "known", "other"]
"""To be taken; known already; said in place of something else: the upstream has to be read anew."""


class Intake:
    """Looks at the lines of one answer after the other."""

    def __init__(self) -> None:
        """No answer has begun."""
        self._compared: int | None = None
        """How many lines of the reading have been said again; None where none are expected to be."""
        self._first = False
        self._short: int | None = None
        self._unplaced: deque[int] = deque()

    @property
    def repeating(self) -> bool:
        """Whether what was said before is being said again, and not all of it has been."""
        return self._compared is not None

    def ended_short(self) -> bool:
        """An answer ended before it had said again what was said before; whether that is all there is now.

        Once it may have been cut; who ends twice at the same line has nothing more to say.
        """
        again = self._short == self._compared
        self._short = self._compared
        return again

    def begin(self, reading: Reading, *, from_start: bool) -> None:
        """An answer begins, behind the last place of the reading or at the beginning of the feed."""
        self._compared = 0 if from_start and reading.lines else None
        self._first = not from_start
        self._unplaced = deque(() if from_start else reading.unplaced)

    def look(self, reading: Reading, line: bytes) -> Verdict:
        """What a line is. After one that is `other` nothing more may be taken from this answer."""
        if self._first:
            self._first = False
            if reading.lines > 1 and reading.has_at(0, line) and reading.knows(line):
                # It was asked to go on and begins from its beginning: it does not know how to go on.
                self._compared = 0
        if self._compared is None:
            return "known" if reading.knows(line) or self._is_unplaced(line) else "news"
        if not reading.has_at(self._compared, line):
            return "other"
        self._compared += 1
        if self._compared == reading.lines:
            self._compared = None
        return "known"

    def _is_unplaced(self, line: bytes) -> bool:
        """Whether a line that has no place of its own comes again, because it came behind the last that has one."""
        if self._unplaced and self._unplaced[0] == hash(line):
            self._unplaced.popleft()
            return True
        self._unplaced.clear()
        return False
