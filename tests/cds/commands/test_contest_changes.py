"""The whole contest object changed by an administrator: what follows from it, and what stands against it."""

import msgspec
import pytest

from cds.commands.contest_clock import START_MARGIN_MS, consequences_of_contest
from cds.commands.decision import Refused
from projections.contest import ContestState
from schemas.objects import Contest
from schemas.records import Settings
from schemas.times import format_time
from tests.builders import START, judgement, moment, put, state, submission
from tests.cds.commands.playing import (
    START_MS,
    THAW,
    WHOLE,
    assert_refused,
    at,
    bare,
    contest,
    furnished,
    played_to,
    present,
    settings,
    take,
    timed,
    types,
)


def test_a_start_that_has_passed_cannot_be_changed() -> None:
    before = played_to(bare(), "1:00:00.000")
    for start in (moment("0:00:00.001"), None):
        with pytest.raises(Refused) as raised:
            consequences_of_contest(before, contest(start_time=start), at("1:00:00.000"))
        assert_refused(raised, "forbidden", "start_time")
    elsewhere = format_time(START_MS)
    assert elsewhere != START
    assert consequences_of_contest(before, contest(start_time=elsewhere, name="Other"), at("1:00:00.000")) == []


def test_a_pause_beside_a_start_is_invalid() -> None:
    with pytest.raises(Refused) as raised:
        consequences_of_contest(bare(), contest(countdown_pause_time="0:10:00.000"), START_MS)
    assert_refused(raised, "invalid", "countdown_pause_time")


def test_a_new_contest_has_no_consequences() -> None:
    assert consequences_of_contest(ContestState(), contest(), START_MS) == []


def test_a_planned_start_that_moves_takes_contest_times_with_it() -> None:
    before = furnished()
    take(before, put(submission("early", "t1", "a", "-0:30:00.000")))
    changes = consequences_of_contest(before, contest(start_time=moment("1:00:00.000")), at("-2:00:00.000"))
    assert types(changes) == ["submissions"]
    take(before, changes)
    assert timed(before, "submissions")["early"].contest_time == "-1:30:00.000"


def test_the_state_of_a_contest_of_another_system_is_its_source_s() -> None:
    before = bare(clock=False)
    take(before, put(state(**{**WHOLE, "thawed": None})))
    assert consequences_of_contest(before, contest(duration="9:00:00.000"), at("6:00:00.000")) == []


# --- the start ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", [None, moment("0:00:30.000"), moment("5:00:00.000"), moment("-2:00:00.000")])
def test_within_thirty_seconds_of_the_start_it_stays(start: str | None) -> None:
    """Requirement 57, whichever way it is asked for; also when it has come and nobody looked at the clock."""
    for now_ms in (START_MS - START_MARGIN_MS, START_MS - 1, START_MS, START_MS + 60_000):
        with pytest.raises(Refused) as raised:
            consequences_of_contest(bare(), contest(start_time=start), now_ms)
        assert_refused(raised, "forbidden", "start_time")
        assert consequences_of_contest(bare(), contest(name="Other"), now_ms) == []
    assert consequences_of_contest(bare(), contest(start_time=start), START_MS - START_MARGIN_MS - 1) == []


def test_the_start_of_a_contest_of_another_system_is_its_source_s() -> None:
    assert consequences_of_contest(bare(clock=False), contest(start_time=moment("1:00:00.000")), START_MS - 1) == []


def test_a_contest_may_be_configured_to_have_started() -> None:
    """An open start that is set to a past moment: the clock starts it then."""
    before = bare(start_time=None)
    now_ms = at("1:00:00.000")
    assert consequences_of_contest(before, contest(), now_ms) == []
    take(before, put(contest()))
    assert present(played_to(before, "1:00:00.000")).started == START


def test_no_contest_starts_before_1970() -> None:
    ancient, first = "1969-12-31T23:59:59.999Z", "1970-01-01T00:00:00.000Z"
    for before in (bare(), bare(clock=False), ContestState()):
        with pytest.raises(Refused) as raised:
            consequences_of_contest(before, contest(start_time=ancient), at("-9:00:00.000"))
        assert_refused(raised, "invalid", "start_time")
        assert consequences_of_contest(before, contest(start_time=first), at("-9:00:00.000")) == []
    imported = bare(clock=False, start_time=ancient)
    assert consequences_of_contest(imported, contest(start_time=ancient, name="Other"), START_MS) == []


# --- the thaw ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "wanted", "now"),
    [
        (bare(), contest(scoreboard_thaw_time=moment("4:59:59.999")), "1:00:00.000"),
        (played_to(bare(), "6:00:00.000"), contest(scoreboard_thaw_time=moment("0:10:00.000")), "6:00:00.000"),
        (bare(), contest(scoreboard_thaw_time=THAW, scoreboard_freeze_duration=None), "1:00:00.000"),
        (bare(), contest(scoreboard_thaw_time=THAW, duration="7:00:00.000"), "1:00:00.000"),
        (played_to(bare(), "6:00:00.000"), contest(scoreboard_thaw_time=THAW, duration="7:00:00.000"), "6:00:00.000"),
        (played_to(bare(scoreboard_thaw_time=THAW), "7:00:00.000"), contest(), "7:00:00.000"),
        (
            played_to(bare(scoreboard_thaw_time=THAW), "7:00:00.000"),
            contest(scoreboard_thaw_time=moment("8:00:00.000")),
            "7:00:00.000",
        ),
    ],
    ids=["before the end", "when it is over", "no freeze", "longer", "longer again", "taken back", "thawed"],
)
def test_a_thaw_that_cannot_be_is_forbidden(before: ContestState, wanted: Contest, now: str) -> None:
    """Requirement 62, whichever way it is asked for."""
    with pytest.raises(Refused) as raised:
        consequences_of_contest(before, wanted, at(now))
    assert_refused(raised, "forbidden", "scoreboard_thaw_time")


def test_a_thaw_is_planned_moved_and_taken_back() -> None:
    before = played_to(bare(), "1:00:00.000")
    for thaw in (moment("5:00:00.000"), THAW, None):
        assert consequences_of_contest(before, contest(scoreboard_thaw_time=thaw), at("1:00:00.000")) == []
        take(before, put(contest(scoreboard_thaw_time=thaw)))
    elsewhere = bare(clock=False)
    assert consequences_of_contest(elsewhere, contest(scoreboard_thaw_time=START), at("1:00:00.000")) == []


def test_a_thaw_that_is_past_is_done_by_the_clock() -> None:
    """Also in a contest at whose clock nobody has looked since before its end."""
    before = played_to(bare(), "1:00:00.000")
    wanted = contest(scoreboard_thaw_time=moment("5:10:00.000"))
    assert consequences_of_contest(before, wanted, at("6:00:00.000")) == []
    take(before, put(wanted))
    assert present(played_to(before, "6:00:00.000")).thawed == moment("5:10:00.000")


# --- the freeze --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "property"),
    [
        ({"scoreboard_freeze_duration": "4:00:00.000"}, "scoreboard_freeze_duration"),
        ({"duration": "1:30:00.000"}, "duration"),
        ({"scoreboard_freeze_duration": "5:00:00.000", "duration": "6:00:00.000"}, "scoreboard_freeze_duration"),
    ],
)
@pytest.mark.parametrize("clock", [True, False])
def test_the_freeze_does_not_reach_back_to_a_verdict_that_was_shown(
    clock: bool, changed: dict[str, str | None], property: str
) -> None:
    """Law 3. What is not judged, or was hidden already, may be hidden; what is outside the contest was not shown."""
    before = played_to(furnished(), "1:00:00.000")
    take(before, put(submission("s0", "t1", "b", "6:30:00.000"), judgement("j0", "s0", "AC", "1:01:00.000")))
    take(before, put(submission("s1", "t1", "a", "1:01:00.000"), judgement("j1", "s1", None, "1:01:00.000")))
    take(before, put(submission("s2", "t1", "a", "4:30:00.000"), judgement("j2", "s2", "WA", "4:31:00.000")))
    take(before, [settings(Settings(clock=clock))])
    consequences_of_contest(before, contest(**changed), at("1:10:00.000"))
    take(before, put(judgement("j1", "s1", "AC", "1:01:00.000")))
    with pytest.raises(Refused, match="would then hide submission s1,") as raised:
        consequences_of_contest(before, contest(**changed), at("1:10:00.000"))
    assert_refused(raised, "conflict", property)
    take(before, put(msgspec.structs.replace(judgement("j1", "s1", "AC", "1:01:00.000"), current=False)))
    with pytest.raises(Refused):
        consequences_of_contest(before, contest(**changed), at("1:10:00.000"))
    consequences_of_contest(before, contest(scoreboard_freeze_duration="3:58:59.999"), at("1:10:00.000"))


def test_what_was_outside_the_contest_may_be_in_its_freeze() -> None:
    """Its verdict was shown to nobody behind the freeze."""
    before = played_to(furnished(duration="3:00:00.000", scoreboard_freeze_duration=None), "3:00:00.000")
    take(before, put(submission("s1", "t1", "a", "3:10:00.000"), judgement("j1", "s1", "AC", "3:11:00.000")))
    wanted = contest(duration="5:00:00.000", scoreboard_freeze_duration="2:00:00.000")
    assert types(consequences_of_contest(before, wanted, at("3:20:00.000"))) == ["state"]
    take(before, put(wanted))
    assert before.timeline.embargoed(before.submission_times_ms["s1"])
