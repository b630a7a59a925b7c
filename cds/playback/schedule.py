"""When everything of a history is to happen again: at its own moment, in an order in which a log can take it.

What names something comes after it, the versions of an object in their order, the end of updates last. What has no
moment of its own goes with what came before it in the history; what was there before anything was submitted or asked
is the setup. This module must not know at which speed it is played.
"""

from collections.abc import Iterator, Sequence
from enum import IntEnum

import msgspec

from cds.commands.decision import ObjectChange
from cds.playback.replacements import replacements
from cds.playback.source_times import SourceTimes
from cds.playback.telling import Told, told
from projections.integrity import Key, named_by
from schemas.object_types import OBJECT_TYPES
from schemas.objects import ContestObject, Judgement

SETUP_MS = -(10**15)
"""The moment of the setup: before any other."""

HAPPENINGS = frozenset({"submissions", "judgements", "runs", "clarifications", "commentary"})
"""The types of what happens in a contest; from the first of them on the setup is over."""


class Due(msgspec.Struct, frozen=True, gc=False):
    """A change, and the moment (as in `source_times`) at which it is to happen again."""

    moment_ms: int
    change: ObjectChange


class _Place(IntEnum):
    """Where a change stands among those of its moment; the last is that of all."""

    GIVES_WAY = 0
    ORDINARY = 1
    ENDS_UPDATES = 2


def schedule(changes: Sequence[ObjectChange], times: SourceTimes) -> list[Due]:
    """All that is to happen, in order. Every reference stands before it is made, if so it does in the history."""
    planned = list(_Planner(changes, times).planned())
    last_ms = max((due.moment_ms for _, due in planned), default=SETUP_MS)
    ending = [Due(last_ms, due.change) for place, due in planned if place is _Place.ENDS_UPDATES]
    going_on = [(place, due) for place, due in planned if place is not _Place.ENDS_UPDATES]
    # The sort keeps the order of the history otherwise.
    going_on.sort(key=lambda each: (each[1].moment_ms, each[0]))
    return [*(due for _, due in going_on), *ending]


class _Planner:
    """Goes through a history once, and knows when everything so far is to happen."""

    def __init__(self, changes: Sequence[ObjectChange], times: SourceTimes) -> None:
        self._changes = changes
        self._times = times
        self._needed_ms = _needed_ms(changes, times)
        self._replaced_ms = _replaced_ms(changes, times)
        self._replacements = replacements(changes, times)
        self._standing: dict[Key, ContestObject] = {}
        self._made_ms: dict[Key, int] = {}
        self._latest_ms: dict[Key, int] = {}
        self._named_ms: dict[Key, int] = {}
        self._cursor_ms = SETUP_MS
        self._in_setup = True

    def planned(self) -> Iterator[tuple[_Place, Due]]:
        """Every part of every change, in the order of the history, and where it stands in its moment."""
        for place, change in enumerate(self._changes):
            before = self._standing.get((change.type, change.id))
            self._in_setup = self._in_setup and change.type not in HAPPENINGS
            for part in told(change, before, self._times, self._replacements):
                own_ms = part.moment_ms
                if own_ms is None and _stops_being_current(before, change.instance):
                    own_ms = self._replaced_ms.get(place)
                moment_ms = self._allowed_ms(part, self._wanted_ms(place, before, own_ms))
                yield self._place(part, moment_ms), Due(moment_ms, part.change)
                self._take(part.change, before, moment_ms)
                if own_ms is not None:
                    self._cursor_ms = max(self._cursor_ms, moment_ms)
                before = part.change.instance

    def _place(self, part: Told, moment_ms: int) -> _Place:
        """Nothing goes before an older version of itself."""
        if part.ends_updates:
            return _Place.ENDS_UPDATES
        latest_ms = self._latest_ms.get((part.change.type, part.change.id), SETUP_MS)
        return _Place.GIVES_WAY if part.gives_way and latest_ms < moment_ms else _Place.ORDINARY

    def _wanted_ms(self, place: int, before: ContestObject | None, own_ms: int | None) -> int:
        """When a change should happen: at its own moment, in the setup, or with what came before it."""
        if own_ms is not None:
            return own_ms
        if OBJECT_TYPES[self._changes[place].type].kind == "configuration":
            if self._in_setup:
                return SETUP_MS
            if before is None:
                return min(self._cursor_ms, self._needed_ms.get(place, self._cursor_ms))
        return self._cursor_ms

    def _allowed_ms(self, part: Told, wanted_ms: int) -> int:
        """The first moment from the one wanted on at which a change can happen."""
        change = part.change
        key = (change.type, change.id)
        earliest_ms = max(wanted_ms, self._latest_ms.get(key, SETUP_MS))
        if change.instance is None:
            return max(earliest_ms, self._named_ms.get(key, SETUP_MS))
        names = named_by(OBJECT_TYPES[change.type], change.instance)
        return max(earliest_ms, *(self._made_ms.get(named, SETUP_MS) for named in names), SETUP_MS)

    def _take(self, change: ObjectChange, before: ContestObject | None, moment_ms: int) -> None:
        key, row = (change.type, change.id), OBJECT_TYPES[change.type]
        for version in (before, change.instance):
            for named in named_by(row, version) if version is not None else ():
                self._named_ms[named] = max(self._named_ms.get(named, SETUP_MS), moment_ms)
        self._latest_ms[key] = moment_ms
        if change.instance is None:
            self._standing.pop(key, None)
            return
        if before is None:
            self._made_ms[key] = moment_ms
        self._standing[key] = change.instance


def _needed_ms(changes: Sequence[ObjectChange], times: SourceTimes) -> dict[int, int]:
    """For the place of each change of configuration: the first moment at which something told later rests on it."""
    found: dict[int, int] = {}
    waiting_ms: dict[Key, int] = {}
    for place in reversed(range(len(changes))):
        change = changes[place]
        key, row = (change.type, change.id), OBJECT_TYPES[change.type]
        if change.instance is None:
            waiting_ms.pop(key, None)
            continue
        if change.type in HAPPENINGS:
            needed_ms = min(times.moments_ms(change.type, change.instance).values())
        elif row.kind == "configuration" and key in waiting_ms:
            needed_ms = found[place] = waiting_ms[key]
        else:
            continue
        for named in named_by(row, change.instance):
            waiting_ms[named] = min(waiting_ms.get(named, needed_ms), needed_ms)
    return found


def _replaced_ms(changes: Sequence[ObjectChange], times: SourceTimes) -> dict[int, int]:
    """For the place of each judgement that does not count: when the next one of its submission comes to a verdict.

    A source may say that a judgement stopped being current just before it tells of the one that took its place.
    """
    found: dict[int, int] = {}
    verdicts_ms: dict[str, int] = {}
    for place in reversed(range(len(changes))):
        judgement = changes[place].instance
        if not isinstance(judgement, Judgement):
            continue
        if judgement.current is False:
            if judgement.submission_id in verdicts_ms:
                found[place] = verdicts_ms[judgement.submission_id]
        elif judgement.end_time is not None:
            verdicts_ms[judgement.submission_id] = times.moments_ms("judgements", judgement)["end_time"]
    return found


def _stops_being_current(before: ContestObject | None, after: ContestObject | None) -> bool:
    if not isinstance(before, Judgement) or not isinstance(after, Judgement):
        return False
    return before.current is not False and after.current is False
