"""Law 9: whatever is done to a row, a head, a file or what is derived is found, and the first place is named."""

import asyncio
from random import Random

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cds.past import snapshots
from tests.builders import small_contest
from tests.cds.verifying.logs import CONTESTS, verified, write_logs
from tests.cds.verifying.tamperer import Tamperer, Tampering
from tests.cds.verifying.tampering import COLUMNS, OF_ROWS
from tests.cds.verifying.tampering_with_files import OF_FILES
from tests.effort import examples
from tests.histories import History, histories

EXAMPLES = 3
"""Each takes a second, and more. `make laws` tries a thousand."""

LAW = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=examples(EXAMPLES)
)
PLACES = 4 if examples(0) else 1
"""At so many places each kind of tampering is tried. Which they are follows from its name alone."""

RESTORED = (
    "ALTER TABLE event DROP CONSTRAINT IF EXISTS event_pkey",
    "ALTER TABLE file_chunk DROP CONSTRAINT IF EXISTS file_chunk_address_fkey",
    "TRUNCATE event, file, file_chunk",
    "ALTER TABLE event ADD PRIMARY KEY (stream, position)",
    "ALTER TABLE file_chunk ADD FOREIGN KEY (address) REFERENCES file (address) ON DELETE CASCADE",
)
"""What some of the tampering has dropped."""


@pytest.fixture(autouse=True)
def snapshots_are_close(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that even small contests have some."""
    monkeypatch.setattr(snapshots, "SNAPSHOT_EVENTS", 20)


async def check(dsn: str, tampering: Tampering, random: Random) -> None:
    """Tamper once, and look whether that is found."""
    connection = await asyncpg.connect(dsn)
    try:
        expected = await tampering(Tamperer(connection, random))
        found = (await verified(dsn)).differences
        assert found, "nothing was found"
        first = found[0]
        assert (first.where, first.kind in expected.kinds) == (expected.where, True), found[:3]
        assert expected.position in (None, first.position), found[:3]
        for statement in RESTORED:
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.mark.parametrize("name", [*OF_ROWS, *OF_FILES])
async def test_every_kind_of_tampering_is_found(database_dsn: str, name: str) -> None:
    """Each kind on a small contest, at some place; `make laws` tries a few places."""
    for seed in range(PLACES):
        await write_logs(database_dsn, small_contest(), derived=name == "renamed")
        await check(database_dsn, (OF_ROWS | OF_FILES)[name], Random(f"{name} {seed}"))


async def test_one_deed_is_told_of_once(database_dsn: str) -> None:
    """Not again for every row behind it: a chain value that was altered, and rows that were counted further on."""
    deeds = {
        "UPDATE event SET chain = sha256(chain) WHERE stream = $1 AND position = 9": [("altered", 9)],
        "WITH head AS (UPDATE stream SET position = position + 50 WHERE number = $1) "
        "UPDATE event SET position = position + 50 WHERE stream = $1 AND position >= 9": [
            ("missing", 9),
            ("moved", 60),
        ],
    }
    for deed, told in deeds.items():
        await write_logs(database_dsn, small_contest(), derived=False)
        connection = await asyncpg.connect(database_dsn)
        number = await connection.fetchval("SELECT number FROM stream WHERE name = $1", CONTESTS[1])
        await connection.execute(deed, number)
        await connection.close()
        found = (await verified(database_dsn, quick=True)).differences
        assert [(each.kind, each.position) for each in found] == told


@LAW
@given(
    history=histories(),
    names=st.lists(st.sampled_from([*OF_ROWS, *OF_FILES]), min_size=1, max_size=3),
    seed=st.integers(),
)
def test_any_tampering_with_any_history_is_found(
    database_dsn: str, history: History, names: list[str], seed: int
) -> None:
    """Untouched, the log is in order; touched anywhere, it is not."""

    async def tried() -> None:
        await write_logs(database_dsn, history.changes)
        untouched = await verified(database_dsn)
        assert untouched.differences == []
        assert untouched.checkpoints == len(untouched.ends) - 1
        assert untouched.snapshots > 0
        for name in names:
            await write_logs(database_dsn, history.changes)
            await check(database_dsn, (OF_ROWS | OF_FILES)[name], Random(seed))

    asyncio.run(tried())


@LAW
@given(history=histories(), cuts=st.lists(st.integers(1, 1_000), max_size=4))
def test_what_is_derived_bit_by_bit_is_what_a_replay_comes_to(
    database_dsn: str, history: History, cuts: list[int]
) -> None:
    """Checkpoints and snapshots that begin at others, made at any positions of any history."""

    async def tried() -> None:
        places = [cut % len(history.changes) + 1 for cut in cuts]
        await write_logs(database_dsn, history.changes, cuts=places)
        found = await verified(database_dsn)
        assert found.differences == []
        assert (found.checkpoints, found.notes) == (len(CONTESTS), [])

    asyncio.run(tried())


@LAW
@given(places=st.sets(st.integers(1, 60), min_size=1, max_size=8), column=st.sampled_from(["actor", "id", "chain"]))
def test_every_altered_row_is_named(database_dsn: str, places: set[int], column: str) -> None:
    """However many there are; rows between them are as they were, and a row is told of for itself alone."""

    async def tried() -> None:
        await write_logs(database_dsn, small_contest(), derived=False)
        connection = await asyncpg.connect(database_dsn)
        try:
            ends = await connection.fetch("SELECT number, position FROM stream WHERE name = $1", CONTESTS[1])
            number, last = ends[0]
            await connection.execute(
                f"UPDATE event SET {column} = {COLUMNS[column]} "  # noqa: S608 - a table
                "WHERE stream = $1 AND position = ANY ($2)",
                number,
                list(places),
            )
        finally:
            await connection.close()
        found = await verified(database_dsn, quick=True)
        altered = {place for place in places if place <= last}
        named = [each.position for each in found.differences if each.kind == "altered"]
        if column != "chain":
            assert named == sorted(altered)
        else:
            # What stands behind an altered chain value may not be told from a row that was altered itself.
            assert altered <= set(named) <= altered | {place + 1 for place in altered}
            assert named[:1] == sorted(altered)[:1]

    asyncio.run(tried())
