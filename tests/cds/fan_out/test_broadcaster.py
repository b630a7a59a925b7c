"""Many clients of one contest that stall, leave and come back at random while lines come; and logins that end."""

import asyncio
import random

import pytest

from cds.fan_out.broadcaster import Broadcaster
from cds.fan_out.client import FeedClient, Subscription, Wire
from cds.fan_out.framing import Framing
from cds.fan_out.kept_blocks import KeptBlocks
from cds.fan_out.limits import FeedLimits
from cds.fan_out.rounds import Rounds
from cds.fan_out.source import Selection
from projections import feed_lines
from projections.contest import ContestState
from projections.feed_lines import ALL_TYPES_MASK
from schemas.viewers import PUBLIC, Viewer
from tests.cds.fan_out.fake_feeds import TAG, Connection, Feed, unzipped

DEADLINE_S = 20.0
ROUNDS = 120
CLIENTS = 12
TEAM = Viewer(role="team", team_id="mine", account_id="account")
LIMITS = FeedLimits(
    tick_s=0.001,
    clients_per_piece=2,
    buffered_bytes_max=300,
    live_block_bytes_max=1_000,
    ring_blocks_max=4,
    ring_bytes_max=1_500,
    pump_bytes=128,
    pumps_at_once=2,
)


class Contest:
    """A contest as its followers see it."""

    contest_id = "small"

    def __init__(self) -> None:
        self.state = ContestState()
        self.changed = asyncio.Event()

    def tell(self) -> None:
        """Wake who waits for a change."""
        self.changed.set()
        self.changed = asyncio.Event()


class Stage:
    """A contest, its broadcaster, and clients with their tasks."""

    def __init__(self) -> None:
        self.feed, self.contest = Feed(), Contest()
        self.valid = True
        self.broadcaster = Broadcaster(self.contest, lambda _: self.valid, KeptBlocks(20_000), LIMITS)
        self.rounds = Rounds(LIMITS.round_bytes)

    def connect(self, viewer: Viewer, framing: Framing, position: int) -> tuple[Connection, "asyncio.Task[None]"]:
        """A client that resumes behind a position."""
        connection = Connection()
        selection = Selection(TAG, ALL_TYPES_MASK, viewer.team_id, framing)
        channel = self.broadcaster.channel(self.feed.lines, selection, viewer.role)
        subscription = Subscription(
            contest_id="small",
            viewer=viewer,
            address="",
            source=channel.source,
            channel=channel,
            cursor=self.feed.sequence(position),
        )
        client = FeedClient(subscription, Wire(connection, connection), self.rounds, LIMITS)

        async def serve() -> None:
            self.broadcaster.join(client)
            try:
                await client.deliver()
            finally:
                self.broadcaster.leave(client)
                self.broadcaster.release(channel)

        return connection, asyncio.create_task(serve())


@pytest.mark.parametrize("seed", range(8))
async def test_everybody_has_everything_in_the_end(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_lines, "SEGMENT_LINES_MAX", 7)
    chance, stage = random.Random(seed), Stage()
    clients: list[tuple[Viewer, Framing, int, Connection, asyncio.Task[None]]] = []
    for _ in range(ROUNDS):
        what = chance.random()
        if what < 0.4:
            team_id = chance.choice([None, None, "mine", "other"])
            stage.feed.add(chance.choice([1, 1, 2, 20]), team_id=team_id, replaced_for=chance.choice([(), ("mine",)]))
            stage.contest.tell()
        elif what < 0.6 and len(clients) < CLIENTS:
            viewer, position = chance.choice([PUBLIC, TEAM]), chance.randint(0, stage.feed.position)
            framing = Framing(compressed=chance.random() < 0.5, chunked=False)
            clients.append((viewer, framing, position, *stage.connect(viewer, framing, position)))
        elif what < 0.65 and clients:
            *_, connection, task = clients.pop(chance.randrange(len(clients)))
            connection.abort()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        for *_, connection, _ in clients:
            if chance.random() < 0.5:
                connection.take(chance.choice([1, 50, None]))
        for _ in range(chance.randint(0, 6)):
            await asyncio.sleep(0)
    await come_to_rest(stage, [connection for *_, connection, _ in clients])
    stage.broadcaster.end_all("closing")
    await come_to_their_end([(connection, task) for *_, connection, task in clients])
    for viewer, framing, position, connection, _ in clients:
        received = unzipped(bytes(connection.given), whole=True) if framing.compressed else bytes(connection.given)
        assert received == stage.feed.expected(stage.feed.sequence(position), team_id=viewer.team_id)


async def come_to_their_end(clients: list[tuple[Connection, "asyncio.Task[None]"]]) -> None:
    """Let everybody take the end of their stream."""
    async with asyncio.timeout(DEADLINE_S):
        while not all(task.done() for _, task in clients):
            for connection, _ in clients:
                connection.take()
            await asyncio.sleep(0)
    await asyncio.gather(*(task for _, task in clients))


async def come_to_rest(stage: Stage, connections: list[Connection]) -> None:
    """Let everybody take everything until all are live and have nothing left."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            for connection in connections:
                connection.take()
            await asyncio.sleep(0.001)
            channels = stage.broadcaster._channels.values()
            if all(each.live for each in stage.broadcaster.clients) and not any(each.behind for each in channels):
                return


async def test_a_login_that_does_not_hold_any_more_gets_nothing_of_the_change_that_ended_it() -> None:
    stage = Stage()
    stage.feed.add(3)
    public, public_task = stage.connect(PUBLIC, Framing(chunked=False), 0)
    team, team_task = stage.connect(TEAM, Framing(chunked=False), 0)
    await come_to_rest(stage, [public, team])
    before = bytes(team.given)
    stage.valid = False
    stage.contest.state.versions["accounts", "account"] = 4
    stage.feed.add(1)
    stage.contest.tell()
    async with asyncio.timeout(DEADLINE_S):
        await team_task
        while public.given != stage.feed.expected(0):
            await asyncio.sleep(0.001)
    assert team.given == before
    public.abort()
    public_task.cancel()
    await asyncio.gather(public_task, return_exceptions=True)


async def test_nothing_stays_when_the_last_client_has_left() -> None:
    stage = Stage()
    connection, task = stage.connect(PUBLIC, Framing(), 0)
    await come_to_rest(stage, [connection])
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (stage.broadcaster.clients, stage.broadcaster._channels, stage.broadcaster._roles) == ([], {}, {})
    assert (stage.broadcaster._readers, stage.broadcaster._stamps, stage.broadcaster._task) == ({}, {}, None)
