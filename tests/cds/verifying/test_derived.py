"""What is kept of a contest beside its log: whatever it says otherwise than a replay is found, and named."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from hashlib import sha256

import asyncpg
import msgspec
import pytest

from cds.checkpoints import Contents, Entry
from cds.importing import encoded_events
from cds.past import snapshots
from cds.verifying.verification import Verified
from eventstore.postgres import PostgresStore
from eventstore.store import NewEvent
from projections.packed_state import OBJECTS
from projections.tokens import CHAIN_BYTES
from tests.builders import small_contest
from tests.cds.verifying.logs import CONTESTS, append_in_pieces, derive, verified, write_logs

STREAM = CONTESTS[0]
WHERE = f"stream {STREAM}"
Spoil = Callable[[asyncpg.Connection, str], Awaitable[None]]
KINDS = ("checkpoint", "snapshot")


@pytest.fixture(autouse=True)
def snapshots_are_close(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that even small contests have some."""
    monkeypatch.setattr(snapshots, "SNAPSHOT_EVENTS", 20)


@pytest.fixture
async def connection(database_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to a database with contests and what is derived from them."""
    await write_logs(database_dsn, small_contest())
    connection = await asyncpg.connect(database_dsn)
    yield connection
    await connection.close()


async def parts_of(connection: asyncpg.Connection, kind: str) -> list[bytes]:
    """The addresses of the parts of the last one."""
    return list(
        await connection.fetchval(
            f"SELECT parts FROM {kind} WHERE stream = $1 ORDER BY position DESC LIMIT 1",  # noqa: S608 - a table
            STREAM,
        )
    )


async def content_of(connection: asyncpg.Connection, kind: str, address: bytes) -> bytes:
    """The bytes of a part."""
    content = await connection.fetchval(
        f"SELECT content FROM {kind}_part WHERE stream = $1 AND address = $2",  # noqa: S608 - a table
        STREAM,
        address,
    )
    assert isinstance(content, bytes)
    return content


async def a_part_altered(connection: asyncpg.Connection, kind: str) -> None:
    address = (await parts_of(connection, kind))[4]
    await connection.execute(
        f"UPDATE {kind}_part SET content = content || 'x' WHERE stream = $1 AND address = $2",  # noqa: S608 - a table
        STREAM,
        address,
    )


async def a_part_removed(connection: asyncpg.Connection, kind: str) -> None:
    address = (await parts_of(connection, kind))[-1]
    await connection.execute(
        f"DELETE FROM {kind}_part WHERE stream = $1 AND address = $2",  # noqa: S608 - a table
        STREAM,
        address,
    )


async def contents_altered(connection: asyncpg.Connection, kind: str) -> None:
    address = (await parts_of(connection, kind))[0]
    await connection.execute(
        f"UPDATE {kind}_part SET content = 'x' WHERE stream = $1 AND address = $2",  # noqa: S608 - a table
        STREAM,
        address,
    )


async def no_parts(connection: asyncpg.Connection, kind: str) -> None:
    await connection.execute(f"UPDATE {kind} SET parts = '{{}}' WHERE stream = $1", STREAM)  # noqa: S608 - a table


async def another_chain_value(connection: asyncpg.Connection, kind: str) -> None:
    await connection.execute(
        f"UPDATE {kind} SET chain = sha256(chain) WHERE stream = $1",  # noqa: S608 - a table
        STREAM,
    )


async def beyond_the_log(connection: asyncpg.Connection, kind: str) -> None:
    await connection.execute(f"UPDATE {kind} SET position = position + 1000 WHERE stream = $1", STREAM)  # noqa: S608


async def at_an_earlier_row(connection: asyncpg.Connection, kind: str) -> None:
    """As if it had been made there, chain value and all."""
    await connection.execute(
        f"UPDATE {kind} AS k SET position = k.position - 3, chain = (SELECT e.chain FROM event AS e "  # noqa: S608
        "JOIN stream AS s ON s.number = e.stream WHERE s.name = $1 AND e.position = k.position - 3) "
        "WHERE k.stream = $1",
        STREAM,
    )


async def another_team(connection: asyncpg.Connection, kind: str) -> None:
    """A team under another name, with all addresses as they have to be: only a replay can tell."""
    await _forge(connection, kind, "teams", b"Team t1", b"Team t7")


async def another_line(connection: asyncpg.Connection, kind: str) -> None:
    """The same in the feed."""
    await _forge(connection, kind, "public" if kind == "checkpoint" else "teams", b"Team t1", b"Team t7")


async def _forge(connection: asyncpg.Connection, kind: str, of: str, before: bytes, after: bytes) -> None:
    contents = await _contents(connection, kind)
    entries = [*contents.state, *(each for entries in contents.audiences.values() for each in entries)]
    named = [entry for entry in entries if entry.of == of and entry.kind in (OBJECTS, "lines")]
    found = {entry.address: await content_of(connection, kind, entry.address) for entry in named}
    entry = next(entry for entry in named if before in found[entry.address])
    await _put_in_place_of(connection, kind, entry.address, found[entry.address].replace(before, after))


async def _contents(connection: asyncpg.Connection, kind: str) -> Contents:
    encoded = await content_of(connection, kind, (await parts_of(connection, kind))[0])
    if kind == "checkpoint":
        return msgspec.msgpack.decode(encoded, type=Contents)
    return Contents(msgspec.msgpack.decode(encoded, type=list[Entry]), {}, [])


async def _put_in_place_of(connection: asyncpg.Connection, kind: str, replaced: bytes, forged: bytes) -> None:
    """Another part, with all addresses as they have to be."""
    parts = await parts_of(connection, kind)
    address = sha256(forged).digest()
    encoded = (await content_of(connection, kind, parts[0])).replace(replaced, address)
    for content in (forged, encoded):
        await connection.execute(
            f"INSERT INTO {kind}_part (stream, address, content) VALUES ($1, sha256($2), $2)",  # noqa: S608 - a table
            STREAM,
            content,
        )
    new = [sha256(encoded).digest(), *(address if each == replaced else each for each in parts[1:])]
    await connection.execute(
        f"UPDATE {kind} SET parts = $2 WHERE stream = $1 AND parts[1] = $3",  # noqa: S608 - a table
        STREAM,
        new,
        parts[0],
    )


SPOILT: dict[Spoil, str] = {
    a_part_altered: r"part 5 of the \w+ at \d+ \(.+\) was altered",
    a_part_removed: r"part \d+ of the \w+ at \d+ \(.+\) is missing",
    contents_altered: r"part 1 of the \w+ at \d+ \(contents\) was altered",
    no_parts: "does not list its parts",
    another_chain_value: "the log has another chain value there",
    beyond_the_log: "the log does not go so far",
    at_an_earlier_row: "is not what the log comes to",
    another_team: "is not what the log comes to: teams t1",
    another_line: r"is not what the log comes to: (public: line \d+ of the feed \(teams\)|teams t1)",
}
"""What is done, and how it is told."""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("spoil", SPOILT)
async def test_whatever_is_otherwise_is_found(
    connection: asyncpg.Connection, database_dsn: str, spoil: Spoil, kind: str
) -> None:
    """And nothing else is told of."""
    assert (await verified(database_dsn)).differences == []
    await spoil(connection, kind)
    found = await verified(database_dsn)
    assert {(each.where, each.kind) for each in found.differences} == {(WHERE, kind)}
    first = found.differences[0]
    assert re.search(SPOILT[spoil], first.told), first


async def test_another_bit_of_the_chain_values_is_found(connection: asyncpg.Connection, database_dsn: str) -> None:
    """They are in every token, and a checkpoint holds those of all rows."""
    (entry,) = (await _contents(connection, "checkpoint")).chain_bits
    forged = bytearray(await content_of(connection, "checkpoint", entry.address))
    forged[4 * CHAIN_BYTES] ^= 1
    await _put_in_place_of(connection, "checkpoint", entry.address, bytes(forged))
    first = (await verified(database_dsn)).differences[0]
    assert (first.where, first.kind) == (WHERE, "checkpoint")
    assert first.told.endswith("is not what the log comes to: chain value of row 5")


async def test_what_another_program_has_made_is_told_of_and_is_no_difference(
    connection: asyncpg.Connection, database_dsn: str
) -> None:
    """Nobody takes it."""
    await connection.execute("UPDATE checkpoint SET fingerprint = sha256(fingerprint) WHERE stream = $1", STREAM)
    found = await verified(database_dsn)
    assert found.differences == []
    assert [note for note in found.notes if "one checkpoint was made by another program" in note and WHERE in note]
    assert found.checkpoints == 1
    await connection.execute("UPDATE snapshot SET fingerprint = sha256(fingerprint) WHERE stream = $1", STREAM)
    snapshots_kept = await connection.fetchval("SELECT count(*) FROM snapshot WHERE stream = $1", STREAM)
    notes = [note for note in (await verified(database_dsn)).notes if "snapshot" in note]
    assert snapshots_kept > 1
    assert len(notes) == 1
    assert f"{snapshots_kept} snapshots were made by another program" in notes[0]


async def test_a_checkpoint_of_a_stream_that_is_gone_gives_it_away(
    connection: asyncpg.Connection, database_dsn: str
) -> None:
    """All rows, and what was noted of appends, are gone too."""
    await connection.execute("DELETE FROM event USING stream WHERE stream = number AND name = $1", STREAM)
    await connection.execute("DELETE FROM stream WHERE name = $1", STREAM)
    await connection.execute("DELETE FROM batch")
    first = (await verified(database_dsn)).differences[0]
    assert (first.where, first.kind) == (WHERE, "gone")


async def test_two_streams_of_one_name_are_told_of(fresh_dsn: str) -> None:
    """Nobody knows which of them is meant; the key of the table was dropped for that."""
    await write_logs(fresh_dsn, small_contest(), derived=False)
    connection = await asyncpg.connect(fresh_dsn)
    await connection.execute("ALTER TABLE stream DROP CONSTRAINT stream_name_key")
    await connection.execute("INSERT INTO stream (name, chain) SELECT name, sha256('') FROM stream WHERE number = 1")
    await connection.execute("UPDATE stream SET chain = decode(repeat('00', 32), 'hex') WHERE position = 0")
    await connection.close()
    told = [each.told for each in (await verified(fresh_dsn, quick=True)).differences if each.where == WHERE]
    assert told == ["2 streams have this name"]


async def test_an_event_that_cannot_be_read_is_named(connection: asyncpg.Connection, database_dsn: str) -> None:
    """Somebody has written it as it should be, chain value and all: what it says makes no sense."""
    store = await PostgresStore.open(database_dsn)
    try:
        position = (await store.head(STREAM)).position
        await append_in_pieces(store, STREAM, [NewEvent(type="teams", id="t1", data=b'{"id":7}')])
    finally:
        await store.close()
    found = await verified(database_dsn)
    assert [(each.where, each.kind, each.position) for each in found.differences] == [
        (WHERE, "unreadable", position + 1)
    ]
    assert (await verified(database_dsn, quick=True)).differences == []


async def test_passwords_of_nobody_are_told_of(connection: asyncpg.Connection, database_dsn: str) -> None:
    """They let nobody in."""
    await connection.execute("INSERT INTO credential VALUES ($1, 'nobody', 'x'), ('contest:gone', 'a', 'x')", STREAM)
    found = await verified(database_dsn)
    assert found.differences == []
    assert [note for note in found.notes if "contest:gone" in note]
    assert [note for note in found.notes if "nobody" in note and WHERE in note]


async def test_only_some_snapshots_of_very_large_contests_are_held_against_a_replay(
    connection: asyncpg.Connection, database_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last always; the others are looked at part by part."""
    total: Verified = await verified(database_dsn)
    monkeypatch.setattr("cds.verifying.replaying.SNAPSHOT_OBJECTS_MAX", 1)
    few = await verified(database_dsn)
    assert 2 == few.snapshots < total.snapshots
    assert [note for note in few.notes if "--thorough" in note]


async def test_a_checkpoint_that_began_at_another_is_what_a_replay_comes_to(database_dsn: str) -> None:
    """However many have been made one after the other."""
    changes = small_contest()
    await write_logs(database_dsn, changes[:40])
    store = await PostgresStore.open(database_dsn)
    try:
        for begin in range(40, len(changes), 7):
            await append_in_pieces(store, STREAM, encoded_events(changes[begin : begin + 7]))
            await derive(store)
    finally:
        await store.close()
    found = await verified(database_dsn)
    assert [each for each in found.differences if each.kind != "missing file"] == []
