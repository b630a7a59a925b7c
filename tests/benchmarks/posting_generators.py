"""The load generators of posts, in processes of their own: wrk where it is installed, ours otherwise.

This module must not know which server it asks, nor what it posts.
"""

import shutil
import subprocess
from pathlib import Path
from typing import Protocol

import msgspec

from tests.benchmarks.posting_client import CONNECTIONS, Posted
from tests.benchmarks.processes import GENERATOR_TIMEOUT_S, generate

SCRIPT = Path(__file__).with_name("posting.lua")


class PostGenerator(Protocol):
    """Posts what stands in a file, for a time, on CONNECTIONS connections."""

    name: str
    seconds: float

    def post(self, port: int, path: str, file: Path) -> Posted:
        """Post. Raises RuntimeError when any post was no success."""
        ...


class Wrk:
    """wrk, a load generator in C with whole seconds as its shortest run."""

    name = "wrk"

    def __init__(self, program: str, seconds: int) -> None:
        """`program` is where wrk lies."""
        self.seconds: float = seconds
        self._command = [program, "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout=30s", f"-s{SCRIPT}"]

    def post(self, port: int, path: str, file: Path) -> Posted:
        """Post. Raises RuntimeError when any post was no success."""
        told = subprocess.run(
            [*self._command, f"http://127.0.0.1:{port}{path}", "--", str(file)],
            capture_output=True,
            text=True,
            check=True,
            timeout=GENERATOR_TIMEOUT_S,
        ).stdout
        posted = msgspec.json.decode(told.rstrip().rpartition("\n")[2], type=Posted)
        if posted.failures:
            raise RuntimeError(f"wrk was not always answered: {told}")
        return posted


class OwnClient:
    """posting_client.py: raw sockets in one process."""

    name = "raw sockets"

    def __init__(self, seconds: float) -> None:
        """`seconds` is the length of one run."""
        self.seconds = seconds

    def post(self, port: int, path: str, file: Path) -> Posted:
        """Post. Raises CalledProcessError when any post was no success."""
        told = generate("tests.benchmarks.posting_client", str(port), path, str(file), str(self.seconds))
        return msgspec.json.decode(told, type=Posted)


def post_generator(seconds: float, *, own: bool) -> PostGenerator:
    """wrk if it is installed and not to be left alone; runs are of `seconds`, rounded up for wrk."""
    program = None if own else shutil.which("wrk")
    return OwnClient(seconds) if program is None else Wrk(program, max(round(seconds), 1))
