"""Three nodes of NATS keep a contest together: as the settings say, and when the one that leads its stream dies."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import msgspec
import pytest
from nats.aio.client import Client
from nats.errors import Error as NatsError

from cds import metrics
from cds.jetstream import connecting
from cds.jetstream.settings import NatsServers, PublishingSettings
from cds.jetstream.subjects import GENERATION, stream_name
from schemas.objects import Clarification
from tests.cds.contest_api.serving import Running, append, running
from tests.cds.contest_api.small_contest import login, moment
from tests.cds.edge.edges import SECRET, RunningEdge, edging
from tests.cds.jetstream.published import PREFIX, becomes, connection_to, until_published
from tests.nats_servers import READY_S_MAX, NatsNode, leader_of, nats_cluster

CONTEST = "small"
STREAM = stream_name(PREFIX, CONTEST)
LED_S_MAX = 1.0
"""Whoever leads a stream has answered within so long, even here."""

PING_S = 0.5

WRITTEN = 40
WRITTEN_BEFORE = 10
AGE_S_MAX = 7_200.0
BYTES_MAX = 64 * 1024 * 1024


@pytest.fixture
async def nodes(tmp_path: Path) -> AsyncIterator[list[NatsNode]]:
    """A cluster."""
    async with nats_cluster(tmp_path) as started:
        yield started


@pytest.fixture
async def outside(nodes: list[NatsNode]) -> AsyncIterator[Client]:
    """A connection of the test's own, which finds the other nodes when its own is gone."""
    opened = await connection_to(nodes[0].url)
    yield opened
    await opened.close()


async def is_led(connection: Client) -> bool:
    """Whether a node leads the stream at this moment, as far as the others know."""
    try:
        await connection.jetstream(timeout=LED_S_MAX).stream_info(STREAM)
    except (NatsError, TimeoutError):
        return False
    return True


async def brought_to(settings: PublishingSettings, connection: Client) -> bool:
    """Whether the stream is as the settings say, and all its nodes have all of it."""
    try:
        info = await connection.jetstream(timeout=LED_S_MAX).stream_info(STREAM)
    except (NatsError, TimeoutError):
        return False
    found = info.config
    others = [] if info.cluster is None else info.cluster.replicas or []
    return (
        (found.num_replicas, found.max_age, found.max_bytes)
        == (settings.replicas, settings.age_s_max, settings.bytes_max)
        and len(others) == settings.replicas - 1
        and all(each.current for each in others)
    )


async def has_begun(writing: asyncio.Task[None], written: list[int]) -> bool:
    """Whether so much has been written that more is on its way."""
    return len(written) > WRITTEN_BEFORE or writing.done()


async def write(server: Running, written: list[int]) -> None:
    """Tell all something and then one team alone, again and again, as another process would."""
    for number in range(WRITTEN):
        team = None if number % 2 else "t1"
        said = Clarification(
            id=f"c{100 + number}", from_team_id=team, text="now", time=moment(250), contest_time="4:10:00.000"
        )
        written.append(await append(server.store, CONTEST, said))


class Asked:
    """An edge that is asked again and again for what it has a view of."""

    def __init__(self, core: Running, edge: RunningEdge) -> None:
        """An edge of a core."""
        self._core = core
        self._edge = edge

    async def answers_by_itself(self) -> None:
        """It does not leave the answer to the core."""
        before = metrics.EDGE_ANSWERS.labels("view")._value.get()
        assert (await self._edge.caller().get(f"contests/{CONTEST}/teams")).status == 200
        assert metrics.EDGE_ANSWERS.labels("view")._value.get() == before + 1

    async def is_level(self) -> bool:
        """Whether it gives a team and the public the feeds that the core does."""
        feed = f"contests/{CONTEST}/event-feed"
        for who in (None, login(CONTEST, "team-one")):
            if await self._edge.caller(who).lines(feed) != await self._core.caller(who).lines(feed):
                return False
        return True


@pytest.mark.parametrize("silently", [False, True])
async def test_streams_are_brought_to_the_settings_and_outlive_the_node_that_leads_them(
    fresh_dsn: str,
    tmp_path: Path,
    nodes: list[NatsNode],
    outside: Client,
    monkeypatch: pytest.MonkeyPatch,
    *,
    silently: bool,
) -> None:
    """Lines of a team alone and common ones stay in their order, and an edge goes on with what it has meanwhile.

    The node may also go without a word: its connections stay, and nothing comes over them any more.
    """
    monkeypatch.setattr(connecting, "PING_S", PING_S)
    alone = PublishingSettings(servers=NatsServers(urls=tuple(node.url for node in nodes)), contest_ids={CONTEST})
    async with running(fresh_dsn, publishing=alone) as server:
        before = await until_published(outside, server, CONTEST)
    together = msgspec.structs.replace(alone, replicas=3, age_s_max=AGE_S_MAX, bytes_max=BYTES_MAX)
    async with (
        running(fresh_dsn, publishing=together, edge_secret=SECRET) as server,
        edging(server.root, nodes[0], tmp_path) as edge,
    ):
        await becomes(partial(brought_to, together, outside), READY_S_MAX)
        asked = Asked(server, edge)
        await becomes(asked.is_level)
        written: list[int] = []
        writing = asyncio.create_task(write(server, written))
        await becomes(partial(has_begun, writing, written))
        leader = await leader_of(nodes, STREAM)
        if silently:
            leader.freeze()
        else:
            await leader.kill()
        async with asyncio.timeout(READY_S_MAX):
            while not await is_led(outside):
                await asked.answers_by_itself()
        await writing
        await server.level_with(CONTEST, written[-1])
        after = await until_published(outside, server, CONTEST)
        assert after[: len(before)] == before
        assert after[0].headers[GENERATION] == before[0].headers[GENERATION]
        own = [each.of.team_id for each in after[len(before) :] if each.of.role == "team"]
        assert own.count("t1") >= 2, "lines of the team alone stand between common ones"
        assert None in own
        await becomes(asked.is_level)
