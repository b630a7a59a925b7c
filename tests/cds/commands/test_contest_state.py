"""The state of a contest changed by hand, in every order that it may have and no other."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.commands.contest_clock import decide_thaw_time, due_changes
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
from schemas.records import AwardSettings, Settings
from tests.builders import START, judgement, moment, put, state, submission
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
    settings,
    take,
    timed,
    types,
    wanted,
)

MINUTE_MS = 60_000
FROZEN = moment("4:00:00.000")
ENDED = moment("5:00:00.000")


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


# --- thaw, finalize, end of updates ------------------------------------------------------------------------------


def test_a_contest_is_thawed_once_and_for_all() -> None:
    after = patched(played_to(bare(), "5:00:00.000"), "5:30:00.000", thawed="now")
    thawed = moment("5:30:00.000")
    assert (present(after).thawed, its_contest(after).scoreboard_thaw_time) == (thawed, thawed)
    for value in (None, "now"):
        assert refused(after, "6:00:00.000", thawed=value).ground == "forbidden"
    take(after, put(contest(duration="9:00:00.000")))
    assert "thawed, so its end stays" in refused(after, "6:00:00.000", ended=None).reason


@pytest.mark.parametrize(("freeze", "now"), [("1:00:00.000", "4:30:00.000"), (None, "6:00:00.000")])
def test_a_contest_that_runs_or_was_not_frozen_is_not_thawed(freeze: str | None, now: str) -> None:
    before = played_to(bare(scoreboard_freeze_duration=freeze), now)
    assert refused(before, now, thawed="now").ground == "forbidden"


def test_a_contest_is_made_final_with_its_extra_bronzes_and_reopened() -> None:
    before = played_to(furnished(clock=False), "5:00:00.000")
    take(before, put(state(started=START, frozen=FROZEN, ended=ENDED)))
    changes = decide_state(before, StatePatch(finalized="now", extra_bronzes=2), at("6:00:00.000"))
    assert types(changes) == ["x-settings", "state"]
    take(before, changes)
    assert before.settings.awards.extra_bronzes == 2
    assert not before.settings.clock
    for patch in ({"ended": None}, {"extra_bronzes": 3}, {"removed_intervals": None}, {"frozen": None}):
        assert refused(before, "6:10:00.000", **patch).ground == "forbidden"
    assert present(patched(before, "6:10:00.000", thawed="now")).thawed
    assert present(patched(before, "6:20:00.000", finalized=None)).finalized is None


def test_a_contest_is_not_final_while_it_runs_or_anything_is_open() -> None:
    before = played_to(furnished(), "4:30:00.000")
    take(before, put(submission("s1", "t1", "a", "0:05:00.000")))
    assert refused(before, "4:30:00.000", finalized="now").ground == "forbidden"
    played_to(before, "5:00:00.000")
    refusal = refused(before, "5:00:00.000", finalized="now")
    assert (refusal.ground, "s1" in refusal.reason) == ("conflict", True)
    take(before, put(judgement("j1", "s1", "AC", "0:06:00.000")))
    assert present(patched(before, "5:00:00.000", finalized="now")).finalized == ENDED


def test_the_end_of_updates_is_the_very_last_event() -> None:
    before = patched(played_to(bare(), "5:00:00.000"), "5:10:00.000", thawed="now")
    patch = StatePatch(finalized="now", extra_bronzes=1, end_of_updates="now")
    changes = decide_state(before, patch, at("5:20:00.000"))
    assert types(changes) == ["x-settings", "state", "state"]
    take(before, changes)
    assert present(before).finalized == present(before).end_of_updates == moment("5:20:00.000")
    for value in (None, "now"):
        assert refused(before, "6:00:00.000", end_of_updates=value).ground == "forbidden"


def test_updates_do_not_end_with_a_change_of_the_awards() -> None:
    """The server could not bring them up to date any more."""
    before = played_to(bare(scoreboard_freeze_duration=None), "5:00:00.000")
    take(before, [settings(Settings(clock=True, awards=AwardSettings(computed=True)))])
    refusal = refused(before, "6:00:00.000", finalized="now", extra_bronzes=1, end_of_updates="now")
    assert (refusal.ground, refusal.property) == ("invalid", "end_of_updates")
    patched(before, "6:00:00.000", finalized="now", extra_bronzes=1)
    assert patched(before, "6:00:00.000", end_of_updates="now").ended_updates


def test_a_contest_longer_than_the_calendar_can_be_conducted() -> None:
    before = played_to(bare(duration="999999999:00:00.000"), "1:00:00.000")
    assert refused(before, "1:00:00.000", thawed="now").ground == "forbidden"
    with pytest.raises(Refused, match="9999"):
        decide_thaw_time(before, moment("9:00:00.000"), at("1:00:00.000"))
    assert its_contest(patched(before, "1:00:00.000", ended="now")).duration == "1:00:00.000"


def test_updates_do_not_end_before_the_contest_is_final_and_thawed() -> None:
    before = played_to(bare(), "5:00:00.000")
    assert refused(before, "6:00:00.000", end_of_updates="now").property == "end_of_updates"
    assert refused(before, "6:00:00.000", finalized="now", end_of_updates="now").ground == "forbidden"
    never_frozen = played_to(bare(scoreboard_freeze_duration=None), "5:00:00.000")
    assert never_frozen.state
    assert patched(never_frozen, "6:00:00.000", finalized="now", end_of_updates="now").ended_updates


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
