"""`cds relay`: what it takes, and what it does as a process."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import aiohttp
import pytest
from click.testing import CliRunner

from cds.cli import main
from cds.relay_command import relay
from tests.cds.contest_api.serving import basic_authorization
from tests.cds.relay.faulty_upstream import FEED, faulty_upstream

DEADLINE_S = 20.0
SOMEBODY = basic_authorization(("somebody", "hunter2"))
PROGRAM = (str(Path(sys.executable).with_name("cds")), "relay")
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["http://user:password@source/api"], "give no login"),
        (["source:8080"], "is not like"),
        (["http://source/api?x=1"], "is not like"),
        (["ftp://source/api"], "is not like"),
        (["http://source/api", "--host", ""], "--tls-cert"),
        (["http://source/api", "--upstream-ca", __file__], "--upstream-ca"),
        (["http://source/api", "--feed-limit", "nothing=1"], "is none of"),
        ([], "Missing argument"),
    ],
)
def test_what_cannot_be_meant_is_refused(arguments: list[str], told: str) -> None:
    result = CliRunner().invoke(main, ["relay", *arguments])
    assert result.exit_code == 2
    assert told in result.output


def test_the_command_is_one_of_cds() -> None:
    assert main.commands["relay"] is relay


async def test_a_process_relays_until_it_is_told_to_stop(tmp_path: Path) -> None:
    """It says where it serves, needs no database and leaves nothing behind."""
    async with faulty_upstream(3) as upstream:
        process = await asyncio.create_subprocess_exec(
            *PROGRAM,
            f"{upstream.root}/api/",
            "--port",
            "0",
            cwd=tmp_path,
            env=ENVIRONMENT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            async with asyncio.timeout(DEADLINE_S):
                base = (await process.stdout.readline()).decode().removeprefix("serving on ").strip()
                assert base, (await process.stderr.read()).decode()
                async with (
                    aiohttp.ClientSession(headers={"Authorization": SOMEBODY}) as session,
                    session.get(f"{base}{FEED}?stream=false") as response,
                ):
                    assert (await response.read()).splitlines() == upstream.lines
                process.send_signal(signal.SIGTERM)
                _, errors = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == 0
        assert list(tmp_path.iterdir()) == []
        told = [json.loads(line) for line in errors.splitlines()]
        assert {"starting", "ready", "stream_ended", "stopping", "stopped"} <= {line["event"] for line in told}
        assert {line.get("account") for line in told} == {None, "somebody"}
        assert b"hunter2" not in errors


async def test_a_server_of_another_kind_ends_the_process_with_a_reason() -> None:
    async with faulty_upstream(3) as upstream:
        upstream.provider = "another"
        process = await asyncio.create_subprocess_exec(
            *PROGRAM,
            f"{upstream.root}/api",
            "--port",
            "0",
            env=ENVIRONMENT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(DEADLINE_S):
            _, errors = await process.communicate()
        assert process.returncode == 1
        assert b"--any-upstream" in errors
