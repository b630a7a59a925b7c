"""What brings one contest level with its platform (pure): new, changed, unchanged, taken over, somebody else's.

Between two runs the clock writes what is due; a run must never take that back, nor add what is there.
"""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.commands.contest_clock import due_changes, next_due_ms
from cds.commands.contest_settings import SettingsPatch, decide_settings
from cds.commands.decision import ObjectChange, Refused
from cds.commands.synced_contests import decide_sync
from cds.platforms.adapters.listed import ListedContest, Phase, platform_contest
from cds.platforms.questions import PlatformContest
from projections.contest import ContestState
from schemas.objects import Contest, State
from schemas.properties import Location
from schemas.records import Settings

START_S = 1_790_000_000
HOUR_S = 3_600
DURATION_S = 2 * HOUR_S
FREEZE_S = HOUR_S // 2
RUNNING = Phase(name="CODING", started=True, ended=False)
NOT_BEGUN = Phase(name="BEFORE", started=False, ended=False)
DONE = Phase(name="FINISHED", started=True, ended=True, final=True)


def said(phase: Phase, now_s: int, **more: object) -> PlatformContest:
    """What the platform says of the contest."""
    listed = ListedContest(
        platform="codeforces",
        key="1900",
        name="A round",
        start_s=START_S,
        duration_s=DURATION_S,
        freeze_s=FREEZE_S,
        pass_fail=True,
        type="ICPC",
        phase=phase,
        url="https://codeforces.com/contest/1900",
    )
    return platform_contest(msgspec.structs.replace(listed, **more), now_s * 1_000)


def told(state: ContestState, changes: list[ObjectChange]) -> ContestState:
    """The state after changes."""
    for change in changes:
        state.apply(state.position + 1, change.type, change.id, change.instance)
    return state


def synced(state: ContestState, row: PlatformContest, now_s: int) -> list[ObjectChange]:
    """Bring level; the changes that it took."""
    changes = decide_sync(state, row.contest, row.state, now_s * 1_000).changes
    told(state, changes)
    return changes


def types(changes: list[ObjectChange]) -> list[str]:
    """What changed."""
    return [change.type for change in changes]


def test_a_new_contest_is_the_contest_and_its_state() -> None:
    state = ContestState()
    row = said(DONE, START_S + 9 * HOUR_S)
    decision = decide_sync(state, row.contest, row.state, (START_S + 9 * HOUR_S) * 1_000)
    assert decision.new
    assert types(decision.changes) == ["contest", "state"]
    told(state, decision.changes)
    assert state.contest == row.contest
    again = decide_sync(state, row.contest, row.state, (START_S + 10 * HOUR_S) * 1_000)
    assert (again.new, again.changes) == (False, [])


def test_a_contest_to_come_follows_its_times_from_then_on() -> None:
    """Start, freeze and end come at their moments; the next runs find everything as the platform has it."""
    state, now_s = ContestState(), START_S - HOUR_S
    assert types(synced(state, said(NOT_BEGUN, now_s), now_s)) == ["contest", "state", "x-settings"]
    assert state.settings.follows_times
    assert not state.settings.clock
    assert next_due_ms(state, now_s * 1_000) == START_S * 1_000
    middle_s = START_S + HOUR_S
    told(state, due_changes(state, middle_s * 1_000))
    assert state.state is not None
    assert (bool(state.state.started), bool(state.state.ended)) == (True, False)
    assert types(synced(state, said(RUNNING, middle_s), middle_s)) == ["contest"]  # Its phase is another one.
    after_s = START_S + DURATION_S + 1
    told(state, due_changes(state, after_s * 1_000))
    assert (bool(state.state.frozen), bool(state.state.ended), state.state.thawed) == (True, True, None)
    assert synced(state, said(RUNNING, after_s), after_s) == []
    assert types(synced(state, said(DONE, after_s), after_s)) == ["contest", "state"]
    assert state.state.thawed
    assert state.state.finalized
    assert next_due_ms(state, after_s * 1_000) is None


@given(moments=st.lists(st.integers(-HOUR_S, 4 * HOUR_S), min_size=1, max_size=8), delay_s=st.integers(0, 600))
def test_whenever_runs_come_the_state_never_goes_back(moments: list[int], delay_s: int) -> None:
    """A platform that is late with its phases takes nothing back that has happened by its own times."""
    state = ContestState()
    happened: set[str] = set()
    for after_s in sorted(moments):
        now_s = START_S + after_s
        late_s = after_s - delay_s
        phase = NOT_BEGUN if late_s < 0 else RUNNING if late_s < DURATION_S else DONE
        told(state, due_changes(state, now_s * 1_000))
        synced(state, said(phase, now_s), now_s)
        assert state.state is not None
        now_happened = {name for name in ("started", "frozen", "ended") if getattr(state.state, name)}
        assert happened <= now_happened
        happened = now_happened
        assert (after_s >= 0) == ("started" in happened)
        assert (after_s >= DURATION_S) == ("ended" in happened)
        assert synced(state, said(phase, now_s), now_s) == []


def test_a_contest_that_is_put_off_starts_later() -> None:
    """The platform's word counts, also when the clock has started the contest already."""
    state, now_s = ContestState(), START_S - HOUR_S
    synced(state, said(NOT_BEGUN, now_s), now_s)
    late_s = START_S + 60
    told(state, due_changes(state, late_s * 1_000))
    row = said(NOT_BEGUN, late_s, start_s=START_S + HOUR_S)
    assert types(synced(state, row, late_s)) == ["contest", "state"]
    assert state.state is not None
    assert not state.state.started
    assert next_due_ms(state, late_s * 1_000) == (START_S + HOUR_S) * 1_000


def test_what_people_here_have_added_stays_and_what_the_platform_takes_back_goes() -> None:
    state, now_s = ContestState(), START_S + 9 * HOUR_S
    synced(state, said(DONE, now_s), now_s)
    assert state.contest is not None
    ours = msgspec.structs.replace(
        state.contest, formal_name="The formal name", location=Location(latitude=1, longitude=2)
    )
    told(state, [ObjectChange("contest", "", ours)])
    assert synced(state, said(DONE, now_s), now_s) == []
    synced(state, said(DONE, now_s, name="Another name", freeze_s=None), now_s)
    assert state.contest is not None
    assert (state.contest.name, state.contest.formal_name) == ("Another name", "The formal name")
    assert state.contest.location == Location(latitude=1, longitude=2)
    assert state.contest.scoreboard_freeze_duration is None


def test_a_contest_that_an_administrator_runs_keeps_its_times_and_its_state() -> None:
    state, now_s = ContestState(), START_S - 9 * HOUR_S
    synced(state, said(NOT_BEGUN, now_s), now_s)
    told(state, decide_settings(state, SettingsPatch(clock=True)))
    row = said(NOT_BEGUN, now_s, start_s=START_S + HOUR_S, name="Another name")
    assert types(synced(state, row, now_s)) == ["contest"]
    assert state.contest is not None
    assert state.contest.name == "Another name"
    assert next_due_ms(state, now_s * 1_000) == START_S * 1_000
    assert state.settings == Settings(clock=True, follows_times=True)


@pytest.mark.parametrize("other", ["plain", "another"])
def test_a_contest_of_that_id_that_is_not_the_platforms_is_left_alone(other: str) -> None:
    row = said(DONE, START_S + 9 * HOUR_S)
    foreign = msgspec.structs.replace(row.contest, ext=None)
    if other == "another":
        moved = said(DONE, START_S + 9 * HOUR_S, key="1901").contest
        foreign = msgspec.structs.replace(moved, id=row.contest.id)
    state = told(ContestState(), [ObjectChange("contest", "", foreign)])
    with pytest.raises(Refused, match="not this one"):
        decide_sync(state, row.contest, row.state, START_S * 1_000)


def test_a_contest_whose_updates_have_ended_is_refused_only_when_it_differs() -> None:
    state, now_s = ContestState(), START_S + 9 * HOUR_S
    row = said(DONE, now_s)
    synced(state, row, now_s)
    assert state.state is not None
    ended = msgspec.structs.replace(state.state, end_of_updates=state.state.ended)
    told(state, [ObjectChange("state", "", ended)])
    with pytest.raises(Refused):
        decide_sync(state, row.contest, row.state, now_s * 1_000)


def test_a_contest_without_a_start_has_an_empty_state() -> None:
    state = ContestState()
    changes = synced(state, said(NOT_BEGUN, START_S, start_s=None), START_S)
    assert types(changes) == ["contest", "state", "x-settings"]
    assert state.state == State(started=None, frozen=None, ended=None, thawed=None, finalized=None, end_of_updates=None)
    assert isinstance(state.contest, Contest)
    assert synced(state, said(NOT_BEGUN, START_S + 1, start_s=None), START_S + 1) == []


@pytest.mark.parametrize(
    ("known", "listed", "expected"),
    [("0:20:00.000", True, "0:20:00.000"), (None, True, "0:10:00.000"), ("0:20:00.000", False, None)],
)
def test_the_penalty_that_is_known_of_a_contest_is_not_taken_back(
    known: str | None, listed: bool, expected: str | None
) -> None:
    """Lists tell none: what results or people have told stays, as long as rejected attempts cost anything at all."""
    row = said(DONE, START_S + DURATION_S)
    state = told(ContestState(), decide_sync(ContestState(), row.contest, row.state, START_S * 1_000).changes)
    assert state.contest is not None
    told(state, [ObjectChange("contest", "", msgspec.structs.replace(state.contest, penalty_time=known))])
    synced(state, said(DONE, START_S + DURATION_S, pass_fail=listed), START_S + DURATION_S)
    assert state.contest.penalty_time == expected
