"""Moments of the past: how they are asked for, and where the log stood then."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.past_moments import (
    Asked,
    AskedContestTime,
    AskedTime,
    AskedToken,
    RecordedTimes,
    asked_moment,
    latest_moment_ms,
)
from projections.timeline import Timeline

HOUR_MS = 3_600_000
TOKEN = "Ab-_" * 8 + "xy"


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        (TOKEN, AskedToken(TOKEN)),
        ("1970-01-01T00:00:01Z", AskedTime(1_000)),
        ("1970-01-01T01:00:01.250+01:00", AskedTime(1_250)),
        ("1970-01-01T01:00:01.250 01:00", AskedTime(1_250)),
        ("1970-01-01T01:00:01 01", AskedTime(1_000)),
        ("1970-01-01 00:00:01Z", AskedTime(1_000)),
        ("1:00:00", AskedContestTime(HOUR_MS)),
        ("-0:00:01.5", AskedContestTime(-1_500)),
        ("0:00:00.0009", AskedContestTime(0)),
        ("100:00:00.001", AskedContestTime(100 * HOUR_MS + 1)),
    ],
)
def test_a_moment_is_a_token_a_time_or_a_contest_time(text: str, asked: Asked) -> None:
    assert asked_moment(text) == asked


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        TOKEN[1:],
        TOKEN + "z",
        "1:2:3",
        "1:00",
        "2031-05-17",
        "2031-05-17T25:00:00Z",
        "2031-02-30T00:00:00Z",
        "é",
        "0001-01-01T00:00:00+14:00",
        "9999999999:00:00",
        "1:00:00 ",
        "2031-05-17T08:00:00",
    ],
)
def test_nothing_else_is_one(text: str) -> None:
    with pytest.raises(ValueError, match=r"[a-z]"):
        asked_moment(text)


def test_of_a_lost_plus_no_minus_is_made() -> None:
    assert asked_moment("1970-01-01T00:00:00-01:00") == AskedTime(HOUR_MS)


@st.composite
def timelines(draw: st.DrawFn) -> Timeline:
    """Contests with interruptions that are over, at any pace."""
    start_ms, pace_permille = draw(st.integers(0, 10**6)), draw(st.sampled_from([1_000, 1_000, 1, 999, 60_000, 1_001]))
    begin_ms, removed = start_ms, list[tuple[int, int | None, int]]()
    for gap_ms, length_ms in draw(st.lists(st.tuples(st.integers(1, 1_000), st.integers(0, 1_000)), max_size=3)):
        begin_ms += gap_ms
        known = Timeline(start_ms=start_ms, pace_permille=pace_permille, removed=tuple(removed))
        removed.append((begin_ms, begin_ms + length_ms, known.contest_time_ms(begin_ms)))
        begin_ms += length_ms
    return Timeline(start_ms=start_ms, pace_permille=pace_permille, removed=tuple(removed))


@given(timelines(), st.integers(-5_000, 500_000))
def test_the_latest_moment_that_has_a_contest_time(timeline: Timeline, contest_time_ms: int) -> None:
    """A millisecond later the clock of the contest shows more; then, or at a high pace just before, not more."""
    found_ms = latest_moment_ms(timeline, contest_time_ms)
    assert found_ms is not None
    assert timeline.contest_time_ms(found_ms) <= contest_time_ms < timeline.contest_time_ms(found_ms + 1)
    if timeline.pace_permille <= 1_000:
        assert timeline.contest_time_ms(found_ms) == contest_time_ms


def test_while_the_clock_stands_the_moment_is_not_over() -> None:
    standing = Timeline(start_ms=0, removed=((HOUR_MS, None, HOUR_MS),))
    assert latest_moment_ms(standing, HOUR_MS) is None
    assert latest_moment_ms(standing, HOUR_MS + 1) is None
    assert latest_moment_ms(standing, HOUR_MS - 1) == HOUR_MS - 1
    with pytest.raises(ValueError, match="no start time"):
        latest_moment_ms(Timeline(), 0)


@given(st.lists(st.integers(0, 40), max_size=30), st.integers(-1, 41))
def test_where_a_log_stood_is_its_last_event_that_was_recorded_by_then(times_ms: list[int], asked_ms: int) -> None:
    """Also where the clock was set back in between."""
    times = RecordedTimes()
    for number, time_ms in enumerate(times_ms):
        times.take(time_ms * 1_000 + number % 1_000)
    expected = max((position for position, time_ms in enumerate(times_ms, 1) if time_ms <= asked_ms), default=0)
    assert times.last_position(asked_ms) == expected
    assert times.position == len(times_ms)
