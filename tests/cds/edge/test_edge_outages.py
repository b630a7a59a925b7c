"""An edge while others are away: NATS, the core, the stream itself, or what the stream began with."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from unittest.mock import patch

import msgspec
from nats.js.client import JetStreamContext

from cds import metrics
from cds.contest_api.away import STALE
from projections.told import Page
from schemas.viewers import Role
from tests.cds.contest_api.feeds import token_of
from tests.cds.contest_api.serving import SERVER_ADMIN, append, cloned_database, opened, running
from tests.cds.contest_api.small_contest import altered, login, small_contest
from tests.cds.edge.edges import SOON, RunningEdge, Spread, edging, published_to, spread, until
from tests.cds.jetstream.published import connection_to
from tests.nats_servers import NatsNode, nats_server, serves

FEED = "contests/small/event-feed"
STREAM = "cds-small"


@asynccontextmanager
async def jetstream(node: NatsNode) -> AsyncIterator[JetStreamContext]:
    """JetStream of a node."""
    connection = await connection_to(node.url)
    try:
        yield connection.jetstream()
    finally:
        await connection.close()


async def renamed(dsn: str, *names: str) -> None:
    """Give a team these names, one after the other."""
    async with opened(dsn) as store:
        for name in names:
            await append(store, "small", altered(small_contest(), "teams", "t1", name=name))


async def shows(edge: RunningEdge, name: str) -> None:
    """Come back when the team has this name at an edge, for everybody."""
    async with asyncio.timeout(20):
        while (await edge.caller().json("contests/small/teams/t1"))["name"] != name:
            await asyncio.sleep(0.01)


async def test_an_edge_has_from_the_core_what_the_stream_has_dropped(fresh_dsn: str, tmp_path: Path) -> None:
    """One that starts late, and one that was there; teams' own lines too."""
    async with spread(fresh_dsn, tmp_path) as found:
        await found.level("small", "team")
        filled = metrics.EDGE_FILLED._value
        async with jetstream(found.nats) as stream:
            last = (await stream.stream_info(STREAM)).state.last_seq
            await stream.purge_stream(STREAM, seq=last - 2)
            before = filled.get()
            async with edging(found.core.root, found.nats, tmp_path) as late:
                await late.follows("small")
                for name in ("team-one", "judge"):
                    entry = login("small", name)
                    expected = await found.core.caller(entry).lines(FEED)
                    assert await late.caller(entry).lines(FEED) == expected
                    own = await late.caller(entry).get("contests/small/submissions")
                    assert own.body == (await found.core.caller(entry).get("contests/small/submissions")).body
                assert filled.get() > before
                await renamed(fresh_dsn, "After all")
                for edge in (late, *found.edges):
                    await shows(edge, "After all")


async def test_an_edge_goes_on_while_nats_is_away_and_catches_up(fresh_dsn: str, tmp_path: Path) -> None:
    """What it has it shows, and says how far behind it may be; who reads loses nothing, and gets nothing twice."""
    strict_limits = msgspec.structs.replace(SOON, behind_s_max=0.1, stale_after_s=0.1)
    async with (
        spread(fresh_dsn, tmp_path) as found,
        edging(found.core.root, found.nats, tmp_path, limits=strict_limits) as strict,
    ):
        await found.level("small", "public")
        await strict.audience("small", "public")
        edge = found.edges[0]
        async with edge.caller().stream(FEED) as stream:
            lines = []
            while line := await stream.line():
                lines.append(line)
            await found.nats.kill()
            await until(lambda: not edge.contests.connected)
            ready = await edge.caller().get(f"{edge.root}/readyz")
            assert (ready.status, ready.json["nats"]) == (200, False)
            await until(lambda: strict.server.readiness().reasons)
            behind = await strict.caller().get(f"{strict.root}/readyz")
            assert behind.status == 503
            assert behind.json["seconds_behind"] > 0.1
            await _has_read_nothing(found, tmp_path)
            await _written_without_waiting(edge)
            assert (await edge.caller().get("contests/small/teams")).status == 200
            await until(lambda: all(each.stale for each in strict.contests))
            shown = await strict.caller().get("contests/small/teams")
            assert shown.status == 200, shown.body
            assert shown.headers["Warning"] == STALE
            await renamed(fresh_dsn, "While away", "And more")
            expected = await found.core.caller().lines(FEED)
            # Whoever comes from the core is told to come again, not that his token is none; the core is asked once.
            ahead = f"{FEED}?stream=false&since_token={token_of(expected[-1])}"
            with _lines_asked(edge) as asked:
                answers = await asyncio.gather(*(edge.caller().get(ahead) for _ in range(4)))
            assert [each.status for each in answers] == [503] * 4
            assert len(asked) == 1
            await found.nats.start()
            await serves([found.nats])
            while len(lines) < len(expected):
                if line := await stream.line():
                    lines.append(line)
            assert lines == expected
        await shows(found.edges[1], "And more")
        await until(lambda: all(each.is_level for each in (*edge.contests, *strict.contests)))
        assert not strict.server.readiness().reasons
        assert "Warning" not in (await strict.caller().get("contests/small/teams")).headers
        assert (await edge.caller().get(f"{edge.root}/readyz")).status == 200


@contextmanager
def _lines_asked(edge: RunningEdge) -> Iterator[list[str | None]]:
    """The tokens behind which the core is asked for lines in the block."""
    core, asked = edge.contests._core, list[str | None]()
    answered = core.lines

    async def lines(contest_id: str, role: Role, after: str | None, until: str | None = None) -> Page:
        asked.append(after)
        return await answered(contest_id, role, after, until)

    with patch.object(core, "lines", lines):
        yield asked


async def _written_without_waiting(edge: RunningEdge) -> None:
    """What is written cannot be shown here now, so nobody is asked who it is that waits for it."""
    with patch.object(edge.contests._core, "viewer", side_effect=AssertionError):
        made = await edge.caller(SERVER_ADMIN).ask(
            "POST", "contests/small/teams", json={"name": "Unseen", "label": "9"}
        )
    assert made.status == 201


async def _has_read_nothing(found: Spread, directory: Path) -> None:
    """An edge that begins while NATS is away does not send all who come to the core."""
    async with edging(found.core.root, found.nats, directory) as edge:
        assert (await edge.caller().get(f"{edge.root}/readyz")).status == 503
        refused = await edge.caller().get("contests/small/teams")
        assert refused.status == 503
        assert "Retry-After" in refused.headers
        assert (await edge.caller().get("contests")).status == 200


async def test_an_edge_serves_on_while_the_core_is_away(fresh_dsn: str, tmp_path: Path) -> None:
    async with (
        nats_server(tmp_path / "nats") as node,
        running(fresh_dsn, keep_alive_s=0.2, **published_to(node)) as core,
    ):
        port, root = core.server.port, core.root
        judge = login("small", "judge")
        expected = await core.caller(judge).get("contests/small/judgements")
        async with edging(root, node, tmp_path) as edge:
            await edge.audience("small", "judge")
            assert (await edge.caller(judge).get("contests/small/judgements")).body == expected.body
            feed = await edge.caller(judge).lines(FEED)
            await core.server.stop()
            # Longer than it is kept who somebody is: what was good stays so while nobody can be asked.
            viewers = edge.server._viewers
            assert viewers is not None
            await until(lambda: not any(map(viewers._is_fresh, viewers._entries.values())))
            assert (await edge.caller(judge).get("contests/small/judgements")).body == expected.body
            assert await edge.caller(judge).lines(FEED) == feed
            assert (await edge.caller(("nobody@small", "x")).get("contests/small/teams")).status == 503
            assert (await edge.caller(judge).get("contests/small/scoreboard")).status == 200
            async with running(fresh_dsn, port=port, **published_to(node)):
                await renamed(fresh_dsn, "Back again")
                await shows(edge, "Back again")
                unknown = await edge.caller(("nobody@small", "x")).get("contests/small/teams")
                assert unknown.status == 401


async def test_a_stream_that_was_lost_and_told_anew_loses_nobody(fresh_dsn: str, tmp_path: Path) -> None:
    """Streams of clients end, and their tokens are good at once."""
    async with spread(fresh_dsn, tmp_path) as found:
        await found.level("small", "public")
        edge = found.edges[0]
        first = await edge.audience("small", "public")
        lines = await edge.caller().lines(FEED)
        async with jetstream(found.nats) as stream:
            await stream.delete_stream(STREAM)
        await renamed(fresh_dsn, "After the loss")
        await until(lambda: first.ended is not None)
        await shows(edge, "After the loss")
        rest = await edge.caller().lines(f"{FEED}?since_token={token_of(lines[-1])}")
        assert lines + rest == await found.core.caller().lines(FEED)
        assert len(rest) == 1


async def test_tokens_of_a_log_that_was_taken_back_are_refused(
    fresh_dsn: str, small_template: str, tmp_path: Path
) -> None:
    """Behind the core is another database: the edge drops what it has, and clients are told to begin anew."""
    async with AsyncExitStack() as stack, nats_server(tmp_path / "nats") as node:
        restored_dsn = await stack.enter_async_context(cloned_database(small_template))
        async with running(fresh_dsn, keep_alive_s=0.2, **published_to(node)) as core:
            port = core.server.port
            edge = await stack.enter_async_context(edging(core.root, node, tmp_path))
            await edge.follows("small")
            first = await edge.caller().lines(FEED)
            await renamed(fresh_dsn, "Never happened")
            await shows(edge, "Never happened")
            lost = token_of((await edge.caller().lines(FEED))[-1])
        await renamed(restored_dsn, "Happened instead")
        async with running(restored_dsn, port=port, **published_to(node)) as core:
            await shows(edge, "Happened instead")
            expected = await core.caller().lines(FEED)
            assert await edge.caller().lines(FEED) == expected
            for token in (token_of(first[-1]), lost):
                refused = await edge.caller().get(f"{FEED}?since_token={token}")
                said = await core.caller().get(f"{FEED}?since_token={token}")
                assert (refused.status, refused.body) == (400, said.body)
