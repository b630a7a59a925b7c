"""One feed client on a connection without a socket: who takes little is waited for, who takes nothing is cut off."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from cds import metrics
from cds.fan_out.channel import Channel
from cds.fan_out.client import EndReason, FeedClient, Subscription, Wire
from cds.fan_out.connection import WAITING_BYTES_MAX, Uptake
from cds.fan_out.framing import Framing
from cds.fan_out.kept_blocks import KeptBlocks
from cds.fan_out.limits import FeedLimits
from cds.fan_out.rounds import Rounds
from cds.fan_out.source import Selection, Source
from projections.feed_lines import ALL_TYPES_MASK, SEGMENT_LINES_MAX
from schemas.viewers import PUBLIC
from tests.cds.fan_out.fake_feeds import TAG, Connection, Feed, unzipped

DEADLINE_S = 10.0
KEEP_ALIVE_S = 30.0
LIMITS = FeedLimits(pump_bytes=100, buffered_bytes_max=150, live_block_bytes_max=1_200, stalled_s=30.0, tick_s=0.001)
PIECE_BYTES_MAX = WAITING_BYTES_MAX + LIMITS.pump_bytes


class Stage:
    """A feed of 40 lines, a channel, and a client that has connected."""

    def __init__(self, framing: Framing | None = None, *, types_mask: int = ALL_TYPES_MASK, live: bool = True) -> None:
        self.feed = Feed()
        self.feed.add(40)
        self.connection = Connection()
        selection = Selection(TAG, types_mask, None, framing or Framing(chunked=False))
        source = Source(self.feed.lines, selection, KeptBlocks(10_000))
        self.channel = Channel(source, LIMITS)
        subscription = Subscription(
            contest_id="small",
            viewer=PUBLIC,
            address="192.0.2.1",
            source=source,
            channel=self.channel if live else None,
            cursor=0,
        )
        wire, rounds = Wire(self.connection, self.connection), Rounds(LIMITS.round_bytes)
        self.client = FeedClient(subscription, wire, rounds, LIMITS)

    def publish(self, count: int = 1) -> None:
        """Let lines come and hand them out to who is live."""
        self.feed.add(count)
        while (block := self.channel.next_block()) is not None:
            for _ in self.channel.publish(block):
                pass

    async def until(self, true: Callable[[], bool]) -> None:
        """Let others work until something is so."""
        async with asyncio.timeout(DEADLINE_S):
            while not true():
                await asyncio.sleep(0)

    async def until_live(self) -> None:
        """Let the client take everything until it is live."""
        async with asyncio.timeout(DEADLINE_S):
            while not self.client.live:
                self.connection.take()
                await asyncio.sleep(0)
        self.connection.take()


@asynccontextmanager
async def delivering(stage: Stage) -> AsyncIterator[asyncio.Task[None]]:
    """The client's own task, for the length of the block."""
    task = asyncio.create_task(stage.client.deliver())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_it_catches_up_piece_by_piece_and_is_live_then() -> None:
    stage = Stage()
    async with delivering(stage):
        await stage.until(lambda: not stage.connection.room.is_set())
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(stage.connection.given) == LIMITS.pump_bytes, "no more until it has taken that"
        await stage.until_live()
        stage.publish(2)
        assert stage.connection.given == stage.feed.expected(0)


@pytest.mark.parametrize("at_once", [0, 1, 99, 100, 250, 1_000])
async def test_whatever_it_takes_at_once_no_more_than_one_piece_waits_for_it(at_once: int) -> None:
    """Until it has taken that; the rest it gets then, turn by turn."""
    stage = Stage()
    stage.connection.taken_at_once_bytes = at_once
    async with delivering(stage):
        await stage.until(lambda: not stage.connection.room.is_set())
        for _ in range(20):
            await asyncio.sleep(0)
        assert at_once < len(stage.connection.given) <= at_once + PIECE_BYTES_MAX
        while not stage.client.live:
            stage.connection.take(30)
            await asyncio.sleep(0)
        assert stage.connection.given == stage.feed.expected(0)
    assert stage.connection.most_waiting_bytes <= PIECE_BYTES_MAX


async def test_one_that_lags_is_given_nothing_on_top_of_what_waits() -> None:
    stage = Stage()
    async with delivering(stage):
        await stage.until_live()
        while stage.client.live:
            stage.publish()
        waiting = stage.connection.waiting_bytes
        assert waiting > LIMITS.buffered_bytes_max
        stage.publish(20)
        while stage.connection.waiting_bytes > 1:
            for _ in range(5):
                await asyncio.sleep(0)
            assert stage.connection.waiting_bytes == waiting, "nothing comes before all of this is taken"
            stage.connection.take(40)
            waiting = max(waiting - 40, 0)
        stage.connection.most_waiting_bytes = 0
        await stage.until_live()
        assert 0 < stage.connection.most_waiting_bytes <= PIECE_BYTES_MAX
        assert stage.connection.given == stage.feed.expected(0)


async def test_a_live_client_that_takes_too_little_lags_and_catches_up() -> None:
    stage = Stage()
    async with delivering(stage):
        await stage.until_live()
        lagging_before = metrics.FEED_CLIENTS_LAGGING._value.get()
        for _ in range(8):
            stage.publish()
        assert not stage.client.live
        assert metrics.FEED_CLIENTS_LAGGING._value.get() == lagging_before + 1
        held_back = len(stage.connection.given)
        stage.publish(20)
        assert len(stage.connection.given) == held_back
        await stage.until_live()
        assert stage.connection.given == stage.feed.expected(0)
        assert metrics.FEED_CLIENTS_LAGGING._value.get() == lagging_before


async def test_a_large_release_is_read_by_everybody_at_their_own_speed() -> None:
    stage = Stage()
    async with delivering(stage):
        await stage.until_live()
        before = len(stage.connection.given)
        stage.publish(30)
        assert len(stage.connection.given) == before
        await stage.until_live()
        assert stage.connection.given == stage.feed.expected(0)


async def test_one_that_takes_a_byte_now_and_then_is_waited_for() -> None:
    stage = Stage()
    async with delivering(stage):
        await stage.until(lambda: not stage.connection.room.is_set())
        for look in range(20):
            stage.connection.take(1)
            stage.client.look(look * LIMITS.stalled_s * 0.9, KEEP_ALIVE_S)
        assert stage.client.ended is None


@pytest.mark.parametrize("live", [True, False])
async def test_one_that_takes_nothing_is_cut_off(live: bool) -> None:
    """Whether it stopped in the middle of history or was live and has got a single line that it does not take."""
    stage = Stage()
    cut_off = metrics.FEED_CLIENTS_CUT_OFF.labels("stalled")
    before = cut_off._value.get()
    async with delivering(stage) as task:
        if live:
            await stage.until_live()
            stage.client.look(0, 1e9)
            stage.publish()
        else:
            await stage.until(lambda: not stage.connection.room.is_set())
        with capture_logs() as logs:
            stage.client.look(100, 1e9)
            stage.client.look(100 + LIMITS.stalled_s - 1, 1e9)
            assert not has_ended(stage)
            stage.client.look(100 + LIMITS.stalled_s, 1e9)
        assert has_ended(stage)
        assert stage.connection.closing
        with pytest.raises(ConnectionError):
            await task
    assert [(each["event"], each["reason"], each["address"]) for each in logs] == [
        ("feed_client_cut_off", "stalled", "192.0.2.1")
    ]
    assert logs[0]["bytes_behind"] > 0
    assert cut_off._value.get() == before + 1


async def test_one_of_whose_connection_nothing_can_be_learnt_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the kernel refuses to tell ends this client alone, and is told and counted."""

    def refuse(_uptake: Uptake) -> int:
        raise OSError("no such device")

    stage = Stage()
    failed = metrics.FEED_CLIENTS_CUT_OFF.labels("failed")
    before = failed._value.get()
    async with delivering(stage) as task:
        await stage.until(lambda: not stage.connection.room.is_set())
        monkeypatch.setattr(Uptake, "untaken_bytes", refuse)
        with capture_logs() as logs:
            stage.client.look(1, 1e9)
        with pytest.raises(ConnectionError):
            await task
    assert [(each["event"], each["reason"], each["error"]) for each in logs] == [
        ("feed_client_cut_off", "failed", "no such device")
    ]
    assert failed._value.get() == before + 1


async def test_one_that_takes_nothing_is_cut_off_also_when_its_stream_is_to_end() -> None:
    """Otherwise it could keep its place for ever by not taking the end."""
    stage = Stage()
    async with delivering(stage) as task:
        await stage.until(lambda: not stage.connection.room.is_set())
        stage.client.end("login")
        stage.client.look(100, 1e9)
        stage.client.look(100 + LIMITS.stalled_s, 1e9)
        assert stage.connection.closing
        with pytest.raises(ConnectionError):
            await task


async def test_one_that_was_idle_for_long_is_given_the_whole_time() -> None:
    stage = Stage()
    async with delivering(stage):
        await stage.until_live()
        for at_s in (0, 50, 1_000):
            stage.client.look(at_s, 1e9)
        stage.publish()
        stage.client.look(1_001, 1e9)
        stage.client.look(1_001 + LIMITS.stalled_s / 2, 1e9)
        assert stage.client.ended is None


async def test_a_sign_of_life_comes_a_fixed_time_after_the_last_bytes_whatever_others_get() -> None:
    stage = Stage(types_mask=0b1)
    async with delivering(stage):
        await stage.until_live()
        history, now_s = bytes(stage.connection.given), asyncio.get_running_loop().time()
        stage.client.look(now_s + 0.5 * KEEP_ALIVE_S, KEEP_ALIVE_S)
        assert stage.connection.given == history
        stage.feed.add(5, type_number=1)
        assert stage.channel.next_block() is None, "nothing of it is for this client"
        stage.client.look(now_s + 1.1 * KEEP_ALIVE_S, KEEP_ALIVE_S)
        assert stage.connection.given == history + b"\n"
        stage.client.look(now_s + 1.9 * KEEP_ALIVE_S, KEEP_ALIVE_S)
        assert stage.connection.given == history + b"\n"
        stage.connection.take()
        stage.client.look(now_s + 2.2 * KEEP_ALIVE_S, KEEP_ALIVE_S)
        assert stage.connection.given == history + b"\n\n"


async def test_a_compressed_stream_ends_properly_whatever_happened_on_it() -> None:
    """History, live blocks, signs of life, a time of lagging, and an end while it is live."""
    stage = Stage(Framing(compressed=True, chunked=False))
    async with delivering(stage) as task:
        await stage.until_live()
        stage.publish(3)
        stage.connection.take()
        stage.client.look(asyncio.get_running_loop().time() + 2 * KEEP_ALIVE_S, KEEP_ALIVE_S)
        for _ in range(6):
            stage.publish(2)
        await stage.until_live()
        stage.publish(1)
        stage.client.end("closing")
        stage.publish(1)
        await ended(stage, task)
    lines = stage.feed.expected(0).splitlines(keepends=True)
    received = unzipped(bytes(stage.connection.given), whole=True)
    assert received.replace(b"\n\n", b"\n") == b"".join(lines[:-1])
    assert received.count(b"\n\n") == 1


async def test_without_stream_it_ends_when_it_has_everything() -> None:
    stage = Stage(live=False)
    async with delivering(stage) as task:
        await ended(stage, task)
    assert stage.connection.given == stage.feed.expected(0)


async def test_a_line_that_came_from_elsewhere_does_not_come_again() -> None:
    """A token of a line that this channel has not looked at yet: read with `stream=false`, or on another server."""
    stage = Stage()
    stage.feed.add(3)
    stage.client.cursor = stage.feed.lines.last_sequence
    async with delivering(stage):
        for _ in range(5):
            await asyncio.sleep(0)
        assert not stage.client.live
        stage.publish(1)
        await stage.until_live()
        stage.publish(1)
    assert stage.connection.given == stage.feed.expected(stage.feed.sequence(43))


def has_ended(stage: Stage) -> bool:
    """Whether the client's stream has come to its end."""
    return stage.client.ended is not None


async def ended(stage: Stage, task: Awaitable[None]) -> None:
    """Let the client take everything until its task is done."""
    waiting = asyncio.ensure_future(task)
    async with asyncio.timeout(DEADLINE_S):
        while not waiting.done():
            stage.connection.take()
            await asyncio.sleep(0)
    await waiting


@pytest.mark.parametrize("reason", ["closing", "login", "forgotten"])
async def test_who_wants_what_there_is_never_takes_a_part_of_it_for_all(reason: EndReason) -> None:
    """A stream that stays may be ended in order anywhere; one that is to be the whole is broken off."""
    stage = Stage(live=False)
    stage.feed.add(2 * SEGMENT_LINES_MAX)
    async with delivering(stage) as task:
        await stage.until(lambda: not stage.connection.room.is_set())
        stage.client.end(reason)
        async with asyncio.timeout(DEADLINE_S):
            while not task.done():
                stage.connection.take()
                await asyncio.sleep(0)
        assert isinstance(task.exception(), ConnectionResetError)
    assert stage.connection.closing
    assert len(stage.connection.given) < len(stage.feed.expected(0))
