"""The state of a contest changed by hand, in every order that it may have and no other."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.commands.contest_clock import due_changes
from cds.commands.contest_moments import STATE_MOMENTS, whole_state
from cds.commands.contest_state import (
    EXTRA_BRONZES_MAX,
    ORDER,
    StatePatch,
    decide_pause,
    decide_state,
)
from cds.commands.decision import Refused
from projections.timeline import moment_ms
from tests.builders import START, clarification, moment, put, state, submission
from tests.cds.commands.playing import (
    START_MS,
    assert_refused,
    at,
    bare,
    contest,
    furnished,
    interval,
    its_contest,
    patched,
    played_to,
    present,
    refused,
    take,
    timed,
    types,
    wanted,
)

MINUTE_MS = 60_000
FROZEN = moment("4:00:00.000")
ENDED = moment("5:00:00.000")
AN_HOUR_OUT = {"removed_intervals": [wanted("1:00:00.000", "2:00:00.000")]}


# --- start -------------------------------------------------------------------------------------------------------


def test_a_contest_is_started_now_whatever_was_planned() -> None:
    """Also within 30 s of its start; the clock, and the awards where there are none, are this server's from then on."""
    before = bare(clock=False, start_time=None, countdown_pause_time="0:00:10.000")
    changes = decide_state(before, StatePatch(started="now"), at("-0:00:05.000"))
    assert types(changes) == ["x-settings", "contest", "state"]
    take(before, changes)
    now = "2026-03-01T08:59:55.000Z"
    assert (its_contest(before).start_time, present(before).started) == (now, now)
    assert its_contest(before).countdown_pause_time is None
    assert before.settings.clock
    assert before.settings.awards.computed


def test_a_start_in_the_past_moves_contest_times() -> None:
    before = furnished(start_time=moment("1:00:00.000"))
    take(before, put(msgspec.structs.replace(submission("s1", "t1", "a", "0:30:00.000"), contest_time="-0:30:00.000")))
    after = patched(before, "0:40:00.000", started=moment("0:10:00.000"))
    assert timed(after, "submissions")["s1"].contest_time == "0:20:00.000"


def test_a_started_contest_is_not_started_again_but_the_same_start_is_no_change() -> None:
    before = played_to(bare(), "1:00:00.000")
    assert refused(before, "1:00:00.000", started="now").ground == "forbidden"
    assert decide_state(before, StatePatch(started=START), at("1:00:00.000")) == []


def test_a_start_is_taken_back_while_nothing_was_submitted() -> None:
    before = played_to(furnished(), "0:10:00.000")
    after = patched(before, "0:10:00.000", started=None)
    assert present(after) == state()
    assert its_contest(after).start_time is None
    assert due_changes(after, at("9:00:00.000")) == []


def test_a_start_is_not_taken_back_behind_a_submission_or_a_freeze() -> None:
    before = played_to(furnished(), "0:10:00.000")
    take(before, put(submission("s1", "t1", "a", "0:05:00.000")))
    assert refused(before, "0:10:00.000", started=None).ground == "forbidden"
    frozen = patched(played_to(furnished(), "0:10:00.000"), "0:10:00.000", frozen="now")
    assert refused(frozen, "0:11:00.000", started=None).property == "started"
    assert present(patched(frozen, "0:11:00.000", started=None, frozen=None)) == state()


# --- freeze ------------------------------------------------------------------------------------------------------


def test_a_contest_is_frozen_now_and_the_freeze_taken_back() -> None:
    before = patched(played_to(bare(), "2:00:00.000"), "2:00:00.000", frozen="now")
    assert present(before).frozen == moment("2:00:00.000")
    assert before.timeline.freeze_ms == 2 * 60 * MINUTE_MS
    assert present(patched(before, "3:00:00.000", frozen=None)) == state(started=START)
    assert present(played_to(before, "4:00:00.000")).frozen == FROZEN
    assert refused(before, "4:00:00.000", frozen=None).ground == "conflict"


def test_a_contest_without_a_freeze_that_is_frozen_has_one() -> None:
    """JSON Format, "Contest state": it has a freeze if and only if scoreboard_freeze_duration is there."""
    for none in (None, "0:00:00.000"):
        after = patched(played_to(bare(scoreboard_freeze_duration=none), "2:00:00.000"), "2:00:00.000", frozen="now")
        assert its_contest(after).scoreboard_freeze_duration == "3:00:00.000"
        assert present(after).frozen == moment("2:00:00.000")
        assert after.timeline.freeze_ms == 2 * 60 * MINUTE_MS
        refusal = refused(after, "2:10:00.000", frozen=None)
        assert (refusal.ground, "scoreboard_freeze_duration" in refusal.reason) == ("conflict", True)
        take(after, put(contest(scoreboard_freeze_duration=None)))
        taken_back = patched(after, "2:10:00.000", frozen=None)
        assert (present(taken_back).frozen, taken_back.timeline.embargo_ms) == (None, None)
    paused = patched(played_to(bare(scoreboard_freeze_duration=None), "3:00:00.000"), "3:00:00.000", **AN_HOUR_OUT)
    after = patched(paused, "3:00:00.000", frozen=moment("2:30:00.000"))
    assert its_contest(after).scoreboard_freeze_duration == "3:30:00.000"


def test_a_configured_freeze_stays_when_a_contest_is_frozen_by_hand() -> None:
    after = patched(played_to(bare(), "2:00:00.000"), "2:00:00.000", frozen="now")
    assert its_contest(after) == contest()


def test_only_a_running_contest_is_frozen() -> None:
    assert refused(bare(), "-1:00:00.000", frozen="now").property == "frozen"
    over = played_to(bare(scoreboard_freeze_duration=None), "5:00:00.000")
    assert refused(over, "6:00:00.000", frozen="now").ground == "forbidden"
    assert refused(played_to(bare(), "6:00:00.000"), "6:00:00.000", frozen=None).ground == "forbidden"


# --- end ---------------------------------------------------------------------------------------------------------


def test_a_contest_that_is_ended_early_has_the_length_that_passed_and_no_freeze() -> None:
    """What everybody has seen is not hidden afterwards."""
    after = patched(played_to(bare(), "3:00:00.000"), "3:00:00.000", ended="now")
    assert present(after) == state(started=START, ended=moment("3:00:00.000"))
    assert its_contest(after) == contest(duration="3:00:00.000", scoreboard_freeze_duration=None)
    assert after.timeline.embargo_ms is None
    assert due_changes(after, at("9:00:00.000")) == []


def test_a_freeze_that_has_begun_stays_where_it_began() -> None:
    after = patched(played_to(bare(), "4:30:00.000"), "4:30:00.000", ended="now")
    assert its_contest(after) == contest(duration="4:30:00.000", scoreboard_freeze_duration="0:30:00.000")
    assert after.timeline.freeze_ms == 4 * 60 * MINUTE_MS


def test_a_contest_that_is_ended_as_its_freeze_begins_has_none_configured_any_more() -> None:
    after = patched(played_to(bare(), "4:00:00.000"), "4:00:00.000", ended="now")
    assert its_contest(after) == contest(duration="4:00:00.000", scoreboard_freeze_duration=None)
    assert present(after).frozen == FROZEN


def test_a_paused_contest_is_ended_with_its_pause() -> None:
    before = played_to(bare(), "3:00:00.000")
    take(before, decide_pause(before, at("3:00:00.000")))
    after = patched(before, "3:30:00.000", ended="now")
    assert its_contest(after).duration == "3:00:00.000"
    assert present(after).removed_intervals == [interval("3:00:00.000", "3:30:00.000", "3:00:00.000")]


def test_what_was_submitted_when_contest_time_stood_is_inside_the_contest_that_ends_then() -> None:
    """In a pause, or at the very moment of the end; what is submitted later, or does not count, moves nothing."""
    before = played_to(furnished(), "3:00:00.000")
    take(before, decide_pause(before, at("3:00:00.000")))
    made = msgspec.structs.replace(submission("s1", "t1", "a", "3:00:00.000"), time=moment("3:20:00.000"))
    later = msgspec.structs.replace(submission("s2", "t1", "a", "4:40:00.000"), time=moment("5:00:00.000"))
    outside = submission("s3", "t1", "a", "5:00:00.000")
    take(before, put(made, later, msgspec.structs.replace(outside, time=moment("1:00:00.000"))))
    after = patched(before, "3:30:00.000", ended="now")
    assert its_contest(after).duration == "3:00:00.001"
    assert after.timeline.within_contest(after.submission_times_ms["s1"])
    assert present(after).ended == moment("3:30:00.000")
    assert due_changes(after, at("9:00:00.000")) == []
    exactly = played_to(furnished(), "3:00:00.000")
    take(exactly, put(submission("s1", "t1", "a", "3:00:00.000")))
    assert its_contest(patched(exactly, "3:00:00.000", ended="now")).duration == "3:00:00.001"


def test_a_contest_that_is_ended_in_the_past_leaves_out_what_was_submitted_since() -> None:
    before = played_to(furnished(), "3:30:00.000")
    take(before, put(submission("s1", "t1", "a", "3:10:00.000"), submission("s2", "t1", "a", "2:50:00.000")))
    assert its_contest(patched(before, "3:30:00.000", ended=moment("3:00:00.000"))).duration == "3:00:00.000"


def test_the_last_submission_counts_at_the_contest_time_that_the_same_patch_gives_it() -> None:
    before = played_to(furnished(), "3:00:00.000")
    asked = msgspec.structs.replace(clarification("s1"), time=moment("2:30:00.000"), contest_time="2:30:00.000")
    take(before, put(submission("s1", "t1", "a", "3:00:00.000"), asked))
    after = patched(before, "3:00:00.000", ended="now", **AN_HOUR_OUT)
    assert timed(after, "clarifications")["s1"].contest_time == "1:30:00.000"
    assert its_contest(after).duration == "2:00:00.001"


def test_what_has_not_started_does_not_end_and_what_has_ended_does_not_end_again() -> None:
    assert refused(bare(), "-1:00:00.000", ended="now").property == "ended"
    assert refused(played_to(bare(), "5:00:00.000"), "6:00:00.000", ended="now").ground == "forbidden"
    paused = patched(played_to(bare(), "3:00:00.000"), "3:00:00.000", removed_intervals=[wanted("2:00:00.000")])
    assert refused(paused, "3:00:00.000", ended=moment("1:00:00.000")).ground == "conflict"


def test_a_contest_is_reopened_when_it_is_not_over() -> None:
    before = played_to(bare(), "5:00:00.000")
    for now in ("5:00:00.000", "5:10:00.000"):
        assert refused(before, now, ended=None).ground == "forbidden"
    take(before, put(contest(duration="6:00:00.000")))
    assert present(patched(before, "5:10:00.000", ended=None)).ended is None


# --- moments -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["later", moment("3:00:00.001"), "2026-02-30T00:00:00Z"])
def test_a_moment_that_is_none_or_in_the_future_is_invalid(value: str) -> None:
    with pytest.raises(Refused) as raised:
        decide_state(played_to(bare(), "3:00:00.000"), StatePatch(frozen=value), at("3:00:00.000"))
    assert_refused(raised, "invalid", "frozen")


def test_a_moment_is_kept_in_its_zone_with_three_decimals() -> None:
    after = patched(played_to(bare(), "3:00:00.000"), "3:00:00.000", frozen="2026-03-01T11:00:00+00")
    assert present(after).frozen == "2026-03-01T11:00:00.000+00:00"


def test_a_moment_out_of_order_is_refused() -> None:
    before = played_to(bare(), "4:30:00.000")
    assert "later" in refused(before, "4:30:00.000", ended=moment("3:00:00.000")).reason
    assert "later" in refused(bare(), "1:00:00.000", started="now", frozen=moment("0:30:00.000")).reason


def test_an_empty_patch_changes_nothing() -> None:
    assert decide_state(played_to(bare(), "4:30:00.000"), StatePatch(), at("4:30:00.000")) == []


@pytest.mark.parametrize(
    "body",
    ['{"started": 1}', '{"extra_bronzes": -1}', f'{{"extra_bronzes": {EXTRA_BRONZES_MAX + 1}}}', '{"phase": "over"}'],
)
def test_a_patch_of_another_shape_is_none(body: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(body, type=StatePatch)


# --- laws --------------------------------------------------------------------------------------------------------

MINUTES = st.integers(-20, 420)
VALUES = st.one_of(
    st.none(),
    st.just("now"),
    MINUTES.map(
        lambda minute: moment(f"{minute // 60}:{minute % 60:02}:00") if minute >= 0 else moment(f"-0:{-minute:02}:00")
    ),
)
PATCHES = st.dictionaries(st.sampled_from(STATE_MOMENTS), VALUES, max_size=3)


@given(st.lists(st.tuples(MINUTES, PATCHES), max_size=12), st.booleans())
def test_whatever_is_asked_for_the_order_of_the_state_is_kept(
    asked: list[tuple[int, dict[str, str | None]]], freeze: bool
) -> None:
    """Law: after any patches and any looks at the clock the moments stand in the order of the JSON Format."""
    contest_state = bare(scoreboard_freeze_duration="1:00:00.000" if freeze else None)
    for minute, patch in sorted(asked, key=lambda each: each[0]):
        now_ms = START_MS + minute * MINUTE_MS
        take(contest_state, due_changes(contest_state, now_ms))
        try:
            changes = decide_state(contest_state, msgspec.convert(patch, StatePatch), now_ms)
        except Refused:
            continue
        take(contest_state, changes)
        happened = whole_state(contest_state.state)
        for first, second in ORDER:
            first_ms, second_ms = moment_ms(getattr(happened, first)), moment_ms(getattr(happened, second))
            assert first_ms is None or second_ms is None or first_ms <= second_ms
        if happened.started:
            assert moment_ms(happened.started) == moment_ms(its_contest(contest_state).start_time)
        if not contest_state.ended_updates:
            again = decide_state(contest_state, StatePatch(), now_ms)
            assert again == []
