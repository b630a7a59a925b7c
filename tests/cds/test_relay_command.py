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
from cds.relay.limits import RelayLimits
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
        (["http://source/api", "--relay-limit", "stalled_s=1"], "is none of"),
        (["http://source/api", "--relay-limit", "audiences_max=0"], "Expected `int` >= 1"),
        (["http://source/api", "--relay-limit", "look_s=0"], ">= 0.01"),
        (["http://source/api", "--relay-limit", "silence_s_max=nan"], "Invalid value"),
        ([], "Missing argument"),
    ],
)
def test_what_cannot_be_meant_is_refused(arguments: list[str], told: str) -> None:
    result = CliRunner().invoke(main, ["relay", *arguments])
    assert result.exit_code == 2
    assert told in result.output


@pytest.mark.parametrize("way", ["options", "environment"])
def test_limits_are_named_one_by_one(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """Those of the relay as those of the feeds; what is not named is as usual."""
    given: list[RelayLimits] = []

    async def relayed(_configuration: object, _relayed: object, limits: RelayLimits, _announce: object) -> None:
        given.append(limits)

    monkeypatch.setattr("cds.relay.application.relay", relayed)
    named = {"audiences_max": "500", "silence-s-max": "60"}
    arguments = [f"--relay-limit={name}={value}" for name, value in named.items()] if way == "options" else []
    environment = {"CDS_RELAY_LIMITS": "audiences_max=500,silence_s_max=60"} if way == "environment" else {}
    result = CliRunner().invoke(main, ["relay", "http://127.0.0.1:9/api", *arguments], env=environment)
    assert result.exit_code == 0, result.output
    assert given == [RelayLimits(audiences_max=500, silence_s_max=60.0)]


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
        assert {(line.get("account"), line.get("role")) for line in told} == {(None, None), ("somebody", "unknown")}
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
