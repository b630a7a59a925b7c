"""Bringing a database forward to what this program expects.

Knows the numbered files in migrations/ and the table that says which of them a database has had. It must
not know what the files create. Migrations go forward only, under a lock, in one transaction.
"""

import re
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files

import asyncpg
import msgspec

from eventstore.queries import QUERIES
from eventstore.store import StoreRefused

_FILE_NAME = re.compile(r"^(\d{4})_([a-z0-9_]+)\.sql$")


class Migration(msgspec.Struct, frozen=True, kw_only=True):
    """One step: `number` counts from 1 without holes, `sha256` is that of the file's bytes."""

    number: int
    name: str
    sql: str
    sha256: bytes


class AppliedMigration(msgspec.Struct, frozen=True, kw_only=True):
    """A step that a database says it has had."""

    number: int
    name: str
    sha256: bytes


@cache
def known_migrations() -> tuple[Migration, ...]:
    """The steps that come with this program, in order. Raises ValueError when a file is misnamed or missing."""
    migrations: list[Migration] = []
    for file in sorted(files("eventstore").joinpath("migrations").iterdir(), key=lambda entry: entry.name):
        match = _FILE_NAME.match(file.name)
        if match is None:
            raise ValueError(f"migrations/{file.name}: the name must look like 0001_what_it_does.sql")
        content = file.read_bytes()
        number = int(match[1])
        if number != len(migrations) + 1:
            raise ValueError(f"migrations/{file.name}: expected number {len(migrations) + 1:04d}")
        migrations.append(
            Migration(number=number, name=match[2], sql=content.decode(), sha256=sha256(content).digest())
        )
    return tuple(migrations)


def missing_migrations(known: Sequence[Migration], applied: Sequence[AppliedMigration]) -> Sequence[Migration]:
    """What a database still needs.

    Raises StoreRefused when the database had steps that this program does not know, or knows differently.
    """
    for index, step in enumerate(applied):
        if index >= len(known):
            raise StoreRefused(
                f"the database has migration {step.number:04d} ({step.name}), this program knows "
                f"{len(known):04d} and before: it is older than the database, upgrade it"
            )
        if step.number != known[index].number or step.sha256 != known[index].sha256:
            raise StoreRefused(
                f"migration {known[index].number:04d} ({known[index].name}) differs from what the database "
                f"was made with ({step.number:04d}, {step.name}): the database belongs to another program"
            )
    return known[len(applied) :]


async def migrate(connection: asyncpg.Connection, known: Sequence[Migration] | None = None) -> int:
    """Apply what is missing and return how many steps that was. Several processes may do this at once.

    Raises StoreRefused as `missing_migrations` does; the database is then as before.
    """
    steps = known_migrations() if known is None else known
    async with connection.transaction():
        await connection.execute(QUERIES["lock_migrations"])
        await connection.execute(QUERIES["create_migration_table"])
        rows = await connection.fetch(QUERIES["applied_migrations"])
        applied = [AppliedMigration(number=row[0], name=row[1], sha256=row[2]) for row in rows]
        missing = missing_migrations(steps, applied)
        for step in missing:
            await connection.execute(step.sql)
            await connection.execute(QUERIES["record_migration"], step.number, step.name, step.sha256)
    return len(missing)


async def missing_in(connection: asyncpg.Connection) -> Sequence[Migration]:
    """What a database still needs; it is left as it is.

    Raises StoreRefused as `missing_migrations` does.
    """
    try:
        rows = await connection.fetch(QUERIES["applied_migrations"])
    except asyncpg.UndefinedTableError:
        rows = []
    applied = [AppliedMigration(number=row[0], name=row[1], sha256=row[2]) for row in rows]
    return missing_migrations(known_migrations(), applied)
