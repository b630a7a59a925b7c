"""Backups of databases that another version of the program has made."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from eventstore.migrating import Migration, known_migrations, migrate
from eventstore.postgres import PostgresStore
from eventstore.store import ServerAccount, StoreRefused
from tests.cds.backups.databases import back_up, execute, restore
from tests.databases import administered, with_database

FIRST = known_migrations()[:1]
"""What a database had before anything but the log, passwords and accounts was kept."""


@asynccontextmanager
async def made_by(steps: Sequence[Migration], template_dsn: str) -> AsyncIterator[str]:
    """The address of a database that a version with these steps has made."""
    name = f"made_{uuid4().hex}"
    await administered(template_dsn, f'CREATE DATABASE "{name}" STRATEGY file_copy')
    dsn = with_database(template_dsn, name)
    try:
        connection = await asyncpg.connect(dsn)
        await migrate(connection, steps)
        await connection.close()
        yield dsn
    finally:
        await administered(template_dsn, f'DROP DATABASE "{name}" WITH (FORCE)')


async def test_an_older_database_is_backed_up_and_comes_back_as_a_present_one(
    postgres_dsn_template: str, tmp_path: Path
) -> None:
    """As before an upgrade, also into an empty database that is as old."""
    async with made_by(FIRST, postgres_dsn_template) as old, made_by(FIRST, postgres_dsn_template) as empty:
        await execute(old, "INSERT INTO server_account (username, role, password_hash) VALUES ('chief', 'admin', 'h')")
        await back_up(old, tmp_path / "backup", verify=True)
        await restore(empty, tmp_path / "backup")
        store = await PostgresStore.open(empty)
        assert await store.server_accounts() == {
            "chief": ServerAccount(username="chief", role="admin", password_hash="h")
        }
        assert await store.kept("kind") == {}
        await store.close()
        with pytest.raises(StoreRefused, match="not empty"):
            await restore(old, tmp_path / "backup")


async def test_a_later_database_is_not_backed_up(
    database_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have tables that this program does not know, and would leave out."""
    monkeypatch.setattr("eventstore.migrating.known_migrations", lambda: FIRST)
    with pytest.raises(StoreRefused, match="older than the database, upgrade it"):
        await back_up(database_dsn, tmp_path / "backup")
