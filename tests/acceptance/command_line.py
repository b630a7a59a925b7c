"""The real `cds` command as a user runs it: in processes of its own, on an embedded Postgres of its own.

This module knows how to run commands and to stop what it started. It must not know what they should say.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec

from tests.cds.contest_api.serving import Caller, Login

CDS = Path(sys.executable).with_name("cds")
COMMAND_S_MAX = 60.0
POLL_S = 0.02
SERVING = "serving on "


class Outcome(msgspec.Struct, frozen=True):
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def reasons(self) -> list[str]:
        """The lines in which it says why it refused."""
        return [line for line in self.err.splitlines() if line.startswith("cds: ")]


def environment(**more: str) -> dict[str, str]:
    """The environment of a command: nothing of CDS_ but what is given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CDS_")}
    return {**kept, "COLUMNS": "100", **more}


def cds(*arguments: str | Path, cwd: Path, **more: str) -> Outcome:
    """Run a command to its end."""
    finished = subprocess.run(
        [CDS, *map(str, arguments)],
        cwd=cwd,
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=COMMAND_S_MAX,
        check=False,
    )
    return Outcome(finished.returncode, finished.stdout, finished.stderr)


class ServerProcess:
    """A `cds serve` that has said that it serves."""

    def __init__(self, process: subprocess.Popen[str], out: Path, session: aiohttp.ClientSession) -> None:
        """A running server; `out` is where its output goes."""
        self.process = process
        self._out = out
        self._session = session

    @property
    def output(self) -> str:
        """What it has said so far."""
        return self._out.read_text()

    @property
    def base(self) -> str:
        """The base URL that it has printed."""
        line = next(line for line in self.output.splitlines() if line.startswith(SERVING))
        return line.removeprefix(SERVING).strip()

    def caller(self, login: Login | None = None) -> Caller:
        """Somebody who asks it."""
        return Caller(self._session, self.base, login)

    async def stopped(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; returns the exit code."""
        self.process.send_signal(number)
        await until(lambda: self.process.poll() is not None)
        return self.process.returncode


@asynccontextmanager
async def serving(cwd: Path, *arguments: str | Path, **more: str) -> AsyncIterator[ServerProcess]:
    """`cds serve` on a free port for the length of the block; killed at the end if it still runs."""
    out = cwd / f"serve-{time.monotonic_ns()}.txt"
    with out.open("w") as output, (cwd / "serve.err").open("a") as errors:
        process = subprocess.Popen(
            [CDS, "serve", "--port", "0", *map(str, arguments)],
            cwd=cwd,
            env=environment(**{"CDS_ADMIN_PASSWORD": "secret", **more}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            text=True,
        )
    async with aiohttp.ClientSession() as session:
        try:
            await until(lambda: SERVING in out.read_text() or process.poll() is not None)
            assert process.poll() is None, (cwd / "serve.err").read_text()
            yield ServerProcess(process, out, session)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


async def until(condition: Callable[[], bool], deadline_s: float = COMMAND_S_MAX) -> None:
    """Wait until something holds. Raises TimeoutError."""
    async with asyncio.timeout(deadline_s):
        while not condition():
            await asyncio.sleep(POLL_S)


def processes_in(directory: Path) -> list[int]:
    """The processes whose working directory is in a directory: Postgres works in its cluster."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                where = (entry / "cwd").resolve()
            except OSError:
                continue
            if where.is_relative_to(directory):
                found.append(int(entry.name))
    return found
