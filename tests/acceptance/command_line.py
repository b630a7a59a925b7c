"""The real `cds` command as a user runs it: in processes of its own, on an embedded Postgres of its own.

This module knows how to run commands and to stop what it started. It must not know what they should say.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import aiohttp
import msgspec

from tests.acceptance.ready_commands import Command, ready_process
from tests.cds.contest_api.serving import Caller, Login

CDS = Path(sys.executable).with_name("cds")
EXECUTED = os.environ.get("CDS_TEST_COMMANDS") == "executed"
"""Whether every command is executed from its beginning, in place of being forked from a process that is ready."""

COMMAND_S_MAX = 60.0
POLL_S = 0.02
SERVING = "serving on "

Process = Command | subprocess.Popen[str]
"""A command that runs."""


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


def started(
    arguments: Sequence[str | Path],
    *,
    cwd: Path,
    files: tuple[IO[str], IO[str], IO[str]],
    executing: bool = EXECUTED,
    variables: Mapping[str, str] | None = None,
) -> Process:
    """A command that runs; `files` are its standard input, output and errors, `variables` more of its environment.

    `executing`: as a user's shell does it, from its very beginning.
    """
    words, around = [str(each) for each in arguments], environment(**(variables or {}))
    if not executing:
        typed, out, errors = (each.fileno() for each in files)
        return ready_process().start(words, cwd=cwd, env=around, files=(typed, out, errors))
    typed_in, out_to, errors_to = files
    return subprocess.Popen(
        [CDS, *words], cwd=cwd, env=around, stdin=typed_in, stdout=out_to, stderr=errors_to, text=True
    )


def ended(
    arguments: Sequence[str | Path],
    *,
    cwd: Path,
    typed: str = "",
    executing: bool = EXECUTED,
    variables: Mapping[str, str] | None = None,
) -> Outcome:
    """Run a command to its end, with something on its standard input."""
    with TemporaryFile("w+") as keyboard, TemporaryFile("w+") as out, TemporaryFile("w+") as errors:
        keyboard.write(typed)
        keyboard.seek(0)
        process = started(arguments, cwd=cwd, files=(keyboard, out, errors), executing=executing, variables=variables)
        try:
            code: int = process.wait(COMMAND_S_MAX)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        for said in (out, errors):
            said.seek(0)
        return Outcome(code, out.read(), errors.read())


def cds(*arguments: str | Path, cwd: Path, **more: str) -> Outcome:
    """Run a command to its end."""
    return ended(arguments, cwd=cwd, variables=more)


def executed(*arguments: str | Path, cwd: Path, **more: str) -> Outcome:
    """Run a command to its end as a user's shell does it, from its very beginning."""
    return ended(arguments, cwd=cwd, executing=True, variables=more)


class ServerProcess:
    """A `cds serve` that has said that it serves."""

    def __init__(self, process: Process, out: Path, session: aiohttp.ClientSession) -> None:
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
        return self.process.wait()


@asynccontextmanager
async def serving(cwd: Path, *arguments: str | Path, **more: str) -> AsyncIterator[ServerProcess]:
    """`cds serve` on a free port for the length of the block; killed at the end if it still runs."""
    async with server_started(cwd, arguments, executing=EXECUTED, variables=more) as server:
        yield server


@asynccontextmanager
async def server_started(
    cwd: Path, arguments: Sequence[str | Path] = (), *, executing: bool, variables: Mapping[str, str] | None = None
) -> AsyncIterator[ServerProcess]:
    """As `serving`; `executing`: as a user's shell does it."""
    out = cwd / f"serve-{time.monotonic_ns()}.txt"
    words = ("serve", "--port", "0", *arguments)
    login = {"CDS_ADMIN_PASSWORD": "secret", **(variables or {})}
    with Path(os.devnull).open() as nothing, out.open("w") as output, (cwd / "serve.err").open("a") as errors:
        process = started(words, cwd=cwd, files=(nothing, output, errors), executing=executing, variables=login)
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
