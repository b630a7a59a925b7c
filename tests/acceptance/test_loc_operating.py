"""What operators see of requests to the League of Code API: whose fault, who asked; and what is no request at all."""

import json
import logging
from pathlib import Path

import pytest
import yaml

from tests.acceptance.league import League, league
from tests.cds.contest_api.raw_requests import raw_answer
from tests.cds.contest_api.serving import Json
from tests.cds.operations.test_metrics import scraped, value
from tests.cds.operations.test_request_log import requests_in
from tests.test_deploy_files import DEPLOY

PROFILE = "/v1/account/profile"
USERS = "/v1/admin/users"
CODING = {"status": "error", "message": "JWT coding error"}


async def counted(played: League, **labels: str) -> float:
    """How many requests have been counted."""
    return value(await scraped(played.served), "cds_requests_total", **labels)


@pytest.mark.parametrize("level", ["info", "warning"])
async def test_a_token_that_is_none_is_a_500_and_no_failure_of_the_server(
    fresh_dsn: str, capsys: pytest.CaptureFixture[str], level: str
) -> None:
    """Anybody could wake the operators with it."""
    async with league(fresh_dsn, access_log=True, log_format="json", log_level=level) as played:
        before = {fault: await counted(played, fault=fault) for fault in ("client", "server")}
        reply = await played.ask("GET", PROFILE, {"token": "rubbish"})
        assert (reply.status, reply.json) == (500, CODING)
        asked = {"method": "GET", "endpoint": PROFILE, "status": "500"}
        assert await counted(played, **asked, fault="client") >= 1
        assert await counted(played, **asked, fault="server") == 0
        assert await counted(played, fault="server") == before["server"]
        assert await counted(played, fault="client") == before["client"] + 1
    lines = [line for line in requests_in(capsys.readouterr().err) if line["path"] == PROFILE]
    assert [line["level"] for line in lines] == (["info"] if level == "info" else [])


def test_the_alarm_is_raised_by_failures_of_the_server_alone() -> None:
    (group,) = yaml.safe_load((Path(DEPLOY) / "alerts.yml").read_text())["groups"]
    (alarm,) = [rule for rule in group["rules"] if rule["alert"] == "RequestsFail"]
    assert 'cds_requests_total{fault="server"' in alarm["expr"]


async def test_the_log_says_who_asked_by_id(fresh_dsn: str, capsys: pytest.CaptureFixture[str]) -> None:
    async with league(fresh_dsn, access_log=True, log_format="json") as played:
        player, admin = await played.player(), await played.admin()
        for token in (None, player.token, admin):
            await played.ask("GET", PROFILE, {} if token is None else {"token": token})
        await played.ask("GET", USERS, {"token": player.token})
        user_id = (await played.served.server.service.users.people()).named(player.username)
    written = capsys.readouterr().err
    lines: list[Json] = [line for line in requests_in(written) if line["path"] in (PROFILE, USERS)]
    assert user_id is not None
    assert [(line["status"], line["role"], line.get("account")) for line in lines] == [
        (401, "public", None),
        (200, "public", user_id.id),
        (200, "admin", "admin"),
        (403, "public", user_id.id),
    ]
    assert player.username not in written


async def test_a_body_that_is_not_coded_as_it_says_is_400_and_nothing_to_tell_of(
    fresh_dsn: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    async with league(fresh_dsn, access_log=True, log_format="json") as played:
        for method, path in (("GET", "/v1/matches/list"), ("POST", "/v1/account/signup"), ("GET", PROFILE)):
            caller = played.served.caller(None)
            url, headers = played.served.root + path, {"Content-Encoding": "gzip"}
            answer = await caller.ask(method, url, data=b"no gzip" * 100, headers=headers)
            assert answer.status == 400
            assert answer.json == {"status": "fail", "data": {"body": "Broken in its framing or coding"}}
            assert answer.headers["Connection"] == "close"
    told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line for line in told if line["level"] not in ("info", "debug")] == []
    # What the library says it says there.
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_path_that_is_too_long_is_answered_in_the_form_of_its_api(fresh_dsn: str) -> None:
    async with league(fresh_dsn) as played:
        for path, keys in (("/v1/matches/list", ["status", "message"]), ("/api/contests", ["code", "message"])):
            request = f"GET {path}?page={'1' * 20_000} HTTP/1.1\r\nHost: here\r\n\r\n"
            answer = await raw_answer(played.served.caller(None), request.encode())
            assert (answer.status, list(answer.json)) == (400, keys)
