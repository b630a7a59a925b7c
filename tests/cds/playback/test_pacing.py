"""How time passes in a replay."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from cds.playback.pacing import Pacing
from cds.playback.schedule import SETUP_MS
from projections.timeline import Timeline

HOUR_MS = 3_600_000
END_MS = 5 * HOUR_MS
moments = st.integers(-HOUR_MS, 9 * HOUR_MS)
paces = st.integers(100, 10_000_000)


def test_sixty_times_as_fast_an_hour_takes_a_minute() -> None:
    pacing = Pacing(60_000, END_MS, 30_000, [END_MS])
    assert pacing.after_ms(HOUR_MS) == 60_000
    assert pacing.after_ms(-HOUR_MS) == -60_000
    assert pacing.after_ms(0) == 0


def test_no_pause_behind_the_end_is_longer_than_the_longest() -> None:
    thaw_ms, updates_ended_ms = END_MS + 3 * HOUR_MS, END_MS + 3 * HOUR_MS + 60_000
    pacing = Pacing(1_000, END_MS, 30_000, [HOUR_MS, END_MS, thaw_ms, updates_ended_ms])
    assert pacing.after_ms(END_MS) == END_MS
    assert pacing.after_ms(thaw_ms) == END_MS + 30_000
    assert pacing.after_ms(updates_ended_ms) == END_MS + 60_000
    assert pacing.after_ms(END_MS + 10_000) == END_MS + 10_000
    assert pacing.after_ms(END_MS + HOUR_MS) == END_MS + 30_000


def test_a_pause_that_is_short_at_this_speed_stays() -> None:
    pacing = Pacing(3_600_000, END_MS, 30_000, [END_MS + 3 * HOUR_MS])
    assert pacing.after_ms(END_MS + 3 * HOUR_MS) == 8_000


@given(st.lists(moments, max_size=80), paces)
def test_behind_the_end_nothing_adds_up(stops: list[int], pace: int) -> None:
    """However many moments there are: where no pause is cut short, everything comes when the clock says."""
    pacing = Pacing(pace, END_MS, 10**12, stops)
    for moment_ms in stops:
        exactly = Fraction(moment_ms * 1_000, pace)
        assert exactly <= pacing.after_ms(moment_ms) < exactly + 1
        assert exactly - 1 < pacing.whole_after_ms(moment_ms) <= exactly


@given(st.lists(moments, max_size=8), st.lists(moments, min_size=2, max_size=8), paces, st.integers(0, 10_000))
def test_what_is_later_never_comes_sooner(stops: list[int], asked: list[int], pace: int, pause_ms_max: int) -> None:
    pacing = Pacing(pace, END_MS, pause_ms_max, stops)
    after = [pacing.after_ms(moment_ms) for moment_ms in sorted([*asked, *stops, SETUP_MS])]
    assert after == sorted(after)


@given(moments.filter(lambda moment_ms: 0 <= moment_ms <= END_MS), paces)
def test_the_clock_of_a_replay_never_says_less_than_it_was(moment_ms: int, pace: int) -> None:
    """Else a freeze that begins at its time would reach back to what was submitted before it."""
    after_ms = Pacing(pace, END_MS, 0, []).after_ms(moment_ms)
    contest_time_ms = Timeline(start_ms=0, pace_permille=pace).contest_time_ms(after_ms)
    assert moment_ms <= contest_time_ms < moment_ms + max(1, pace // 1_000 + 1)
