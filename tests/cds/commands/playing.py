"""A contest whose changes are folded one after the other, and the small alphabet in which its clock is tested.

This module must not know what the clock should do.
"""

from collections.abc import Iterable
from typing import cast

import msgspec
import pytest

from cds.commands.contest_clock import due_changes
from cds.commands.contest_state import StatePatch, decide_state
from cds.commands.contest_times import Timed
from cds.commands.decision import Ground, ObjectChange, Refused
from cds.commands.removed_intervals import IntervalWanted
from projections.contest import ContestState
from schemas.object_types import SINGLETON_ID
from schemas.objects import Contest, RemovedInterval, State
from schemas.records import Settings
from schemas.times import parse_relative_time_ms, parse_time_ms
from tests.builders import CONTEST, START, moment, put, setup, state

START_MS = parse_time_ms(START)
THAW = moment("6:00:00.000")
WHOLE = {"started": START, "frozen": moment("4:00:00.000"), "ended": moment("5:00:00.000"), "thawed": THAW}
PAUSE = RemovedInterval(start=moment("1:00:00.000"), end=moment("1:20:00.000"), contest_time="1:00:00.000")
OPEN = msgspec.structs.replace(PAUSE, end=None)


def at(contest_time: str) -> int:
    """The moment of a contest time, in milliseconds since the epoch, without removed intervals."""
    return START_MS + parse_relative_time_ms(contest_time)


def settings(wanted: Settings) -> ObjectChange:
    """The change to these settings."""
    return ObjectChange("x-settings", SINGLETON_ID, wanted)


def folded(changes: Iterable[ObjectChange]) -> ContestState:
    """The state after these changes."""
    state = ContestState()
    take(state, changes)
    return state


def take(state: ContestState, changes: Iterable[ObjectChange]) -> None:
    """Let more happen."""
    for change in changes:
        state.apply(state.position + 1, change.type, change.id, change.instance)


def contest(**changed: str | None) -> Contest:
    """The contest of the builders, with something else in it."""
    return msgspec.structs.replace(CONTEST, **changed)


def bare(*, clock: bool = True, **changed: str | None) -> ContestState:
    """A contest without anything in it but itself, its clock run here or not."""
    return folded([*put(contest(**changed)), *([settings(Settings(clock=True))] if clock else [])])


def furnished(*, clock: bool = True, **changed: str | None) -> ContestState:
    """A contest with teams and problems before its start."""
    return folded([*setup(), *put(contest(**changed)), *([settings(Settings(clock=True))] if clock else [])])


def played_to(state: ContestState, contest_time: str) -> ContestState:
    """The same contest when its clock has been looked at then."""
    take(state, due_changes(state, at(contest_time)))
    return state


def present(state: ContestState) -> State:
    """The state object, which must be there."""
    assert state.state is not None
    return state.state


def timed(state: ContestState, type_name: str) -> dict[str, Timed]:
    """The objects of a type that have a time and a contest time, by id."""
    return cast("dict[str, Timed]", dict(state.objects[type_name]))


def types(changes: Iterable[ObjectChange]) -> list[str]:
    """What is changed, in order."""
    return [change.type for change in changes]


def assert_refused(raised: pytest.ExceptionInfo[Refused], ground: Ground, property: str | None) -> None:
    """The refusal is of this kind and names this property."""
    assert (raised.value.ground, raised.value.property) == (ground, property), raised.value.reason


def paused(*intervals: RemovedInterval, **changed: str | None) -> ContestState:
    """A running contest with removed intervals."""
    happened = msgspec.structs.replace(state(started=START), removed_intervals=list(intervals))
    return folded([*put(contest(**changed), happened), settings(Settings(clock=True))])


def patched(before: ContestState, now: str, /, **patch: object) -> ContestState:
    """The contest after a patch of its state."""
    take(before, decide_state(before, msgspec.convert(patch, StatePatch), at(now)))
    return before


def refused(before: ContestState, now: str, /, **patch: object) -> Refused:
    """Why a patch is refused."""
    with pytest.raises(Refused) as raised:
        decide_state(before, msgspec.convert(patch, StatePatch), at(now))
    return raised.value


def its_contest(after: ContestState) -> Contest:
    assert after.contest is not None
    return after.contest


def interval(start: str, end: str | None, contest_time: str) -> RemovedInterval:
    return RemovedInterval(start=moment(start), end=None if end is None else moment(end), contest_time=contest_time)


def wanted(start: str, end: str | None = None, contest_time: str | None = None) -> IntervalWanted:
    """An interval as it is asked for, at contest times without removed intervals, or `now`."""
    times = [text if text in (None, "now") else moment(text) for text in (start, end)]
    return IntervalWanted(start=cast("str", times[0]), end=times[1], contest_time=contest_time)
