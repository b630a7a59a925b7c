"""The programs of the pip package `xcpcio` as their authors publish them, each run in a process of its own.

They live in an environment of their own, made from requirements-peer.lock by `make peer`; `CDS_TEST_PEER` names
another directory for it. This module knows how to run them. It must not know what they should say.
"""

import asyncio
import os
import re
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.acceptance.command_line import environment, until
from tests.benchmarks.peer import ENVIRONMENT
from tests.benchmarks.processes import free_port
from tests.cds.contest_api.serving import Login

ENVIRONMENT_VARIABLE = "CDS_TEST_PEER"
PROGRAMS = Path(os.environ.get(ENVIRONMENT_VARIABLE, ENVIRONMENT)) / "bin"
ARCHIVE_S_MAX = 120.0

needs_xcpcio = pytest.mark.skipif(
    not (PROGRAMS / "clics-archiver").is_file(), reason="needs the package xcpcio in .venv-peer: make peer"
)

COMPLAINT = re.compile(r" (WARNING|ERROR|CRITICAL): |Traceback|Warning:|Error")
"""What a line of its log has in it when something went wrong; its exit code does not tell."""


async def archived(base: str, contest_id: str, output: Path, login: Login) -> list[str]:
    """Archive a contest, its files and its feed as `clics-archiver` does; what it complains of, line by line."""
    username, password = login
    command = [
        str(PROGRAMS / "clics-archiver"),
        *("--base-url", base, "--contest-id", contest_id, "--output", str(output)),
        *("--username", username, "--password", password),
    ]
    said = await asyncio.to_thread(_said_by, command)
    assert any("Contest archive completed" in line for line in said), said[-20:]
    return [line for line in said if COMPLAINT.search(line)]


@asynccontextmanager
async def clics_server(package: Path, contest_id: str) -> AsyncIterator[str]:
    """`clics-server` on a contest package for the length of the block; the URL of the contest there."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/api/contests/{contest_id}"
    command = [
        str(PROGRAMS / "clics-server"),
        *("--contest-package", str(package), "--host", "127.0.0.1", "--port", str(port)),
    ]
    log = package.with_name(f"{package.name}-served.txt")
    with log.open("w") as output:
        process = subprocess.Popen(
            command, env=environment(), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        await _until_serving(process, url, log)
        yield url
    finally:
        if process.poll() is None:
            process.terminate()
            await until(lambda: process.poll() is not None)


def _said_by(command: list[str]) -> list[str]:
    finished = subprocess.run(
        command,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=ARCHIVE_S_MAX,
        check=True,
    )
    return finished.stdout.splitlines()


async def _until_serving(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    async with asyncio.timeout(ARCHIVE_S_MAX), aiohttp.ClientSession() as session:
        while True:
            assert process.poll() is None, log.read_text()
            try:
                async with session.get(url) as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.05)
