"""Every table of the database is part of a backup, or is left out for a reason."""

import asyncpg

from eventstore.side_tables import LOG_TABLES, SIDE_TABLES, TABLES_LEFT_OUT


async def test_every_table_is_known_to_backups(database_dsn: str) -> None:
    connection = await asyncpg.connect(database_dsn)
    rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    await connection.close()
    assert sorted(row[0] for row in rows) == sorted([*LOG_TABLES, *SIDE_TABLES, *TABLES_LEFT_OUT])
