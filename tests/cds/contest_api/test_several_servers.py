"""Several servers on one database: what one has acknowledged, the next request finds on every other.

Hints arrive within milliseconds, and a test that would pass thanks to them alone proves nothing: so here they are held
back.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import asyncpg
import pytest

from cds.contests import Contests
from eventstore.listening import POLL_INTERVAL_S, HintListener
from tests.cds.contest_api.serving import Running, running

CONTEST = {"id": "finals", "name": "Finals", "duration": "5:00:00", "scoreboard_type": "pass-fail"}
ROUNDS = 20


@pytest.fixture
async def servers(database_dsn: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[Running]]:
    """Two servers that hear no hints of each other."""

    async def never(_contests: Contests, _stream: str) -> None:
        return None

    monkeypatch.setattr(Contests, "_catch_up", never)
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(running(database_dsn)) for _ in range(2)]


async def cut_hints(dsn: str) -> None:
    """End every session that listens."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        " AND (query LIKE '%position > 0%' OR query LIKE '%objsubid = 2%') AND pid <> pg_backend_pid()"
    )
    await connection.close()


async def test_a_contest_made_on_one_server_is_there_on_the_other(servers: list[Running]) -> None:
    one, other = (server.of_role("admin") for server in servers)
    assert (await one.ask("PUT", "contests/finals", json=CONTEST)).status == 201
    assert (await other.json("contests/finals"))["name"] == "Finals"
    assert [contest["id"] for contest in await other.json("contests")] == ["finals"]


async def test_the_list_of_contests_is_never_older(servers: list[Running]) -> None:
    one, other = (server.of_role("admin") for server in servers)
    assert (await one.ask("PUT", "contests/finals", json=CONTEST)).status == 201
    assert [contest["id"] for contest in await other.json("contests")] == ["finals"]


async def test_a_get_on_any_server_after_a_write_is_never_older(servers: list[Running]) -> None:
    callers = [server.of_role("admin") for server in servers]
    assert (await callers[0].ask("PUT", "contests/finals", json=CONTEST)).status == 201
    for number in range(ROUNDS):
        writer, reader = callers[number % 2], callers[(number + 1) % 2]
        group = {"id": f"g{number}", "name": f"Group {number}"}
        assert (await writer.ask("PUT", f"contests/finals/groups/g{number}", json=group)).status == 201
        assert await reader.json(f"contests/finals/groups/g{number}") == group
        assert len(await reader.json("contests/finals/groups")) == number + 1


async def test_a_get_after_a_notification_of_another_server_is_never_older(servers: list[Running]) -> None:
    one, other = (server.of_role("admin") for server in servers)
    assert (await one.ask("PUT", "contests/finals", json=CONTEST)).status == 201
    async with one.stream("contests/finals/event-feed?types=groups") as feed:
        for number in range(ROUNDS):
            group = {"id": f"g{number}", "name": f"Group {number}"}
            assert (await one.ask("PUT", f"contests/finals/groups/g{number}", json=group)).status == 201
            notification = await feed.notification()
            assert await other.json(f"contests/finals/groups/{notification['id']}") == notification["data"]


async def test_a_write_is_decided_on_what_the_other_server_wrote(servers: list[Running]) -> None:
    one, other = (server.of_role("admin") for server in servers)
    assert (await one.ask("PUT", "contests/finals", json=CONTEST)).status == 201
    assert (await one.ask("PUT", "contests/finals/groups/g", json={"id": "g", "name": "Group"})).status == 201
    team = {"id": "t", "name": "Team", "label": "1", "group_ids": ["g"]}
    assert (await other.ask("PUT", "contests/finals/teams/t", json=team)).status == 201
    assert (await one.ask("DELETE", "contests/finals/groups/g")).status == 409


async def test_a_server_that_has_just_lost_its_hints_is_never_older(
    servers: list[Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not know whether somebody else is there, but the database may well answer: it asks."""
    one, other = (server.of_role("admin") for server in servers)
    assert (await one.ask("PUT", "contests/finals", json=CONTEST)).status == 201
    await other.json("contests/finals")
    for server in servers:
        monkeypatch.setattr(server.store._listener, "_reconnect", asyncio.Event().wait)
        server.store._listener._note_end(None)
        assert not server.store.reachable
    assert (await one.ask("PATCH", "contests/finals", json={"name": "Other"})).status == 200
    assert (await other.json("contests/finals"))["name"] == "Other"
    assert [contest["name"] for contest in await other.json("contests")] == ["Other"]


@pytest.mark.parametrize("seed", [1, 2])
async def test_feeds_are_complete_whatever_becomes_of_hints(
    database_dsn: str, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Some are lost, some come twice, some late, and the connections that carry them are cut meanwhile."""
    generator, take, loop = random.Random(seed), HintListener._receive, asyncio.get_running_loop()

    def receive(listener: HintListener, connection: object, pid: int, channel: str, payload: object) -> None:
        for _ in range(generator.randrange(3)):
            loop.call_later(generator.random() * POLL_INTERVAL_S, take, listener, connection, pid, channel, payload)

    monkeypatch.setattr(HintListener, "_receive", receive)
    async with running(database_dsn) as one, running(database_dsn) as other:
        admin = one.of_role("admin")
        assert (await admin.ask("PUT", "contests/finals", json=CONTEST)).status == 201
        async with other.of_role("admin").stream("contests/finals/event-feed?types=groups") as feed:
            for number in range(ROUNDS):
                if number % 7 == 3:
                    await cut_hints(database_dsn)
                group = {"id": f"g{number}", "name": f"Group {number}"}
                assert (await admin.ask("PUT", f"contests/finals/groups/g{number}", json=group)).status == 201
            assert [line["id"] for line in await feed.until(ROUNDS)] == [f"g{number}" for number in range(ROUNDS)]


async def test_a_server_knows_whether_it_is_alone(database_dsn: str) -> None:
    async with running(database_dsn) as one:
        assert one.store.alone
        async with running(database_dsn) as other:
            assert not other.store.alone
            assert not one.store.alone


async def test_nobody_ever_takes_himself_to_be_alone_in_company(database_dsn: str) -> None:
    """Also while it is being counted, and when a connection that listens is lost while its process goes on writing."""
    async with running(database_dsn) as one, running(database_dsn) as other:
        await one.of_role("admin").ask("PUT", "contests/finals", json=CONTEST)
        await cut_hints(database_dsn)
        until_s = asyncio.get_running_loop().time() + 4 * POLL_INTERVAL_S
        while asyncio.get_running_loop().time() < until_s:
            assert not other.store.alone
            await asyncio.sleep(0)
