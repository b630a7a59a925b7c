"""What only a store on Postgres can get wrong: other processes, lost connections, unknown outcomes."""

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from eventstore.chain import GENESIS, ChainBroken, verify_chain
from eventstore.copying import BULK_EVENTS_MIN
from eventstore.postgres import PostgresStore
from eventstore.store import Append, Head, Hint, OutcomeUnknown, ServerAccount, StoreRefused, StoreUnavailable
from tests.eventstore.builders import (
    DEADLINE_S,
    append_ids,
    append_of,
    assert_sound,
    eventually,
    new_events,
    read_all,
)
from tests.eventstore.cutting_proxy import Cut, CuttingProxy

TERMINATE_ALL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1"


@pytest.fixture
def short_directory() -> Iterator[Path]:
    """A directory whose path is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="cds-") as name:
        yield Path(name)


async def terminate_all(admin: asyncpg.Connection, dsn: str) -> None:
    """End every connection to a database."""
    await admin.execute(TERMINATE_ALL, Path(dsn.partition("?")[0]).name)


async def test_a_session_that_waits_for_a_lock_ends_when_its_client_has_gone(
    store: PostgresStore, admin: asyncpg.Connection, database_dsn: str
) -> None:
    """Where commits wait for a standby, many may wait behind them, and whoever tries again would wait as one more."""
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'advisory' AND database = $1::oid"
    holder = await asyncpg.connect(database_dsn)
    database = await holder.fetchval("SELECT oid FROM pg_database WHERE datname = current_database()")
    async with holder.transaction():
        await holder.execute("SELECT lock_stream('s')")
        appended = asyncio.create_task(append_ids(store, "s", 0, "a"))

        async def waits() -> bool:
            return bool(await admin.fetchval(waiting, database))

        async def ended() -> bool:
            return not await waits()

        await eventually(waits)
        connection = store._appender._connection
        assert connection is not None
        store._appender._connect = unreachable
        connection.terminate()
        await eventually(ended)
    await holder.close()
    appended.cancel()


async def unreachable() -> asyncpg.Connection:
    raise StoreUnavailable("away")


async def test_hints_arrive_from_another_process(store: PostgresStore, second_store: PostgresStore) -> None:
    hints = second_store.hints()
    await append_ids(store, "s", 0, "a", "b")
    async with asyncio.timeout(DEADLINE_S):
        assert await anext(hints) == Hint(stream="s", position=2)


async def test_large_appends_are_announced_too(store: PostgresStore, second_store: PostgresStore) -> None:
    own, others = store.hints(), second_store.hints()
    await store.append(append_of("s", 0, new_events(*map(str, range(BULK_EVENTS_MIN)))))
    async with asyncio.timeout(DEADLINE_S):
        expected = Hint(stream="s", position=BULK_EVENTS_MIN)
        assert (await anext(own), await anext(others)) == (expected, expected)


async def test_without_notify_the_poll_finds_what_others_wrote(
    silent_store: PostgresStore, second_store: PostgresStore
) -> None:
    hints = second_store.hints()
    await append_ids(silent_store, "s", 0, "a")
    async with asyncio.timeout(DEADLINE_S):
        assert await anext(hints) == Hint(stream="s", position=1)


async def test_a_lost_listening_connection_loses_no_hint(
    store: PostgresStore, second_store: PostgresStore, admin: asyncpg.Connection, database_dsn: str
) -> None:
    hints = second_store.hints()
    for position in range(3):
        await terminate_all(admin, database_dsn)
        assert await append_ids(store, "s", position, "x") is not None
        async with asyncio.timeout(DEADLINE_S):
            while (await anext(hints)).position <= position:
                continue

    async def is_reachable() -> bool:
        return second_store.reachable

    await eventually(is_reachable)


async def test_stray_notifications_are_passed_over(store: PostgresStore, database_dsn: str) -> None:
    hints = store.hints()
    connection = await asyncpg.connect(database_dsn)
    for payload in ("", "nonsense", ":", "s:", "s:-1", ":5", "s:five"):
        await connection.execute("SELECT pg_notify('event_store', $1)", payload)
    await connection.close()
    await append_ids(store, "s", 0, "a")
    async with asyncio.timeout(DEADLINE_S):
        assert await anext(hints) == Hint(stream="s", position=1)


async def test_two_processes_writing_one_stream_take_turns(store: PostgresStore, second_store: PostgresStore) -> None:
    async def write(through: PostgresStore, writer: int, appends: int) -> None:
        for number in range(appends):
            while await append_ids(through, "s", (await through.head("s")).position, f"{writer}-{number}") is None:
                continue

    writers = [write(through, index, 10) for index, through in enumerate([store, second_store] * 4)]
    async with asyncio.timeout(DEADLINE_S):
        await asyncio.gather(*writers)
    events = await read_all(store, "s")
    assert sorted(event.id for event in events) == sorted(f"{w}-{n}" for w in range(8) for n in range(10))
    await assert_sound(second_store, "s")


async def test_an_append_follows_on_what_was_read_of_another_process(
    store: PostgresStore, second_store: PostgresStore
) -> None:
    for position in range(0, 10, 2):
        assert await append_ids(store, "s", position, "a") is not None
        assert len(await second_store.read("s", position, 10)) == 1
        assert await append_ids(second_store, "s", position + 1, "b") is not None
    await assert_sound(store, "s")


async def test_an_altered_row_is_found(store: PostgresStore, database_dsn: str) -> None:
    await append_ids(store, "s", 0, *map(str, range(5)))
    connection = await asyncpg.connect(database_dsn)
    await connection.execute("UPDATE event SET data = '{}' WHERE position = 3")
    await connection.close()
    with pytest.raises(ChainBroken, match="position 3"):
        verify_chain("s", GENESIS, await store.read_stored("s", 0, 10))


async def test_a_row_of_a_newer_program_is_refused(store: PostgresStore, database_dsn: str) -> None:
    await append_ids(store, "s", 0, "a")
    connection = await asyncpg.connect(database_dsn)
    await connection.execute("UPDATE event SET version = 2")
    await connection.close()
    with pytest.raises(StoreRefused, match="version 2 is newer"):
        await store.read("s", 0, 10)
    assert (await store.read_stored("s", 0, 10))[0].version == 2


async def test_a_damaged_file_is_refused(store: PostgresStore, database_dsn: str) -> None:
    address = await store.put_file(b"content")
    connection = await asyncpg.connect(database_dsn)
    await connection.execute("DELETE FROM file_chunk")
    await connection.close()
    with pytest.raises(StoreRefused, match="damaged"):
        await store.file(address)


async def test_a_database_that_is_not_there_is_unavailable(short_directory: Path) -> None:
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        await PostgresStore.open(f"postgresql://cds@/cds?host={short_directory}&port=5432")


@pytest.mark.parametrize(
    ("dsn", "named"),
    [
        (
            "postgresql://cds:se%2Fc%40ret@127.0.0.1:1/cds?sslmode=disable",
            "the database at 127.0.0.1:1 cannot be reached",
        ),
        ("postgresql://nowhere.invalid/cds", "the database at nowhere.invalid cannot be reached"),
        ("postgresql:///cds?host=/nowhere&password=c@ret", "the database cannot be reached"),
    ],
)
async def test_where_the_database_should_be_is_said_without_its_password(dsn: str, named: str) -> None:
    with pytest.raises(StoreUnavailable) as away:
        await PostgresStore.open(dsn)
    assert str(away.value).startswith(named)
    assert "ret" not in str(away.value)


async def test_a_database_that_goes_away_and_comes_back(database_dsn: str, short_directory: Path) -> None:
    """Away: StoreUnavailable and not reachable. Back: everything works by itself, hints included."""
    proxy = CuttingProxy(database_dsn, short_directory)
    await proxy.__aenter__()
    store = await PostgresStore.open(proxy.dsn)
    hints = store.hints()
    await append_ids(store, "s", 0, "a")
    await proxy.__aexit__()
    with pytest.raises(StoreUnavailable):
        await store.read("s", 0, 1)
    with pytest.raises(StoreUnavailable):
        await append_ids(store, "s", 1, "b")

    async def is_away() -> bool:
        return not store.reachable

    await eventually(is_away)
    (short_directory / ".s.PGSQL.5432").unlink(missing_ok=True)
    async with proxy:
        assert await append_ids(store, "s", 1, "b") is not None
        assert len(await store.read("s", 0, 10)) == 2

        async def is_back() -> bool:
            return store.reachable

        await eventually(is_back)
        async with asyncio.timeout(DEADLINE_S):
            while (await anext(hints)).position < 2:
                continue
        await store.close()


@pytest.mark.parametrize("cut", list(Cut))
@pytest.mark.parametrize("size", [1, BULK_EVENTS_MIN])
async def test_a_commit_whose_outcome_is_lost_is_looked_up(
    database_dsn: str, short_directory: Path, cut: Cut, size: int
) -> None:
    """Whatever became of the commit, the append is answered as written, and it is written once."""
    async with CuttingProxy(database_dsn, short_directory) as proxy:
        store = await PostgresStore.open(proxy.dsn)
        assert await append_ids(store, "s", 0, "first") is not None
        append = append_of("s", 1, new_events("marked", *map(str, range(size - 1))))
        proxy.arm(b"marked" if size == 1 else b"COMMIT", cut)
        head = await asyncio.wait_for(store.append(append), DEADLINE_S)
        assert proxy.cuts == 1
        assert head == await store.head("s")
        assert [event.id for event in await store.read("s", 0, 2)] == ["first", "marked"]
        assert head.position == 1 + size
        assert await append_ids(store, "s", 1 + size, "next") is not None
        await assert_sound(store, "s")
        await store.close()


@pytest.mark.parametrize("cut", [Cut.BEFORE_SENDING, Cut.BEFORE_ANSWER])
async def test_a_removal_whose_answer_is_lost_never_says_that_there_was_no_account(
    database_dsn: str, short_directory: Path, cut: Cut
) -> None:
    async with CuttingProxy(database_dsn, short_directory) as proxy:
        store = await PostgresStore.open(proxy.dsn)
        await store.put_server_account(ServerAccount(username="marked", role="judge", password_hash="h1"))
        proxy.arm(b"marked", cut)
        with pytest.raises(StoreUnavailable):
            await store.remove_server_account("marked")
        assert await store.remove_server_account("marked") == (cut is Cut.BEFORE_SENDING)
        assert await store.server_accounts() == {}
        await store.close()


@pytest.mark.parametrize("cut", [Cut.BEFORE_SENDING, Cut.BEFORE_ANSWER])
async def test_an_outcome_that_stays_unknown_is_said_to_be_so_and_can_be_asked_again(
    database_dsn: str, short_directory: Path, cut: Cut, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eventstore.appending.OUTCOME_PATIENCE_S", 0.2)
    monkeypatch.setattr("eventstore.appending.CONNECT_PATIENCE_S", 0.2)
    proxy = CuttingProxy(database_dsn, short_directory)
    await proxy.__aenter__()
    store = await PostgresStore.open(proxy.dsn)
    await append_ids(store, "s", 0, "first")
    proxy.arm(b"marked", cut)
    append = append_of("s", 1, new_events("marked"))
    task = asyncio.create_task(store.append(append))

    async def is_cut() -> bool:
        return proxy.cuts == 1

    await eventually(is_cut)
    await proxy.__aexit__()
    (short_directory / ".s.PGSQL.5432").unlink(missing_ok=True)
    with pytest.raises(OutcomeUnknown, match="lost during the commit"):
        await asyncio.wait_for(task, DEADLINE_S)
    async with proxy:
        assert await store.append(append) == await store.head("s")
        assert [event.id for event in await read_all(store, "s")] == ["first", "marked"]
        await store.close()


async def test_one_append_that_the_database_will_not_take_does_not_spoil_the_others(
    store: PostgresStore, database_dsn: str
) -> None:
    connection = await asyncpg.connect(database_dsn)
    await connection.execute("ALTER TABLE event ADD CHECK (id <> 'unwanted')")
    await connection.close()
    appends: list[Append] = [append_of(f"s{number}", 0, new_events("wanted")) for number in range(5)]
    appends[2] = append_of("s2", 0, new_events("unwanted"))
    answers = await asyncio.gather(*map(store.append, appends), return_exceptions=True)
    assert isinstance(answers[2], StoreRefused)
    assert [isinstance(answer, Head) for answer in answers] == [True, True, False, True, True]
    assert "s2" not in await store.heads()


async def test_an_append_that_nobody_waits_for_any_more_leaves_the_stream_sound(store: PostgresStore) -> None:
    for number in range(10):
        position = (await store.head("s")).position
        task = asyncio.create_task(append_ids(store, "s", position, str(number)))
        for _ in range(number):
            await asyncio.sleep(0)
        task.cancel()
    position = (await store.head("s")).position
    while await append_ids(store, "s", position, "last") is None:
        position = (await store.head("s")).position
    await assert_sound(store, "s")


async def test_old_batches_are_forgotten_and_recent_ones_are_not(
    store: PostgresStore, database_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eventstore.appending.FORGET_EVERY_COMMITS", 3)
    connection = await asyncpg.connect(database_dsn)
    await append_ids(store, "s", 0, "a")
    await append_ids(store, "s", 1, "b")
    await connection.execute("UPDATE batch SET committed_at = now() - interval '2 days' WHERE position = 1")
    await append_ids(store, "s", 2, "c")

    async def positions_left() -> bool:
        rows = await connection.fetch("SELECT position FROM batch ORDER BY position")
        return [row[0] for row in rows] == [2, 3]

    await eventually(positions_left)
    await connection.close()
    assert await append_ids(store, "s", 3, "d") is not None
