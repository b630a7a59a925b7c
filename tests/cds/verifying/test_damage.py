"""What the database cannot read any more: where that is gets named, and everything else is verified all the same."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from eventstore import verifying
from eventstore.store import StoreRefused
from tests.builders import small_contest
from tests.cds.verifying.logs import CONTENTS, CONTESTS, LARGE, STREAMS, verified, write_logs

REASON = "invalid page in block 5"
SPOILING = f"""
CREATE FUNCTION spoilt(content bytea, is_damaged boolean) RETURNS bytea LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF is_damaged THEN
        RAISE EXCEPTION '{REASON}' USING ERRCODE = 'data_corrupted';
    END IF;
    RETURN content;
END
$$
"""
"""Reading fails as it does on a page whose checksum is wrong."""

DAMAGED_ROWS = """
ALTER TABLE event RENAME TO sound_event;
CREATE VIEW event AS SELECT stream, position, type, id, data, recorded_at_us, actor, cause, version,
    spoilt(chain, stream = {number} AND position BETWEEN {first} AND {last}) AS chain FROM sound_event
"""
DAMAGED_FILE = """
ALTER TABLE file_chunk RENAME TO sound_chunk;
CREATE VIEW file_chunk AS SELECT address, number, spoilt(content, octet_length(content) = {size_bytes}) AS content
FROM sound_chunk
"""
DAMAGED_PARTS = """
ALTER TABLE checkpoint_part RENAME TO sound_part;
CREATE VIEW checkpoint_part AS SELECT stream, address, spoilt(content, true) AS content FROM sound_part
"""


@pytest.fixture
async def connection(fresh_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to a log of which parts can be made unreadable."""
    await write_logs(fresh_dsn, small_contest())
    connection = await asyncpg.connect(fresh_dsn)
    await connection.execute(SPOILING)
    yield connection
    await connection.close()


async def spoil_rows(connection: asyncpg.Connection, stream: str, first: int, last: int) -> None:
    """Make some rows unreadable."""
    number = await connection.fetchval("SELECT number FROM stream WHERE name = $1", stream)
    await connection.execute(DAMAGED_ROWS.format(number=number, first=first, last=last))


@pytest.mark.parametrize("page_rows", [1_000, 16, 2])
async def test_rows_that_cannot_be_read_are_named(
    connection: asyncpg.Connection, fresh_dsn: str, monkeypatch: pytest.MonkeyPatch, page_rows: int
) -> None:
    """Those before and behind them are followed: another difference there is told of too."""
    monkeypatch.setattr(verifying, "PAGE_ROWS", page_rows)
    await connection.execute("UPDATE event SET actor = 'x' WHERE position IN (3, 30) AND stream = 2")
    await spoil_rows(connection, CONTESTS[1], 9, 21)
    found = await verified(fresh_dsn)
    rows = [each for each in found.differences if each.kind != "unreadable"]
    assert [(each.where, each.kind, each.position) for each in rows] == [
        (f"stream {CONTESTS[1]}", "altered", 3),
        (f"stream {CONTESTS[1]}", "damaged", 9),
        (f"stream {CONTESTS[1]}", "altered", 30),
    ]
    assert rows[1].told == f"rows 9 to 21 cannot be read: {REASON}"
    assert found.rows == sum(end.last for end in found.ends)
    assert [each.told for each in found.differences if each.kind == "unreadable"] == [
        f"it could not be replayed: {REASON}"
    ]


async def test_the_last_row_may_be_the_one(connection: asyncpg.Connection, fresh_dsn: str) -> None:
    """And the first."""
    last = await connection.fetchval("SELECT position FROM stream WHERE name = $1", STREAMS[-1])
    await spoil_rows(connection, STREAMS[-1], last, last)
    found = await verified(fresh_dsn, quick=True)
    assert [(each.where, each.kind, each.position) for each in found.differences] == [
        (f"stream {STREAMS[-1]}", "damaged", last)
    ]
    await connection.execute("DROP VIEW event; ALTER TABLE sound_event RENAME TO event")
    await spoil_rows(connection, STREAMS[-1], 1, last)
    found = await verified(fresh_dsn, quick=True)
    assert [each.told for each in found.differences] == [f"rows 1 to {last} cannot be read: {REASON}"]


async def test_files_that_cannot_be_read_are_named(connection: asyncpg.Connection, fresh_dsn: str) -> None:
    """Each by itself, though many are read at once."""
    await connection.execute(DAMAGED_FILE.format(size_bytes=len(CONTENTS["b"])))
    found = await verified(fresh_dsn)
    assert [(each.kind, each.told) for each in found.differences] == [("file", f"its bytes cannot be read: {REASON}")]
    assert found.files == len(CONTENTS) + len((LARGE,))


async def test_checkpoints_that_cannot_be_read_are_named(connection: asyncpg.Connection, fresh_dsn: str) -> None:
    await connection.execute(DAMAGED_PARTS)
    found = await verified(fresh_dsn)
    assert [(each.where, each.kind) for each in found.differences] == [
        (f"stream {stream}", "checkpoint") for stream in CONTESTS
    ]
    assert all(each.told.endswith(REASON) for each in found.differences)


async def test_a_database_that_is_half_restored_is_not_verified(connection: asyncpg.Connection, fresh_dsn: str) -> None:
    """All that is there may be right, and is not all."""
    await connection.execute("CREATE TABLE restoring (backup text)")
    with pytest.raises(StoreRefused, match="being restored"):
        await verified(fresh_dsn)
