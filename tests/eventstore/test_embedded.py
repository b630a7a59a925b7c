"""The embedded Postgres survives kill -9 of any of its processes, and leaves nothing behind."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TypeVar

import asyncpg
import pytest

from eventstore.embedded import cluster
from eventstore.embedded.cluster import SETTINGS
from eventstore.embedded.keeper_start import SOCKET_DIRECTORY_BYTES_MAX
from eventstore.embedded.launcher import embedded_postgres, is_embedded_running
from eventstore.embedded.layout import Layout
from eventstore.embedded.privileges import CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, Identity, capability_needed
from eventstore.postgres import PostgresStore
from eventstore.store import StoreUnavailable
from tests.eventstore.builders import append_ids
from tests.eventstore.embedded_processes import (
    DEADLINE_S,
    PROJECT,
    first_line,
    is_running,
    ready_status,
    start,
    wait_until_ended,
    wait_until_gone,
)

is_root = os.geteuid() == 0
Answer = TypeVar("Answer")

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
    wait_until_ended(data_dir)
    wait_until_gone(status.keeper_pid)
    assert not is_running(status.postgres_pid)
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


async def patiently(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """Ask until the database is there. A session may outlive the kill for a moment, so any call may find it away."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            try:
                return await ask()
            except StoreUnavailable:
                await asyncio.sleep(0.02)


async def test_a_postgres_killed_is_started_again_with_all_that_was_acknowledged(data_dir: Path) -> None:
    async with embedded_postgres(data_dir) as dsn:
        store = await PostgresStore.open(dsn)
        position = killed = 0
        for _ in range(3):
            for _ in range(10):
                head = await patiently(partial(append_ids, store, "s", position, "x"))
                assert head is not None
                position = head.position
            status = ready_status(data_dir)
            # The one that was started takes connections a moment before the keeper says so.
            while status.postgres_pid == killed:
                await asyncio.sleep(0.02)
                status = ready_status(data_dir)
            killed = status.postgres_pid
            os.kill(killed, signal.SIGKILL)
            assert (await patiently(partial(store.head, "s"))).position == position
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
    wait_until_ended(data_dir)
    assert not is_running(status.postgres_pid)


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


async def test_an_initdb_that_was_interrupted_is_done_again(data_dir: Path) -> None:
    layout = Layout(data_dir)
    (layout.unfinished_cluster / "base").mkdir(parents=True)
    (layout.unfinished_cluster / "PG_VERSION").write_text("18\n")
    async with embedded_postgres(data_dir, durable=False):
        assert not layout.unfinished_cluster.exists()


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
