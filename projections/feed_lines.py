"""The lines of a feed as ready wire bytes: kept in segments, cut at any token, limited to types or adapted to a team.

A line is `{"type":…,"id":…,"data":…,"token":"<place><tag>"}` and a newline. The place is the same for everybody
who gets the line; the tag differs by view. So a segment holds one zero byte in the place of every tag (JSON text
never holds one), and whoever streams it puts the tag in: one pass of `bytes.replace` over ready bytes, no encoding.
This module must not know what an object is, nor how lines come about.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from projections.tokens import TokenMaker, block, sequence_of

SEGMENT_LINES_MAX = 1_000
"""Lines after which a segment is closed; a closed one never changes."""

TAG_PLACEHOLDER = b"\0"
LINE_END = TAG_PLACEHOLDER + b'"}\n'
ALL_TYPES_MASK = 0xFFFFFF
"""The types mask of a feed that is not limited, also to types that later versions add."""


TeamLine = tuple[int, int, bytes]
"""A line that one team alone gets: its sequence, the number of its type, and its bytes with the placeholder."""

OwnLine = tuple[int, str, TeamLine]
"""The same with its sequence and the id of the team before it."""


class DraftLine(msgspec.Struct, frozen=True, gc=False):
    """A line before its token: where it stands, the number of its type, and the bytes in front of the token."""

    position: int
    index: int
    type_number: int
    body: bytes


class Segment:
    """A stretch of lines, joined. `data` holds TAG_PLACEHOLDER in every token."""

    def __init__(self) -> None:
        """An open segment without lines."""
        self.data = bytearray()
        self.sequences = array("Q")
        self.ends = array("Q")
        self.type_numbers = bytearray()
        self.replaced_for: dict[str, list[int]] = {}

    @property
    def full(self) -> bool:
        """Whether the segment is closed."""
        return len(self.sequences) >= SEGMENT_LINES_MAX

    def add(self, sequence: int, type_number: int, line: bytes, teams: Iterable[str]) -> None:
        """Add a line; `teams` are those who get another line, or none, in its stead."""
        for team_id in teams:
            self.replaced_for.setdefault(team_id, []).append(len(self.sequences))
        self.sequences.append(sequence)
        self.type_numbers.append(type_number)
        self.data += line
        self.ends.append(len(self.data))

    def first_after(self, sequence: int) -> int:
        """The number of the first line after a place."""
        return bisect_right(self.sequences, sequence)

    def line(self, number: int) -> bytes:
        """One line, with the placeholder."""
        start = self.ends[number - 1] if number else 0
        return bytes(self.data[start : self.ends[number]])

    def filled(self, from_line: int, to_line: int, tag: bytes) -> bytes:
        """The lines from a number up to, and without, another, with the tag put in."""
        start = self.ends[from_line - 1] if from_line else 0
        stop = self.ends[to_line - 1] if to_line else 0
        return bytes(self.data[start:stop].replace(TAG_PLACEHOLDER, tag))


class Stretch(msgspec.Struct, frozen=True, gc=False):
    """Lines that follow one another in one segment: those after one place, up to and with another.

    `after` and `end` are sequences (see `sequence_of`); lines are counted within the segment, `to_line` is the first
    that does not belong. `whole`: these are all lines of a closed segment, so that many will ask for the very same.
    """

    after: int
    end: int
    segment: int
    from_line: int
    to_line: int
    whole: bool


class Chunk(msgspec.Struct, frozen=True):
    """Some lines ready to be sent, and the place after them. `data` may be empty where all lines were left out."""

    data: bytes
    sequence: int


class ReadyLines:
    """All lines of one audience so far, oldest first, wherever they come from. `last_sequence` is that of the last."""

    def __init__(self) -> None:
        """No lines yet."""
        self._segments = [Segment()]
        self._first_sequences = array("Q", [0])
        self._team_lines: dict[str, list[TeamLine]] = {}
        self.last_sequence = 0
        self.abandoned = False
        """Whether nothing will come any more: whoever follows these lines has to be given others."""

    @property
    def segments(self) -> Sequence[Segment]:
        """The segments so far; the last one is open."""
        return self._segments

    @property
    def team_lines(self) -> Mapping[str, Sequence[TeamLine]]:
        """What single teams alone get, by team, oldest first."""
        return self._team_lines

    def restore(
        self, segments: Sequence[Segment], team_lines: Mapping[str, list[TeamLine]], last_sequence: int
    ) -> None:
        """Take lines that were made before, in the place of none."""
        self._segments = list(segments) or [Segment()]
        self._first_sequences = array("Q", [0, *(segment.sequences[0] for segment in self._segments[1:])])
        self._team_lines = dict(team_lines)
        self.last_sequence = last_sequence

    def add(self, sequence: int, type_number: int, line: bytes, replaced_for: tuple[str, ...] = ()) -> None:
        """Take a common line, with the placeholder; `replaced_for` are those who get another one, or none."""
        segment = self._segments[-1]
        if segment.full:
            segment = Segment()
            self._segments.append(segment)
            self._first_sequences.append(sequence)
        segment.add(sequence, type_number, line, replaced_for)
        self.last_sequence = max(self.last_sequence, sequence)

    def add_for_team(self, team_id: str, sequence: int, type_number: int, line: bytes) -> None:
        """Take a line that one team alone gets."""
        self._team_lines.setdefault(team_id, []).append((sequence, type_number, line))
        self.last_sequence = max(self.last_sequence, sequence)

    def after(
        self, sequence: int, tag: bytes, types_mask: int = ALL_TYPES_MASK, team_id: str | None = None
    ) -> Chunk | None:
        """At most one segment's lines after a place, for one kind of reader; None when there is nothing more."""
        stretch = self.stretch_after(sequence)
        if stretch is None:
            return None
        return Chunk(self.bytes_of(stretch, tag, types_mask, team_id), stretch.end)

    def stretch_after(self, sequence: int, until: int | None = None) -> Stretch | None:
        """What comes after a place, at most to the end of its segment; None when there is nothing more.

        With `until`, as if nothing had come yet after that place.
        """
        last_sequence = self.last_sequence if until is None else min(until, self.last_sequence)
        if sequence >= last_sequence:
            return None
        number = max(bisect_right(self._first_sequences, sequence) - 1, 0)
        segment = self._segments[number]
        from_line = segment.first_after(sequence)
        if from_line == len(segment.sequences) and number + 1 < len(self._segments):
            number += 1
            segment, from_line = self._segments[number], 0
        last = number + 1 == len(self._segments)
        end = self.last_sequence if last else self._first_sequences[number + 1] - 1
        if end <= last_sequence:
            return Stretch(
                after=sequence,
                end=end,
                segment=number,
                from_line=from_line,
                to_line=len(segment.sequences),
                whole=from_line == 0 and not last,
            )
        to_line = segment.first_after(last_sequence)
        return Stretch(
            after=sequence, end=last_sequence, segment=number, from_line=from_line, to_line=to_line, whole=False
        )

    def bytes_of(
        self, stretch: Stretch, tag: bytes, types_mask: int = ALL_TYPES_MASK, team_id: str | None = None
    ) -> bytes:
        """The lines of a stretch as one kind of reader gets them; may be none."""
        segment = self._segments[stretch.segment]
        if types_mask == ALL_TYPES_MASK and self._untouched(segment, team_id, stretch.after, stretch.end):
            return segment.filled(stretch.from_line, stretch.to_line, tag)
        lines = self._selected(segment, stretch, types_mask, team_id)
        return b"".join(lines).replace(TAG_PLACEHOLDER, tag)

    def size_of(self, stretch: Stretch) -> int:
        """About how many bytes a stretch has, for a reader of all common lines."""
        ends = self._segments[stretch.segment].ends
        stop = ends[stretch.to_line - 1] if stretch.to_line else 0
        return stop - (ends[stretch.from_line - 1] if stretch.from_line else 0)

    def size_after(self, sequence: int) -> int:
        """About how many bytes come after a place, for a reader of all common lines."""
        number = max(bisect_right(self._first_sequences, sequence) - 1, 0)
        segment = self._segments[number]
        from_line = segment.first_after(sequence)
        begun = segment.ends[from_line - 1] if from_line else 0
        return sum(len(each.data) for each in self._segments[number:]) - begun

    def count_after(self, sequence: int) -> int:
        """How many common lines come after a place."""
        number = max(bisect_right(self._first_sequences, sequence) - 1, 0)
        counts = (len(each.sequences) for each in self._segments[number:])
        return sum(counts) - self._segments[number].first_after(sequence)

    def last_up_to(self, sequence: int) -> tuple[int, bytes] | None:
        """The last common line up to and with a place, and where it stands; None where there is none."""
        number = max(bisect_right(self._first_sequences, sequence) - 1, 0)
        for segment in reversed(self._segments[: number + 1]):
            count = segment.first_after(sequence)
            if count:
                return segment.sequences[count - 1], segment.line(count - 1)
        return None

    def _untouched(self, segment: Segment, team_id: str | None, after: int, end: int) -> bool:
        """Whether a reader gets the segment's lines just as they are."""
        if team_id is None:
            return True
        return team_id not in segment.replaced_for and not self.own_lines(team_id, after, end)

    def own_lines(self, team_id: str, after: int, end: int) -> list[TeamLine]:
        """What a team alone gets after a place, up to and with another."""
        lines = self._team_lines.get(team_id, [])
        start = bisect_right(lines, after, key=_sequence)
        stop = bisect_right(lines, end, key=_sequence)
        return lines[start:stop]

    def _selected(self, segment: Segment, stretch: Stretch, types_mask: int, team_id: str | None) -> Iterator[bytes]:
        """The lines of the wanted types; a team's own lines in the place of the common ones."""
        left_out = set(segment.replaced_for.get(team_id, ())) if team_id is not None else set()
        own = self.own_lines(team_id, stretch.after, stretch.end) if team_id is not None else []
        common = [
            (segment.sequences[number], segment.type_numbers[number], segment.line(number))
            for number in range(stretch.from_line, stretch.to_line)
            if number not in left_out
        ]
        merged = sorted((*common, *own), key=_sequence) if own else common
        return (line for _, type_number, line in merged if types_mask >> type_number & 1)


class FeedLines(ReadyLines):
    """The lines of one audience that are made here: drafted when something happens, and given their places."""

    def __init__(self, tokens: TokenMaker) -> None:
        """No lines yet; `tokens` makes their places."""
        super().__init__()
        self._tokens = tokens
        self._drafts: list[tuple[DraftLine, bytes, tuple[str, ...]]] = []
        self._team_drafts: list[tuple[str, DraftLine, bytes]] = []
        self._own_in_order: list[OwnLine] | None = None
        self.behind: dict[int, str] = {}
        """By sequence: behind which id an object appeared among others of its type (see `told.Line`)."""

    def note_behind(self, line: DraftLine, identifier: str) -> None:
        """Keep where the object of a line appears that is drafted next, for all lines of that place."""
        self.behind[sequence_of(line.position, line.index)] = identifier

    def draft(self, line: DraftLine, chain: bytes, replaced_for: tuple[str, ...] = ()) -> None:
        """Take a line that `flush` will give a token. `chain` is the chain value of the log at its position."""
        self._drafts.append((line, chain, replaced_for))

    def draft_for_team(self, team_id: str, line: DraftLine, chain: bytes) -> None:
        """Take a line that one team alone gets."""
        self._team_drafts.append((team_id, line, chain))

    def flush(self) -> None:
        """Give all drafts their tokens, encrypted in one go, and publish them."""
        if not self._drafts and not self._team_drafts:
            return
        blocks = b"".join(
            [block(line.position, line.index, chain) for line, chain, _ in self._drafts]
            + [block(line.position, line.index, chain) for _, line, chain in self._team_drafts]
        )
        places = iter(self._tokens.places(blocks))
        for line, _, replaced_for in self._drafts:
            sequence = sequence_of(line.position, line.index)
            self.add(sequence, line.type_number, _with_place(line.body, next(places)), replaced_for)
        for team_id, line, _ in self._team_drafts:
            sequence = sequence_of(line.position, line.index)
            self.add_for_team(team_id, sequence, line.type_number, _with_place(line.body, next(places)))
        self._drafts.clear()
        self._team_drafts.clear()

    def add_for_team(self, team_id: str, sequence: int, type_number: int, line: bytes) -> None:
        """Take a line that one team alone gets."""
        super().add_for_team(team_id, sequence, type_number, line)
        if self._own_in_order is not None:
            self._own_in_order.append((sequence, team_id, self._team_lines[team_id][-1]))

    def own_of_all(self, after: int, end: int) -> Sequence[OwnLine]:
        """What single teams alone get after a place, up to and with another, whichever team it is, in order."""
        if self._own_in_order is None:
            found = ((line[0], team_id, line) for team_id, lines in self._team_lines.items() for line in lines)
            self._own_in_order = sorted(found, key=_sequence)
        start = bisect_right(self._own_in_order, after, key=_sequence)
        return self._own_in_order[start : bisect_right(self._own_in_order, end, key=_sequence)]


def _sequence(line: TeamLine | OwnLine) -> int:
    return line[0]


def _with_place(body: bytes, place: bytes) -> bytes:
    return body + place + LINE_END
