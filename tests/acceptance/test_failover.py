"""The loss of the machine of the database, with the settings of docs/replication.md: what was acknowledged survives.

Primary and standby are real, on loopback. The record of what was acknowledged is that of whoever wrote.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from cds.circumstances import SYSTEM
from cds.ledgers import Ledger
from eventstore import appending
from eventstore.postgres import PostgresStore
from eventstore.store import NewEvent, OutcomeUnknown, StoreUnavailable
from tests.acceptance.command_line import ServerProcess, serving, until
from tests.acceptance.replicated_postgres import USER, Machine, machines, two_machines
from tests.cds.backups.databases import back_up, dump, restore
from tests.cds.contest_api.feeds import token_of
from tests.cds.contest_api.serving import Caller, Login
from tests.databases import with_database
from tests.effort import takes_long
from tests.eventstore.builders import append_of, assert_sound, new_events

ADMINISTRATOR: Login = ("admin", "secret")
CONTEST = {
    "id": "finals",
    "name": "Finals",
    "start_time": None,
    "duration": "5:00:00.000",
    "scoreboard_type": "pass-fail",
    "penalty_time": "0:20:00.000",
}
GROUPS = "contests/finals/groups"
FEED = "contests/finals/event-feed"
DEADLINE_S = 60.0
TERMINATE_WAITING = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
SYNCHRONOUS = {"synchronous_standby_names": "ANY 1 (second)"}


def address_of(*machines: Machine) -> str:
    """What the server is told: all machines, and that it wants the one that is written to."""
    hosts = ",".join(f"127.0.0.1:{machine.port}" for machine in machines)
    return f"postgresql://{USER}@{hosts}/postgres?target_session_attrs=read-write"


@asynccontextmanager
async def writing(caller: Caller) -> AsyncIterator[dict[str, int]]:
    """Groups are made for the length of the block, over refusals; those that were acknowledged, by id."""
    acknowledged: dict[str, int] = {}

    async def write() -> None:
        number = 0
        while True:
            number += 1
            identifier = f"group-{number}"
            with suppress(aiohttp.ClientError, TimeoutError):
                answer = await caller.ask("PUT", f"{GROUPS}/{identifier}", json={"id": identifier, "name": "A group"})
                if answer.status in (200, 201):
                    acknowledged[identifier] = answer.status
                else:
                    assert answer.status == 503, answer.body
                    assert "Retry-After" in answer.headers
            await asyncio.sleep(0.005)

    tasks = [asyncio.create_task(write())]
    try:
        yield acknowledged
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for task in tasks:
            if not task.cancelled() and task.exception() is not None:
                raise AssertionError(task.exception())


async def grown(record: dict[str, int], by: int) -> None:
    """Wait until so many more were acknowledged."""
    wanted = len(record) + by
    async with asyncio.timeout(DEADLINE_S):
        while len(record) < wanted:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "silent",
    [
        pytest.param(False, id="connections are reset"),
        pytest.param(True, id="nothing answers any more", marks=takes_long),
    ],
)
async def test_no_acknowledged_write_is_lost_with_a_machine(tmp_path: Path, silent: bool) -> None:
    """The server goes on by itself on the standby that is promoted, and all tokens are good."""
    with two_machines(tmp_path, **SYNCHRONOUS) as (first, second):
        async with serving(tmp_path, "--database-url", address_of(first, second)) as server:
            caller = server.caller(ADMINISTRATOR)
            answer = await caller.ask("PUT", "contests/finals", json=CONTEST)
            assert answer.status == 201, answer.body
            async with writing(caller) as acknowledged:
                await grown(acknowledged, 20)
                before = await caller.lines(FEED)
                first.pause() if silent else first.lose()
                await asyncio.sleep(0.2)
                second.promote()
                await second.stand_alone()
                await grown(acknowledged, 20)
            first.lose()
            await check(server, acknowledged, before)
        # Another server, which knows nothing but the log, says the same.
        async with serving(tmp_path, "--database-url", address_of(first, second)) as server:
            await check(server, acknowledged, before)


@takes_long
async def test_of_two_standbys_the_one_that_has_more_takes_over(tmp_path: Path) -> None:
    """The steps of docs/replication.md: what was acknowledged may be on one standby alone."""
    settings = {"synchronous_standby_names": "ANY 1 (one, two)"}
    with machines(tmp_path, "one", "two", **settings) as (first, one, two):
        async with serving(tmp_path, "--database-url", address_of(first, one, two)) as server:
            caller = server.caller(ADMINISTRATOR)
            answer = await caller.ask("PUT", "contests/finals", json=CONTEST)
            assert answer.status == 201, answer.body
            one.lose()
            await made(caller, "on-two")
            before = await caller.lines(FEED)
            first.lose()
            one.start()
            assert await one.received() < await two.received()
            two.promote()
            await one.follow_instead(two)
            async with writing(caller) as acknowledged:
                await grown(acknowledged, 5)
            await check(server, {**acknowledged, "on-two": 201}, before)


async def check(server: ServerProcess, acknowledged: dict[str, int], before: list[bytes]) -> None:
    """Everything that was acknowledged is there, and readers go on where they were."""
    caller = server.caller(ADMINISTRATOR)
    there = {each["id"] for each in await caller.json(GROUPS)}
    assert acknowledged.keys() <= there
    lines = await caller.lines(FEED)
    assert lines[: len(before)] == before
    # A write whose answer nobody waited for may be done between the two.
    rest = lines[len(before) :]
    assert (await caller.lines(f"{FEED}?since_token={token_of(before[-1])}"))[: len(rest)] == rest


@takes_long
async def test_what_only_one_machine_has_is_not_acknowledged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit whose connection is lost while it waits for the standby stands on one machine alone, for all to see."""
    monkeypatch.setattr(appending, "OUTCOME_PATIENCE_S", 1.0)
    monkeypatch.setattr("eventstore.connecting.QUERY_TIMEOUT_S", 1.0)
    with two_machines(tmp_path, **SYNCHRONOUS) as (first, second):
        store = await PostgresStore.open(address_of(first, second))
        assert await store.append(append_of("s", 0, new_events("a"))) is not None
        second.pause()
        unanswered = append_of("s", 1, new_events("b"))
        appended = asyncio.create_task(store.append(unanswered))
        connection = await asyncpg.connect(first.dsn)
        async with asyncio.timeout(DEADLINE_S):
            while not await connection.fetchval(TERMINATE_WAITING):
                await asyncio.sleep(0.01)
        with pytest.raises(OutcomeUnknown):
            await appended
        assert await connection.fetchval("SELECT max(position) FROM event") == 2
        await connection.close()
        second.go_on()
        head = await store.append(unanswered)
        assert head is not None
        assert head.position == 2
        await store.close()
        first.lose()
        second.promote()
        await second.stand_alone()
        survivor = await PostgresStore.open(address_of(first, second))
        assert await survivor.head("s") == head
        await assert_sound(survivor, "s")
        await survivor.close()


@takes_long
async def test_what_only_one_machine_has_is_not_acknowledged_when_it_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same request finds that nothing is to be done, which would be as good as an acknowledgement."""
    monkeypatch.setattr(appending, "OUTCOME_PATIENCE_S", 1.0)
    monkeypatch.setattr(appending, "COMMIT_TIMEOUT_S", 1.0)
    with two_machines(tmp_path, **SYNCHRONOUS) as (first, second):
        store = await PostgresStore.open(address_of(first, second))
        assert store.waits_for_standby
        ledger = Ledger(store, "s", Names, "the names")

        async def add(name: str) -> None:
            def decide(state: Names) -> Sequence[NewEvent]:
                return () if name in state.names else new_events(name)

            await ledger.transact(decide, actor="a", cause="c", circumstances=SYSTEM)

        await add("a")
        second.pause()
        added = asyncio.create_task(add("b"))
        connection = await asyncpg.connect(first.dsn)
        async with asyncio.timeout(DEADLINE_S):
            while not await connection.fetchval(TERMINATE_WAITING):
                await asyncio.sleep(0.01)
        with pytest.raises(OutcomeUnknown):
            await added
        await connection.close()
        with pytest.raises(StoreUnavailable):
            await add("b")
        second.go_on()
        await add("b")
        first.lose()
        second.promote()
        await second.stand_alone()
        assert [event.id for event in await store.read("s", 0, 10)] == ["a", "b"]
        await store.close()


class Names:
    """The ids of all events."""

    def __init__(self) -> None:
        """None yet."""
        self.position = 0
        self.names: set[str] = set()

    def apply(self, position: int, _type: str, identifier: str, _data: bytes | None, /) -> None:
        """Take in one."""
        self.position = position
        self.names.add(identifier)


async def sessions_waiting(connection: asyncpg.Connection, wait_event: str) -> int:
    """How many sessions of ours wait for that."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'cds' AND wait_event = $1"
    found: int = await connection.fetchval(query, wait_event)
    return found


@takes_long
async def test_servers_come_while_a_write_waits_for_a_standby(tmp_path: Path) -> None:
    """A commit that notifies holds up all others that do; whoever only arrives and reads does not wait for it."""
    with two_machines(tmp_path, **SYNCHRONOUS) as (first, second):
        store = await PostgresStore.open(address_of(first, second))
        await store.append(append_of("s", 0, new_events("a")))
        second.lose()
        appended = asyncio.create_task(store.append(append_of("s", 1, new_events("b"))))
        connection = await asyncpg.connect(first.dsn)
        async with asyncio.timeout(DEADLINE_S):
            while not await sessions_waiting(connection, "SyncRep"):
                await asyncio.sleep(0.01)
            for _ in range(3):
                other = await PostgresStore.open(address_of(first, second))
                assert [event.id for event in await other.read("s", 0, 10)] == ["a"]
                await other.close()
            # What is kept beside the log is given up after some seconds, and leaves no session behind.
            with pytest.raises(StoreUnavailable):
                await store.keep("kind", {"id": b"data"})
            while await sessions_waiting(connection, "SyncRep") > 1:
                await asyncio.sleep(0.01)
            while await sessions_waiting(connection, "object"):
                await asyncio.sleep(0.01)
        second.start()
        head = await appended
        assert head is not None
        assert head.position == 2
        await connection.close()
        await store.keep("kind", {"id": b"data"})
        await store.close()


@takes_long
async def test_what_asynchronous_replication_loses_is_noticed(tmp_path: Path) -> None:
    """The server that showed it ends; one that is started then shows what there is. Lost tokens get 400."""
    with two_machines(tmp_path) as (first, second):
        address = address_of(first, second)
        async with serving(tmp_path, "--database-url", address) as server:
            caller = server.caller(ADMINISTRATOR)
            answer = await caller.ask("PUT", "contests/finals", json=CONTEST)
            assert answer.status == 201, answer.body
            await made(caller, "kept")
            kept = await caller.lines(FEED)
            await second.level_with(first)
            second.lose()
            await made(caller, "lost")
            lost = (await caller.lines(FEED))[len(kept) :]
            assert lost
            first.lose()
            second.start()
            second.promote()
            await until(lambda: server.process.poll() is not None)
            assert server.process.returncode == 1
            assert "another log" in (tmp_path / "serve.err").read_text()
        async with serving(tmp_path, "--database-url", address) as server:
            caller = server.caller(ADMINISTRATOR)
            assert await caller.lines(FEED) == kept
            for place in range(2):
                assert (
                    await caller.lines(f"{FEED}?since_token={token_of(kept[-1])}")
                    == (await caller.lines(FEED))[len(kept) :]
                )
                for line in lost:
                    refused = await caller.get(f"{FEED}?stream=false&since_token={token_of(line)}")
                    assert refused.status == 400, refused.body
                # The second time around other events have taken the places of those that are lost.
                await made(caller, f"other-{place}")


@takes_long
async def test_a_group_of_workers_that_showed_what_is_lost_ends(tmp_path: Path) -> None:
    """All of it: what its workers told each other of the log is of another one."""
    with two_machines(tmp_path) as (first, second):
        address = address_of(first, second)
        async with serving(tmp_path, "--workers", "2", "--database-url", address) as server:
            caller = server.caller(ADMINISTRATOR)
            answer = await caller.ask("PUT", "contests/finals", json=CONTEST)
            assert answer.status == 201, answer.body
            await second.level_with(first)
            kept = await caller.lines(FEED)
            second.lose()
            await made(caller, "lost")
            first.lose()
            second.start()
            second.promote()
            await until(lambda: server.process.poll() is not None)
            assert server.process.returncode == 1
            assert "cds: the database holds another log" in (tmp_path / "serve.err").read_text()
        async with serving(tmp_path, "--workers", "2", "--database-url", address) as server:
            caller = server.caller(ADMINISTRATOR)
            for _ in range(8):
                assert await caller.lines(FEED) == kept
            await made(caller, "other")
            assert len(await caller.lines(FEED)) == len(kept) + 1


async def made(caller: Caller, identifier: str) -> None:
    """A group is made, and acknowledged."""
    answer = await caller.ask("PUT", f"{GROUPS}/{identifier}", json={"id": identifier, "name": "A group"})
    assert answer.status == 201, answer.body


@takes_long
async def test_a_standby_can_be_backed_up(tmp_path: Path) -> None:
    """It costs the primary nothing, and what comes back is what the primary had."""
    with two_machines(tmp_path) as (first, second):
        store = await PostgresStore.open(first.dsn)
        await store.append(append_of("s", 0, new_events("a", "b")))
        await store.put_file(b"a file")
        heads = await store.heads()
        await second.level_with(first)
        await back_up(second.dsn, tmp_path / "backup")
        connection = await asyncpg.connect(first.dsn)
        await connection.execute("CREATE DATABASE other")
        await connection.close()
        other = with_database(first.dsn, "other")
        await restore(other, tmp_path / "backup")
        assert await dump(other) == await dump(first.dsn)
        restored = await PostgresStore.open(other)
        assert await restored.heads() == heads
        await restored.close()
        await store.close()
