"""The clock of all contests, on the memory store and on Postgres: on time, late, by one of several servers."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from uuid import UUID, uuid4

import msgspec
import pytest

from cds.circumstances import SYSTEM
from cds.commands.contest_clock import due_changes
from cds.commands.decision import ObjectChange
from cds.contest_clock import RETRY_MS, ContestClock, settle_contest
from cds.contests import Contests
from cds.importing import encoded_events
from cds.live_contest import Decision, LiveContest, stream_of
from eventstore.memory import MemoryStore
from eventstore.postgres import PostgresStore
from eventstore.store import Append, Event, EventStore, Head, NewEvent, StoreUnavailable
from projections.contest import ContestState
from projections.tokens import KEY_BYTES, TokenMaker
from schemas.object_types import SINGLETON_ID
from schemas.objects import Contest, State
from schemas.records import Settings
from schemas.times import format_time
from tests.appended_changes import append_changes
from tests.builders import CONTEST, START, moment, put, state
from tests.cds.commands.playing import at, contest, settings

TOKENS = TokenMaker(bytes(KEY_BYTES))
DEADLINE_S = 10
THAW = moment("6:00:00.000")
EVERYTHING = state(started=START, frozen=moment("4:00:00.000"), ended=moment("5:00:00.000"), thawed=THAW)


class Moment:
    """Circumstances whose clock stands where a test puts it."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms

    def now_us(self) -> int:
        return self.now_ms * 1_000

    def batch_id(self) -> UUID:
        return uuid4()

    def identifier(self) -> str:
        return uuid4().hex


class Interrupted(MemoryStore):
    """A store that is away while a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False
        self.tried = 0

    async def append(self, append: Append) -> Head | None:
        if self.away:
            self.tried += 1
            raise StoreUnavailable("the database is away")
        return await super().append(append)


class Held(MemoryStore):
    """A store in which one stream cannot be written until it is set free."""

    def __init__(self) -> None:
        super().__init__()
        self.held = ""
        self.free = asyncio.Event()

    async def append(self, append: Append) -> Head | None:
        if append.stream == self.held:
            await self.free.wait()
        return await super().append(append)


@pytest.fixture(params=["memory", "postgres"])
def any_store(request: pytest.FixtureRequest) -> EventStore:
    """An empty store of either kind."""
    chosen: MemoryStore | PostgresStore = request.getfixturevalue(
        "memory_store" if request.param == "memory" else "store"
    )
    return chosen


async def write(store: EventStore, contest_id: str, changes: Sequence[ObjectChange]) -> None:
    """Append to a contest, as any program on the same log may."""
    await append_changes(store, stream_of(contest_id), changes)


def planned(*, clock: bool = True, **changed: str | None) -> list[ObjectChange]:
    """A contest that has not started, with its thaw planned."""
    return [*put(contest(**{"scoreboard_thaw_time": THAW, **changed})), settings(Settings(clock=clock))]


@asynccontextmanager
async def loaded(store: EventStore) -> AsyncIterator[Contests]:
    """The contests of a store, followed for the length of the block."""
    contests = Contests(store, TOKENS)
    await contests.load()
    try:
        yield contests
    finally:
        await contests.close()


@asynccontextmanager
async def running(contests: Contests, circumstances: Moment) -> AsyncIterator[ContestClock]:
    """The clock of the contests for the length of the block."""
    clock = ContestClock(contests, circumstances)
    playing = asyncio.create_task(clock.play())
    try:
        yield clock
        assert clock.running
    finally:
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)
    assert not clock.running


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0.01)


def found(contests: Contests, contest_id: str = "finals") -> LiveContest:
    live = contests.find(contest_id)
    assert live is not None
    return live


def has_happened(contests: Contests, name: str) -> bool:
    """Whether a moment of the state has come."""
    return bool(getattr(found(contests).state.state, name, None))


async def states_of(store: EventStore, contest_id: str = "finals") -> list[Event]:
    """The state events of a contest in its log."""
    events = await store.read(stream_of(contest_id), 0, 1_000)
    return [event for event in events if event.type == "state"]


async def test_what_was_due_while_no_server_ran_is_appended_at_its_moment(any_store: EventStore) -> None:
    """Issue item 5: one event each, in order, stamped with the scheduled moment; by the clock."""
    await write(any_store, "finals", planned())
    async with loaded(any_store) as contests, running(contests, Moment(at("99:00:00.000"))):
        await until(lambda: found(contests).state.state == EVERYTHING)
    events = await states_of(any_store)
    decoded = [msgspec.json.decode(event.data or b"null", type=State) for event in events]
    happened = [[name for name in ("started", "frozen", "ended", "thawed") if getattr(each, name)] for each in decoded]
    assert happened == [
        ["started"],
        ["started", "frozen"],
        ["started", "frozen", "ended"],
        ["started", "frozen", "ended", "thawed"],
    ]
    assert {(event.actor, event.cause) for event in events} == {("clock", "clock")}


async def test_of_several_servers_exactly_one_appends(any_store: EventStore) -> None:
    """Each has the contest in memory as it was; the compare-and-set lets one through, the others find it done."""
    await write(any_store, "finals", planned())
    workers = [LiveContest("finals", any_store, TOKENS) for _ in range(4)]
    await asyncio.gather(*(worker.catch_up() for worker in workers))
    for contest_time, events in (("0:00:00.000", 1), ("4:30:00.000", 2), ("9:00:00.000", 4)):
        await asyncio.gather(*(settle_contest(worker, Moment(at(contest_time))) for worker in workers))
        assert len(await states_of(any_store)) == events
        assert all(worker.state.state == workers[0].state.state for worker in workers)
    assert workers[0].state.state == EVERYTHING


async def test_several_running_clocks_play_one_contest(any_store: EventStore) -> None:
    await write(any_store, "finals", planned())
    circumstances = Moment(at("-0:01:00.000"))
    async with (
        loaded(any_store) as mine,
        loaded(any_store) as others,
        running(mine, circumstances),
        running(others, circumstances),
    ):
        for contest_time, name in (("0:00:00.000", "started"), ("4:00:00.000", "frozen"), ("5:00:00.000", "ended")):
            circumstances.now_ms = at(contest_time)
            for contests in (mine, others):
                await until(partial(has_happened, contests, name))
    assert len(await states_of(any_store)) == 3


async def test_nothing_is_appended_before_its_time_or_for_another_system(memory_store: MemoryStore) -> None:
    await write(memory_store, "finals", planned())
    await write(memory_store, "imported", planned(clock=False))
    circumstances = Moment(at("-0:00:00.001"))
    async with loaded(memory_store) as contests, running(contests, circumstances) as clock:
        await clock.settle(found(contests))
        assert await states_of(memory_store) == []
        circumstances.now_ms = at("9:00:00.000")
        await until(lambda: found(contests).state.state == EVERYTHING)
        await clock.settle(found(contests, "imported"))
    assert await states_of(memory_store, "imported") == []


async def test_a_contest_that_another_process_changes_is_seen(any_store: EventStore) -> None:
    """One that comes later, one whose clock is switched on, and one whose start is moved."""
    async with loaded(any_store) as contests, running(contests, Moment(at("0:10:00.000"))):
        await write(any_store, "late", planned(start_time=moment("1:00:00.000"), id="late"))
        await until(lambda: contests.find("late") is not None)
        await write(any_store, "late", put(contest(id="late", start_time=moment("0:05:00.000"))))
        await until(lambda: found(contests, "late").state.timeline.started)
        await write(any_store, "other", planned(clock=False, id="other"))
        await write(any_store, "other", [settings(Settings(clock=True))])
        await until(lambda: contests.find("other") is not None and found(contests, "other").state.timeline.started)


async def test_settling_looks_again_only_when_something_may_be_due(
    memory_store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write asks the clock first; that must cost nothing while nothing is due."""
    await write(memory_store, "finals", planned())
    async with loaded(memory_store) as contests:
        circumstances = Moment(at("1:00:00.000"))
        clock = ContestClock(contests, circumstances)
        live = found(contests)
        await clock.settle(live)
        assert live.state.timeline.started
        await clock.settle(live)
        monkeypatch.setattr("cds.contest_clock.next_due_ms", None)
        monkeypatch.setattr(live, "transact", None)
        circumstances.now_ms = at("3:59:59.999")
        await clock.settle(live)
        monkeypatch.undo()
        circumstances.now_ms = at("4:00:00.000")
        await clock.settle(live)
        assert live.state.state == state(started=START, frozen=moment("4:00:00.000"))


async def test_a_clock_that_jumps_is_followed(memory_store: MemoryStore) -> None:
    """Back before the start nothing is taken back; ahead again everything comes."""
    await write(memory_store, "finals", planned())
    circumstances = Moment(at("0:00:00.000"))
    async with loaded(memory_store) as contests, running(contests, circumstances):
        await until(lambda: found(contests).state.timeline.started)
        circumstances.now_ms = at("-9:00:00.000")
        await asyncio.sleep(0)
        circumstances.now_ms = at("9:00:00.000")
        await until(lambda: found(contests).state.state == EVERYTHING)
    assert len(await states_of(memory_store)) == 4


async def test_while_the_database_is_away_the_clock_waits_and_then_goes_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not ask again and again at one moment."""
    monkeypatch.setattr("cds.contest_clock.CHECK_S", 0.001)
    store = Interrupted()
    await write(store, "finals", planned())
    circumstances = Moment(at("9:00:00.000"))
    store.away = True
    async with loaded(store) as contests, running(contests, circumstances):
        await until(lambda: store.tried == 1)
        await asyncio.sleep(0.05)
        assert store.tried == 1
        circumstances.now_ms += RETRY_MS
        await until(lambda: store.tried == 2)
        assert found(contests).state.state is None
        store.away = False
        circumstances.now_ms += RETRY_MS
        await until(lambda: found(contests).state.state == EVERYTHING)
    assert "clock_delayed" in "".join(capsys.readouterr())
    await store.close()


async def test_a_writer_that_settles_is_told_that_the_database_is_away() -> None:
    store = Interrupted()
    await write(store, "finals", planned())
    async with loaded(store) as contests:
        store.away = True
        with pytest.raises(StoreUnavailable):
            await ContestClock(contests, Moment(at("9:00:00.000"))).settle(found(contests))
    await store.close()


async def test_a_contest_that_cannot_be_read_does_not_hold_up_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    store = MemoryStore()
    await write(store, "broken", planned(start_time=moment("0:01:00.000"), id="broken"))
    await write(store, "finals", planned())
    circumstances = Moment(at("-1:00:00.000"))
    async with loaded(store) as contests:
        stream = stream_of("broken")
        poison = NewEvent(type="x-parties", id="p1", data=b"{}")
        await store.append(
            Append(
                stream=stream,
                expected_position=(await store.head(stream)).position,
                events=[poison],
                actor="test",
                cause="test",
                batch_id=uuid4(),
                recorded_at_us=0,
            )
        )
        async with running(contests, circumstances):
            circumstances.now_ms = at("9:00:00.000")
            await until(lambda: found(contests).state.state == EVERYTHING)
            assert not found(contests, "broken").state.timeline.started
    assert "clock_delayed" in "".join(capsys.readouterr())
    await store.close()


async def test_a_contest_that_is_held_up_does_not_stop_the_clock_of_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An import that holds the lock of one stream lets an append to it wait; it is asked for once."""
    monkeypatch.setattr("cds.contest_clock.CHECK_S", 0.001)
    store = Held()
    for contest_id in ("held", "finals"):
        await write(store, contest_id, planned(id=contest_id))
    store.held = stream_of("held")
    async with loaded(store) as contests, running(contests, Moment(at("9:00:00.000"))):
        await until(lambda: found(contests).state.state == EVERYTHING)
        assert found(contests, "held").state.state is None
        await asyncio.sleep(0.05)
        assert [task.get_name() for task in asyncio.all_tasks()].count("clock of held") == 1
        store.free.set()
        await until(lambda: found(contests, "held").state.state == EVERYTHING)
    await store.close()


async def test_a_fault_in_one_contest_is_told_and_stops_no_other(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MemoryStore()
    for contest_id in ("faulty", "finals"):
        await write(store, contest_id, planned(id=contest_id))
    async with loaded(store) as contests:
        monkeypatch.setattr(found(contests, "faulty"), "transact", None)
        async with running(contests, Moment(at("9:00:00.000"))):
            await until(lambda: found(contests).state.state == EVERYTHING)
    said = "".join(capsys.readouterr())
    assert "clock_failed" in said
    assert "TypeError" in said
    await store.close()


async def test_a_write_beside_the_clock_is_decided_on_what_the_clock_did(memory_store: MemoryStore) -> None:
    """A decision taken on the state before the start is taken anew on the one after it."""
    await write(memory_store, "finals", planned())
    mine, other = (LiveContest("finals", memory_store, TOKENS) for _ in range(2))
    await asyncio.gather(mine.catch_up(), other.catch_up())
    await settle_contest(other, Moment(at("1:00:00.000")))
    seen: list[bool] = []

    def rename(contest_state: ContestState) -> Decision:
        seen.append(contest_state.timeline.started)
        named = msgspec.structs.replace(CONTEST, name="Other")
        return Decision(events=encoded_events([ObjectChange("contest", SINGLETON_ID, named)]))

    await mine.transact(rename, actor="test", cause="test", circumstances=Moment(0))
    assert seen[0] is False
    assert seen[-1] is True
    assert due_changes(mine.state, at("1:00:00.000")) == []
    contest_object: Contest | None = mine.state.contest
    assert contest_object is not None
    assert contest_object.name == "Other"


async def test_a_contest_on_the_real_clock_starts_at_its_moment(memory_store: MemoryStore) -> None:
    """The loop sleeps until the next moment, here of the machine's own clock."""
    start_ms = SYSTEM.now_us() // 1_000 + 300
    await write(memory_store, "finals", planned(start_time=format_time(start_ms), scoreboard_thaw_time=None))
    async with loaded(memory_store) as contests:
        playing = asyncio.create_task(ContestClock(contests, SYSTEM).play())
        await until(lambda: found(contests).state.timeline.started)
        playing.cancel()
        assert SYSTEM.now_us() // 1_000 >= start_ms
        assert found(contests).state.state == state(started=format_time(start_ms))
