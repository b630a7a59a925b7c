"""The load generators, in processes of their own: wrk for requests where it is installed, ours otherwise.

This module must not know which server it asks.
"""

import re
import shutil
import subprocess
from typing import Protocol

import msgspec

from tests.benchmarks.download_client import Download
from tests.benchmarks.processes import GENERATOR_TIMEOUT_S, generate
from tests.benchmarks.request_client import Answered

CONNECTIONS = 16
"""Connections with one request under way each: enough to keep one server process busy all the time."""

_WRK_RATE = re.compile(r"^Requests/sec:\s+([0-9.]+)$", re.MULTILINE)
_WRK_FAILURES = ("Non-2xx", "Socket errors")


class RequestGenerator(Protocol):
    """Asks for the same path over and over."""

    name: str

    def rate(self, port: int, path: str) -> float:
        """Answers per second."""
        ...


class Wrk:
    """wrk, a load generator in C with whole seconds as its shortest run."""

    name = "wrk"

    def __init__(self, program: str, seconds: int) -> None:
        """`program` is where wrk lies."""
        self._command = [program, "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s"]

    def rate(self, port: int, path: str) -> float:
        """Answers per second. Raises RuntimeError when any of them was no success."""
        told = subprocess.run(
            [*self._command, f"http://127.0.0.1:{port}{path}"],
            capture_output=True,
            text=True,
            check=True,
            timeout=GENERATOR_TIMEOUT_S,
        ).stdout
        found = _WRK_RATE.search(told)
        if found is None or any(failure in told for failure in _WRK_FAILURES):
            raise RuntimeError(f"wrk was not always answered: {told}")
        return float(found[1])


class OwnClient:
    """request_client.py: raw sockets in one process."""

    name = "raw sockets"

    def __init__(self, seconds: float) -> None:
        """`seconds` is the length of one run."""
        self._seconds = seconds

    def rate(self, port: int, path: str) -> float:
        """Answers per second."""
        told = generate("tests.benchmarks.request_client", str(port), path, str(CONNECTIONS), str(self._seconds))
        answered = msgspec.json.decode(told, type=Answered)
        return answered.answers / answered.seconds


def request_generator(seconds: float, *, own: bool) -> RequestGenerator:
    """wrk if it is installed and not to be left alone; runs are of `seconds`, rounded up for wrk."""
    program = None if own else shutil.which("wrk")
    return OwnClient(seconds) if program is None else Wrk(program, max(round(seconds), 1))


def downloaded_rate(port: int, path: str, clients: int, lines: int) -> float:
    """Lines per second of all clients together. Raises RuntimeError unless each of them gets `lines` lines."""
    told = generate("tests.benchmarks.download_client", str(port), path, str(clients))
    download = msgspec.json.decode(told, type=Download)
    if download.lines != clients * lines:
        raise RuntimeError(f"{path}: {download.lines} lines came, {clients * lines} were expected")
    return download.lines / download.seconds
