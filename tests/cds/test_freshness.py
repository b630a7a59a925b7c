"""Looks of readers at the database: shared, as new as whoever asks last needs, and none while it gives no answer."""

import asyncio

import pytest
from structlog.testing import capture_logs

from cds import freshness
from cds.freshness import Looks, answered_soon
from eventstore.memory import MemoryStore
from eventstore.store import StoreUnavailable

DEADLINE_S = 10


class Database(MemoryStore):
    """A database of which it is known whether it answers, and whose readings end when they are told to."""

    def __init__(self) -> None:
        super().__init__()
        self.known = True
        self.readings: list[asyncio.Future[bool]] = []
        self.looks = Looks(self, self.read_new, "a stream")

    @property
    def reachable(self) -> bool:
        return self.known

    async def read_new(self) -> bool:
        """A reading."""
        self.readings.append(asyncio.get_running_loop().create_future())
        return await self.readings[-1]

    async def asked(self, count: int = 1) -> list[asyncio.Task[bool]]:
        """Some who ask, and wait by now."""
        tasks = [asyncio.create_task(self.looks.now()) for _ in range(count)]
        for _ in range(3):
            await asyncio.sleep(0)
        return tasks


async def test_those_who_ask_before_a_look_begins_share_it_and_later_ones_the_next() -> None:
    database = Database()
    first = await database.asked(3)
    later = await database.asked(2)
    assert len(database.readings) == 1
    database.readings[0].set_result(False)
    async with asyncio.timeout(DEADLINE_S):
        assert await asyncio.gather(*first) == [False] * 3
        while len(database.readings) < 2:
            await asyncio.sleep(0)
        assert not any(task.done() for task in later)
        database.readings[1].set_result(True)
        assert await asyncio.gather(*later) == [True] * 2


@pytest.mark.parametrize("failure", [StoreUnavailable("away"), TimeoutError()])
async def test_a_database_without_an_answer_is_left_alone_for_a_while_unless_it_is_known_to_be_back(
    failure: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also by those who have waited for the next look."""
    database = Database()
    (first,), later = await database.asked(), await database.asked(2)
    database.known = False
    with capture_logs() as logs:
        database.readings[0].set_exception(failure)
        async with asyncio.timeout(DEADLINE_S):
            assert await asyncio.gather(first, *later) == [False] * 3
            assert not await database.looks.now()
    assert [(entry["event"], entry["stream"]) for entry in logs] == [("database_unavailable", "a stream")]
    assert len(database.readings) == 1
    database.known = True
    await database.asked()
    database.known = False
    monkeypatch.setattr(freshness, "LOOK_AGAIN_S", 0.0)
    database.readings[1].set_result(True)
    await database.asked()
    assert len(database.readings) == 3


async def test_what_else_fails_is_told_to_all_who_wait_and_to_nobody_when_they_have_left() -> None:
    database = Database()
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, about: complaints.append(about))
    waiting = await database.asked(2)
    database.readings[0].set_exception(ZeroDivisionError())
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ZeroDivisionError] * 2
    (gone,) = await database.asked()
    gone.cancel()
    await asyncio.wait((gone,))
    database.readings[1].set_exception(ZeroDivisionError())
    (last,) = await database.asked()
    database.readings[2].set_result(True)
    assert await last
    assert complaints == []


async def test_who_is_given_no_answer_does_not_wait_until_the_asking_has_been_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A connection that hangs may take its time with that."""
    monkeypatch.setattr(freshness, "LOOK_S_MAX", 0.01)
    gives_up, given_up = asyncio.Event(), asyncio.Event()

    async def asking() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await gives_up.wait()
            given_up.set()

    async with asyncio.timeout(DEADLINE_S):
        with pytest.raises(TimeoutError):
            await answered_soon(asking())
        assert not given_up.is_set()
        gives_up.set()
        await given_up.wait()


async def test_an_answer_or_a_failure_of_the_database_is_handed_on() -> None:
    async def answering() -> int:
        return 7

    async def failing() -> int:
        raise StoreUnavailable("away")

    assert await answered_soon(answering()) == 7
    with pytest.raises(StoreUnavailable):
        await answered_soon(failing())
