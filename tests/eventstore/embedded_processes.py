"""Starting processes around an embedded Postgres, and waiting for what they do."""

import os
import select
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from eventstore.embedded.launcher import is_embedded_running
from eventstore.embedded.layout import READY, Layout, Status, read_status
from eventstore.embedded.locks import is_held_exclusively

DEADLINE_S = 30.0
"""How long a test waits for something that has to happen."""

PROJECT = Path(__file__).resolve().parents[2]
"""The directory of the packages."""


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
