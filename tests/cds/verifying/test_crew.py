"""Work that is given to processes."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from cds.verifying import crew
from cds.verifying.work import HashFiles, Outcome, Work


async def test_what_has_been_found_may_end_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """A piece is taken from the work when somebody begins it, and no sooner."""
    done: list[Work] = []
    taken: list[int] = []

    @asynccontextmanager
    async def process(_dsn: str) -> AsyncIterator[None]:
        yield None

    async def work_done(*_: object) -> Outcome:
        await asyncio.sleep(0)
        return Outcome()

    def work() -> Iterator[Work]:
        for number in range(100):
            if len(done) >= 10:
                return
            taken.append(number)
            yield HashFiles(str(number), "")

    monkeypatch.setattr(crew, "_process", process)
    monkeypatch.setattr(crew, "_done", work_done)
    await crew.do_in_processes("", work(), 3, lambda _: None, lambda piece, _: done.append(piece))
    assert 10 <= len(taken) <= 12
    assert sorted(int(each.begin) for each in done if isinstance(each, HashFiles)) == taken
