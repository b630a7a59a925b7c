"""Logs are verified while servers write to them, by one process or several, and on databases that cannot be written."""

import asyncio
import os
import signal
from pathlib import Path

import asyncpg
import pytest
from click.testing import CliRunner

from cds.importing import encoded_events
from cds.past import snapshots
from cds.progress import Report
from cds.verify_command import PROCESSES_UNASKED_MAX
from cds.verify_command import verify as verify_log
from cds.verifying import crew, verification
from cds.verifying.verification import Choices, Verified, verify
from cds.verifying.worker_process import OTHER_PROGRAM
from eventstore import verifying
from eventstore.postgres import PostgresStore
from eventstore.store import StoreRefused, StoreUnavailable
from tests.builders import small_contest
from tests.cds.contest_api.serving import running
from tests.cds.verifying.logs import (
    CONTESTS,
    LEDGER,
    STREAMS,
    append_in_pieces,
    derive,
    student_event,
    verified,
    with_files,
    write_logs,
)
from tests.cds.verifying.test_derived import another_line, no_parts

ROUNDS = 6
PROCESSES = 2


def silent(doing: str, done: int, total: int | None) -> None:
    """Take word of progress."""


async def by_processes(dsn: str, report: Report = silent) -> Verified:
    """Verify with processes of its own, which are another program when somebody works on it while its tests run."""
    try:
        return await verify(dsn, Choices(processes=PROCESSES), report)
    except StoreUnavailable as reason:
        if OTHER_PROGRAM in str(reason):
            pytest.skip("the program is being changed while its tests run")
        raise


@pytest.mark.usefixtures("in_small_pieces")
async def test_processes_of_another_program_do_nothing(database_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What they come to may be something else, and is no difference."""
    await write_logs(database_dsn, small_contest(), derived=False)
    monkeypatch.setattr(crew, "program_digest", lambda: b"another")
    with pytest.raises(StoreUnavailable, match=OTHER_PROGRAM):
        await verify(database_dsn, Choices(processes=PROCESSES), silent)


@pytest.fixture
def in_small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a small log has many stretches, and all of it goes to other processes."""
    monkeypatch.setattr(verification, "STRETCH_ROWS", 10)
    monkeypatch.setattr(verification, "HERE_EVENTS_MAX", 0)
    monkeypatch.setattr(verification, "REPLAYED_EVENTS_MIN", 1)


async def test_what_is_appended_meanwhile_is_no_difference(database_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor that checkpoints and files come meanwhile."""
    monkeypatch.setattr(snapshots, "SNAPSHOT_EVENTS", 20)
    await write_logs(database_dsn, small_contest())
    store = await PostgresStore.open(database_dsn)
    teams = [with_files(each) for each in encoded_events(small_contest()) if each.type == "teams"]
    appended = 0

    async def write() -> None:
        nonlocal appended
        while True:
            events = [student_event(f"n{appended}")] * 3
            await append_in_pieces(store, LEDGER, events)
            await append_in_pieces(store, CONTESTS[0], teams)
            await store.put_file(f"{appended}".encode())
            appended += 1
            if appended % 10 == 0:
                await derive(store)

    writing = asyncio.create_task(write())
    try:
        for _ in range(ROUNDS):
            before = appended
            while appended < before + 3:
                await asyncio.sleep(0)
            found = await verified(database_dsn)
            assert found.differences == []
            assert found.rows == sum(end.last for end in found.ends)
    finally:
        writing.cancel()
        await store.close()
    assert appended > ROUNDS


async def test_a_server_goes_on_and_is_not_in_company(fresh_dsn: str) -> None:
    """Who verifies is not present, so that a server goes on taking itself to be alone."""
    async with running(fresh_dsn) as server:
        while not server.store.alone:
            await asyncio.sleep(0.01)
        alone: set[bool] = set()

        def look(doing: str, done: int, total: int | None) -> None:
            alone.add(server.store.alone)

        found = await verify(fresh_dsn, Choices(), look)
        assert [each for each in found.differences if each.kind != "missing file"] == []
        alone.add(server.store.alone)
        assert alone == {True}


@pytest.mark.usefixtures("in_small_pieces")
async def test_a_process_that_was_killed_is_told_of(database_dsn: str) -> None:
    """As the kernel does it when memory has run out: nothing is known then."""
    await write_logs(database_dsn, small_contest(), derived=False)
    children = Path(f"/proc/self/task/{os.getpid()}/children")

    def kill(doing: str, done: int, total: int | None) -> None:
        if done:
            for pid in children.read_text().split():
                if b"worker_process" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    os.kill(int(pid), signal.SIGKILL)

    with pytest.raises(StoreRefused, match="was killed; if memory has run out"):
        await by_processes(database_dsn, kill)


@pytest.mark.parametrize(("cores", "processes"), [(2, 2), (64, PROCESSES_UNASKED_MAX), (None, 1)])
def test_not_all_of_a_large_machine_is_taken(
    monkeypatch: pytest.MonkeyPatch, cores: int | None, processes: int
) -> None:
    """Each process has connections, and the database gives out a hundred."""
    asked: list[Choices] = []

    async def note(_place: object, choices: Choices, **_more: object) -> None:
        asked.append(choices)

    monkeypatch.setattr("cds.verifying.command.run_verification", note)
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    assert CliRunner().invoke(verify_log, []).exit_code == 0
    assert [choices.processes for choices in asked] == [processes]


@pytest.mark.usefixtures("in_small_pieces")
async def test_several_processes_find_the_same(database_dsn: str) -> None:
    """And tell of their progress."""
    await write_logs(database_dsn, small_contest())
    told: dict[str, tuple[int, int | None]] = {}

    def report(doing: str, done: int, total: int | None) -> None:
        assert total is not None
        assert told.get(doing, (0, total))[0] <= done <= total
        told[doing] = done, total

    found = await by_processes(database_dsn, report)
    assert found.differences == []
    rows = sum(end.last for end in found.ends)
    assert found.rows == rows
    assert told == {"rows": (rows, rows), "events replayed": (rows, rows), "files": (5, 5)}
    assert (found.files, found.checkpoints) == (5, 2)
    connection = await asyncpg.connect(database_dsn)
    await connection.execute("UPDATE event SET actor = 'x' WHERE position IN (12, 31)")
    await connection.execute("UPDATE file_chunk SET content = 'x' WHERE number = 0")
    await connection.close()
    here, there = await verified(database_dsn), await by_processes(database_dsn)
    assert here.differences == there.differences
    assert [(each.where, each.position) for each in here.differences[:4]] == [
        (f"stream {CONTESTS[0]}", 12),
        (f"stream {CONTESTS[0]}", 31),
        (f"stream {CONTESTS[1]}", 12),
        (f"stream {CONTESTS[1]}", 31),
    ]
    assert sum(each.kind == "file" for each in here.differences) == found.files


@pytest.mark.usefixtures("in_small_pieces")
async def test_state_and_feeds_may_be_replayed_by_two_processes(
    database_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As those of very large contests are; each difference is told of once."""
    monkeypatch.setattr(verification, "SPLIT_EVENTS_MIN", 1)
    await write_logs(database_dsn, small_contest())
    whole = await by_processes(database_dsn)
    assert (whole.differences, whole.checkpoints) == ([], len(CONTESTS))
    # One that whoever replays the feeds tells of, and one that both could.
    for spoil in (another_line, no_parts):
        connection = await asyncpg.connect(database_dsn)
        await spoil(connection, "checkpoint")
        await connection.close()
        here, there = await verified(database_dsn), await by_processes(database_dsn)
        assert here.differences
        assert here.differences == there.differences
        assert here.checkpoints == there.checkpoints


@pytest.mark.usefixtures("in_small_pieces")
async def test_a_database_that_goes_away_is_told_of(database_dsn: str) -> None:
    """By whichever process has noticed it."""
    await write_logs(database_dsn, small_contest(), derived=False)

    async def cut() -> None:
        connection = await asyncpg.connect(database_dsn)
        try:
            while True:
                await connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
                await asyncio.sleep(0.001)
        finally:
            connection.terminate()

    cutting = asyncio.create_task(cut())
    try:
        for _ in range(3):
            with pytest.raises(StoreUnavailable, match="away"):
                await by_processes(database_dsn)
    finally:
        cutting.cancel()
        await asyncio.gather(cutting, return_exceptions=True)


async def test_a_database_that_cannot_be_written_is_verified(database_dsn: str) -> None:
    """As that of a standby is."""
    await write_logs(database_dsn, small_contest())
    connection = await asyncpg.connect(database_dsn)
    name = await connection.fetchval("SELECT current_database()")
    await connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    await connection.close()
    found = await verified(database_dsn)
    assert found.differences == []
    assert found.checkpoints == len(CONTESTS)


async def test_pages_and_stretches_join(database_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever they are cut, and where positions stand there twice."""
    await write_logs(database_dsn, small_contest(), derived=False)
    ends = (await verified(database_dsn, quick=True)).ends
    for rows in (2, 3, 7):
        monkeypatch.setattr(verifying, "PAGE_ROWS", rows)
        monkeypatch.setattr(verification, "STRETCH_ROWS", 2 * rows + 1)
        found = await verified(database_dsn, quick=True)
        assert found.differences == []
        assert found.rows == sum(end.last for end in ends)
    connection = await asyncpg.connect(database_dsn)
    await connection.execute("ALTER TABLE event DROP CONSTRAINT event_pkey")
    await connection.execute("INSERT INTO event SELECT * FROM event")
    await connection.close()
    for rows in (2, 3, 7):
        monkeypatch.setattr(verifying, "PAGE_ROWS", rows)
        monkeypatch.setattr(verification, "STRETCH_ROWS", 2 * rows + 1)
        differences = (await verified(database_dsn, quick=True)).differences
        for end in ends:
            twice = {each.position for each in differences if each.where == end.where and each.kind == "inserted"}
            assert twice == set(range(1, end.last + 1))


async def test_so_many_differences_are_enough(database_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first is named all the same."""
    await write_logs(database_dsn, small_contest(), derived=False)
    connection = await asyncpg.connect(database_dsn)
    await connection.execute("UPDATE event SET actor = 'x'")
    await connection.close()
    monkeypatch.setattr(verifying, "FINDINGS_MAX", 3)
    monkeypatch.setattr(verification, "STRETCH_ROWS", 10)
    monkeypatch.setattr(verification, "DIFFERENCES_MAX", 12)
    found = await verified(database_dsn, quick=True)
    assert (found.differences[0].where, found.differences[0].position) == (f"stream {STREAMS[0]}", 1)
    assert 12 <= len(found.differences) < 20
    assert [note for note in found.notes if "the rest was not looked at" in note]
    assert [each for each in found.differences if each.kind == "more"]
