"""All feed clients of a process: what goes wrong with one is not felt by the others, and leaves nothing behind."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from cds import metrics
from cds.fan_out import client as client_module
from cds.fan_out.client import FeedClient, Wire
from cds.fan_out.fan_out import FanOut, Wanted
from cds.fan_out.framing import Framing
from cds.fan_out.limits import FeedLimits
from cds.fan_out.source import Selection
from cds.live_contest import LiveContest
from eventstore.memory import MemoryStore
from projections.feed_lines import ALL_TYPES_MASK
from projections.tokens import KEY_BYTES, TokenMaker
from schemas.viewers import PUBLIC, Viewer
from tests.cds.fan_out.fake_feeds import TAG, Connection, Feed

DEADLINE_S = 10.0
LIMITS = FeedLimits(sweep_s=0.01, tick_s=0.001)


class Stage:
    """A contest with a feed of three lines, and all that is delivered of it."""

    def __init__(self, is_valid: Callable[[Viewer, LiveContest], bool] = lambda _viewer, _contest: True) -> None:
        self.closing = asyncio.Event()
        self.fan_out: FanOut[LiveContest] = FanOut(is_valid, self.closing, 1e6, LIMITS)
        self.feed = Feed()
        self.feed.add(3)
        self._contest = LiveContest("small", MemoryStore(), TokenMaker(bytes(KEY_BYTES)))

    async def deliver(self, connection: Connection) -> None:
        """Serve a client from the start."""
        wanted = Wanted(
            contest=self._contest,
            viewer=PUBLIC,
            address="192.0.2.1",
            lines=self.feed.lines,
            selection=Selection(TAG, ALL_TYPES_MASK, None, Framing(chunked=False)),
            cursor=0,
            live=True,
        )
        await self.fan_out.deliver(wanted, Wire(connection, connection))

    @asynccontextmanager
    async def following(self) -> AsyncIterator[tuple[Connection, "asyncio.Task[None]"]]:
        """A client that has everything and waits for more."""
        connection = Connection()
        task = asyncio.create_task(self.deliver(connection))
        try:
            await until(lambda: connection.given == self.feed.expected(0))
            connection.take()
            yield connection, task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def until(true: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(DEADLINE_S):
        while not true():
            await asyncio.sleep(0)


async def test_a_client_that_cannot_be_served_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **_more: object) -> None:
        raise OSError("the connection cannot be prepared")

    stage = Stage()
    counted = metrics.FEED_CLIENTS.labels("public", "ndjson")
    before = counted._value.get()
    monkeypatch.setattr(client_module, "prepared_socket", refuse)
    with pytest.raises(OSError, match="cannot be prepared"):
        await stage.deliver(Connection())
    assert stage.fan_out._broadcasters == {}
    assert counted._value.get() == before


async def test_one_of_whom_it_cannot_be_told_whether_it_may_stay_leaves_nothing_behind() -> None:
    def fail(_viewer: Viewer, _contest: LiveContest) -> bool:
        raise RuntimeError("nobody knows")

    stage = Stage(fail)
    with pytest.raises(RuntimeError, match="nobody knows"):
        await stage.deliver(Connection())
    assert stage.fan_out._broadcasters == {}


async def test_what_goes_wrong_with_one_client_does_not_end_the_looking_after_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked = 0

    def fail_at_first(_client: FeedClient, *_: object, **_more: object) -> None:
        nonlocal looked
        looked += 1
        if looked == 1:
            raise RuntimeError("only once")

    stage = Stage()
    monkeypatch.setattr(FeedClient, "look", fail_at_first)
    with capture_logs() as logs:
        async with stage.following():
            await until(lambda: looked > 3)
            stage.closing.set()
    assert [each["event"] for each in logs if each["log_level"] == "error"] == ["feed_clients_not_looked_after"]


async def test_closing_ends_all_streams_also_when_looking_after_them_has_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = Stage()

    def fail_while_closing(_client: FeedClient, *_: object, **_more: object) -> None:
        stage.closing.set()
        raise RuntimeError("at the worst moment")

    monkeypatch.setattr(FeedClient, "look", fail_while_closing)
    with capture_logs() as logs:
        async with stage.following() as (connection, task), asyncio.timeout(DEADLINE_S):
            await task
    assert not connection.closing
    assert [each["event"] for each in logs if each["log_level"] == "error"] == ["feed_clients_not_looked_after"]
