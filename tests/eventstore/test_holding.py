"""Work that one process of all on a database does at a time, on Postgres: who follows whom, and how surely.

No timed assertions: what is asserted is an order of events, and a deadline only ends a test that hangs.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import cast

import asyncpg
import pytest

from eventstore import holding
from eventstore.holding import DUTY_CLASS, Holder
from eventstore.postgres import PostgresStore
from eventstore.queries import QUERIES
from eventstore.store import StoreUnavailable
from tests.eventstore.builders import DEADLINE_S

NAME = "clock"
SESSIONS_OF_HOLDERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = $1::integer::oid"
    " AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


class Lock:
    """The one lock of a database that is not there, and what it was asked."""

    def __init__(self) -> None:
        self.owner: object = None
        self.tries = 0
        self.looks_for_frozen = 0


class Session:
    """A session of that database."""

    def __init__(self, lock: Lock) -> None:
        self._lock = lock
        self._closed = False
        self.listeners: list[Callable[[object], None]] = []

    def add_termination_listener(self, listener: Callable[[object], None]) -> None:
        self.listeners.append(listener)

    def is_closed(self) -> bool:
        return self._closed

    def terminate(self) -> None:
        self._closed = True

    async def fetch(self, _query: str, _class: int, names: list[str], *, timeout: float) -> list[tuple[str]]:
        assert timeout == holding.BEAT_TIMEOUT_S
        self._lock.tries += 1
        if names and self._lock.owner is None:
            self._lock.owner = self
            return [(name,) for name in names]
        return []

    async def execute(self, query: str, *_arguments: object, timeout: float) -> None:
        assert timeout == holding.BEAT_TIMEOUT_S
        self._lock.looks_for_frozen += query == QUERIES["end_sessions_of_the_frozen"]

    def end_for(self, other: object) -> None:
        """The session is gone, and another has the lock at once."""
        self._closed = True
        self._lock.owner = other
        for listener in self.listeners:
            listener(self)


class Worker:
    """A process that does the work whenever it is its turn, and notes whether somebody else is at it."""

    def __init__(self, store: PostgresStore, at_work: set["Worker"]) -> None:
        self.store = store
        self.at_work = at_work
        self.begun = asyncio.Event()
        self.ended = asyncio.Event()
        self.overlaps = 0
        self.task = asyncio.create_task(self._take_turns())

    async def _take_turns(self) -> None:
        while True:
            await self.store.hold(NAME, self._work)

    async def _work(self) -> None:
        self.overlaps += bool(self.at_work)
        self.at_work.add(self)
        self.ended.clear()
        self.begun.set()
        try:
            while True:
                if self.store.holds(NAME):
                    assert not any(other.store.holds(NAME) for other in self.at_work - {self})
                await asyncio.sleep(0.001)
        finally:
            self.at_work.discard(self)
            self.begun.clear()
            self.ended.set()

    async def begins(self) -> None:
        async with asyncio.timeout(DEADLINE_S):
            await self.begun.wait()


@pytest.fixture
async def workers(store: PostgresStore, second_store: PostgresStore) -> AsyncIterator[list[Worker]]:
    """Two processes; the first is at work."""
    at_work: set[Worker] = set()
    first = Worker(store, at_work)
    await first.begins()
    both = [first, Worker(second_store, at_work)]
    yield both
    for worker in both:
        worker.task.cancel()
    results = await asyncio.gather(*(worker.task for worker in both), return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in results), results
    assert [worker.overlaps for worker in both] == [0, 0]


@pytest.fixture
async def stranger(database_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A session that does what no process here would."""
    connection = await asyncpg.connect(database_dsn)
    yield connection
    connection.terminate()


async def test_whoever_lays_the_work_down_is_followed(workers: list[Worker]) -> None:
    workers[0].task.cancel()
    await workers[1].begins()


async def test_a_lost_session_ends_the_work_before_another_begins(
    workers: list[Worker], stranger: asyncpg.Connection
) -> None:
    """Again and again, whoever has it; that the two never overlap is asserted by the fixture."""
    for _ in range(2):
        (holder,) = (worker for worker in workers if worker.begun.is_set())
        await stranger.execute(SESSIONS_OF_HOLDERS, DUTY_CLASS)
        async with asyncio.timeout(DEADLINE_S):
            await holder.ended.wait()
            while not any(worker.begun.is_set() for worker in workers):
                await asyncio.sleep(0.01)


async def test_a_process_that_is_killed_is_followed(store: PostgresStore, stranger: asyncpg.Connection) -> None:
    """Its session ends with it; here a session of nobody's holds the name."""
    await stranger.execute("SELECT pg_advisory_lock($1::integer, hashtext($2))", DUTY_CLASS, NAME)
    begun = asyncio.Event()

    async def work() -> None:
        begun.set()

    task = asyncio.create_task(store.hold(NAME, work))
    await asyncio.sleep(2 * holding.BEAT_S)
    assert not begun.is_set()
    stranger.terminate()
    async with asyncio.timeout(DEADLINE_S):
        assert await task


async def test_the_session_of_a_frozen_process_is_ended(
    store: PostgresStore, stranger: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds the name and says nothing; whoever waits does not wait for ever."""
    monkeypatch.setattr(holding, "FROZEN_S", 0.5)
    await stranger.execute("SELECT pg_advisory_lock($1::integer, hashtext($2))", DUTY_CLASS, NAME)
    async with asyncio.timeout(DEADLINE_S):
        assert await store.hold(NAME, lambda: asyncio.sleep(0))
    with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError)):
        await stranger.execute("SELECT 1")


async def test_a_process_that_lives_is_never_taken_for_frozen(
    workers: list[Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It shows at every beat that it lives."""
    monkeypatch.setattr(holding, "FROZEN_S", 3 * holding.BEAT_S)
    await asyncio.sleep(6 * holding.BEAT_S)
    assert workers[0].begun.is_set()
    assert not workers[1].begun.is_set()


async def test_two_never_hold_the_work_also_where_one_does_not_notice_that_it_has_lost_it(
    workers: list[Worker], stranger: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The news is kept from it: it goes on working, but not with what it must be sure of."""
    holder = workers[0].store._holder
    session, note_end = holder._session, holder._note_end
    assert session is not None
    session.remove_termination_listener(note_end)
    monkeypatch.setattr(holder, "_note_end", lambda _session: None)
    monkeypatch.setattr(holder, "_connect", asyncio.Event().wait)
    await stranger.execute(SESSIONS_OF_HOLDERS, DUTY_CLASS)
    await workers[1].begins()
    async with asyncio.timeout(DEADLINE_S):
        while not workers[1].store.holds(NAME):
            await asyncio.sleep(0.001)
    assert workers[0].begun.is_set()
    assert not workers[0].store.holds(NAME)
    note_end(session)
    async with asyncio.timeout(DEADLINE_S):
        await workers[0].ended.wait()
    assert workers[1].overlaps == 1
    workers[1].overlaps = 0


async def test_what_a_thawed_process_does_first_finds_that_it_holds_nothing(store: PostgresStore) -> None:
    """The loop stands still for longer than the hold is certain: before it knows anything else, `holds` is false."""
    checked: list[bool] = []

    async def work() -> None:
        loop = asyncio.get_running_loop()
        while not store.holds(NAME):
            await asyncio.sleep(0.01)
        thawed_s = loop.time() + holding.CERTAIN_S + 0.01
        while loop.time() < thawed_s:
            continue
        checked.append(store.holds(NAME))

    assert await store.hold(NAME, work)
    assert checked == [False]


async def test_a_closed_store_holds_nothing(store: PostgresStore) -> None:
    await store.close()
    with pytest.raises(StoreUnavailable):
        await store.hold(NAME, lambda: asyncio.sleep(0))
    assert not store.holds(NAME)


async def test_work_that_is_still_ending_after_its_loss_is_not_held_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next session beats, and is certain of what it holds, while the work of the last one has not ended yet."""
    monkeypatch.setattr(holding, "BEAT_S", 0.001)
    monkeypatch.setattr(holding, "RECONNECT_FIRST_S", 0.001)
    lock, sessions, held = Lock(), list[Session](), list[bool]()
    begun = asyncio.Event()

    async def connect() -> asyncpg.Connection:
        sessions.append(Session(lock))
        return cast("asyncpg.Connection", sessions[-1])

    holder = Holder(connect, lambda: True)

    async def work() -> None:
        begun.set()
        held.append(holder.holds(NAME))
        try:
            await asyncio.Event().wait()
        finally:
            tries = lock.tries
            while lock.tries < tries + 5:
                held.append(holder.holds(NAME))
                await asyncio.sleep(0.001)

    holding_on = asyncio.create_task(holder.hold(NAME, work))
    async with asyncio.timeout(DEADLINE_S):
        await begun.wait()
        sessions[0].end_for("another process")
        assert await holding_on is False
    await holder.stop()
    assert len(sessions) == 2
    assert held[0]
    assert not any(held[1:])


async def test_those_who_wait_do_not_look_for_the_frozen_at_every_beat(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look costs the database a list of all its sessions."""
    monkeypatch.setattr(holding, "BEAT_S", 0.001)
    monkeypatch.setattr(holding, "FROZEN_LOOK_S", 2 * DEADLINE_S)
    lock = Lock()
    lock.owner = "another process"

    async def connect() -> asyncpg.Connection:
        return cast("asyncpg.Connection", Session(lock))

    async def for_ever() -> None:
        await asyncio.Event().wait()

    holder = Holder(connect, lambda: True)
    waiting = asyncio.create_task(holder.hold(NAME, for_ever))
    async with asyncio.timeout(DEADLINE_S):
        while lock.tries < 5:
            await asyncio.sleep(0.001)
    assert lock.looks_for_frozen == 1
    waiting.cancel()
    await asyncio.wait((waiting,))
    await holder.stop()
