"""Contest times by the words of a log: how far a contest has come at any position, and whether that can be said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.told_times import ToldTimes, recorded_as_it_happened
from schemas.objects import Clarification, ContestObject, Judgement, Run, State, Submission, Team
from schemas.times import format_time, parse_time_ms
from tests.builders import START, state

START_MS = parse_time_ms(START)
MINUTE_MS = 60_000


def at(minutes: float) -> str:
    """A time so many minutes after the start."""
    return format_time(START_MS + round(minutes * MINUTE_MS))


def ms(minutes: float) -> int:
    """The same in milliseconds."""
    return parse_time_ms(at(minutes))


def submission(minutes: float) -> Submission:
    return Submission(id="s", language_id="cpp", problem_id="p", time=at(minutes), contest_time="0:00:00.000")


def judgement(began: float, ended: float | None) -> Judgement:
    end_time = None if ended is None else at(ended)
    return Judgement(id="j", submission_id="s", start_time=at(began), end_time=end_time)


def told_by(*events: tuple[str, ContestObject | None]) -> ToldTimes:
    """What a log of these events tells, from position 1."""
    told = ToldTimes()
    for position, (type_name, instance) in enumerate(events, start=1):
        told.take(position, type_name, instance)
    return told


TEAM = ("teams", Team(id="t", name="T", label="1"))


def test_a_time_is_just_before_what_happened_later() -> None:
    run = Run(id="r", judgement_id="j", ordinal=1, judgement_type_id="AC", time=at(12))
    asked = Clarification(id="c", text="?", time=at(15), contest_time="0:15:00.000")
    times = told_by(
        TEAM,
        ("state", state(started=at(0))),
        ("submissions", submission(10)),
        ("judgements", judgement(11, None)),
        ("runs", run),
        TEAM,
        ("judgements", judgement(11, 13)),
        ("clarifications", asked),
        ("state", state(started=at(0), ended=at(20))),
        ("judgements", None),
    )
    told = times.everything
    assert [told.last_position(ms(minutes), 10) for minutes in (-1, 0, 9, 10, 11, 12, 13, 15, 19.99, 20, 99)] == (
        [1, 2, 2, 3, 4, 6, 7, 8, 8, 10, 10]
    )
    times_ms = [told.time_ms(position) for position in range(1, 11)]
    assert times_ms == [None, *map(ms, (0, 10, 11, 12, 12, 13, 15, 20, 20))]
    assert (told.reaching_ms(ms(5)), told.reaching_ms(ms(50))) == (ms(20), ms(50))
    assert times.in_order


def test_a_log_that_tells_nothing_is_all_of_it() -> None:
    times = told_by(TEAM)
    told = times.everything
    assert (told.last_position(0, 7), told.time_ms(1), told.reaching_ms(5), times.in_order) == (7, None, 5, True)


def test_some_rejudgings_leave_a_log_in_order_and_one_by_types_is_in_none() -> None:
    made = [("submissions", submission(minutes)) for minutes in range(0, 300, 10)]
    judged = [("judgements", judgement(minutes, minutes + 1)) for minutes in range(0, 300, 10)]
    each = [event for pair in zip(made, judged, strict=True) for event in pair]
    over = ("state", state(started=at(0), ended=at(300)))
    assert told_by(*each, over, *judged[:10]).in_order
    assert not told_by(over, *made, *judged).in_order
    assert not told_by(*made, *judged).in_order


@pytest.mark.parametrize(
    ("late_s", "as_it_happened"), [(0, True), (-10, True), (-11, False), (300, True), (301, False), (10**8, False)]
)
def test_clocks_may_differ_and_senders_be_away(late_s: int, *, as_it_happened: bool) -> None:
    assert recorded_as_it_happened(submission(10), ms(10) + late_s * 1_000) is as_it_happened


@given(st.lists(st.integers(0, 50), max_size=30), st.integers(-5, 60))
def test_nothing_later_is_ever_before_the_position(minutes: list[int], asked: int) -> None:
    told = told_by(*(("submissions", submission(each)) for each in minutes)).everything
    position = told.last_position(ms(asked), len(minutes))
    assert all(each <= asked for each in minutes[:position])
    assert position == len(minutes) or minutes[position] > asked


def test_what_has_no_times_tells_none() -> None:
    assert told_by(("state", State()), ("submissions", None), ("teams", None)).everything.latest_ms is None
