"""When things happened in a contest that is played again: moments on the clock of its source.

A moment is in milliseconds of contest time since the start, with removed intervals in it, so that it grows as time
does. Nothing here knows when anything is to happen again.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol, cast

import msgspec

from cds.commands.contest_moments import wall_clock_ms
from cds.commands.decision import ObjectChange, Refused
from projections.timeline import Timeline, moment_ms, timeline_of
from schemas.object_types import OBJECT_TYPES
from schemas.objects import Contest, ContestObject, Judgement, Run, State
from schemas.records import ORDINARY_PACE_PERMILLE
from schemas.times import parse_relative_time_ms, parse_time_ms

AGREES_MS = 1_000
"""A `time` that is so close to the one that follows from `contest_time` is believed; else `contest_time` counts."""


class Timed(Protocol):
    """What happened at a time and at a contest time."""

    time: str
    contest_time: str


class SourceTimes:
    """The clock of a source: what the TIMEs of its objects come to as moments."""

    def __init__(self, changes: Sequence[ObjectChange], pace_permille: int = ORDINARY_PACE_PERMILLE) -> None:
        """The clock by which these changes went on. Raises Refused for a contest without a start."""
        contest = cast("Contest | None", _last(changes, "contest"))
        state = cast("State | None", _last(changes, "state"))
        if contest is None:
            raise Refused("there is no contest in what is to be played")
        timeline = timeline_of(contest, state, pace_permille)
        if timeline.start_ms is None:
            raise Refused("the contest has no start_time, so that nothing says when anything happened in it")
        self.contest: Contest = contest
        self._timeline: Timeline = timeline
        self._start_ms: int = timeline.start_ms
        self._submission_of: dict[str, str] = {}
        self._shifts_ms: dict[str, int] = {}
        self._learn(changes)
        self.end_ms: int = self._end_ms(state, _longest_ms(changes))

    def moment_ms(self, time: str) -> int:
        """The moment of a TIME."""
        return self._since_start_ms(parse_time_ms(time))

    def moment_of_contest_time_ms(self, contest_time_ms: int) -> int:
        """The moment at which the contest time came to this value; as if it went on, behind an open interval."""
        open_since_ms = next((start_ms for start_ms, end_ms, _ in self._timeline.removed if end_ms is None), None)
        time_ms = wall_clock_ms(self._timeline, contest_time_ms, resumed_ms=open_since_ms)
        return contest_time_ms if time_ms is None else self._since_start_ms(time_ms)

    def contest_time_ms(self, moment_ms: int) -> int:
        """The contest time at a moment."""
        return self._timeline.contest_time_ms(
            self._start_ms + moment_ms * ORDINARY_PACE_PERMILLE // self._timeline.pace_permille
        )

    def freeze_ms(self, state: State) -> int | None:
        """The contest time at which the freeze began or is to begin, by a state of the source; None without one."""
        return timeline_of(self.contest, state, self._timeline.pace_permille).freeze_ms

    def moments_ms(self, type_name: str, instance: ContestObject) -> dict[str, int]:
        """The moment of each TIME of an object, by property.

        Where a submission's `time` is not that of its `contest_time`, its judgements and runs keep their distance.
        """
        row = OBJECT_TYPES[type_name]
        if "contest_time" in row.relative_time_properties:
            timed = cast("Timed", instance)
            return {"time": self._agreed_ms(timed.time, timed.contest_time)}
        shift_ms = self._shifts_ms.get(self._judged(instance), 0)
        return {
            name: self.moment_ms(time) + shift_ms
            for name in row.time_properties
            if isinstance(time := getattr(instance, name), str)
        }

    def _since_start_ms(self, time_ms: int) -> int:
        return (time_ms - self._start_ms) * self._timeline.pace_permille // ORDINARY_PACE_PERMILLE

    def _agreed_ms(self, time: str, contest_time: str) -> int:
        time_ms, contest_time_ms = parse_time_ms(time), parse_relative_time_ms(contest_time)
        differs_ms = abs(self._timeline.contest_time_ms(time_ms) - contest_time_ms)
        # A time within a removed interval agrees too: contest time stands still there.
        if differs_ms * ORDINARY_PACE_PERMILLE <= AGREES_MS * self._timeline.pace_permille:
            return self._since_start_ms(time_ms)
        return self.moment_of_contest_time_ms(contest_time_ms)

    def _judged(self, instance: ContestObject) -> str:
        """The submission that an object is about, empty for other objects."""
        if isinstance(instance, Judgement):
            return instance.submission_id
        return self._submission_of.get(instance.judgement_id, "") if isinstance(instance, Run) else ""

    def _learn(self, changes: Iterable[ObjectChange]) -> None:
        """Which judgement is of which submission, and whose times are not what their contest times say."""
        for change in changes:
            if isinstance(change.instance, Judgement):
                self._submission_of[change.id] = change.instance.submission_id
            elif change.type == "submissions" and change.instance is not None:
                timed = cast("Timed", change.instance)
                shift_ms = self._agreed_ms(timed.time, timed.contest_time) - self.moment_ms(timed.time)
                if shift_ms:
                    self._shifts_ms[change.id] = shift_ms

    def _end_ms(self, state: State | None, longest_ms: int) -> int:
        """When the contest was over: the earlier of the planned end and the one that the state tells of.

        The freeze is never behind it, since the contest time at which it begins follows from its TIME; unless it was
        told of behind every end that was ever planned, the latest of which is `longest_ms` after the start.
        """
        latest_ms = self.moment_of_contest_time_ms(longest_ms)
        planned_ms = self.moment_of_contest_time_ms(parse_relative_time_ms(self.contest.duration))
        ended_ms = None if state is None else moment_ms(state.ended)
        frozen_ms = None if state is None else moment_ms(state.frozen)
        end_ms = planned_ms if ended_ms is None else min(planned_ms, self._since_start_ms(ended_ms))
        return end_ms if frozen_ms is None else max(end_ms, min(latest_ms, self._since_start_ms(frozen_ms)))


def _longest_ms(changes: Sequence[ObjectChange]) -> int:
    """The longest duration that the contest was ever to have."""
    return max(parse_relative_time_ms(each.instance.duration) for each in changes if isinstance(each.instance, Contest))


def _last(changes: Sequence[ObjectChange], type_name: str) -> msgspec.Struct | None:
    return next((each.instance for each in reversed(changes) if each.type == type_name), None)
