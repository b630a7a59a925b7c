"""Contest times are sent again when the start or the removed intervals move them, and only then (A22)."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from cds.commands.contest_times import resent_contest_times
from projections.contest import ContestState
from projections.timeline import timeline_of
from schemas.objects import Commentary, RemovedInterval, State
from schemas.times import format_relative_time, format_time, parse_relative_time_ms, parse_time_ms
from tests.builders import START, clarification, moment, put, small_contest, state, submission
from tests.cds.commands.playing import START_MS, contest, folded, take, timed, types

MINUTE_MS = 60_000
PAUSE = RemovedInterval(start=moment("0:30:00.000"), end=moment("0:50:00.000"), contest_time="0:30:00.000")
RUNNING = state(started=START)
TIMED = ("submissions", "clarifications", "commentary")


def with_intervals(*intervals: RemovedInterval) -> State:
    return msgspec.structs.replace(RUNNING, removed_intervals=list(intervals) or None)


def after(before: ContestState, happened: State, **changed: str | None) -> ContestState:
    changes = resent_contest_times(before, contest(**changed), happened)
    take(before, [*put(contest(**changed), happened), *changes])
    return before


def test_a_removed_interval_moves_everything_behind_it() -> None:
    before = folded(small_contest())
    assert set(types(resent_contest_times(before, contest(), with_intervals(PAUSE)))) == set(TIMED)
    moved = after(before, with_intervals(PAUSE))
    submissions = timed(moved, "submissions")
    times = {identifier: submissions[identifier].contest_time for identifier in ("s1", "s2", "s4")}
    assert times == {"s1": "0:30:00.000", "s2": "3:39:59.999", "s4": "0:40:00.000"}
    assert all(each.contest_time == "1:40:00.000" for each in timed(moved, "clarifications").values())
    back = after(moved, with_intervals())
    expected = folded(small_contest())
    assert {name: back.objects[name] for name in TIMED} == {name: expected.objects[name] for name in TIMED}


def test_a_contest_time_that_was_given_otherwise_stays() -> None:
    """A site that began later has contest times of its own."""
    own = msgspec.structs.replace(submission("late-site", "t1", "a", "2:00:00.000"), contest_time="1:45:00.000")
    before = folded([*small_contest(), *put(own)])
    moved = after(before, with_intervals(PAUSE))
    assert moved.objects["submissions"]["late-site"] == own


def test_what_does_not_touch_the_timeline_sends_nothing() -> None:
    before = folded(small_contest())
    assert resent_contest_times(before, contest(duration="9:00:00.000", name="Other"), RUNNING) == []
    far = msgspec.structs.replace(PAUSE, start=moment("4:30:00.000"), end=None, contest_time="4:30:00.000")
    assert resent_contest_times(before, contest(), with_intervals(far)) == []


def test_without_a_start_every_contest_time_is_zero_and_comes_back_with_it() -> None:
    before = folded([*small_contest(), *put(state())])
    take(before, put(clarification("early")))
    waiting = after(before, state(), start_time=None)
    assert {each.contest_time for name in TIMED for each in timed(waiting, name).values()} == {"0:00:00.000"}
    again = after(waiting, state())
    assert again.objects["clarifications"]["early"] == clarification("early")


@given(
    st.lists(st.integers(-60, 400), min_size=1, max_size=8),
    st.lists(st.integers(0, 300), min_size=2, max_size=4, unique=True).map(sorted),
    st.integers(-30, 30),
)
def test_afterwards_every_contest_time_is_that_of_its_time(
    minutes: list[int], edges: list[int], start_minute: int
) -> None:
    """Law: what followed from its time before follows from it afterwards, whatever was moved."""
    start = format_time(START_MS + start_minute * MINUTE_MS)
    stands = edges[0] - start_minute
    happened = with_intervals(
        RemovedInterval(
            start=format_time(START_MS + edges[0] * MINUTE_MS),
            end=format_time(START_MS + edges[1] * MINUTE_MS),
            contest_time=format_relative_time(stands * MINUTE_MS),
        )
    )
    before = folded(small_contest())
    for number, minute in enumerate(minutes):
        time, relative = format_time(START_MS + minute * MINUTE_MS), format_relative_time(minute * MINUTE_MS)
        take(before, put(Commentary(id=f"c{number}", time=time, contest_time=relative, message="", tags=[])))
    moved = after(before, msgspec.structs.replace(happened, started=start), start_time=start)
    timeline = timeline_of(moved.contest, moved.state)
    for name in TIMED:
        for each in timed(moved, name).values():
            time_ms = parse_time_ms(each.time)
            assert parse_relative_time_ms(each.contest_time) == timeline.contest_time_ms(time_ms)
