"""Streams of contests that do not exist any more: told to their end, then gone. None of them holds up the others."""

import asyncio
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import msgspec
import pytest
from nats.aio.client import Client
from structlog.testing import capture_logs

from cds.contests import Contests
from cds.jetstream import sweeping
from cds.jetstream.publisher import Publisher
from cds.jetstream.stream_names import stream_names
from cds.jetstream.streams import Streams, log_mark_of
from cds.jetstream.sweeping import Sweeping
from cds.live_contest import LiveContest
from tests.cds.contest_api.serving import Running, running
from tests.cds.edge.edges import edging, published_to, until
from tests.cds.jetstream.published import becomes, publishing, until_published
from tests.nats_servers import NatsNode

OF_A_CONTEST = ("id", "name", "formal_name", "start_time", "duration", "penalty_time", "scoreboard_type")


async def streams_are(names: set[str], connection: Client) -> bool:
    """Whether there are just these."""
    return set(await stream_names(connection)) == names


async def deleted(server: Running, contest_id: str) -> dict[str, object]:
    """Delete a contest; what it takes to make it again."""
    admin = server.of_role("admin")
    found = msgspec.json.decode((await admin.get(f"contests/{contest_id}")).body)
    assert (await admin.ask("DELETE", f"contests/{contest_id}")).status == 204
    return {name: found[name] for name in OF_A_CONTEST if name in found}


async def test_the_stream_of_a_deleted_contest_goes_when_it_has_been_told(
    fresh_dsn: str, tmp_path: Path, node: NatsNode, connection: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody publishes or follows it any more then; a contest that is made again is told from its beginning."""
    monkeypatch.setattr(sweeping, "SWEPT_EVERY_S", 0.05)
    async with AsyncExitStack() as stack:
        core = published_to(node, contest_ids={"early", "small"})
        server = await stack.enter_async_context(running(fresh_dsn, **core))
        await until_published(connection, server, "early")
        await until_published(connection, server, "small")
        edge = await stack.enter_async_context(edging(server.root, node, tmp_path))
        await edge.follows("early")
        made = await deleted(server, "early")
        assert "publish early" in names_of_tasks()
        monkeypatch.setattr(sweeping, "ENDED_KEPT_S", 0.0)
        await becomes(partial(streams_are, {"cds-small"}, connection))
        assert "publish early" not in names_of_tasks()
        await until(lambda: "early" not in edge.contests)
        assert (await edge.caller().get("contests/early")).status == 404
        answer = await server.of_role("admin").ask("PUT", "contests/early", json=made)
        assert answer.status == 201, answer.body
        await until_published(connection, server, "early")
        assert names_of_tasks().count("publish early") == 1


def names_of_tasks() -> list[str]:
    """What is being done at this moment."""
    return [task.get_name() for task in asyncio.all_tasks()]


async def test_a_contest_that_is_there_again_is_published_once(fresh_dsn: str, node: NatsNode) -> None:
    """The sweep has found it to be over with, and then somebody has made it again."""
    async with running(fresh_dsn) as server:
        service = server.server.service
        settings = publishing(node.url, contest_ids={"early", "small"})
        works = Publisher(service.contests, service.tokens, settings, may_publish=lambda: True)
        early = service.contests.known("early")
        works._sweeping.ended = (early,)
        assert [each.contest_id for each in works._wanted()].count("early") == 1
        made = await deleted(server, "early")
        assert [each.contest_id for each in works._wanted()].count("early") == 1
        assert (await server.of_role("admin").ask("PUT", "contests/early", json=made)).status == 201
        assert [each.contest_id for each in works._wanted()].count("early") == 1


async def test_a_stream_stays_while_not_everything_is_kept(
    fresh_dsn: str, node: NatsNode, connection: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is one deleted by who has lost the turn; and what is wrong with one is nothing to the others."""
    monkeypatch.setattr(sweeping, "ENDED_KEPT_S", 0.0)
    real = Contests.opened

    async def fails_for_one(contests: Contests, contest_id: str) -> LiveContest:
        if contest_id == "a-fault":
            raise RuntimeError("nobody has thought of this")
        return await real(contests, contest_id)

    monkeypatch.setattr(Contests, "opened", fails_for_one)
    async with running(fresh_dsn) as server:
        service, settings = server.server.service, publishing(node.url)
        ours = Streams(connection, settings, log_mark_of(service.tokens))
        for contest_id in ("a-fault", "early", "never"):
            await ours.opened(contest_id)
        await deleted(server, "early")
        is_our_turn = is_kept = False

        async def let_go(_contest_id: str) -> bool:
            return is_kept

        looks = Sweeping(service.contests, log_mark_of(service.tokens), settings, lambda: is_our_turn, let_go)
        await looks.look(connection)
        assert await streams_are({"cds-a-fault", "cds-early", "cds-never"}, connection)
        is_our_turn = True
        with capture_logs() as logs:
            await looks.look(connection)
        assert [each["stream"] for each in logs if each["event"] == "stream_not_swept"] == ["cds-a-fault"]
        assert await streams_are({"cds-a-fault", "cds-early"}, connection)
        assert [each.contest_id for each in looks.ended] == ["early"]
        is_kept = True
        await looks.look(connection)
        assert await streams_are({"cds-a-fault"}, connection)
        assert looks.ended == ()
