"""In which phase of a contest somebody is, by the terms on which they take part (CMS ContestWebServer API, 1.5)."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.commands.decision import Refused
from cds.commands.participation import (
    OPEN_PHASES,
    WHY_NOT,
    Phase,
    Window,
    WrongPhase,
    decide_start,
    participation_of,
    standing_of,
)
from projections.contest import ContestState
from schemas.extensions import CmsContest, CmsParticipation
from schemas.objects import Account
from schemas.records import Playback, Settings
from tests.builders import START, gone, moment, put, state
from tests.cds.commands.playing import PAUSE, assert_refused, at, settings, take
from tests.cds.commands.taking_part import ACCOUNT, ANALYSIS, OPENED, ORDINARY, OWN_WINDOWS, UNRESTRICTED, contest_with

BEFORE, EARLY, COMPETING, LATE, OVER, ANALYSIS_MODE, FINISHED = Phase
MINUTE = 60_000
HOUR = 60 * MINUTE

BEGUN_AT_2 = CmsParticipation(starting_time=moment("2:00:00.000"))
BEGUN_AT_4_30 = CmsParticipation(starting_time=moment("4:30:00.000"))
BEGUN_BEFORE = CmsParticipation(starting_time=moment("-0:30:00.000"))
BEGUN_AFTER = CmsParticipation(starting_time=moment("5:30:00.000"))
DELAYED = CmsParticipation(delay_time=600)
LONGER = CmsParticipation(extra_time=1_200)
BOTH = CmsParticipation(delay_time=600, extra_time=1_200)

Turns = list[tuple[str, Phase]]
"""From when on (contest time) somebody is in which phase; a millisecond before they are in the one before."""

TURNS: list[tuple[str, CmsContest | None, CmsParticipation, Turns]] = [
    ("nothing said", None, ORDINARY, [("0:00:00.000", COMPETING), ("5:00:00.000", FINISHED)]),
    (
        "analysis",
        OPENED,
        ORDINARY,
        [
            ("0:00:00.000", COMPETING),
            ("5:00:00.000", OVER),
            ("6:00:00.000", ANALYSIS_MODE),
            ("7:00:00.000", FINISHED),
        ],
    ),
    (
        "a delay puts off both ends",
        None,
        DELAYED,
        [("0:00:00.000", EARLY), ("0:10:00.000", COMPETING), ("5:10:00.000", FINISHED)],
    ),
    ("extra time puts off the end", None, LONGER, [("0:00:00.000", COMPETING), ("5:20:00.000", FINISHED)]),
    (
        "both",
        OPENED,
        BOTH,
        [
            ("0:00:00.000", EARLY),
            ("0:10:00.000", COMPETING),
            ("5:30:00.000", OVER),
            ("6:00:00.000", ANALYSIS_MODE),
            ("7:00:00.000", FINISHED),
        ],
    ),
    (
        "extra time into the analysis",
        OPENED,
        CmsParticipation(extra_time=4_800),
        [("0:00:00.000", COMPETING), ("6:20:00.000", ANALYSIS_MODE), ("7:00:00.000", FINISHED)],
    ),
    (
        "extra time beyond the analysis",
        OPENED,
        CmsParticipation(extra_time=8_000),
        [("0:00:00.000", COMPETING), ("7:13:20.000", FINISHED)],
    ),
    (
        "a window that has not begun",
        OWN_WINDOWS,
        ORDINARY,
        [
            ("0:00:00.000", EARLY),
            ("5:00:00.000", OVER),
            ("6:00:00.000", ANALYSIS_MODE),
            ("7:00:00.000", FINISHED),
        ],
    ),
    (
        "a window",
        OWN_WINDOWS,
        BEGUN_AT_2,
        [
            ("0:00:00.000", EARLY),
            ("2:00:00.000", COMPETING),
            ("3:00:00.000", LATE),
            ("5:00:00.000", OVER),
            ("6:00:00.000", ANALYSIS_MODE),
            ("7:00:00.000", FINISHED),
        ],
    ),
    (
        "a window ends with the contest",
        CmsContest(per_user_time=3_600),
        BEGUN_AT_4_30,
        [("0:00:00.000", EARLY), ("4:30:00.000", COMPETING), ("5:00:00.000", FINISHED)],
    ),
    (
        "a window with delay and extra time",
        CmsContest(per_user_time=3_600),
        msgspec.structs.replace(BEGUN_AT_2, delay_time=600, extra_time=1_200),
        [
            ("0:00:00.000", EARLY),
            ("2:10:00.000", COMPETING),
            ("3:30:00.000", LATE),
            ("5:00:00.000", FINISHED),
        ],
    ),
    (
        "extra time of a window goes beyond the contest",
        CmsContest(per_user_time=3_600),
        msgspec.structs.replace(BEGUN_AT_4_30, extra_time=1_200),
        [("0:00:00.000", EARLY), ("4:30:00.000", COMPETING), ("5:20:00.000", FINISHED)],
    ),
    (
        "a window that was given a start before the contest",
        CmsContest(per_user_time=3_600),
        BEGUN_BEFORE,
        [("0:00:00.000", COMPETING), ("0:30:00.000", LATE), ("5:00:00.000", FINISHED)],
    ),
    (
        "a delay begins with the contest where the start was given before it",
        CmsContest(per_user_time=3_600),
        msgspec.structs.replace(BEGUN_BEFORE, delay_time=600),
        [
            ("0:00:00.000", EARLY),
            ("0:10:00.000", COMPETING),
            ("0:40:00.000", LATE),
            ("5:00:00.000", FINISHED),
        ],
    ),
    (
        "a window that was given a start after the contest",
        CmsContest(per_user_time=3_600),
        BEGUN_AFTER,
        [("0:00:00.000", EARLY), ("5:00:00.000", FINISHED)],
    ),
    (
        "a start of one's own where there are no windows says nothing",
        None,
        BEGUN_AT_2,
        [("0:00:00.000", COMPETING), ("5:00:00.000", FINISHED)],
    ),
]


def phase(state: ContestState, now: str, sooner_ms: int = 0) -> Phase:
    """The phase of the participant at a contest time, or so much before it."""
    return standing_of(state, ACCOUNT, at(now) - sooner_ms).phase


@pytest.mark.parametrize(("rules", "participation", "turns"), [row[1:] for row in TURNS], ids=[row[0] for row in TURNS])
@pytest.mark.parametrize("unrestricted", [False, True])
def test_the_phases_of_a_participation_and_when_each_begins(
    rules: CmsContest | None, participation: CmsParticipation, turns: Turns, *, unrestricted: bool
) -> None:
    """Whether somebody is unrestricted says what they may do, not in which phase they are."""
    state = contest_with(rules, msgspec.structs.replace(participation, unrestricted=unrestricted or None))
    before = BEFORE
    for now, after in turns:
        assert (phase(state, now, sooner_ms=1), phase(state, now)) == (before, after), now
        before = after
    assert before is FINISHED


def test_a_contest_begins_when_its_state_says_so() -> None:
    assert phase(contest_with(started=False), "1:00:00.000") is BEFORE


def test_a_contest_that_was_ended_before_its_time_is_over_but_for_extra_time() -> None:
    """As one is that another system runs, whose duration stays as it was."""
    assert phase(contest_with(ended="3:00:00.000"), "3:00:00.000") is FINISHED
    assert phase(contest_with(ended="3:00:00.000"), "3:00:00.000", sooner_ms=1) is COMPETING
    longer = contest_with(None, LONGER, ended="3:00:00.000")
    assert (phase(longer, "3:20:00.000", sooner_ms=1), phase(longer, "3:20:00.000")) == (COMPETING, FINISHED)


def test_a_contest_that_ended_late_is_over_at_its_time() -> None:
    assert phase(contest_with(ended="5:10:00.000"), "5:00:00.000") is FINISHED


def test_a_pause_takes_nobody_time() -> None:
    """Twenty minutes of removed time: a window goes on for twenty minutes more, and so does the contest."""
    paused = contest_with(CmsContest(per_user_time=3_600), CmsParticipation(starting_time=moment("0:30:00.000")))
    take(paused, put(msgspec.structs.replace(state(started=START), removed_intervals=[PAUSE])))
    turns = [("0:30:00.000", EARLY, COMPETING), ("1:50:00.000", COMPETING, LATE), ("5:20:00.000", LATE, FINISHED)]
    for now, before, after in turns:
        assert (phase(paused, now, sooner_ms=1), phase(paused, now)) == (before, after), now


def test_a_contest_that_is_played_twice_as_fast_is_over_in_half_the_time() -> None:
    fast = contest_with(None, LONGER)
    twice = Playback(pace_permille=2_000, source="x", digest="0", changes=0, steps=0, start_time=START, pause_ms_max=0)
    take(fast, [settings(Settings(playback=twice))])
    assert (phase(fast, "2:40:00.000", sooner_ms=1), phase(fast, "2:40:00.000")) == (COMPETING, FINISHED)


def test_a_window_is_told() -> None:
    assert standing_of(contest_with(), ACCOUNT, at("0:00:00.000")).window == Window(0, 5 * HOUR)
    assert standing_of(contest_with(None, BOTH), ACCOUNT, 0).window == Window(10 * MINUTE, 5 * HOUR + 30 * MINUTE)
    assert standing_of(contest_with(OWN_WINDOWS), ACCOUNT, at("1:00:00.000")).window is None


def test_an_account_that_is_gone_or_nobodys_takes_part_on_ordinary_terms() -> None:
    state = contest_with(OPENED, UNRESTRICTED)
    assert participation_of(state, ACCOUNT) == UNRESTRICTED
    assert participation_of(state, None) == participation_of(state, "nobody") == ORDINARY


@pytest.mark.parametrize("override", [None, True, False])
@pytest.mark.parametrize("unrestricted", [None, False, True])
@pytest.mark.parametrize("now", Phase)
def test_who_passes(now: Phase, *, unrestricted: bool | None, override: bool | None) -> None:
    """Whoever is in one of the phases, or unrestricted; an override decides in place of the latter."""
    times = {
        BEFORE: ("-0:00:00.001", ORDINARY),
        EARLY: ("0:00:00.000", ORDINARY),
        COMPETING: ("2:00:00.000", BEGUN_AT_2),
        LATE: ("3:00:00.000", BEGUN_AT_2),
        OVER: ("5:00:00.000", ORDINARY),
        ANALYSIS_MODE: ("6:00:00.000", ORDINARY),
        FINISHED: ("7:00:00.000", ORDINARY),
    }
    contest_time, participation = times[now]
    rules = contest_with(OWN_WINDOWS, msgspec.structs.replace(participation, unrestricted=unrestricted))
    standing = standing_of(rules, ACCOUNT, at(contest_time))
    assert standing.phase is now
    expected = {None: unrestricted is True, True: True, False: False}[override] or now in (COMPETING, ANALYSIS_MODE)
    assert standing.passes(OPEN_PHASES, override=override) is expected
    assert standing.passes(list(Phase)) is True


def test_every_phase_is_a_reason_why_not() -> None:
    assert list(WHY_NOT) == list(Phase)


SECONDS = st.integers(0, 6 * 3_600)
PARTICIPATIONS = st.builds(
    CmsParticipation,
    delay_time=st.none() | SECONDS,
    extra_time=st.none() | SECONDS,
    starting_time=st.none() | st.sampled_from([moment(f"{hour}:15:00.000") for hour in (*range(7), "-1")]),
)
RULES = st.builds(
    CmsContest, per_user_time=st.none() | st.integers(1, 6 * 3_600), analysis=st.none() | st.just(ANALYSIS)
)


@given(RULES, PARTICIPATIONS, st.lists(st.integers(-HOUR, 20 * HOUR), min_size=2, max_size=12))
def test_nobody_goes_back_to_an_earlier_phase(
    rules: CmsContest, participation: CmsParticipation, times_ms: list[int]
) -> None:
    state = contest_with(rules, participation)
    phases = [standing_of(state, ACCOUNT, at("0:00:00.000") + each).phase for each in sorted(times_ms)]
    assert phases == sorted(phases)


@given(RULES, PARTICIPATIONS, SECONDS, st.integers(-HOUR, 20 * HOUR))
def test_extra_time_takes_nothing_away(
    rules: CmsContest, participation: CmsParticipation, more_s: int, time_ms: int
) -> None:
    """Whoever competes still does with more extra time."""
    now_ms = at("0:00:00.000") + time_ms
    longer = msgspec.structs.replace(participation, extra_time=(participation.extra_time or 0) + more_s)
    if standing_of(contest_with(rules, participation), ACCOUNT, now_ms).phase is COMPETING:
        assert standing_of(contest_with(rules, longer), ACCOUNT, now_ms).phase is COMPETING


# --- The beginning of a window


def test_a_window_begins_once() -> None:
    before = contest_with(OWN_WINDOWS, CmsParticipation(extra_time=60))
    assert phase(before, "2:00:00.000") is EARLY
    (change,) = decide_start(before, ACCOUNT, at("2:00:00.000"))
    take(before, [change])
    begun = CmsParticipation(extra_time=60, starting_time=moment("2:00:00.000"))
    assert participation_of(before, ACCOUNT) == begun
    assert isinstance(change.instance, Account)
    assert change.instance.team_id == "t1"
    assert [phase(before, now) for now in ("2:00:00.000", "3:00:59.999", "3:01:00.000")] == [COMPETING, COMPETING, LATE]
    for later in ("2:30:00.000", "4:00:00.000", "8:00:00.000"):
        assert decide_start(before, ACCOUNT, at(later)) == []


def test_a_window_of_somebody_of_whom_nothing_is_said_begins_too() -> None:
    before = contest_with(OWN_WINDOWS)
    take(before, decide_start(before, ACCOUNT, at("4:59:59.999")))
    assert [phase(before, now) for now in ("4:59:59.999", "5:00:00.000")] == [COMPETING, OVER]


@pytest.mark.parametrize(
    ("now", "in_phase"), [("-0:00:00.001", BEFORE), ("5:00:00.000", OVER), ("6:00:00.000", ANALYSIS_MODE)]
)
def test_a_window_does_not_begin_outside_the_contest(now: str, in_phase: Phase) -> None:
    with pytest.raises(WrongPhase, match=WHY_NOT[in_phase]) as raised:
        decide_start(contest_with(OWN_WINDOWS), ACCOUNT, at(now))
    assert raised.value.phase is in_phase
    assert_refused(raised, "forbidden", None)


def test_there_are_no_windows_to_begin_where_all_begin_with_the_contest() -> None:
    with pytest.raises(Refused, match="begins with the contest") as raised:
        decide_start(contest_with(), ACCOUNT, at("1:00:00.000"))
    assert_refused(raised, "conflict", None)
    without = contest_with(OWN_WINDOWS)
    take(without, [gone("accounts", ACCOUNT)])
    with pytest.raises(Refused) as raised:
        decide_start(without, ACCOUNT, at("1:00:00.000"))
    assert_refused(raised, "unknown", None)
