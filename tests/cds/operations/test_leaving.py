"""The end of a process that has served: it says what it has to say, and takes nothing apart."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from cds.configuration import Configuration
from cds.workers.membership import LENGTH_BYTES, READY, Orders

DEADLINE_S = 60

HELD = """
import os, runpy, sys

class Held:
    port, made_up_password, encryption = 0, None, None
    def __del__(self):
        os.write(2, b"taken apart")

async def serve(configuration, announce, group=None):
    await announce(Held())
    sys.stdout.write("said last, and not flushed")

"""
"""A server that says when it is taken apart."""

WORKER = """
import cds.application, cds.workers.membership
cds.application.serve = serve
cds.workers.membership.membership = lambda orders: None
runpy.run_module("cds.workers.worker", run_name="__main__", alter_sys=True)
"""
SERVE = """
import cds.cli, cds.serving
cds.serving.imported = lambda workers: serve
cds.cli.main(["serve", "--database-url", "postgresql://nowhere.invalid/none"])
"""
LEAVE = """
from cds.operations.leaving import keep_to_the_end, leave_at_once
keep_to_the_end(Held())
sys.stdout.write("said last, and not flushed")
leave_at_once(7)
"""


def orders(directory: Path) -> bytes:
    """What a supervisor writes to one of its workers."""
    written = pickle.dumps(
        Orders(
            configuration=Configuration(data_dir=directory),
            number=0,
            workers=1,
            starts=0,
            supervisor_pid=os.getpid(),
            presence_number=1,
            marks_descriptor=0,
            listening_descriptors=(),
        )
    )
    return len(written).to_bytes(LENGTH_BYTES, "big") + written


def test_who_was_started_without_streams_leaves_all_the_same() -> None:
    """As some programs start servers: there is nothing to say anything to."""
    for closed in (">&-", "2>&-", ">&- 2>&-"):
        leave = "from cds.operations.leaving import leave_at_once; leave_at_once(7)"
        done = subprocess.run(
            ["bash", "-c", f'exec "$0" -c "$1" {closed}', sys.executable, leave],
            capture_output=True,
            timeout=DEADLINE_S,
            check=False,
        )
        assert (done.returncode, done.stderr) == (7, b"")


@pytest.mark.parametrize(("program", "code"), [(WORKER, 0), (SERVE, 0), (LEAVE, 7)], ids=["worker", "serve", "leave"])
def test_who_has_served_leaves_without_taking_memory_apart(program: str, code: int, tmp_path: Path) -> None:
    """What is large takes so long to be taken apart that whoever waits for the end of the process kills it."""
    process = subprocess.Popen(
        [sys.executable, "-c", HELD + program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        if program is WORKER:
            process.stdin.write(orders(tmp_path))
            process.stdin.flush()
        # The pipe stays open to the end, as a supervisor leaves it.
        said, errors = process.stdout.read().decode(), process.stderr.read().decode()
        assert process.wait(DEADLINE_S) == code, errors
    assert said.endswith("said last, and not flushed")
    assert (READY in said) == (program is WORKER)
    assert "taken apart" not in errors
