"""A database that comes back with another log, or with less of it, is noticed, and nothing is written to it."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from cds.operations.replaced_log import LogReplaced
from cds.store_opening import opened_store
from eventstore.connecting import Connections
from eventstore.postgres import PostgresStore
from eventstore.store import StoreUnavailable
from tests.eventstore.builders import DEADLINE_S, append_ids, eventually
from tests.eventstore.test_postgres import terminate_all

CUT = "DELETE FROM event WHERE position > 1; UPDATE stream SET position = 1, chain = (SELECT chain FROM event)"
OTHER_ROW = "UPDATE event SET chain = sha256('other') WHERE position = 2; UPDATE stream SET chain = sha256('other')"
GROWN = """
INSERT INTO event SELECT stream, 4, type, id, data, recorded_at_us, actor, cause, version, sha256('4')
    FROM event WHERE position = 3;
UPDATE event SET chain = sha256('3') WHERE position = 3;
UPDATE stream SET chain = sha256('4'), position = 4
"""
EMPTIED = "DELETE FROM event; DELETE FROM stream"


async def changed_behind_its_back(dsn: str, statement: str) -> None:
    """Whatever has happened to the database while nobody was connected."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(statement)
    await connection.close()


@pytest.mark.parametrize(
    ("statement", "said"), [(CUT, "has no event at position 2"), (OTHER_ROW, "has another"), (EMPTIED, "has no")]
)
async def test_another_log_is_noticed_when_the_connection_was_lost(
    store: PostgresStore, database_dsn: str, admin: asyncpg.Connection, statement: str, said: str
) -> None:
    assert await append_ids(store, "s", 0, "a", "b") is not None
    await changed_behind_its_back(database_dsn, statement)
    await terminate_all(admin, database_dsn)
    async with asyncio.timeout(DEADLINE_S):
        assert said in await store.log_replaced()
    assert not store.reachable
    assert not store.alone
    with pytest.raises(StoreUnavailable, match="another log"):
        await append_ids(store, "s", 2, "c")


async def test_what_was_only_read_is_known_too(
    store: PostgresStore, second_store: PostgresStore, database_dsn: str, admin: asyncpg.Connection
) -> None:
    assert await append_ids(store, "s", 0, "a", "b") is not None
    assert len((await second_store.read_beginnings(["s"], 5))["s"]) == 2
    await changed_behind_its_back(database_dsn, CUT)
    await terminate_all(admin, database_dsn)
    async with asyncio.timeout(DEADLINE_S):
        await second_store.log_replaced()


async def test_what_was_read_of_the_other_log_meanwhile_hides_nothing(
    database_dsn: str, admin: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other log has grown beyond what was seen, and somebody has read it before the listener is connected again."""
    connect, let_in = Connections.connect, asyncio.Event()
    let_in.set()

    async def connect_when_let_in(connections: Connections) -> asyncpg.Connection:
        await let_in.wait()
        return await connect(connections)

    monkeypatch.setattr(Connections, "connect", connect_when_let_in)
    store = await PostgresStore.open(database_dsn)
    assert await append_ids(store, "s", 0, "a", "b", "c") is not None
    let_in.clear()
    await terminate_all(admin, database_dsn)
    async with asyncio.timeout(DEADLINE_S):
        while store.reachable:
            await asyncio.sleep(0.01)
    await changed_behind_its_back(database_dsn, GROWN)
    assert [event.position for event in await store.read("s", 3, 10)] == [4]
    let_in.set()
    async with asyncio.timeout(DEADLINE_S):
        assert "has another event at position 3" in await store.log_replaced()
    await store.close()


async def test_a_log_that_only_grew_is_the_same(
    store: PostgresStore, second_store: PostgresStore, database_dsn: str, admin: asyncpg.Connection
) -> None:
    assert await append_ids(store, "s", 0, "a", "b") is not None
    for position in range(2, 6):
        await terminate_all(admin, database_dsn)
        assert await append_ids(second_store, "s", position, "c") is not None
        assert await append_ids(store, f"t {position}", 0, "c") is not None

    async def is_reachable() -> bool:
        return store.reachable

    await eventually(is_reachable)
    replaced = asyncio.create_task(store.log_replaced())
    await asyncio.sleep(0.1)
    assert not replaced.done()
    replaced.cancel()


async def test_a_command_ends_when_the_log_is_replaced(
    database_dsn: str, admin: asyncpg.Connection, tmp_path: Path
) -> None:
    """Whatever it is waiting for."""

    async def command() -> None:
        async with opened_store(tmp_path, database_dsn) as store:
            assert await append_ids(store, "s", 0, "a", "b") is not None
            await changed_behind_its_back(database_dsn, CUT)
            await terminate_all(admin, database_dsn)
            await asyncio.Event().wait()

    async with asyncio.timeout(DEADLINE_S):
        with pytest.raises(LogReplaced, match="another log"):
            await command()


async def test_a_command_that_is_cancelled_is_cancelled(database_dsn: str, tmp_path: Path) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5), opened_store(tmp_path, database_dsn):
            await asyncio.Event().wait()
