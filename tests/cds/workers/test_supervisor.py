"""The supervisor of a group: what fails at one worker, once the group is up, is no end of the others."""

import asyncio
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from cds.configuration import Configuration
from cds.workers import supervisor as supervising
from cds.workers.marks import marks_file
from cds.workers.supervisor import Supervisor

DEADLINE_S = 30
NO_PROCESS = BlockingIOError(11, "Resource temporarily unavailable")
NO_THREAD = RuntimeError("can't start new thread")


@pytest.fixture
def supervisor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervisor]:
    """A supervisor that starts no group, and does not wait between two starts of a worker."""
    monkeypatch.setattr(supervising, "RESTART_FIRST_S", 0.0)
    made = Supervisor(Configuration(data_dir=tmp_path), 2)
    made._marks_descriptor = marks_file(2)
    made._metrics_directory = tmp_path
    yield made
    os.close(made._marks_descriptor)


@pytest.mark.parametrize("no_room", [NO_PROCESS, NO_THREAD])
async def test_a_process_that_cannot_be_started_again_is_as_one_that_ended(
    no_room: Exception, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system may have no room for a process or a thread just now; the others of the group go on."""
    lives: list[int] = []

    async def lived(_number: int, starts: int, _dsn: str) -> None:
        lives.append(starts)
        if starts == 0:
            supervisor._ready[1].set()
        elif starts < 3:
            raise no_room
        else:
            supervisor.stopping.set()

    monkeypatch.setattr(supervisor, "_lived", lived)
    with capture_logs() as logs:
        async with asyncio.timeout(DEADLINE_S):
            await supervisor._keep(1, "")
    assert lives == [0, 1, 2, 3]
    assert [entry["event"] for entry in logs] == ["worker_restarting", *["worker_failed", "worker_restarting"] * 2]


@pytest.mark.parametrize("no_room", [NO_PROCESS, NO_THREAD])
async def test_a_process_that_can_never_be_started_refuses_the_group(
    no_room: Exception, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lived(_number: int, _starts: int, _dsn: str) -> None:
        raise no_room

    monkeypatch.setattr(supervisor, "_lived", lived)
    with pytest.raises(type(no_room)):
        await supervisor._keep(1, "")


@pytest.fixture
def usual_watcher() -> Iterator[None]:
    """The way in which the ends of processes are told is again as it was, afterwards."""
    watcher = asyncio.get_child_watcher()
    yield
    asyncio.set_child_watcher(watcher)


@pytest.mark.usefixtures("usual_watcher")
@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="this system tells of no process by a descriptor")
async def test_following_a_process_takes_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """There may be no room for one just when a worker has died."""

    def start(_thread: threading.Thread) -> None:
        raise NO_THREAD

    supervising.follow_processes_without_threads()
    monkeypatch.setattr(threading.Thread, "start", start)
    async with asyncio.timeout(DEADLINE_S):
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", "raise SystemExit(7)")
        assert await process.wait() == 7


async def test_the_log_says_once_why_the_group_stops(supervisor: Supervisor) -> None:
    with capture_logs() as logs:
        supervisor.stop_soon("SIGTERM")
        supervisor.stop_soon("SIGINT")
    assert supervisor.stopping.is_set()
    assert [(entry["event"], entry["reason"]) for entry in logs] == [("stopping", "SIGTERM")]


async def test_a_process_that_is_followed_no_more_is_ended_first(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two of one number would write to one table of marks."""
    followed: list[asyncio.subprocess.Process] = []

    async def listened_to(_number: int, process: asyncio.subprocess.Process, _orders: bytes) -> str | None:
        followed.append(process)
        raise NO_PROCESS

    monkeypatch.setattr(supervisor, "_listened_to", listened_to)
    with pytest.raises(BlockingIOError):
        await supervisor._lived(0, 0, "postgresql://127.0.0.1:1/nowhere")
    assert [process.returncode for process in followed] == [-9]
    assert supervisor._processes == {}


async def test_a_line_that_is_too_long_is_passed_over() -> None:
    """A library may print what it likes; the lines of the worker's own are still heard."""
    stdout = asyncio.StreamReader(limit=16)
    stdout.feed_data(b"ready\n" + b"x" * 40 + b"\n" + b"\xff\n" + b"refused so\n")
    stdout.feed_eof()
    with capture_logs() as logs:
        lines = [line async for line in supervising._lines(stdout)]
    assert lines[0] == "ready\n"
    assert lines[-1] == "refused so\n"
    assert "worker_line_too_long" in [entry["event"] for entry in logs]
