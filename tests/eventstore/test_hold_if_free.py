"""Work that is done if nobody is at it, and left alone otherwise: the contract, and what Postgres makes of it."""

import asyncio
import gc
from typing import cast

import asyncpg
import pytest

from eventstore import holding
from eventstore.holding import DUTY_CLASS, Holder
from eventstore.postgres import PostgresStore
from eventstore.store import EventStore, StoreUnavailable
from tests.eventstore.builders import DEADLINE_S
from tests.eventstore.test_holding import SESSIONS_OF_HOLDERS, Lock, Session

NAME = "sync codeforces"
NAMES = 20


class Work:
    """Work that goes on until it is told to end."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.to_end = asyncio.Event()

    async def __call__(self) -> None:
        self.begun.set()
        await self.to_end.wait()


async def test_what_is_free_is_done_and_free_again(any_store: EventStore) -> None:
    for _ in range(2):
        work = Work()
        doing = asyncio.create_task(any_store.hold_if_free(NAME, work))
        async with asyncio.timeout(DEADLINE_S):
            await work.begun.wait()
            assert any_store.holds(NAME)
            work.to_end.set()
            assert await doing == "kept"
        assert not any_store.holds(NAME)


async def test_what_somebody_is_at_is_not_begun(any_store: EventStore) -> None:
    """Ten at once: one does it, and the others are told at once."""
    work = Work()
    doing = [asyncio.create_task(any_store.hold_if_free(NAME, work)) for _ in range(10)]
    async with asyncio.timeout(DEADLINE_S):
        answers = [await each for each in asyncio.as_completed(doing[1:])]
        work.to_end.set()
        answers.append(await doing[0])
    assert sorted(answers) == ["kept", *["taken"] * 9]


async def test_other_names_are_free(any_store: EventStore) -> None:
    work = Work()
    doing = asyncio.create_task(any_store.hold_if_free(NAME, work))
    async with asyncio.timeout(DEADLINE_S):
        await work.begun.wait()
        assert await any_store.hold_if_free("sync leetcode", lambda: asyncio.sleep(0)) == "kept"
        work.to_end.set()
        await doing


async def test_what_the_work_raises_is_raised_and_frees_the_name(any_store: EventStore) -> None:
    async def fail() -> None:
        raise LookupError("nothing there")

    with pytest.raises(LookupError):
        await any_store.hold_if_free(NAME, fail)
    assert await any_store.hold_if_free(NAME, lambda: asyncio.sleep(0)) == "kept"


async def test_names_of_work_that_is_over_are_forgotten(any_store: EventStore) -> None:
    """There is one for each student, and nobody ever says that one of them is the last."""

    def locks() -> int:
        gc.collect()
        return sum(isinstance(each, asyncio.Lock) for each in gc.get_objects())

    await any_store.hold_if_free(NAME, lambda: asyncio.sleep(0))
    before = locks()
    for number in range(NAMES):
        assert await any_store.hold_if_free(f"student {number}", lambda: asyncio.sleep(0)) == "kept"
    assert locks() < before + NAMES


async def test_whoever_is_cancelled_frees_the_name(any_store: EventStore) -> None:
    work = Work()
    doing = asyncio.create_task(any_store.hold_if_free(NAME, work))
    async with asyncio.timeout(DEADLINE_S):
        await work.begun.wait()
        doing.cancel()
        await asyncio.wait((doing,))
        assert await any_store.hold_if_free(NAME, lambda: asyncio.sleep(0)) == "kept"


async def test_a_name_that_somebody_here_is_next_for_is_not_waited_for(store: PostgresStore) -> None:
    """Between the end of one work and the beginning of the next the name looks free."""
    first, second = Work(), Work()
    doing = asyncio.create_task(store.hold(NAME, first))
    async with asyncio.timeout(DEADLINE_S):
        await first.begun.wait()
        waiting = asyncio.create_task(store.hold(NAME, second))
        await asyncio.sleep(0)
        first.to_end.set()
        # Asked at every turn of the loop, so also at that one.
        while not second.begun.is_set():
            assert await store.hold_if_free(NAME, lambda: asyncio.sleep(0)) == "taken"
            await asyncio.sleep(0)
        second.to_end.set()
        assert await waiting
        assert await doing
        assert await store.hold_if_free(NAME, lambda: asyncio.sleep(0)) == "kept"


async def test_another_process_is_told_at_once(store: PostgresStore, second_store: PostgresStore) -> None:
    work = Work()
    doing = asyncio.create_task(store.hold_if_free(NAME, work))
    async with asyncio.timeout(DEADLINE_S):
        await work.begun.wait()
        assert await second_store.hold_if_free(NAME, work) == "taken"
        work.to_end.set()
        assert await doing == "kept"
        assert await second_store.hold_if_free(NAME, lambda: asyncio.sleep(0)) == "kept"


async def test_work_whose_session_is_lost_is_cut_short(store: PostgresStore, database_dsn: str) -> None:
    stranger = await asyncpg.connect(database_dsn)
    work = Work()
    doing = asyncio.create_task(store.hold_if_free(NAME, work))
    async with asyncio.timeout(DEADLINE_S):
        await work.begun.wait()
        await stranger.execute(SESSIONS_OF_HOLDERS, DUTY_CLASS)
        assert await doing == "lost"
        assert await store.hold_if_free(NAME, lambda: asyncio.sleep(0)) == "kept"
    await stranger.close()


async def test_a_frozen_process_is_in_nobodys_way_for_long(
    store: PostgresStore, database_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits here, so it is those who try again that end its session."""
    monkeypatch.setattr(holding, "FROZEN_S", 0.3)
    frozen = await asyncpg.connect(database_dsn)
    await frozen.execute("SELECT pg_advisory_lock($1::integer, hashtext($2))", DUTY_CLASS, NAME)
    async with asyncio.timeout(DEADLINE_S):
        while await store.hold_if_free(NAME, lambda: asyncio.sleep(0)) == "taken":
            await asyncio.sleep(0.05)
    frozen.terminate()


async def test_without_a_database_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holding, "TRY_S_MAX", 0.05)

    async def connect() -> asyncpg.Connection:
        raise StoreUnavailable("away")

    holder = Holder(connect, lambda: True)
    with pytest.raises(StoreUnavailable):
        await holder.hold_if_free(NAME, lambda: asyncio.sleep(0))
    await holder.stop()


async def test_who_is_alone_does_not_wait_for_others_to_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Again and again: what was ours to the end was nobody else's since, as long as there is nobody else."""
    monkeypatch.setattr(holding, "CERTAIN_S", 2 * DEADLINE_S)
    monkeypatch.setattr(holding, "BEAT_S", 0.001)
    lock = Lock()

    async def connect() -> asyncpg.Connection:
        return cast("asyncpg.Connection", Session(lock))

    holder = Holder(connect, lambda: True)
    async with asyncio.timeout(DEADLINE_S):
        for _ in range(3):
            assert await holder.hold_if_free(NAME, lambda: asyncio.sleep(0)) == "kept"
            lock.owner = None
    await holder.stop()


@pytest.mark.parametrize(("names", "at_once"), [(3, True), (50, False)])
async def test_only_so_many_names_of_others_are_remembered(
    names: int, at_once: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With more of them any name may have been somebody's who does not know yet that it is lost, and is waited for."""
    monkeypatch.setattr(holding, "TRIED_MAX", 10)
    monkeypatch.setattr(holding, "CERTAIN_S", 2 * DEADLINE_S)
    monkeypatch.setattr(holding, "BEAT_S", 0.001)
    lock = Lock()

    async def connect() -> asyncpg.Connection:
        return cast("asyncpg.Connection", Session(lock))

    holder = Holder(connect, lambda: True)
    lock.owner = holder
    async with asyncio.timeout(DEADLINE_S):
        for number in range(names):
            assert await holder.hold_if_free(f"student {number}", lambda: asyncio.sleep(0)) == "taken"
        work = Work()
        doing = asyncio.create_task(holder.hold_if_free(NAME, work))
        lock.owner = None
        while not (work.begun.is_set() if at_once else lock.owner):
            await asyncio.sleep(0)
        tries = lock.tries
        while lock.tries < tries + 5:
            await asyncio.sleep(0)
        assert work.begun.is_set() == at_once
    doing.cancel()
    await asyncio.wait((doing,))
    await holder.stop()
