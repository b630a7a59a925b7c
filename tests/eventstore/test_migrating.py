"""Databases are brought forward once, by one of several processes, and never back."""

import asyncio
from collections.abc import AsyncIterator
from hashlib import sha256
from uuid import uuid4

import asyncpg
import msgspec
import pytest

from eventstore.connecting import SESSION_SETTINGS
from eventstore.migrating import Migration, known_migrations, migrate
from eventstore.postgres import PostgresStore
from eventstore.store import ServerAccount, StoreRefused
from tests.databases import with_database
from tests.eventstore.builders import append_ids, assert_sound


def a_migration(number: int, sql: str) -> Migration:
    """A step that is not in the program."""
    return Migration(number=number, name=f"step_{number}", sql=sql, sha256=sha256(sql.encode()).digest())


@pytest.fixture
async def empty_dsn(postgres_dsn_template: str) -> AsyncIterator[str]:
    """The address of a database without any table."""
    name = f"empty_{uuid4().hex}"
    admin = await asyncpg.connect(with_database(postgres_dsn_template, "postgres"))
    await admin.execute(f'CREATE DATABASE "{name}" STRATEGY file_copy')
    yield with_database(postgres_dsn_template, name)
    await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await admin.close()


async def test_a_second_run_does_nothing(empty_dsn: str) -> None:
    connection = await asyncpg.connect(empty_dsn)
    assert await migrate(connection) == len(known_migrations())
    assert await migrate(connection) == 0
    await connection.close()


async def test_several_processes_may_start_at_once(empty_dsn: str) -> None:
    stores = await asyncio.gather(*(PostgresStore.open(empty_dsn) for _ in range(5)))
    assert await append_ids(stores[0], "s", 0, "a") is not None
    assert (await stores[4].head("s")).position == 1
    connection = await asyncpg.connect(empty_dsn)
    assert await connection.fetchval("SELECT count(*) FROM migration") == len(known_migrations())
    await connection.close()
    for store in stores:
        await store.close()


async def test_what_is_missing_is_applied_in_order(empty_dsn: str) -> None:
    steps = [a_migration(1, "CREATE TABLE a (x int)"), a_migration(2, "ALTER TABLE a RENAME TO b")]
    connection = await asyncpg.connect(empty_dsn)
    assert await migrate(connection, steps[:1]) == 1
    assert await migrate(connection, steps) == 1
    assert await connection.fetchval("SELECT count(*) FROM b") == 0
    await connection.close()


async def test_a_database_made_before_accounts_could_be_disabled_is_brought_forward_at_start(empty_dsn: str) -> None:
    connection = await asyncpg.connect(empty_dsn)
    assert await migrate(connection, known_migrations()[:1]) == 1
    await connection.execute("INSERT INTO server_account (username, role, password_hash) VALUES ('abe', 'judge', 'h1')")
    await connection.close()
    store = await PostgresStore.open(empty_dsn)
    abe = ServerAccount(username="abe", role="judge", password_hash="h1", disabled=False)
    assert await store.server_accounts() == {"abe": abe}
    await store.put_server_account(msgspec.structs.replace(abe, disabled=True))
    assert (await store.server_accounts())["abe"].disabled
    assert await append_ids(store, "s", 0, "a") is not None
    await assert_sound(store, "s")
    await store.close()


async def test_a_step_that_fails_leaves_the_database_as_it_was(empty_dsn: str) -> None:
    steps = [a_migration(1, "CREATE TABLE a (x int)"), a_migration(2, "CREATE TABLE a (x int)")]
    connection = await asyncpg.connect(empty_dsn)
    with pytest.raises(asyncpg.DuplicateTableError):
        await migrate(connection, steps)
    assert await connection.fetchval("SELECT to_regclass('a')") is None
    assert await migrate(connection, steps[:1]) == 1
    await connection.close()


async def test_a_database_newer_than_the_program_is_refused(database_dsn: str) -> None:
    connection = await asyncpg.connect(database_dsn)
    await connection.execute("INSERT INTO migration (number, name, sha256) VALUES (9999, 'future', '')")
    await connection.close()
    with pytest.raises(StoreRefused, match=r"has migration 9999 \(future\).*older than the database, upgrade it"):
        await PostgresStore.open(database_dsn)


async def test_a_database_of_another_program_is_refused(database_dsn: str) -> None:
    changed = [msgspec.structs.replace(known_migrations()[0], sha256=b"other"), *known_migrations()[1:]]
    connection = await asyncpg.connect(database_dsn)
    with pytest.raises(StoreRefused, match=r"migration 0001 .* differs"):
        await migrate(connection, changed)
    await connection.close()


async def test_sessions_wait_for_the_disk(store: PostgresStore) -> None:
    connection = await store._connections.connect()
    assert await connection.fetchval("SHOW synchronous_commit") == "on"
    assert await connection.fetchval("SHOW transaction_isolation") == "read committed"
    await connection.close()
    async with store._connections.pooled() as pooled:
        assert await pooled.fetchval("SHOW synchronous_commit") == "on"
    assert SESSION_SETTINGS["synchronous_commit"] == "on"
