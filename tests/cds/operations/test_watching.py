"""What a process measures of itself, and what it says when the database goes and comes back."""

import asyncio
from functools import partial

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from cds.circumstances import SYSTEM
from cds.commands.decision import ObjectChange
from cds.contests import Contests
from cds.importing import encoded_events
from cds.live_contest import Decision, stream_of
from cds.operations import watching
from cds.operations.watching import Watcher
from eventstore.memory import MemoryStore
from eventstore.store import GENESIS_CHAIN, Head, StoreUnavailable
from projections.contest import ContestState
from projections.tokens import KEY_BYTES, TokenMaker
from schemas.object_types import SINGLETON_ID
from schemas.objects import ContestObject
from tests.builders import setup
from tests.cds.contest_api.serving import DEADLINE_S


class WatchedDatabase:
    """A database that goes and comes as it is told."""

    def __init__(self) -> None:
        self.reachable = True
        self.hint_connections_lost = 0
        self.positions: dict[str, int] = {}

    async def heads(self) -> dict[str, Head]:
        """See EventStore."""
        if not self.reachable:
            raise StoreUnavailable("away")
        return {name: Head(position=position, chain=GENESIS_CHAIN) for name, position in self.positions.items()}


def watcher_of(database: WatchedDatabase) -> Watcher:
    """A watcher of that database and of no contests."""
    return Watcher(database, Contests(MemoryStore(), TokenMaker(bytes(KEY_BYTES))), "1.2.3")


def sample(name: str, **labels: str) -> float:
    """A measurement as it stands."""
    found = REGISTRY.get_sample_value(name, labels)
    assert found is not None, name
    return found


async def test_a_database_that_goes_and_comes_back_is_told_once_each() -> None:
    database = WatchedDatabase()
    watcher = watcher_of(database)
    lost = sample("cds_hint_connections_lost_total")
    with capture_logs() as logged:
        for reachable, losses in ((True, 0), (False, 1), (False, 1), (True, 1), (True, 3)):
            database.reachable, database.hint_connections_lost = reachable, losses
            watcher.look_at_database()
            assert sample("cds_database_reachable") == reachable
    assert [line["event"] for line in logged] == ["database_lost", "database_back"]
    assert sample("cds_hint_connections_lost_total") == lost + 3


async def test_a_contest_that_is_not_in_memory_at_all_lags_by_everything() -> None:
    database = WatchedDatabase()
    database.positions = {stream_of("unreadable"): 17, "server": 5}
    watcher = watcher_of(database)
    await watcher.look_at_lag()
    assert sample("cds_contest_lag_events", contest="unreadable") == 17
    database.reachable = False
    await watcher.look_at_lag()
    assert sample("cds_contest_lag_events", contest="unreadable") == 17


def decided(contest: ContestObject | None, _state: ContestState) -> Decision:
    """That the contest is this, or not at all."""
    return Decision(events=encoded_events([ObjectChange("contest", SINGLETON_ID, contest)]))


async def test_a_contest_that_was_deleted_is_not_measured_any_more() -> None:
    store = MemoryStore()
    contests = Contests(store, TokenMaker(bytes(KEY_BYTES)))
    database = WatchedDatabase()
    watcher = Watcher(database, contests, "1.2.3")
    contest = await contests.opened("passing")
    for data in (setup()[0].instance, None):
        await contest.transact(partial(decided, data), actor="", cause="", circumstances=SYSTEM)
        database.positions = {contest.stream: contest.position}
        watcher.look_at_contests()
        await watcher.look_at_lag()
        position, lag = (
            REGISTRY.get_sample_value(f"cds_contest_{name}", {"contest": "passing"})
            for name in ("position", "lag_events")
        )
        assert (position, lag) == ((None, None) if data is None else (1, 0))
    await contests.close()


async def test_deleted_contests_take_no_place_from_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their streams stay; only so many contests have measurements of their own."""
    monkeypatch.setattr(watching, "CONTESTS_MEASURED_MAX", 1)
    store = MemoryStore()
    contests = Contests(store, TokenMaker(bytes(KEY_BYTES)))
    database = WatchedDatabase()
    watcher = Watcher(database, contests, "1.2.3")
    for name, last in (("gone-before", None), ("still-there", setup()[0].instance)):
        contest = await contests.opened(name)
        for data in (setup()[0].instance, last):
            await contest.transact(partial(decided, data), actor="", cause="", circumstances=SYSTEM)
        database.positions[contest.stream] = contest.position
    await watcher.look_at_lag()
    assert sample("cds_contest_lag_events", contest="still-there") == 0
    await contests.close()


async def test_it_goes_on_measuring_until_it_is_stopped() -> None:
    watcher = watcher_of(WatchedDatabase())
    before = sample("cds_event_loop_lag_seconds_count")
    spent_s = sample("process_cpu_seconds_total")
    watcher.start()
    async with asyncio.timeout(DEADLINE_S):
        while sample("cds_event_loop_lag_seconds_count") < before + 2:
            await asyncio.sleep(0.01)
    await watcher.stop()
    assert sample("process_cpu_seconds_total") > spent_s
    assert sample("process_resident_memory_bytes") > 0
    assert 0 < sample("process_start_time_seconds") < SYSTEM.now_us() / 1_000_000
    assert sample("cds_build", version="1.2.3") == 1
