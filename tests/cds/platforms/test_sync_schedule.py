"""When platforms are synced by themselves: due moments that follow from the log, and what does not stop the next."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.ledgers import Ledger
from cds.platforms import scheduling
from cds.platforms.questions import Platform
from cds.platforms.scheduling import FAILED_RETRY_S_MAX, FIRST_S_MAX, JITTER, Schedule, next_due_ms
from cds.platforms.syncing import Order, SyncFailed
from eventstore.memory import MemoryStore
from eventstore.store import StoreUnavailable
from projections.sync_runs import SyncRuns
from schemas.sync_records import SyncRun, stream_of_platform
from schemas.times import parse_time_ms
from tests.cds.contest_api.live_contest_setup import SetClock
from tests.cds.platforms.test_sync_runs import run

DEADLINE_S = 20.0
EVERY_S = 21_600.0


class Syncs:
    """Runs that are only noted; some fail."""

    def __init__(self, failing: Mapping[Platform, Exception], clock: SetClock) -> None:
        store = MemoryStore()
        self.enabled: Sequence[Platform] = ("codeforces", "leetcode", "codechef")
        self.histories: Mapping[Platform, Ledger[SyncRuns]] = {
            platform: Ledger(store, stream_of_platform(platform), SyncRuns, platform) for platform in self.enabled
        }
        self.asked: list[tuple[Platform, Order]] = []
        self.three = asyncio.Event()
        self._failing = failing
        self._clock = clock

    async def sync(self, platform: Platform, order: Order, /) -> SyncRun | None:
        """Note it."""
        self.asked.append((platform, order))
        if len(self.asked) >= len(self.enabled):
            self.three.set()
        failure = self._failing.get(platform)
        if failure is not None:
            raise failure
        return None


@given(every_s=st.floats(1, 86_400), began_ms=st.integers(0, 10**13))
def test_the_first_run_comes_soon_after_the_start(every_s: float, began_ms: int) -> None:
    due_ms = next_due_ms(None, every_s, began_ms, "codeforces")
    wait_s = min(every_s, FIRST_S_MAX)
    assert wait_s * 1_000 - 1 <= due_ms - began_ms <= wait_s * 1_000 * (1 + JITTER) + 1


@given(every_s=st.floats(1, 86_400), number=st.integers(0, 1_000), began_ms=st.integers(0, 10**13))
def test_the_next_run_follows_from_the_last_one_whenever_the_server_was_started(
    every_s: float, number: int, began_ms: int
) -> None:
    last = run(number)
    due_ms = next_due_ms(last, every_s, began_ms, "codeforces")
    assert due_ms == next_due_ms(last, every_s, 0, "codeforces")
    late_ms = due_ms - parse_time_ms(last.ended)
    assert every_s * 1_000 - 1 <= late_ms <= every_s * 1_000 * (1 + JITTER) + 1


def test_not_all_servers_ask_at_the_same_moment() -> None:
    waits = {next_due_ms(run(number), EVERY_S, 0, "x") - parse_time_ms(run(number).ended) for number in range(20)}
    assert len(waits) == 20


def test_after_a_failure_the_next_run_comes_sooner() -> None:
    failed = run(1, failure="timeout")
    wait_ms = next_due_ms(failed, EVERY_S, 0, "codeforces") - parse_time_ms(failed.ended)
    assert FAILED_RETRY_S_MAX * 1_000 <= wait_ms <= FAILED_RETRY_S_MAX * 1_000 * (1 + JITTER)


@pytest.mark.parametrize("failure", [SyncFailed("html"), StoreUnavailable("away")])
async def test_the_failure_of_one_platform_does_not_stop_the_next(
    monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    monkeypatch.setattr(scheduling, "FAILED_PAUSE_S", 0.0)
    monkeypatch.setattr(scheduling, "TAKEN_PAUSE_S", 0.0)
    monkeypatch.setattr(scheduling, "LOOK_S_MAX", 0.001)
    monkeypatch.setattr(scheduling, "LOOK_S_MIN", 0.001)
    clock = SetClock(now_ms=1_000)
    syncs = Syncs({"codeforces": failure}, clock)
    keeping = asyncio.create_task(Schedule(syncs, EVERY_S, clock).keep())
    await asyncio.sleep(0.02)
    assert syncs.asked == []
    clock.now_ms += round(FIRST_S_MAX * 1_000 * (1 + JITTER)) + 1
    async with asyncio.timeout(DEADLINE_S):
        await syncs.three.wait()
    keeping.cancel()
    await asyncio.wait((keeping,))
    assert [platform for platform, _ in syncs.asked[:3]] == ["codeforces", "leetcode", "codechef"]
    assert {(order.trigger, order.forced) for _, order in syncs.asked} == {("schedule", True)}


async def test_a_platform_that_another_process_is_syncing_is_left_alone_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each look is a question to the database, and a run may take minutes."""
    monkeypatch.setattr(scheduling, "TAKEN_PAUSE_S", 3_600.0)
    monkeypatch.setattr(scheduling, "LOOK_S_MAX", 0.001)
    monkeypatch.setattr(scheduling, "LOOK_S_MIN", 0.001)
    clock = SetClock(now_ms=1_000)
    syncs = Syncs({}, clock)
    keeping = asyncio.create_task(Schedule(syncs, 1.0, clock).keep())
    await asyncio.sleep(0.02)
    clock.now_ms += 10_000
    async with asyncio.timeout(DEADLINE_S):
        while not syncs.asked:
            await asyncio.sleep(0.001)
    await asyncio.sleep(0.1)
    keeping.cancel()
    await asyncio.wait((keeping,))
    assert len(syncs.asked) == 1


async def test_without_a_platform_nothing_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not twenty times a second: that there is none does not change while a server runs."""
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)
        await sleep(0)

    sleep = asyncio.sleep
    monkeypatch.setattr(asyncio, "sleep", wait)
    clock = SetClock()
    syncs = Syncs({}, clock)
    syncs.enabled = ()
    keeping = asyncio.create_task(Schedule(syncs, EVERY_S, clock).keep())
    for _ in range(50):
        await sleep(0)
    assert not keeping.done()
    keeping.cancel()
    await asyncio.wait((keeping,))
    assert waits == []
