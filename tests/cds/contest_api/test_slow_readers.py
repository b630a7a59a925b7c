"""A reader that takes little is waited for; one that takes nothing is not (design: "takes nothing for 30 s")."""

import asyncio
from collections.abc import Iterator

import pytest
from aiohttp import web

from cds.contest_api import event_feed

LOOK_EVERY_S = 0.02


class Connection(asyncio.Transport):
    """A transport whose buffer has these sizes, one after the other, and then stays."""

    def __init__(self, sizes: list[int]) -> None:
        super().__init__()
        self._sizes: Iterator[int] = iter(sizes)
        self._last = 0

    def get_write_buffer_size(self) -> int:
        self._last = next(self._sizes, self._last)
        return self._last


class Response(web.StreamResponse):
    """A response whose writes end when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.taken = asyncio.Event()

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        await self.taken.wait()


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the connection after a moment already."""
    monkeypatch.setattr(event_feed, "STALLED_S_MAX", LOOK_EVERY_S)


async def test_a_slow_reader_is_waited_for() -> None:
    response, connection = Response(), Connection([0, 90_000, 80_000, 70_000, 60_000])
    asyncio.get_running_loop().call_later(3.5 * LOOK_EVERY_S, response.taken.set)
    await event_feed._write(response, bytes(100_000), connection)
    assert connection.get_write_buffer_size() < 90_000, "it was looked at more than once"


async def test_a_dead_reader_is_given_up() -> None:
    response, connection = Response(), Connection([0, 90_000, 90_000])
    with pytest.raises(TimeoutError):
        await event_feed._write(response, bytes(100_000), connection)


async def test_a_dead_reader_of_single_lines_is_given_up() -> None:
    with pytest.raises(TimeoutError):
        await event_feed._write(Response(), b"{}\n", Connection([90_000]))
