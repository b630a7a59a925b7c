"""What of a feed is to be told to machines that serve it on: its lines in order, in messages of limited size.

A team's own line comes before the common line of the same place, so that what was told up to a common line is all that
there was. This module must not know who is told, nor whose tags tokens have.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from heapq import merge

import msgspec

from projections.feed_lines import LINE_END, FeedLines, Stretch, TeamLine
from projections.tokens import PLACE_CHARACTERS
from projections.told import TOLD_BYTES_MAX, TOLD_LINES_MAX, Line, Told

COMMON = ""
"""Stands for the common lines where lines are told apart by team; no id is empty."""

OWN_FIRST, COMMON_LAST = 0, 1


class Stand(msgspec.Struct, frozen=True):
    """How far an audience has been told: all lines before a place, and at that place the lines of these teams.

    `at_place` holds the teams (COMMON for the common line) whose line of exactly this sequence has been told.
    """

    sequence: int = 0
    at_place: frozenset[str] = frozenset()

    def after(self, sequence: int, team: str) -> "Stand":
        """The stand when a line of a place has been told besides."""
        told = self.at_place if sequence == self.sequence else frozenset()
        return Stand(sequence, told | {team})

    def includes(self, sequence: int, team: str) -> bool:
        """Whether a line has been told."""
        return sequence < self.sequence or (sequence == self.sequence and team in self.at_place)


BEGINNING = Stand()


class Telling(msgspec.Struct, frozen=True):
    """A message, the place part of the token of its last line, and the stand behind it."""

    told: Told
    last_place: str
    stand: Stand


class Head(msgspec.Struct, frozen=True):
    """The last line of all: whose it is, the place part of its token, and the stand behind it."""

    team: str
    place: str
    stand: Stand


def stand_of(last: Mapping[str, int]) -> Stand:
    """The stand, given the sequence of the last line that each team (COMMON: all) was told."""
    sequence = max(last.values(), default=0)
    return Stand(sequence, frozenset(team for team, each in last.items() if each == sequence))


def next_tellings(
    lines: FeedLines,
    stand: Stand,
    pace_permille: int,
    *,
    until: int | None = None,
    bytes_max: int = TOLD_BYTES_MAX,
) -> Iterator[Telling]:
    """Messages of lines behind a stand: at most what one segment holds, nothing where there is nothing more.

    `until`: a sequence, as if nothing had come yet after it. A message has at most `bytes_max` of lines, or one line.
    """
    # One place back, since not all lines of that place need to have been told.
    stretch = lines.stretch_after(max(stand.sequence - 1, 0), until)
    while stretch is not None:
        found = [each for each in _in_order(lines, stretch) if not stand.includes(each[0], each[2])]
        if found:
            yield from _messages(found, stand, pace_permille, bytes_max)
            return
        stretch = lines.stretch_after(stretch.end, until)


def head_of(lines: FeedLines) -> Head | None:
    """The last line that has been made, in the order in which they are told; None where there is none."""
    sequence = lines.last_sequence
    placed = [(team_id, _place_of(ready)) for _, team_id, (_, _, ready) in lines.own_of_all(sequence - 1, sequence)]
    common = _last_common(lines, sequence)
    if common is not None and common[0] == sequence:
        placed.append((COMMON, common[1]))
    if not placed:
        return None
    team, place = placed[-1]
    return Head(team, place, Stand(sequence, frozenset(each for each, _ in placed)))


def last_place_told(lines: FeedLines, stand: Stand, team: str) -> str | None:
    """The place part of the token of the last line that a team (COMMON: everybody) was told; None where none was."""
    sequence = stand.sequence if team in stand.at_place else stand.sequence - 1
    if team == COMMON:
        common = _last_common(lines, sequence)
        return None if common is None else common[1]
    own = lines.team_lines.get(team, ())
    number = bisect_right(own, sequence, key=_sequence_of)
    return _place_of(own[number - 1][2]) if number else None


def count_behind(lines: FeedLines, stand: Stand) -> int:
    """How many lines there are that have not been told, common ones and those of single teams."""
    at_place = lines.own_of_all(stand.sequence - 1, stand.sequence)
    common = _last_common(lines, stand.sequence)
    return (
        sum(not stand.includes(sequence, team_id) for sequence, team_id, _ in at_place)
        + (common is not None and not stand.includes(common[0], COMMON))
        + lines.count_after(stand.sequence)
        + len(lines.own_of_all(stand.sequence, lines.last_sequence))
    )


def _last_common(lines: FeedLines, sequence: int) -> tuple[int, str] | None:
    """The last common line up to and with a place: its own, and the place part of its token."""
    found = lines.last_up_to(sequence)
    return None if found is None else (found[0], _place_of(found[1]))


def _place_of(ready: bytes) -> str:
    return ready[: -len(LINE_END)][-PLACE_CHARACTERS:].decode("ascii")


def _sequence_of(line: TeamLine) -> int:
    return line[0]


_Placed = tuple[int, int, str, Line]
"""Sequence, OWN_FIRST or COMMON_LAST, the team, and the line."""


def _in_order(lines: FeedLines, stretch: Stretch) -> Iterator[_Placed]:
    own = (
        (sequence, OWN_FIRST, team_id, _line(type_number, ready, (), lines.behind.get(sequence)))
        for sequence, team_id, (_, type_number, ready) in lines.own_of_all(stretch.after, stretch.end)
    )
    return merge(own, _of_all(lines, stretch), key=_place)


def _of_all(lines: FeedLines, stretch: Stretch) -> Iterator[_Placed]:
    segment = lines.segments[stretch.segment]
    replaced_for: dict[int, list[str]] = {}
    for team_id, numbers in segment.replaced_for.items():
        start, stop = bisect_left(numbers, stretch.from_line), bisect_left(numbers, stretch.to_line)
        for number in numbers[start:stop]:
            replaced_for.setdefault(number, []).append(team_id)
    for number in range(stretch.from_line, stretch.to_line):
        sequence, type_number = segment.sequences[number], segment.type_numbers[number]
        teams = tuple(replaced_for.get(number, ()))
        line = _line(type_number, segment.line(number), teams, lines.behind.get(sequence))
        yield sequence, COMMON_LAST, COMMON, line


def _line(type_number: int, ready: bytes, replaced_for: tuple[str, ...], behind: str | None) -> Line:
    return Line(type_number, ready[: -len(LINE_END)], replaced_for, behind)


def _place(each: _Placed) -> tuple[int, int]:
    return each[:2]


def _messages(found: list[_Placed], stand: Stand, pace_permille: int, bytes_max: int) -> Iterator[Telling]:
    """Cut where the team changes, and where a message is full."""
    first, size_bytes = 0, 0
    for number, (sequence, _, team, line) in enumerate(found):
        size_bytes += len(line.body)
        following = found[number + 1] if number + 1 < len(found) else None
        stand = stand.after(sequence, team)
        full = number + 1 - first >= TOLD_LINES_MAX
        if following is None or full or following[2] != team or size_bytes + len(following[3].body) > bytes_max:
            bodies = tuple(each[3] for each in found[first : number + 1])
            told = Told(bodies, pace_permille, None if team == COMMON else team)
            yield Telling(told, line.body[-PLACE_CHARACTERS:].decode("ascii"), stand)
            first, size_bytes = number + 1, 0
