"""The embedded Postgres survives kill -9 of any of its processes, and leaves nothing behind."""

import asyncio
import os
import select
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import asyncpg
import pytest

from eventstore.embedded import cluster
from eventstore.embedded.binaries import find_binaries
from eventstore.embedded.cluster import SETTINGS
from eventstore.embedded.launcher import SOCKET_DIRECTORY_BYTES_MAX, embedded_postgres, is_embedded_running
from eventstore.embedded.layout import READY, Layout, Status, read_status
from eventstore.embedded.locks import is_held_exclusively
from eventstore.embedded.ownership import server_ownership
from eventstore.embedded.privileges import CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, Identity, capability_needed
from eventstore.postgres import PostgresStore
from eventstore.store import StoreRefused, StoreUnavailable
from tests.eventstore.builders import append_ids

DEADLINE_S = 30.0
PROJECT = Path(__file__).resolve().parents[2]
is_root = os.geteuid() == 0

CLIENT = """
import asyncio, sys
from pathlib import Path
from eventstore.embedded.launcher import embedded_postgres

async def main():
    async with embedded_postgres(Path(sys.argv[1]), durable=False) as dsn:
        print(dsn, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""

SERVER = """
import sys, time
from pathlib import Path
from eventstore.embedded.ownership import server_ownership

with server_ownership(Path(sys.argv[1])):
    print("owner", flush=True)
    time.sleep(60)
"""


@pytest.fixture(scope="module")
def used_directories() -> Iterator[list[Path]]:
    """The data directories of this module; after the last test none of them may have a Postgres."""
    directories: list[Path] = []
    yield directories
    for directory in directories:
        wait_until_ended(directory)


@pytest.fixture
def data_dir(tmp_path: Path, used_directories: list[Path]) -> Path:
    """A data directory that does not exist yet."""
    directory = tmp_path / "data"
    used_directories.append(directory)
    return directory


@pytest.fixture
def processes() -> Iterator[ExitStack]:
    """Processes that end with the test."""
    with ExitStack() as stack:
        yield stack


def start(processes: ExitStack, program: str, data_dir: Path) -> "subprocess.Popen[str]":
    """Start a Python program with a data directory as its argument."""
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(data_dir)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
    )
    assert process.stdout is not None
    processes.callback(process.stdout.close)
    processes.callback(process.wait)
    processes.callback(process.kill)
    return process


def first_line(process: "subprocess.Popen[str]") -> str:
    """What a process says first."""
    assert process.stdout is not None
    assert select.select([process.stdout], [], [], DEADLINE_S)[0], "the process says nothing"
    return process.stdout.readline().strip()


def ready_status(data_dir: Path) -> Status:
    """The keeper's word, once Postgres is up."""
    deadline_s = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline_s:
        status = read_status(Layout(data_dir.resolve()))
        if status is not None and status.state == READY and is_embedded_running(data_dir):
            return status
        time.sleep(0.01)
    raise AssertionError("Postgres is not ready in time")


def is_running(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_gone(pid: int) -> None:
    """Wait for the end of a process that is not our child."""
    deadline_s = time.monotonic() + DEADLINE_S
    while is_running(pid):
        assert time.monotonic() < deadline_s, f"process {pid} is still there"
        time.sleep(0.01)


def wait_until_ended(data_dir: Path) -> None:
    """Wait until keeper and Postgres of a data directory have ended by themselves."""
    deadline_s = time.monotonic() + DEADLINE_S
    layout = Layout(data_dir.resolve())
    while is_held_exclusively(layout.owner):
        assert time.monotonic() < deadline_s, f"the keeper of {data_dir} does not end"
        time.sleep(0.02)
    assert not (layout.cluster / "postmaster.pid").exists()


async def answers_again(dsn: str) -> asyncpg.Connection:
    """A connection, as soon as the database gives one."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            try:
                return await asyncpg.connect(dsn)
            except (OSError, asyncpg.PostgresError):
                await asyncio.sleep(0.02)


async def test_what_serves_is_durable(data_dir: Path) -> None:
    """The defaults, which `cds serve` uses, have fsync and synchronous_commit on; nothing listens on the network."""
    async with embedded_postgres(data_dir) as dsn:
        connection = await asyncpg.connect(dsn)
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            assert await connection.fetchval(f"SHOW {name}") == "on"
            assert SETTINGS[name] == "on"
        assert await connection.fetchval("SHOW listen_addresses") == ""
        assert await connection.fetchval("SHOW server_encoding") == "UTF8"
        assert await connection.fetchval("SELECT datcollate FROM pg_database WHERE datname = 'cds'") == "C"
        # Nothing in the cluster can switch it off: the command line is stronger.
        await connection.execute("ALTER SYSTEM SET fsync = off")
        await connection.execute("SELECT pg_reload_conf()")
        assert await connection.fetchval("SHOW fsync") == "on"
        await connection.close()
        status = ready_status(data_dir)
        assert stat.S_IMODE(Path(status.socket_dir).stat().st_mode) == 0o700
        assert stat.S_IMODE(Layout(data_dir).cluster.stat().st_mode) == 0o700


async def test_data_outlives_a_restart_and_a_client_that_follows_at_once(data_dir: Path) -> None:
    async with embedded_postgres(data_dir, durable=False) as dsn:
        store = await PostgresStore.open(dsn)
        await append_ids(store, "s", 0, "a")
        await store.close()
        first = ready_status(data_dir)
    async with embedded_postgres(data_dir, durable=False):
        assert ready_status(data_dir).postgres_pid == first.postgres_pid, "within the grace it stays warm"
    wait_until_ended(data_dir)
    assert not is_running(first.postgres_pid)
    assert not is_embedded_running(data_dir)
    async with embedded_postgres(data_dir, durable=False) as dsn:
        store = await PostgresStore.open(dsn)
        assert [event.id for event in await store.read("s", 0, 10)] == ["a"]
        await store.close()


async def test_a_client_killed_leaves_no_orphan(data_dir: Path, processes: ExitStack) -> None:
    client = start(processes, CLIENT, data_dir)
    assert first_line(client).startswith("postgresql://")
    status = ready_status(data_dir)
    client.kill()
    wait_until_gone(status.postgres_pid)
    wait_until_gone(status.keeper_pid)
    assert not is_embedded_running(data_dir)


async def test_a_keeper_killed_takes_postgres_along_and_the_client_starts_another(data_dir: Path) -> None:
    async with embedded_postgres(data_dir, durable=False) as dsn:
        status = ready_status(data_dir)
        os.kill(status.keeper_pid, signal.SIGKILL)
        wait_until_gone(status.postgres_pid)
        connection = await answers_again(dsn)
        assert await connection.fetchval("SELECT 1") == 1
        await connection.close()
        assert ready_status(data_dir).keeper_pid != status.keeper_pid


async def test_a_postgres_killed_is_started_again_with_all_that_was_acknowledged(data_dir: Path) -> None:
    async with embedded_postgres(data_dir) as dsn:
        store = await PostgresStore.open(dsn)
        position = 0
        for _ in range(3):
            for _ in range(10):
                head = await append_ids(store, "s", position, "x")
                assert head is not None
                position = head.position
            status = ready_status(data_dir)
            os.kill(status.postgres_pid, signal.SIGKILL)
            async with asyncio.timeout(DEADLINE_S):
                while True:
                    try:
                        assert (await store.head("s")).position == position
                        break
                    except StoreUnavailable:
                        await asyncio.sleep(0.02)
            assert ready_status(data_dir).keeper_pid == status.keeper_pid
        await store.close()


async def test_everything_killed_at_once_is_no_obstacle(data_dir: Path, processes: ExitStack) -> None:
    client = start(processes, CLIENT, data_dir)
    first_line(client)
    status = ready_status(data_dir)
    for pid in (status.keeper_pid, status.postgres_pid, client.pid):
        os.kill(pid, signal.SIGKILL)
    async with embedded_postgres(data_dir, durable=False) as dsn:
        connection = await asyncpg.connect(dsn)
        assert await connection.fetchval("SELECT 1") == 1
        await connection.close()


async def test_processes_that_start_at_once_share_one_postgres(data_dir: Path, processes: ExitStack) -> None:
    clients = [start(processes, CLIENT, data_dir) for _ in range(3)]
    async with embedded_postgres(data_dir, durable=False) as dsn, embedded_postgres(data_dir, durable=False) as again:
        assert {dsn, again, *map(first_line, clients)} == {dsn}
        status = ready_status(data_dir)
        for client in clients:
            client.kill()
            client.wait()
        await asyncio.sleep(0.3)
        assert ready_status(data_dir) == status


async def test_postgres_lingers_and_waits_for_its_clients(data_dir: Path) -> None:
    async with embedded_postgres(data_dir, durable=False, linger_s=2.5) as dsn:
        status = ready_status(data_dir)
    connection = await asyncpg.connect(dsn)
    await asyncio.sleep(3.0)
    assert await connection.fetchval("SELECT 1") == 1, "still there after the time, for the sake of its client"
    await connection.close()
    wait_until_gone(status.postgres_pid)
    assert not is_embedded_running(data_dir)


async def test_a_stale_pid_file_that_names_a_living_stranger_is_no_obstacle(data_dir: Path) -> None:
    async with embedded_postgres(data_dir, durable=False):
        pid_file = Layout(data_dir).cluster / "postmaster.pid"
        content = pid_file.read_text().splitlines()
        owner = pid_file.stat()
    wait_until_ended(data_dir)
    pid_file.write_text("\n".join([str(os.getpid()), *content[1:]]) + "\n")
    os.chown(pid_file, owner.st_uid, owner.st_gid)
    async with embedded_postgres(data_dir, durable=False):
        assert ready_status(data_dir).postgres_pid != os.getpid()


async def test_a_long_path_is_no_obstacle(data_dir: Path, used_directories: list[Path]) -> None:
    long_dir = data_dir / ("long " * 12) / ("path, " * 12)
    used_directories[-1] = long_dir
    assert len(str(long_dir)) > SOCKET_DIRECTORY_BYTES_MAX
    async with embedded_postgres(long_dir, durable=False) as dsn:
        connection = await asyncpg.connect(dsn)
        await connection.close()
        socket_dir = Path(ready_status(long_dir).socket_dir)
        assert stat.S_IMODE(socket_dir.stat().st_mode) == 0o700
    wait_until_ended(long_dir)
    assert not socket_dir.exists()


@pytest.mark.skipif(not is_root, reason="only root has a user to change to")
async def test_as_root_postgres_is_somebody_else_and_no_directory_is_opened(
    tmp_path: Path, used_directories: list[Path]
) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    data_dir = private / "data"
    used_directories.append(data_dir)
    async with embedded_postgres(data_dir, durable=False) as dsn:
        connection = await asyncpg.connect(dsn)
        await connection.close()
        status = ready_status(data_dir)
        assert Path(f"/proc/{status.postgres_pid}").stat().st_uid != 0
        effective = next(
            line for line in Path(f"/proc/{status.postgres_pid}/status").read_text().splitlines() if "CapEff" in line
        )
        assert int(effective.split()[1], 16) in (1 << CAP_DAC_READ_SEARCH, 1 << CAP_DAC_OVERRIDE)
        assert stat.S_IMODE(private.stat().st_mode) == 0o700
        assert data_dir.stat().st_uid == 0
        assert Layout(data_dir).cluster.stat().st_uid != 0


def test_a_capability_is_kept_only_where_it_is_needed(tmp_path: Path) -> None:
    stranger = Identity("stranger", 54321, 54321)
    open_dir, closed_dir = tmp_path / "open", tmp_path / "closed"
    open_dir.mkdir(mode=0o755)
    closed_dir.mkdir(mode=0o700)
    programs = {}
    for mode in (0o755, 0o711, 0o700):
        programs[mode] = Path(open_dir / f"program{mode:o}")
        programs[mode].touch()
        programs[mode].chmod(mode)
    passable = not any(not parent.stat().st_mode & stat.S_IXOTH for parent in open_dir.resolve().parents)
    assert capability_needed(stranger, [open_dir / "data"], programs[0o755]) == (
        None if passable else CAP_DAC_READ_SEARCH
    )
    assert capability_needed(stranger, [open_dir / "data"], programs[0o711]) == CAP_DAC_READ_SEARCH
    assert capability_needed(stranger, [closed_dir / "data"], programs[0o755]) == CAP_DAC_READ_SEARCH
    assert capability_needed(stranger, [open_dir / "data"], programs[0o700]) == CAP_DAC_OVERRIDE


async def test_a_cluster_of_another_version_is_refused_with_a_hint(data_dir: Path) -> None:
    async with embedded_postgres(data_dir, durable=False):
        pass
    wait_until_ended(data_dir)
    (Layout(data_dir).cluster / "PG_VERSION").write_text("9\n")
    with pytest.raises(StoreRefused, match=r"made by Postgres 9 and .*pg_dump of version 9"):
        async with embedded_postgres(data_dir, durable=False):
            pytest.fail("it must not start")


async def test_an_initdb_that_was_interrupted_is_done_again(data_dir: Path) -> None:
    layout = Layout(data_dir)
    (layout.unfinished_cluster / "base").mkdir(parents=True)
    (layout.unfinished_cluster / "PG_VERSION").write_text("18\n")
    async with embedded_postgres(data_dir, durable=False):
        assert not layout.unfinished_cluster.exists()


async def test_a_postgres_that_cannot_start_says_why(data_dir: Path) -> None:
    async with embedded_postgres(data_dir, durable=False):
        pass
    wait_until_ended(data_dir)
    (Layout(data_dir).cluster / "postgresql.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(StoreRefused, match=r"does not start: .*postgresql\.conf.* contains errors"):
        async with embedded_postgres(data_dir, durable=False):
            pytest.fail("it must not start")


async def test_a_cluster_run_without_fsync_is_not_taken_for_a_durable_one(data_dir: Path) -> None:
    async with embedded_postgres(data_dir, durable=False):
        with pytest.raises(StoreRefused, match="without fsync"):
            async with embedded_postgres(data_dir):
                pytest.fail("it is not durable")


def test_a_second_server_is_refused_and_told_who_the_first_is(data_dir: Path, processes: ExitStack) -> None:
    server = start(processes, SERVER, data_dir)
    assert first_line(server) == "owner"
    with pytest.raises(StoreRefused, match=rf"process {server.pid}\)"), server_ownership(data_dir):
        pytest.fail("there is a server")
    server.kill()
    server.wait()
    with server_ownership(data_dir):
        pass
    with server_ownership(data_dir):
        pass


def test_programs_that_were_named_but_are_not_there_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CDS_POSTGRES_BIN", str(tmp_path))
    with pytest.raises(StoreRefused, match="CDS_POSTGRES_BIN"):
        find_binaries()


def test_programs_that_are_named_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("postgres", "initdb"):
        (tmp_path / name).touch(mode=0o755)
    monkeypatch.setenv("CDS_POSTGRES_BIN", str(tmp_path))
    assert find_binaries() == tmp_path.resolve()


async def test_an_initdb_that_fails_says_why(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o755)
    for name in ("postgres", "initdb"):
        (tmp_path / name).write_text("#!/bin/sh\necho 'initdb: error: the disk is made of cheese'\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("CDS_POSTGRES_BIN", str(tmp_path))
    with pytest.raises(StoreRefused, match=r"initdb failed: .* made of cheese"):
        async with embedded_postgres(data_dir):
            pytest.fail("it must not start")


def test_a_directory_that_was_never_used_has_nothing_running(tmp_path: Path) -> None:
    assert not is_embedded_running(tmp_path)


def test_the_keeper_needs_nothing_but_the_standard_library() -> None:
    foreign = "{'asyncio', 'asyncpg', 'msgspec'}"
    program = f"import sys, eventstore.embedded.keeper; print(sorted({foreign} & set(sys.modules)))"
    answer = subprocess.run(
        [sys.executable, "-S", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(PROJECT)},
    )
    assert answer.stdout.strip() == "[]"


def test_sessions_are_told_from_the_processes_of_postgres_itself() -> None:
    assert not cluster.has_sessions(os.getpid())
