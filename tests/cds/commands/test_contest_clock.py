"""Start, freeze, end and thaw: what time does to a contest by itself."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.commands.contest_clock import (
    due_changes,
    next_due_ms,
)
from cds.commands.contest_moments import wall_clock_ms
from projections.contest import ContestState
from projections.timeline import timeline_of
from schemas.objects import RemovedInterval, State
from schemas.records import Settings
from schemas.times import format_time, parse_time_ms
from tests.builders import NOTHING_HAPPENED, START, moment, put, state
from tests.cds.commands.playing import (
    OPEN,
    PAUSE,
    START_MS,
    THAW,
    WHOLE,
    at,
    bare,
    contest,
    folded,
    paused,
    played_to,
    present,
    settings,
    take,
    types,
)

MINUTE_MS = 60_000


# --- what is due -------------------------------------------------------------------------------------------------


def test_each_moment_is_a_state_of_its_own_at_its_time_although_nobody_looked() -> None:
    """Issue item 5: appended at their time, also after the server was down at that moment."""
    before = bare(scoreboard_thaw_time=THAW)
    changes = due_changes(before, at("48:00:00.000"))
    assert types(changes) == ["state"] * 4
    expected, happened = [], NOTHING_HAPPENED
    for name, text in WHOLE.items():
        happened = msgspec.structs.replace(happened, **{name: text})
        expected.append(happened)
    assert [change.instance for change in changes] == expected


def test_the_start_is_written_as_the_contest_writes_it() -> None:
    before = bare(start_time="2026-03-01T14:30:00.000+05:30")
    changes = due_changes(before, at("0:00:00.000"))
    assert [change.instance for change in changes] == [state(started="2026-03-01T14:30:00.000+05:30")]


@pytest.mark.parametrize(
    ("contest_time", "happened"),
    [
        ("-0:00:00.001", []),
        ("0:00:00.000", ["started"]),
        ("3:59:59.999", ["started"]),
        ("4:00:00.000", ["started", "frozen"]),
        ("4:59:59.999", ["started", "frozen"]),
        ("5:00:00.000", ["started", "frozen", "ended"]),
        ("6:00:00.000", ["started", "frozen", "ended", "thawed"]),
    ],
)
def test_nothing_comes_early_and_nothing_late(contest_time: str, happened: list[str]) -> None:
    before = bare(scoreboard_thaw_time=THAW)
    assert len(due_changes(before, at(contest_time))) == len(happened)
    after = played_to(before, contest_time)
    assert [name for name in WHOLE if after.state and getattr(after.state, name)] == happened


@pytest.mark.parametrize("freeze", [None, "0:00:00.000"])
def test_without_a_freeze_there_is_neither_freeze_nor_thaw(freeze: str | None) -> None:
    after = played_to(bare(scoreboard_freeze_duration=freeze, scoreboard_thaw_time=THAW), "9:00:00.000")
    assert present(after) == state(started=START, ended=moment("5:00:00.000"))


def test_a_freeze_longer_than_the_contest_begins_with_it() -> None:
    after = played_to(bare(scoreboard_freeze_duration="9:00:00.000"), "0:00:00.000")
    assert present(after) == state(started=START, frozen=START)


@pytest.mark.parametrize("thaw", ["0:30:00.000", "5:00:00.000"])
def test_thaw_is_never_before_the_end(thaw: str) -> None:
    after = played_to(bare(scoreboard_thaw_time=moment(thaw)), "5:00:00.000")
    assert present(after).thawed == present(after).ended == moment("5:00:00.000")


def test_a_paused_countdown_and_an_unknown_start_are_never_due() -> None:
    for before in (
        bare(start_time=None),
        bare(start_time=None, countdown_pause_time="0:10:00.000"),
        bare(countdown_pause_time="0:10:00.000"),
    ):
        assert due_changes(before, at("9:00:00.000")) == []
        assert next_due_ms(before, at("9:00:00.000")) is None


def test_removed_intervals_move_what_comes_after_them() -> None:
    """Wall-clock moments count what was removed before them."""
    due = due_changes(paused(PAUSE), at("9:00:00.000"))
    moments = [(each.instance.frozen, each.instance.ended) for each in due if isinstance(each.instance, State)]
    assert moments == [(moment("4:20:00.000"), None), (moment("4:20:00.000"), moment("5:20:00.000"))]


def test_while_a_removed_interval_is_open_time_stands_still() -> None:
    assert due_changes(paused(OPEN), at("99:00:00.000")) == []
    assert next_due_ms(paused(OPEN), at("2:00:00.000")) is None
    frozen_before = msgspec.structs.replace(OPEN, start=moment("4:30:00.000"), contest_time="4:30:00.000")
    assert types(due_changes(paused(frozen_before), at("99:00:00.000"))) == ["state"]


def test_what_comes_at_the_moment_of_a_pause_comes() -> None:
    at_freeze = msgspec.structs.replace(OPEN, start=moment("4:00:00.000"), contest_time="4:00:00.000")
    after = played_to(paused(at_freeze), "99:00:00.000")
    assert (present(after).frozen, present(after).ended) == (moment("4:00:00.000"), None)


def test_a_freeze_by_hand_is_not_followed_by_another() -> None:
    before = bare()
    take(before, put(state(started=START, frozen=moment("2:00:00.000"))))
    assert present(played_to(before, "9:00:00.000")) == state(
        started=START, frozen=moment("2:00:00.000"), ended=moment("5:00:00.000")
    )


def test_a_contest_that_ended_before_its_freeze_is_not_frozen_any_more() -> None:
    before = bare()
    take(before, put(state(started=START, ended=moment("3:00:00.000"))))
    assert due_changes(before, at("9:00:00.000")) == []


def test_a_contest_does_not_end_before_it_was_frozen() -> None:
    before = bare(duration="4:00:00.000")
    take(before, put(state(started=START, frozen=moment("4:30:00.000"))))
    assert present(played_to(before, "9:00:00.000")).ended == moment("4:30:00.000")


@pytest.mark.parametrize("name", ["thawed", "finalized"])
def test_a_contest_that_is_thawed_or_final_is_not_frozen_any_more(name: str) -> None:
    before = bare()
    take(before, put(state(started=START, ended=moment("5:00:00.000"), **{name: THAW})))
    assert due_changes(before, at("9:00:00.000")) == []


def test_a_contest_of_another_system_is_left_alone() -> None:
    before = bare(clock=False, scoreboard_thaw_time=THAW)
    assert due_changes(before, at("99:00:00.000")) == []
    assert next_due_ms(before, at("99:00:00.000")) is None


def test_nothing_comes_after_the_end_of_updates() -> None:
    before = bare(scoreboard_thaw_time=THAW)
    take(before, put(state(started=START, ended=THAW, finalized=THAW, end_of_updates=THAW)))
    assert due_changes(before, at("99:00:00.000")) == []


def test_without_a_contest_nothing_is_due() -> None:
    empty = folded([settings(Settings(clock=True))])
    assert due_changes(empty, START_MS) == []
    assert next_due_ms(empty, START_MS) is None


def test_the_next_moment_is_known() -> None:
    before = bare()
    assert next_due_ms(before, at("-1:00:00.000")) == START_MS
    assert next_due_ms(before, at("1:00:00.000")) == at("1:00:00.000")
    played_to(before, "1:00:00.000")
    assert next_due_ms(before, at("1:00:00.000")) == at("4:00:00.000")
    played_to(before, "5:00:00.000")
    assert next_due_ms(before, at("5:00:00.000")) is None


def test_the_timeline_of_a_contest_played_by_itself_is_the_planned_one() -> None:
    before = bare()
    planned = timeline_of(before.contest, None)
    after = played_to(before, "9:00:00.000")
    assert (after.timeline.start_ms, after.timeline.freeze_ms) == (planned.start_ms, planned.freeze_ms)


# --- laws --------------------------------------------------------------------------------------------------------

MINUTES = st.integers(-30, 700)
DURATIONS = st.integers(0, 600).map(lambda minutes: f"{minutes // 60}:{minutes % 60:02}:00.000")


@st.composite
def clocks(draw: st.DrawFn) -> ContestState:
    """A contest of any length, freeze and thaw, with any removed intervals, started or not."""
    thaw = draw(st.none() | MINUTES.map(lambda minute: format_time(START_MS + minute * MINUTE_MS)))
    configured = contest(
        duration=draw(DURATIONS), scoreboard_freeze_duration=draw(st.none() | DURATIONS), scoreboard_thaw_time=thaw
    )
    happened = None
    if draw(st.booleans()):
        edges = sorted(draw(st.lists(st.integers(0, 600), max_size=6)))
        pairs = list(zip(edges[::2], edges[1::2], strict=False))
        removed, intervals = 0, []
        for number, (first, last) in enumerate(pairs):
            stands = first - removed
            still = number == len(pairs) - 1 and draw(st.booleans())
            intervals.append(
                RemovedInterval(
                    start=format_time(START_MS + first * MINUTE_MS),
                    end=None if still else format_time(START_MS + last * MINUTE_MS),
                    contest_time=f"{stands // 60}:{stands % 60:02}:00.000",
                )
            )
            removed += last - first
        happened = msgspec.structs.replace(state(started=START), removed_intervals=intervals or None)
    changes = put(configured) if happened is None else put(configured, happened)
    return folded([*changes, settings(Settings(clock=True))])


@given(clocks(), st.lists(MINUTES, max_size=20), MINUTES)
def test_many_looks_and_one_late_look_come_to_the_same(before: ContestState, looks: list[int], last: int) -> None:
    objects = [each for each in (before.contest, before.state) if each is not None]
    late = folded([*put(*objects), settings(Settings(clock=True))])
    for minute in [*sorted(look for look in looks if look < last), last]:
        take(before, due_changes(before, START_MS + minute * MINUTE_MS))
    take(late, due_changes(late, START_MS + last * MINUTE_MS))
    assert (before.state, before.contest) == (late.state, late.contest)


@given(clocks(), MINUTES)
def test_a_second_look_finds_nothing(before: ContestState, minute: int) -> None:
    now_ms = START_MS + minute * MINUTE_MS
    take(before, due_changes(before, now_ms))
    assert due_changes(before, now_ms) == []
    ahead_ms = next_due_ms(before, now_ms)
    assert ahead_ms is None or (ahead_ms > now_ms and due_changes(before, ahead_ms - 1) == [])
    if ahead_ms is not None:
        assert due_changes(before, ahead_ms) != []


@given(clocks(), MINUTES)
def test_what_happens_by_itself_happens_in_order(before: ContestState, minute: int) -> None:
    """started ≤ frozen ≤ ended ≤ thawed, none of them in the future, and thaw only behind a freeze and the end."""
    now_ms = START_MS + minute * MINUTE_MS
    take(before, due_changes(before, now_ms))
    if before.state is None:
        return
    texts = [getattr(before.state, name) for name in ("started", "frozen", "ended", "thawed")]
    times = [parse_time_ms(text) for text in texts if text]
    assert times == sorted(times)
    assert not texts[3] or (texts[1] and texts[2])
    assert all(time_ms <= now_ms for time_ms in times[1:])


@given(clocks(), st.integers(0, 500))
def test_the_moment_of_a_contest_time_is_the_first_at_which_it_is(before: ContestState, minute: int) -> None:
    """Inside a removed interval every moment has its contest time, behind it less than the wall clock says."""
    timeline = before.timeline
    moment_ms = wall_clock_ms(timeline, minute * MINUTE_MS)
    if moment_ms is not None:
        assert timeline.contest_time_ms(moment_ms) == minute * MINUTE_MS
        assert timeline.contest_time_ms(moment_ms - 1) < minute * MINUTE_MS
