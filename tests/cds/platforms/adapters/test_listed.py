"""What holds for contests of all platforms: bounds, states, names, and what a name says of ratings."""

from typing import Any

import msgspec
import pytest

from cds.platforms.adapters.answers import Untranslatable
from cds.platforms.adapters.listed import (
    DURATION_S_MAX,
    START_S_MAX,
    ListedContest,
    Phase,
    platform_contest,
    rated_by_name,
)
from cds.platforms.questions import PlatformContest
from schemas.objects import State

START_S = 1_790_000_000
LISTED = ListedContest(
    platform="codeforces", key="1", name="A round", start_s=START_S, duration_s=7200, url="https://example.org/1"
)
RUNNING = Phase(name="CODING", started=True, ended=False)
OVER = Phase(name="SYSTEM_TEST", started=True, ended=True)
FINAL = Phase(name="FINISHED", started=True, ended=True, final=True)


def shown(at_s: int = START_S, **changed: Any) -> PlatformContest:
    """The contest as it is shown at a time."""
    return platform_contest(msgspec.structs.replace(LISTED, **changed), at_s * 1000)


def state_of(at_s: int = START_S, **changed: Any) -> State:
    """Its state."""
    state = shown(at_s, **changed).state
    assert state is not None
    return state


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"duration_s": -7200}, "duration of -7200 s"),
        ({"duration_s": 0}, "duration of 0 s"),
        ({"duration_s": DURATION_S_MAX + 1}, "duration"),
        ({"duration_s": 2_147_483_647}, "duration"),
        ({"duration_s": 10**400}, "far too many"),
        ({"duration_s": -(10**5000)}, "far too many"),
        ({"start_s": 0}, "start"),
        ({"start_s": -1}, "start"),
        ({"start_s": START_S_MAX + 1}, "start"),
        ({"start_s": 10**5000}, "start"),
        ({"freeze_s": -1}, "freeze"),
        ({"freeze_s": 7201}, "freeze of 7201 s in 7200 s"),
        ({"participants": -1}, "participants"),
        ({"participants": 10**30}, "participants"),
        ({"name": ""}, "name"),
        ({"name": " \n\t "}, "name"),
        ({"name": "x" * 1001}, "name of 1001 characters"),
        ({"name": "a\x00b"}, "control"),
        ({"name": "a\x9bb"}, "control"),
        ({"key": ""}, "key"),
        ({"key": " 1"}, "key"),
        ({"key": "1\n"}, "key"),
        ({"key": "k" * 201}, "key"),
    ],
)
def test_what_makes_no_sense_is_refused_and_named(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(Untranslatable, match=words):
        shown(**changed)


def test_long_contests_are_fine() -> None:
    assert shown(duration_s=14 * 86_400).contest.duration == "336:00:00.000"
    assert shown(duration_s=DURATION_S_MAX).contest.duration == "175680:00:00.000"


def test_a_contest_whose_start_is_unknown_has_neither_start_nor_state() -> None:
    """start_time null, where the original stored the time of the sync (requirements-000 §3.8)."""
    unknown = shown(start_s=None, phase=FINAL)
    assert (unknown.contest.start_time, unknown.state) == (None, None)


def test_names_have_single_blanks() -> None:
    assert shown(name="  A\u3000round\n of\tmany  ").contest.name == "A round of many"


@pytest.mark.parametrize("hidden", ["\u202e", "\u2066", "\u200f", "\u061c", "\u200b", "\ufeff"])
def test_names_hold_nothing_that_is_not_seen(hidden: str) -> None:
    """What turns the direction of writing would turn around what stands beside the name, too."""
    assert shown(name=f"{hidden}Round{hidden} 1{hidden} {hidden}").contest.name == "Round 1"
    with pytest.raises(Untranslatable, match="name of 0 characters"):
        shown(name=hidden)


def test_names_keep_what_scripts_and_emoji_need() -> None:
    for name in ("مسابقة", "क्\u200dष", "می\u200cشود", "👩\u200d💻 Round"):
        assert shown(name=name).contest.name == name


def test_the_clock_tells_the_phase_where_the_platform_does_not() -> None:
    moments = (START_S - 1, START_S, START_S + 7199, START_S + 7200)
    phases = [
        contest.ext.sync.phase
        for contest in (shown(at_s).contest for at_s in moments)
        if contest.ext is not None and contest.ext.sync is not None
    ]
    assert phases == ["BEFORE", "CODING", "CODING", "FINISHED"]
    assert [bool(state_of(at_s).started) for at_s in moments] == [False, True, True, True]
    assert [bool(state_of(at_s).ended) for at_s in moments] == [False, False, False, True]
    assert state_of(START_S + 86_400).finalized is None


def test_the_state_says_the_times_at_which_things_were_to_happen() -> None:
    """However late it is asked, so that the same contest has the same state in the next run."""
    early, late = state_of(START_S + 7200, phase=FINAL), state_of(START_S + 10**8, phase=FINAL)
    assert early == late
    assert late == State(
        started="2026-09-21T14:13:20.000Z",
        frozen=None,
        ended="2026-09-21T16:13:20.000Z",
        thawed=None,
        finalized="2026-09-21T16:13:20.000Z",
        end_of_updates=None,
    )


def test_the_phase_of_the_platform_is_believed_and_not_the_clock() -> None:
    """A contest that begins late has not begun; one in the system test is over but not final."""
    assert state_of(START_S + 60, phase=Phase(name="BEFORE", started=False, ended=False)).started is None
    assert state_of(START_S + 9000, phase=RUNNING).ended is None
    over = state_of(START_S + 7200, phase=OVER)
    assert (over.ended, over.finalized) == ("2026-09-21T16:13:20.000Z", None)


@pytest.mark.parametrize("phase", [OVER, FINAL])
def test_what_is_still_to_come_has_not_happened_whatever_the_platform_says(phase: Phase) -> None:
    """A contest that is called finished before its end is neither over nor final; before its start it has not begun."""
    running, waiting = (state_of(at_s, phase=phase, freeze_s=3600) for at_s in (START_S + 7199, START_S - 1))
    assert (running.started, running.frozen) == ("2026-09-21T14:13:20.000Z", "2026-09-21T15:13:20.000Z")
    assert (running.ended, running.thawed, running.finalized) == (None, None, None)
    assert waiting == State(started=None, frozen=None, ended=None, thawed=None, finalized=None, end_of_updates=None)


@pytest.mark.parametrize(
    ("at_s", "phase", "frozen", "thawed"),
    [
        (START_S + 3599, RUNNING, False, False),
        (START_S + 3600, RUNNING, True, False),
        (START_S + 1000, msgspec.structs.replace(RUNNING, frozen=True), True, False),
        (START_S + 7200, OVER, True, False),
        (START_S + 7200, FINAL, True, True),
        (START_S + 7200, msgspec.structs.replace(FINAL, frozen=True), True, False),
        (START_S + 7200, msgspec.structs.replace(FINAL, frozen=False), True, True),
        (START_S - 7200, Phase(name="BEFORE", started=False, ended=False), False, False),
    ],
)
def test_a_freeze_begins_at_its_time_and_ends_with_the_platforms_word(
    at_s: int, phase: Phase, frozen: bool, thawed: bool
) -> None:
    state = state_of(at_s, phase=phase, freeze_s=3600)
    assert state.frozen == ("2026-09-21T15:13:20.000Z" if frozen else None)
    assert state.thawed == ("2026-09-21T16:13:20.000Z" if thawed else None)


def test_a_freeze_of_no_length_is_none() -> None:
    contest = shown(START_S + 7200, freeze_s=0, phase=FINAL)
    assert contest.contest.scoreboard_freeze_duration is None
    assert contest.state is not None
    assert contest.state.frozen is None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Educational Round 3 (Rated for Div. 2)", (True, "Div. 2")),
        ("Starters 900 (Rated till 5 Stars)", (True, "till 5 Stars")),
        ("Starters 901 (Rated)", (True, None)),
        ("Round 12 (Div. 1 + Div. 2, Rated, Prizes!)", (True, None)),
        ("Mirror (Unrated, Online Mirror, ICPC Rules)", (False, None)),
        ("Weekly Contest 9901", (None, None)),
        ("The Overrated (Sorted for all)", (None, None)),
    ],
)
def test_a_name_may_say_who_is_rated(name: str, said: tuple[bool | None, str | None]) -> None:
    assert rated_by_name(name) == said
