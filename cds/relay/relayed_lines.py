"""The lines of a feed of another server, kept as they came: in order, found by their tokens, cut anywhere.

A place is the number of a line, from 1. A thousand lines are a segment; one that is closed is compressed as soon as
the next one is closed too, since hardly anybody reads it any more and each login has lines of its own. A token is
found by a hash of eight bytes a line, and compared with the line that it leads to, so no other can pass for it.
This module must not know what a line says, nor who reads it.
"""

import zlib
from array import array
from collections.abc import Sequence

from cds.fan_out.framing import NEWLINE, token_of_line
from projections.feed_lines import SEGMENT_LINES_MAX, Stretch
from projections.line_marks import LineMarks

PACKING_LEVEL = 1
"""Lines of a feed become a fifth of their size, at the price of some milliseconds for a thousand."""


class Segment:
    """Lines that follow one another."""

    def __init__(self) -> None:
        """An open segment without lines."""
        self._data = bytearray()
        self._packed: bytes | None = None
        self._ends = array("I")
        self.marks = LineMarks()

    def __len__(self) -> int:
        """The number of lines."""
        return len(self._ends)

    @property
    def full(self) -> bool:
        """Whether the segment is closed."""
        return len(self._ends) >= SEGMENT_LINES_MAX

    @property
    def packed(self) -> bool:
        """Whether it takes work to read it."""
        return self._packed is not None

    @property
    def size_bytes(self) -> int:
        """What it takes in memory, about."""
        kept = len(self._data) if self._packed is None else len(self._packed)
        return kept + len(self._ends) * self._ends.itemsize + self.marks.size_bytes

    def add(self, line: bytes, token: bytes) -> None:
        """Add a line without its newline."""
        self.marks.add(token)
        self._data += line
        self._data += NEWLINE
        self._ends.append(len(self._data))

    def pack(self) -> None:
        """Take less memory from here on; the segment is closed."""
        self._packed = zlib.compress(self._data, PACKING_LEVEL)
        self._data = bytearray()

    def text(self) -> bytes | bytearray:
        """All lines, each with its newline."""
        return self._data if self._packed is None else zlib.decompress(self._packed)

    def offset(self, number: int) -> int:
        """Where a line begins in the text, in bytes; that of the number behind the last one is where the text ends."""
        return self._ends[number - 1] if number else 0


class RelayedLines:
    """All lines of one audience so far, oldest first."""

    def __init__(self) -> None:
        """No lines yet."""
        self._segments = [Segment()]
        self._unpacked: tuple[int, bytes | bytearray] = (-1, b"")
        self.last_sequence = 0
        self.last_token: str | None = None
        self.abandoned = False
        """Nothing comes to them any more only when their audience ends, and that ends its clients too."""
        self._packed_bytes = 0

    def add(self, lines: Sequence[bytes]) -> None:
        """Take lines without their newlines. Raises msgspec.DecodeError for one without a token."""
        for line in lines:
            token = token_of_line(line)
            segment = self._segments[-1]
            if segment.full:
                segment = self._new_segment()
            segment.add(line, token)
            self.last_sequence += 1
            self.last_token = token.decode()

    @property
    def size_bytes(self) -> int:
        """What all lines take in memory, about."""
        return self._packed_bytes + sum(segment.size_bytes for segment in self._segments[-2:])

    def sequence(self, token: str) -> int | None:
        """The place of the line with this token; None when there is none."""
        wanted = token.encode()
        for number in range(len(self._segments) - 1, -1, -1):
            for line in self._segments[number].marks.numbers(wanted):
                if token_of_line(self._line(number, line)) == wanted:
                    return number * SEGMENT_LINES_MAX + line + 1
        return None

    def stretch_after(self, sequence: int, until: int | None = None) -> Stretch | None:
        """What comes after a place, at most to the end of its segment; None when there is nothing more.

        With `until`, as if nothing had come yet after that place.
        """
        last = self.last_sequence if until is None else min(until, self.last_sequence)
        if sequence >= last:
            return None
        number = sequence // SEGMENT_LINES_MAX
        first = number * SEGMENT_LINES_MAX
        end = min(first + SEGMENT_LINES_MAX, last)
        return Stretch(
            after=sequence,
            end=end,
            segment=number,
            from_line=sequence - first,
            to_line=end - first,
            whole=end - sequence == SEGMENT_LINES_MAX,
        )

    def bytes_of(self, stretch: Stretch, _tag: bytes, _types_mask: int, _team_id: str | None) -> bytes:
        """The lines of a stretch. Everybody in the audience gets the same ones, so who reads makes no difference."""
        segment = self._segments[stretch.segment]
        return bytes(self._text(stretch.segment)[segment.offset(stretch.from_line) : segment.offset(stretch.to_line)])

    def size_of(self, stretch: Stretch) -> int:
        """How many bytes a stretch has."""
        segment = self._segments[stretch.segment]
        return segment.offset(stretch.to_line) - segment.offset(stretch.from_line)

    def size_after(self, sequence: int) -> int:
        """How many bytes come after a place."""
        size = 0
        while (stretch := self.stretch_after(sequence)) is not None:
            size += self.size_of(stretch)
            sequence = stretch.end
        return size

    def _new_segment(self) -> Segment:
        """Another open segment; the one before the last goes out of use, mostly."""
        if len(self._segments) > 1:
            cold = self._segments[-2]
            cold.pack()
            self._packed_bytes += cold.size_bytes
        self._segments.append(Segment())
        return self._segments[-1]

    def _text(self, number: int) -> bytes | bytearray:
        """The text of a segment; the last one that was unpacked is kept, since readers go through it line by line."""
        segment = self._segments[number]
        if not segment.packed:
            return segment.text()
        if self._unpacked[0] != number:
            self._unpacked = (number, segment.text())
        return self._unpacked[1]

    def _line(self, number: int, line: int) -> bytes:
        segment = self._segments[number]
        return bytes(self._text(number)[segment.offset(line) : segment.offset(line + 1) - len(NEWLINE)])
