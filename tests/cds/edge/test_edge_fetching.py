"""What JetStream cannot carry, or has dropped, an edge has from the core; whoever reads there misses nothing."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from cds import metrics
from cds.jetstream.subjects import FETCH, MESSAGE_ID, REPETITION
from schemas.objects import Clarification
from tests.cds.contest_api.serving import DEADLINE_S, append, opened, running
from tests.cds.contest_api.small_contest import login, moment
from tests.cds.edge.edges import RunningEdge, edging, published_to, until
from tests.cds.jetstream.published import becomes, connection_to, messages_of
from tests.nats_servers import nats_server

CONTEST = "small"
FEED = f"contests/{CONTEST}/event-feed"
PAYLOAD_BYTES_MAX = 4 * 1024
READERS = (None, login(CONTEST, "team-one"), login(CONTEST, "team-two"), login(CONTEST, "judge"))


async def said(dsn: str, name: str, *, times: int = 1, to: str | None = None) -> None:
    """Have an answer given, to everybody or to one team, that says a word so many times."""
    answer = Clarification(
        id=name,
        text=f"{name} " * times,
        time=moment(250),
        contest_time="4:10:00.000",
        to_team_ids=None if to is None else [to],
    )
    async with opened(dsn) as store:
        await append(store, CONTEST, answer)


async def tell_the_same(edge: RunningEdge, feeds: list[list[bytes]]) -> None:
    """Come back when the feeds of READERS are these at an edge."""

    async def same() -> bool:
        return [await edge.caller(reader).lines(FEED) for reader in READERS] == feeds

    await becomes(same)


async def test_what_is_too_large_or_dropped_is_fetched(fresh_dsn: str, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        node = await stack.enter_async_context(nats_server(tmp_path / "nats"))
        settings = published_to(node, payload_bytes_max=PAYLOAD_BYTES_MAX)
        async with running(fresh_dsn, **settings) as core:
            port = core.server.port
            edge = await stack.enter_async_context(edging(core.root, node, tmp_path))
            await edge.audience(CONTEST, "team")
            async with edge.caller(login(CONTEST, "team-one")).stream(FEED) as stream:
                await said(fresh_dsn, "for-one", times=1_000, to="t1")
                await said(fresh_dsn, "for-all", times=1_000)
                async with asyncio.timeout(DEADLINE_S):
                    for name in (b"for-one", b"for-all"):
                        while name not in await stream.line():
                            pass
            await said(fresh_dsn, "behind")
            late = await stack.enter_async_context(edging(core.root, node, tmp_path))
            feeds = [await core.caller(reader).lines(FEED) for reader in READERS]
            for each in (edge, late):
                await tell_the_same(each, feeds)
        connection = await connection_to(node.url)
        stack.push_async_callback(connection.close)
        large = [each for each in await messages_of(connection, CONTEST) if FETCH in each.headers]
        assert {(each.of.role, each.of.team_id) for each in large} >= {("public", None), ("team", None), ("team", "t1")}
        # Everything is dropped, and more is said while nobody publishes.
        await connection.jetstream().purge_stream(f"cds-{CONTEST}")
        await said(fresh_dsn, "while-away", to="t1")
        filled = metrics.EDGE_FILLED._value.get()
        async with running(fresh_dsn, port=port, **settings) as core:
            feeds = [await core.caller(reader).lines(FEED) for reader in READERS]
            latest = await stack.enter_async_context(edging(core.root, node, tmp_path))
            for each in (edge, late, latest):
                await tell_the_same(each, feeds)
            assert metrics.EDGE_FILLED._value.get() > filled
            await said(fresh_dsn, "at-last")
            feeds = [await core.caller(reader).lines(FEED) for reader in READERS]
            for each in (edge, late, latest):
                await tell_the_same(each, feeds)
            assert any(REPETITION in each.headers[MESSAGE_ID] for each in await messages_of(connection, CONTEST))
        await until(lambda: all(each.level for each in edge.contests))
        # The contest is none that is published any more: edges have of the core what they cannot know.
        await said(fresh_dsn, "unpublished")
        async with running(fresh_dsn, port=port, **published_to(node, contest_ids={"other"})) as core:
            for each in (edge, late, latest):
                await knows(each, "unpublished")


async def knows(edge: RunningEdge, name: str) -> None:
    """Come back when an edge has this answer, of whomever."""

    async def shown() -> bool:
        return (await edge.caller().get(f"contests/{CONTEST}/clarifications/{name}")).status == 200

    await becomes(shown)
