"""What the contest object and its state say about time: start, freeze, embargo, removed intervals."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.timeline import Timeline, moment_ms, timeline_of
from schemas.objects import Contest, RemovedInterval, State
from schemas.times import parse_time_ms
from tests.builders import CONTEST, NOTHING_HAPPENED, START, moment, state

HOUR_MS = 3_600_000
START_MS = parse_time_ms(START)
PAUSE = RemovedInterval(start=moment("1:00:00.000"), end=moment("1:20:00.000"), contest_time="1:00:00.000")


def contest(freeze: str | None = "1:00:00.000", start: str | None = START) -> Contest:
    return msgspec.structs.replace(CONTEST, scoreboard_freeze_duration=freeze, start_time=start)


def running(**moments: str | None) -> State:
    return state(started=START, **moments)


def test_without_a_contest_there_is_no_time() -> None:
    assert timeline_of(None, running()) == Timeline()
    assert timeline_of(contest(), None).duration_ms == 5 * HOUR_MS


def test_a_contest_that_is_to_start_has_not_started() -> None:
    """The state says what has happened; the contest object only what is planned."""
    planned = timeline_of(contest(), NOTHING_HAPPENED)
    assert (planned.started, planned.start_ms, planned.freeze_ms) == (False, START_MS, 4 * HOUR_MS)
    late = timeline_of(contest(), state(started=moment("0:10:00.000")))
    assert (late.started, late.start_ms) == (True, START_MS + HOUR_MS // 6)
    assert timeline_of(contest(start=None), NOTHING_HAPPENED).start_ms is None


@pytest.mark.parametrize(
    ("freeze", "frozen", "expected_ms"),
    [
        ("1:00:00.000", None, 4 * HOUR_MS),
        (None, None, None),
        ("0:00:00.000", None, None),
        (None, "4:30:00.000", 4 * HOUR_MS + HOUR_MS // 2),
        ("1:00:00.000", "3:30:00.000", 3 * HOUR_MS + HOUR_MS // 2),
        ("1:00:00.000", "4:00:00.700", 4 * HOUR_MS),
    ],
)
def test_the_freeze_begins_when_planned_or_when_forced_earlier(
    freeze: str | None, frozen: str | None, expected_ms: int | None
) -> None:
    """A clock that runs late does not let the first moments of the freeze out."""
    happened = running(frozen=None if frozen is None else moment(frozen))
    assert timeline_of(contest(freeze), happened).freeze_ms == expected_ms


def test_the_embargo_ends_with_thaw_and_with_nothing_else() -> None:
    for happened, embargo_ms in (
        (running(), 4 * HOUR_MS),
        (running(frozen=moment("4:00:00.000"), ended=moment("5:00:00.000"), finalized=START), 4 * HOUR_MS),
        (running(frozen=moment("4:00:00.000"), thawed=moment("6:00:00.000")), None),
    ):
        assert timeline_of(contest(), happened).embargo_ms == embargo_ms


def test_a_submission_exactly_at_the_freeze_is_embargoed() -> None:
    """Requirements A24."""
    times = timeline_of(contest(), running())
    assert [times.embargoed(4 * HOUR_MS + offset_ms) for offset_ms in (-1, 0, 1)] == [False, True, True]
    assert not timeline_of(contest(None), running()).embargoed(5 * HOUR_MS)


def test_within_the_contest_is_from_the_start_to_before_the_end() -> None:
    times = timeline_of(contest(), running())
    assert [times.within_contest(ms) for ms in (-1, 0, 5 * HOUR_MS - 1, 5 * HOUR_MS)] == [False, True, True, False]


def test_the_freeze_is_announced_between_freeze_and_thaw() -> None:
    frozen = moment("4:00:00.000")
    assert not timeline_of(contest(), running()).freeze_announced
    assert timeline_of(contest(), running(frozen=frozen)).freeze_announced
    assert not timeline_of(contest(), running(frozen=frozen, thawed=moment("6:00:00.000"))).freeze_announced


def test_contest_time_stands_still_in_a_removed_interval_and_is_shifted_after_it() -> None:
    """Twenty minutes after the first hour do not count."""
    times = timeline_of(contest(), msgspec.structs.replace(running(), removed_intervals=[PAUSE]))
    minute_ms = HOUR_MS // 60
    for wall_minutes, contest_minutes in ((0, 0), (59, 59), (60, 60), (70, 60), (80, 60), (81, 61), (200, 180)):
        assert times.contest_time_ms(START_MS + wall_minutes * minute_ms) == contest_minutes * minute_ms


def test_an_interval_that_still_runs_stops_the_clock() -> None:
    stopped = msgspec.structs.replace(PAUSE, end=None)
    times = timeline_of(contest(), msgspec.structs.replace(running(), removed_intervals=[stopped]))
    assert times.contest_time_ms(START_MS + 10 * HOUR_MS) == HOUR_MS


def test_a_forced_freeze_counts_in_contest_time() -> None:
    """Frozen at 3:20 on the wall, after twenty minutes that were removed: three hours of contest."""
    happened = msgspec.structs.replace(running(frozen=moment("3:20:00.000")), removed_intervals=[PAUSE])
    assert timeline_of(contest(), happened).freeze_ms == 3 * HOUR_MS


@given(st.lists(st.integers(0, 300), min_size=2, max_size=6, unique=True), st.integers(-60, 400), st.integers(0, 60))
def test_contest_time_never_runs_backwards(borders: list[int], from_minute: int, minutes: int) -> None:
    """Whatever was removed, a later moment has no smaller contest time, and grows no faster than the wall clock."""
    minute_ms = HOUR_MS // 60
    ordered = sorted(borders)
    removed, removed_minutes = [], 0
    for start, end in zip(ordered[::2], ordered[1::2], strict=False):
        begin_ms = START_MS + start * minute_ms
        removed.append((begin_ms, START_MS + end * minute_ms, (start - removed_minutes) * minute_ms))
        removed_minutes += end - start
    times = Timeline(start_ms=START_MS, removed=tuple(removed))
    earlier_ms = times.contest_time_ms(START_MS + from_minute * minute_ms)
    later_ms = times.contest_time_ms(START_MS + (from_minute + minutes) * minute_ms)
    assert 0 <= later_ms - earlier_ms <= minutes * minute_ms


def test_without_a_start_contest_time_is_nothing() -> None:
    assert Timeline().contest_time_ms(START_MS) == 0


def test_moments_that_did_not_happen() -> None:
    assert moment_ms(None) is None
    assert moment_ms(msgspec.UNSET) is None
    assert moment_ms(START) == START_MS
