"""What goes wrong with a feed, and when: a table, and everything in it follows from a seed.

This module is pure. It knows bytes of lines and places between them; it must not know sockets.
"""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum

import msgspec

ODD_LINES = (
    b"this is not JSON",
    b'{"type":"teams"',
    b"[]",
    b'"a text"',
    b'{"id":"x","data":{}}',
    b'{"type":"nothing-known","id":"n1","data":{"id":"n1"}}',
    b'{"type":"teams","id":"broken","data":7}',
    b'{"type":"judgements","id":"no","data":{"id":"no","submission_id":"never","start_contest_time":"0:00:00.000"}}',
    b'{"type":"teams","id":"\xff\xfe","data":{}}',
)
"""Lines that say nothing that anybody could take: without them a contest is what it is with them."""


class CutPlace(StrEnum):
    """Where a connection is cut."""

    WITHIN_CHARACTER = "within a character of several bytes"
    BETWEEN_LINES = "between lines"
    WITHIN_LINE = "within a line"
    WITHIN_PLACE = "within a token"
    BEFORE_NEWLINE = "between a line and its end"


class Ending(StrEnum):
    """How a connection is cut: it is closed, it is reset, or the answer ends as it ought to."""

    CLOSED = "closed"
    RESET = "reset"
    PROPER = "proper"


class Cut(msgspec.Struct, frozen=True):
    """The last bytes of an answer, and how it ends behind them."""

    begin: bytes
    place: CutPlace
    ending: Ending


class Faults(msgspec.Struct, frozen=True, kw_only=True):
    """The table. Shares are of lines, from 0 to 1; requests for the feed are counted from 1.

    `cut_every`: lines after which the connection is cut, each time at another of the `places` and in another of the
    `endings`, and besides within characters. `overlap`: so many lines are said again before what was asked for.
    `refusals`: requests that are answered with a status; 400 waits for one that asks to go on. `hangs`: requests from
    which on one answer falls silent after some lines; `trickles`: from which on one answer begins in tiny pieces.
    """

    seed: int = 1
    cut_every: int | None = None
    places: tuple[CutPlace, ...] = tuple(CutPlace)
    endings: tuple[Ending, ...] = tuple(Ending)
    doubled: float = 0.0
    sent_again: float = 0.0
    blank: float = 0.0
    odd: float = 0.0
    overlap: int = 0
    refusals: Mapping[int, int] = {}
    hangs: frozenset[int] = frozenset()
    trickles: frozenset[int] = frozenset()


NONE = Faults()


class Fate:
    """What befalls one server: the table carried out, request after request, and a count of what has happened."""

    def __init__(self, faults: Faults) -> None:
        """Nothing has happened."""
        self.faults = faults
        self.happened: Counter[str] = Counter()
        self.requests = 0
        self._refusals = dict(sorted(faults.refusals.items()))
        self._hangs, self._trickles = sorted(faults.hangs), sorted(faults.trickles)
        self._cuts = 0
        self._past: set[tuple[bool, int]] = set()

    def falls_silent(self) -> bool:
        """Whether the present answer falls silent here."""
        return self._is_due(self._hangs, "hung")

    def trickles(self) -> bool:
        """Whether the answer that begins here comes in tiny pieces at first."""
        return self._is_due(self._trickles, "trickled")

    def _is_due(self, numbers: list[int], name: str) -> bool:
        if not numbers or numbers[0] > self.requests:
            return False
        numbers.pop(0)
        self.happened[name] += 1
        return True

    def asked(self, *, to_resume: bool) -> int | None:
        """A request for the feed has come: the status with which it is refused, None when it is answered."""
        self.requests += 1
        due = [number for number, status in self._refusals.items() if number <= self.requests]
        for number in due:
            if self._refusals[number] == 400 and not to_resume:
                continue
            status = self._refusals.pop(number)
            self.happened[f"refused with {status}"] += 1
            if status == 400:
                # What is read anew is cut in the same places once more.
                self._past.clear()
            return status
        return None

    def told(self, index: int, line: bytes, earlier: Sequence[bytes]) -> list[bytes]:
        """A line with what comes around it; `earlier` are lines that were said before, with places of their own."""
        faults = self.faults
        if not (faults.doubled or faults.sent_again or faults.blank or faults.odd):
            return [line]
        chance = random.Random(f"{faults.seed} {index}")
        told = [line]
        if chance.random() < faults.doubled and earlier:
            told.append(line)
            self.happened["doubled"] += 1
        if chance.random() < faults.sent_again and earlier:
            told.append(chance.choice(earlier))
            self.happened["sent again"] += 1
        if chance.random() < faults.blank:
            told.insert(chance.randint(0, 1), b"")
            self.happened["blank"] += 1
        if chance.random() < faults.odd:
            told.append(chance.choice(ODD_LINES))
            self.happened["odd"] += 1
        return told

    def cut(self, index: int, line: bytes, place: str | None) -> Cut | None:
        """Where the connection ends within the line of this index or just before it; None when it goes on.

        Each boundary cuts once, so that even who begins from the beginning each time comes to the end.
        """
        every, places = self.faults.cut_every, self.faults.places
        if every is None:
            return None
        stretch, others = index // every, [each for each in places if each is not CutPlace.WITHIN_CHARACTER]
        if len(others) < len(places) and stretch % len(places) == 0 and not line.isascii():
            # Few lines have such characters, so this is not tied to a boundary: the first that has one is cut.
            return self._cut_once(CutPlace.WITHIN_CHARACTER, stretch, line, "")
        if not others or index == 0 or index % every:
            return None
        kind = others[stretch % len(others)]
        if kind is CutPlace.WITHIN_PLACE and place is None:
            kind = CutPlace.WITHIN_LINE
        return self._cut_once(kind, stretch, line, place or "")

    def _cut_once(self, kind: CutPlace, stretch: int, line: bytes, place: str) -> Cut | None:
        key = (kind is CutPlace.WITHIN_CHARACTER, stretch)
        if key in self._past:
            return None
        self._past.add(key)
        ending = self.faults.endings[self._cuts % len(self.faults.endings)]
        self._cuts += 1
        self.happened[f"cut {kind}"] += 1
        self.happened[f"ended {ending}"] += 1
        return Cut(_begin(line, kind, place), kind, ending)


def _begin(line: bytes, kind: CutPlace, place: str) -> bytes:
    """The part of a line that still comes."""
    match kind:
        case CutPlace.BETWEEN_LINES:
            return b""
        case CutPlace.WITHIN_LINE:
            return line[: len(line) // 2]
        case CutPlace.WITHIN_CHARACTER:
            first = next(number for number, byte in enumerate(line) if byte >= 0x80)
            return line[: first + 1]
        case CutPlace.WITHIN_PLACE:
            return line[: line.rindex(place.encode()) + (len(place.encode()) + 1) // 2]
        case CutPlace.BEFORE_NEWLINE:
            return line
