"""Duties: one process at a time does the work, and goes on doing it whatever happens to it."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import pytest

from cds import duties as duties_module
from cds.duties import Duties
from eventstore.memory import MemoryStore

DEADLINE_S = 20.0
NAME = "clock"


@pytest.fixture
async def processes(memory_store: MemoryStore) -> AsyncIterator[list[Duties]]:
    """The duties of two processes on one store."""
    both = [Duties(memory_store), Duties(memory_store)]
    yield both
    for duties in both:
        await duties.stop()


async def test_one_does_the_work_and_is_followed_when_it_lays_it_down(processes: list[Duties]) -> None:
    begun: asyncio.Queue[int] = asyncio.Queue()
    ended: list[int] = []

    async def work(number: int) -> None:
        begun.put_nowait(number)
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(number)

    for number, duties in enumerate(processes):
        duties.take_up(NAME, partial(work, number))
    async with asyncio.timeout(DEADLINE_S):
        assert await begun.get() == 0
        assert processes[0].holds(NAME)
        assert begun.empty()
        await processes[0].stop()
        assert ended == [0]
        assert await begun.get() == 1


async def test_work_that_fails_is_told_and_begun_again(
    processes: list[Duties], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(duties_module, "FAILED_PAUSE_S", 0.01)
    tries = 0
    done = asyncio.Event()

    async def work() -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise LookupError("the work failed for the test")
        done.set()
        await asyncio.Event().wait()

    processes[0].take_up(NAME, work)
    async with asyncio.timeout(DEADLINE_S):
        await done.wait()
    told = "".join(capsys.readouterr())
    assert told.count("duty_failed") == 2
    assert "the work failed for the test" in told
