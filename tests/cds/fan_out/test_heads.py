"""What the head of an answer says of its lines: nobody is given a line of which it does not hold."""

import asyncio

import msgspec
import pytest

from cds.fan_out.broadcaster import Head
from cds.fan_out.client import Wire
from cds.fan_out.fan_out import FanOut, Wanted
from cds.fan_out.framing import Framing
from cds.fan_out.limits import FeedLimits
from cds.fan_out.source import Selection
from projections.contest import ContestState
from projections.feed_lines import ALL_TYPES_MASK
from schemas.viewers import PUBLIC
from tests.cds.fan_out.fake_feeds import TAG, Connection, Feed

DEADLINE_S = 10.0
CLIENTS = 20
LIMITS = FeedLimits(sweep_s=0.01, tick_s=0.001, clients_per_piece=1)


class Contest:
    """A contest as its followers see it, and the pace that its heads tell of."""

    contest_id = "small"

    def __init__(self) -> None:
        self.state = ContestState()
        self.changed = asyncio.Event()
        self.pace = 1

    def tell(self) -> None:
        """Wake who waits for a change."""
        self.changed.set()
        self.changed = asyncio.Event()


class Stage:
    """A contest with a feed of three lines, and all that is delivered of it."""

    def __init__(self) -> None:
        self.contest, self.feed = Contest(), Feed()
        self.feed.add(3)
        self.fan_out: FanOut[Contest] = FanOut(lambda _viewer, _contest: True, asyncio.Event(), 1e6, LIMITS)

    def wanted(self, *, live: bool = True, tag: bytes = TAG) -> Wanted[Contest]:
        """What a client wants that is told the pace of now."""
        contest, pace = self.contest, self.contest.pace
        return Wanted(
            contest=contest,
            viewer=PUBLIC,
            address="192.0.2.1",
            lines=self.feed.lines,
            selection=Selection(tag, ALL_TYPES_MASK, None, Framing(chunked=False)),
            cursor=0,
            live=live,
            head=Head(pace, lambda: contest.pace),
        )

    def client(self, wanted: Wanted[Contest]) -> tuple[Connection, "asyncio.Task[None]"]:
        """A client that has got its head and takes all that it is given."""
        connection = Connection()
        connection.taken_at_once_bytes = 1_000_000
        return connection, asyncio.create_task(self.fan_out.deliver(wanted, Wire(connection, connection)))

    def change(self, lines: int = 2) -> None:
        """The pace changes, and lines come behind it."""
        self.contest.pace += 1
        self.feed.add(lines)
        self.contest.tell()


async def given(connection: Connection, expected: bytes) -> None:
    """Wait until a client has been given so much."""
    async with asyncio.timeout(DEADLINE_S):
        while len(connection.given) < len(expected):
            await asyncio.sleep(0)


async def test_who_stays_is_let_go_of_in_order() -> None:
    """Before the first line that comes behind the change."""
    stage = Stage()
    before = stage.feed.expected(0)
    connection, task = stage.client(stage.wanted())
    await given(connection, before)
    stage.change()
    async with asyncio.timeout(DEADLINE_S):
        await task
    assert connection.given == before
    assert not connection.closing


async def test_nothing_slips_through_while_others_are_given_what_came_before() -> None:
    """Publishing takes a while, and what comes meanwhile may not be what was said beforehand."""
    stage = Stage()
    before = stage.feed.expected(0)
    clients = [stage.client(stage.wanted(tag=bytes([number + 97]) * 12)) for number in range(20)]
    for connection, _ in clients:
        await given(connection, before)
    stage.feed.add(1)
    stage.contest.tell()
    more = stage.feed.expected(0)
    async with asyncio.timeout(DEADLINE_S):
        while not any(len(connection.given) == len(more) for connection, _ in clients):
            await asyncio.sleep(0)
    assert any(len(connection.given) == len(before) for connection, _ in clients), "publishing is over already"
    stage.change()
    async with asyncio.timeout(DEADLINE_S):
        await asyncio.gather(*(task for _, task in clients))
    assert {len(connection.given) for connection, _ in clients} <= {len(before), len(more)}


async def test_who_comes_too_late_for_its_head_is_given_nothing() -> None:
    """It was sent, and did not hold any more when the first line was to follow."""
    stage = Stage()
    wanted = stage.wanted()
    stage.change()
    connection, task = stage.client(wanted)
    async with asyncio.timeout(DEADLINE_S):
        await task
    assert not connection.given


async def test_who_wants_what_there_is_gets_that_or_a_broken_connection() -> None:
    """Either all that there was when its head held, or what does not look as if it were all."""
    stage = Stage()
    before, wanted = stage.feed.expected(0), stage.wanted(live=False)
    connection, task = stage.client(wanted)
    connection.high = -1
    connection.room.clear()  # so that it has got nothing yet when more comes
    await asyncio.sleep(0)
    stage.change()
    connection.room.set()
    async with asyncio.timeout(DEADLINE_S):
        await task
    assert connection.given == before
    connection, task = stage.client(wanted)
    with pytest.raises(ConnectionResetError):
        await task
    assert not connection.given


async def test_what_holds_again_is_given_again() -> None:
    """Whoever comes back with the head of now goes on."""
    stage = Stage()
    stage.change()
    wanted = msgspec.structs.replace(stage.wanted(), cursor=stage.feed.sequence(3))
    connection, task = stage.client(wanted)
    await given(connection, stage.feed.expected(stage.feed.sequence(3)))
    stage.feed.add(1)
    stage.contest.tell()
    await given(connection, stage.feed.expected(stage.feed.sequence(3)))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_what_was_said_to_many_is_looked_at_once() -> None:
    """A change costs the same however many were told the same."""
    stage = Stage()
    before, asked = stage.feed.expected(0), 0

    def now() -> int:
        nonlocal asked
        asked += 1
        return stage.contest.pace

    wanted = msgspec.structs.replace(stage.wanted(), head=Head(stage.contest.pace, now))
    clients = [stage.client(wanted) for _ in range(CLIENTS)]
    for connection, _ in clients:
        await given(connection, before)
    asked = 0
    stage.feed.add(1)
    stage.contest.tell()
    for connection, _ in clients:
        await given(connection, stage.feed.expected(0))
    assert 0 < asked < CLIENTS
    stage.change()
    async with asyncio.timeout(DEADLINE_S):
        await asyncio.gather(*(task for _, task in clients))
