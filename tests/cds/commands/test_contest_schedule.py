"""Who may set the times of a contest, and what follows: start, thaw, length (requirements 55 to 63)."""

from typing import Any

import msgspec
import pytest

from cds.commands.contest_clock import (
    START_MARGIN_MS,
    decide_duration,
    decide_start_time,
    decide_thaw_time,
    due_changes,
)
from cds.commands.decision import Refused
from projections.contest import ContestState
from schemas.times import format_time
from tests.builders import START, clarification, judgement, moment, put, state, submission
from tests.cds.commands.playing import (
    OPEN,
    PAUSE,
    START_MS,
    THAW,
    WHOLE,
    assert_refused,
    at,
    bare,
    contest,
    furnished,
    paused,
    played_to,
    present,
    take,
    timed,
    types,
)

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


def decided_start(before: ContestState, start: str | None, left: str | None, now_ms: int) -> ContestState:
    take(before, decide_start_time(before, start, left, now_ms))
    return before


# --- contest_start -----------------------------------------------------------------------------------------------


def test_a_new_start_moves_the_contest_and_what_was_written_before_it() -> None:
    """Requirements 55 and A22: the contest is run here from then on, and contest times follow."""
    before = furnished(clock=False)
    take(
        before,
        put(msgspec.structs.replace(clarification("early"), time=moment("-1:00:00.000"), contest_time="-1:00:00.000")),
    )
    later = moment("0:30:00.000")
    changes = decide_start_time(before, later, None, at("-2:00:00.000"))
    assert types(changes) == ["x-settings", "contest", "clarifications"]
    take(before, changes)
    assert before.contest == contest(start_time=later)
    assert before.settings.clock
    assert timed(before, "clarifications")["early"].contest_time == "-1:30:00.000"
    assert decide_start_time(before, later, None, at("-2:00:00.000")) == []
    assert present(played_to(before, "0:30:00.000")).started == later


def test_the_server_keeps_the_awards_of_a_contest_that_has_none() -> None:
    after = decided_start(bare(clock=False), moment("1:00:00.000"), None, at("-1:00:00.000"))
    assert after.settings.awards.computed
    given_before = decided_start(furnished(clock=False), moment("1:00:00.000"), None, at("-1:00:00.000"))
    assert given_before.objects["awards"]
    assert not given_before.settings.awards.computed


def test_a_countdown_is_paused_with_what_it_has_left() -> None:
    after = decided_start(bare(), None, "0:07:30", at("-1:00:00.000"))
    assert after.contest == contest(start_time=None, countdown_pause_time="0:07:30.000")
    after = decided_start(after, moment("1:00:00.000"), None, at("0:00:00.000"))
    assert after.contest == contest(start_time=moment("1:00:00.000"))


@pytest.mark.parametrize(
    ("start", "left", "property"),
    [
        (moment("1:00:00.000"), "0:10:00.000", "countdown_pause_time"),
        (None, "ten minutes", "countdown_pause_time"),
        (None, "-0:10:00.000", "countdown_pause_time"),
        ("tomorrow", None, "start_time"),
        ("2026-13-01T10:00:00Z", None, "start_time"),
        ("9999-12-31T23:59:59.999-23:59", None, "start_time"),
    ],
)
def test_a_start_that_is_wrong_in_itself_is_invalid(start: str | None, left: str | None, property: str) -> None:
    """Requirement 56, and times that are none."""
    with pytest.raises(Refused) as raised:
        decide_start_time(bare(), start, left, at("-1:00:00.000"))
    assert_refused(raised, "invalid", property)


@pytest.mark.parametrize("wanted", [None, moment("2:00:00.000")])
@pytest.mark.parametrize("left_ms", [START_MARGIN_MS, 1, 0])
def test_a_contest_about_to_start_is_not_moved(wanted: str | None, left_ms: int) -> None:
    """Requirement 57."""
    with pytest.raises(Refused) as raised:
        decide_start_time(bare(), wanted, None, START_MS - left_ms)
    assert_refused(raised, "forbidden", "start_time")
    assert decide_start_time(bare(), wanted, None, START_MS - START_MARGIN_MS - 1) != []


def test_a_contest_that_has_started_is_not_moved() -> None:
    """Requirement 57, also before anybody looked at the clock."""
    for before in (bare(), played_to(bare(), "0:00:00.000")):
        with pytest.raises(Refused) as raised:
            decide_start_time(before, moment("3:00:00.000"), None, at("1:00:00.000"))
        assert_refused(raised, "forbidden", "start_time")


@pytest.mark.parametrize("ahead_ms", [-HOUR_MS, 0, START_MARGIN_MS])
def test_a_contest_is_not_moved_to_a_moment_past_or_near(ahead_ms: int) -> None:
    """Requirement 58."""
    now_ms = at("-3:00:00.000")
    with pytest.raises(Refused) as raised:
        decide_start_time(bare(), format_time(now_ms + ahead_ms), None, now_ms)
    assert_refused(raised, "forbidden", "start_time")
    assert decide_start_time(bare(), format_time(now_ms + START_MARGIN_MS + 1), None, now_ms) != []


# --- contest_thaw ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("now", ["1:00:00.000", "5:30:00.000"])
def test_a_thaw_in_the_future_is_taken_as_given(now: str) -> None:
    """Requirement 60, and a later one may move it."""
    before = played_to(bare(), now)
    for thaw in ("6:00:00.000", "5:45:00.000"):
        decision = decide_thaw_time(before, moment(thaw), at(now))
        assert decision.as_given
        take(before, decision.changes)
        assert before.contest == contest(scoreboard_thaw_time=moment(thaw))
    assert decide_thaw_time(before, moment("5:45:00.000"), at(now)).changes == []
    assert present(played_to(before, "9:00:00.000")).thawed == moment("5:45:00.000")


def test_a_thaw_may_be_planned_in_a_pause_for_after_the_earliest_end() -> None:
    assert decide_thaw_time(paused(OPEN), moment("6:00:00.000"), at("2:00:00.000")).as_given


@pytest.mark.parametrize("thaw", ["5:10:00.000", "5:30:00.000", "0:10:00.000"])
def test_a_thaw_that_is_past_is_done_now(thaw: str) -> None:
    """Requirement 61."""
    before = played_to(bare(), "5:30:00.000")
    decision = decide_thaw_time(before, moment(thaw), at("5:30:00.000"))
    assert not decision.as_given
    assert types(decision.changes) == ["contest", "state"]
    take(before, decision.changes)
    now = moment("5:30:00.000")
    assert (present(before).thawed, before.contest and before.contest.scoreboard_thaw_time) == (now, now)


def test_thawing_a_contest_of_another_system_first_catches_up_with_its_times() -> None:
    before = bare(clock=False)
    take(before, decide_thaw_time(before, moment("5:30:00.000"), at("5:30:00.000")).changes)
    assert present(before) == state(**{**WHOLE, "thawed": moment("5:30:00.000")})
    assert due_changes(before, at("9:00:00.000")) == []


@pytest.mark.parametrize(
    ("before", "thaw", "now"),
    [
        (bare(), "4:59:59.999", "1:00:00.000"),
        (bare(), "0:10:00.000", "1:00:00.000"),
        (bare(start_time=None), "6:00:00.000", "1:00:00.000"),
        (bare(scoreboard_freeze_duration=None), "6:00:00.000", "1:00:00.000"),
        (bare(scoreboard_freeze_duration="0:00:00.000"), "6:00:00.000", "5:30:00.000"),
        (played_to(bare(scoreboard_thaw_time=THAW), "7:00:00.000"), "8:00:00.000", "7:00:00.000"),
        (paused(PAUSE), "5:19:59.999", "2:00:00.000"),
        (paused(OPEN), "5:59:59.999", "2:00:00.000"),
    ],
    ids=["before the end", "now, before the end", "no start", "no freeze", "empty freeze", "thawed", "pause", "open"],
)
def test_a_thaw_that_cannot_be_is_forbidden(before: ContestState, thaw: str, now: str) -> None:
    """Requirement 62."""
    with pytest.raises(Refused) as raised:
        decide_thaw_time(before, moment(thaw), at(now))
    assert_refused(raised, "forbidden", "scoreboard_thaw_time")


def test_a_thaw_time_that_is_none_is_invalid() -> None:
    with pytest.raises(Refused) as raised:
        decide_thaw_time(bare(), "later", START_MS)
    assert_refused(raised, "invalid", "scoreboard_thaw_time")


def test_the_end_of_updates_forbids_every_change_of_times() -> None:
    over = bare()
    take(over, put(state(**WHOLE, finalized=THAW, end_of_updates=THAW)))
    decisions: list[Any] = [
        lambda: decide_start_time(over, None, None, START_MS),
        lambda: decide_thaw_time(over, THAW, START_MS),
        lambda: decide_duration(over, HOUR_MS, START_MS),
    ]
    for decide in decisions:
        with pytest.raises(Refused) as raised:
            decide()
        assert raised.value.ground == "forbidden"


def test_a_contest_that_does_not_exist_is_unknown() -> None:
    with pytest.raises(Refused) as raised:
        decide_start_time(ContestState(), None, None, START_MS)
    assert raised.value.ground == "unknown"


# --- another length -------------------------------------------------------------------------------------------------


def test_an_extension_after_the_end_reopens_the_contest() -> None:
    """Issue item 5: extend. What was to come at the new end comes then."""
    before = played_to(bare(), "5:05:00.000")
    changes = decide_duration(before, 5 * HOUR_MS + 10 * MINUTE_MS, at("5:05:00.000"))
    assert types(changes) == ["contest", "state"]
    take(before, changes)
    assert present(before) == state(started=START, frozen=moment("4:00:00.000"))
    assert present(played_to(before, "9:00:00.000")).ended == moment("5:10:00.000")


def test_a_contest_extended_to_this_moment_is_over() -> None:
    before = played_to(bare(), "5:10:00.000")
    take(before, decide_duration(before, 5 * HOUR_MS + 10 * MINUTE_MS, at("5:10:00.000")))
    assert present(before).ended == moment("5:10:00.000")


def test_a_contest_of_another_length_that_is_over_all_the_same_ended_then() -> None:
    before = played_to(bare(), "6:00:00.000")
    take(before, decide_duration(before, 5 * HOUR_MS + 10 * MINUTE_MS, at("6:00:00.000")))
    assert present(before).ended == moment("5:10:00.000")
    take(before, decide_duration(before, 3 * HOUR_MS, at("6:00:00.000")))
    assert present(before).ended == present(before).frozen == moment("4:00:00.000")


def test_a_running_contest_made_shorter_ends_at_its_new_time() -> None:
    before = played_to(bare(), "4:30:00.000")
    take(before, decide_duration(before, 4 * HOUR_MS + 45 * MINUTE_MS, at("4:30:00.000")))
    assert present(before).ended is None
    assert present(played_to(before, "9:00:00.000")).ended == moment("4:45:00.000")


def test_the_length_of_a_contest_that_is_thawed_or_final_stays() -> None:
    for happened in (state(**WHOLE), state(**{**WHOLE, "thawed": None}, finalized=THAW)):
        before = bare()
        take(before, put(happened))
        with pytest.raises(Refused) as raised:
            decide_duration(before, 6 * HOUR_MS, at("6:00:00.000"))
        assert_refused(raised, "forbidden", "duration")


def test_another_length_does_not_let_the_freeze_reach_back_to_a_verdict_that_was_shown() -> None:
    """Law 3. What nobody has judged yet may be frozen afterwards."""
    before = played_to(furnished(), "3:55:00.000")
    take(before, put(submission("s1", "t1", "a", "3:50:00.000")))
    assert decide_duration(before, 4 * HOUR_MS + 45 * MINUTE_MS, at("3:55:00.000"))
    take(before, put(judgement("j1", "s1", "AC", "3:51:00.000")))
    with pytest.raises(Refused, match="submission s1, whose verdict has been shown already") as raised:
        decide_duration(before, 4 * HOUR_MS + 45 * MINUTE_MS, at("3:55:00.000"))
    assert_refused(raised, "conflict", "duration")
    assert decide_duration(before, 4 * HOUR_MS + 50 * MINUTE_MS + 1, at("3:55:00.000"))
