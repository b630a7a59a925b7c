"""The fold of runs: the history, and when each contest was last synced, against a slow and obvious account of it."""

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from projections import sync_runs
from projections.sync_runs import SyncRuns
from schemas.sync_records import SYNC_RUNS, SyncRun
from schemas.times import format_time

KEYS = ("a", "b", "c", "d")
MINUTE_MS = 60_000


class Told(msgspec.Struct, frozen=True):
    """A run: which contests it brought level, or that it failed, or which single one it imported."""

    level: frozenset[str]
    failed: bool
    single: str | None


runs = st.lists(
    st.builds(
        Told, level=st.frozensets(st.sampled_from(KEYS)), failed=st.booleans(), single=st.none() | st.sampled_from(KEYS)
    ),
    max_size=12,
)


def run(number: int, **more: object) -> SyncRun:
    """The run of that number, a minute after the one before."""
    moment = format_time(1_790_000_000_000 + number * MINUTE_MS)
    plain = SyncRun(
        id=f"run{number}", platform="codeforces", trigger="request", actor="server:admin", began=moment, ended=moment
    )
    return msgspec.structs.replace(plain, **more)


def take_in(state: SyncRuns, each: SyncRun) -> None:
    """Apply the run as it stands in the log."""
    state.apply(state.position + 1, SYNC_RUNS, each.id, msgspec.json.encode(each))


@given(told=runs)
@example(
    told=[
        Told(level=frozenset("a"), failed=False, single=None),
        Told(level=frozenset(), failed=False, single="a"),
        Told(level=frozenset(), failed=False, single=None),
    ]
)
def test_last_synced_is_the_last_run_that_had_the_contest(told: list[Told]) -> None:
    state, expected = SyncRuns(), dict[str, str]()
    for number, each in enumerate(told):
        if each.single is not None:
            made = run(number, contest=each.single, failure="status" if each.failed else None)
        elif each.failed:
            made = run(number, failure="status")
        else:
            added, gone = sorted(each.level - state.listed), sorted(state.listed - each.level)
            made = run(number, added=tuple(added), gone=tuple(gone))
        take_in(state, made)
        if not each.failed:
            level = each.level if each.single is None else {each.single}
            expected |= dict.fromkeys(level, made.ended)
        assert {key: state.last_synced(key) for key in KEYS} == {key: expected.get(key) for key in KEYS}
        assert state.contests() == sorted(expected)
    assert state.total == len(told)


def test_runs_of_single_contests_and_failures_begin_no_cool_down() -> None:
    """The last run of the whole platform is the last of them; the last success is another matter."""
    state = SyncRuns()
    take_in(state, run(1, added=("a",)))
    take_in(state, run(2, contest="b"))
    take_in(state, run(3, failure="timeout"))
    assert state.last is not None
    assert state.last_success is not None
    assert (state.last.id, state.last_success.id) == ("run3", "run1")
    assert [each.id for each in state.newest(0, 10)] == ["run3", "run2", "run1"]
    assert [each.id for each in state.newest(1, 1)] == ["run2"]


def test_a_run_that_cannot_be_read_changes_nothing() -> None:
    state = SyncRuns()
    take_in(state, run(1, added=("a",)))
    with pytest.raises(msgspec.DecodeError):
        state.apply(2, SYNC_RUNS, "x", b'{"id":"x"}')
    assert (state.position, state.total, state.last_synced("a")) == (1, 1, run(1).ended)


def test_what_happened_long_ago_is_left_to_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync_runs, "RUNS_KEPT_MAX", 3)
    state = SyncRuns()
    for number in range(5):
        take_in(state, run(number, added=("a",) if number == 0 else ()))
    assert (state.total, state.remembered) == (5, 3)
    assert [each.id for each in state] == ["run2", "run3", "run4"]
    assert state.last_synced("a") == run(4).ended
