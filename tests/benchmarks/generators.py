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


class Downloads:
    """Downloads of one stream of one server. The first, not measured, tells how many bytes it is on the wire."""

    def __init__(self, port: int, path: str, lines: int) -> None:
        """`lines` is how many lines the stream has."""
        self._port = port
        self._path = path
        self._lines = lines
        self._bytes = self._download(1).bytes

    def rate(self, clients: int) -> float:
        """Lines per second of all clients together. Raises RuntimeError unless all of them get everything."""
        download = self._download(clients)
        if download.bytes != clients * self._bytes:
            raise RuntimeError(
                f"{self._path}: {download.bytes} bytes came, {clients} times {self._bytes} were expected"
            )
        return clients * self._lines / download.seconds

    def _download(self, clients: int) -> Download:
        told = generate("tests.benchmarks.download_client", str(self._port), self._path, str(clients))
        return msgspec.json.decode(told, type=Download)
