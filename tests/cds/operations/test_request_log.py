"""One line of the log for each request: what it holds, and what must never stand in it."""

import asyncio
import json
import re
from base64 import b64encode
from ipaddress import ip_network
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from cds.observability import configure_logging
from cds.operations.held import WRITTEN_BYTES_MAX, Held, write_lines
from cds.operations.request_log import REQUESTS_HELD_MAX
from tests.cds.contest_api.raw_requests import raw_answer
from tests.cds.contest_api.serving import DEADLINE_S, SERVER_ADMIN, Json, running, server_login
from tests.cds.contest_api.small_contest import login

SANE_IDS = ("4bf92f3577b34da6a3ce929d0e0e4736", "a-b_c.d:e/f+g=h@i", "x" * 64)
OTHER_IDS = ("x" * 65, "two words", '"}{', "é", "")

LOGGED: dict[str, Any] = {"access_log": True, "log_format": "json"}


def requests_in(text: str) -> list[Json]:
    """The lines of requests, in order."""
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] in ("request", "stream_ended")]


async def next_line(capsys: pytest.CaptureFixture[str]) -> Json:
    """The line of the one request that has come to its end since it was last looked."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            found = requests_in(capsys.readouterr().err)
            if found:
                (line,) = found
                return line
            await asyncio.sleep(0.01)


async def test_a_line_says_who_asked_for_what_and_what_came_of_it(
    fresh_dsn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(fresh_dsn, **LOGGED) as server:
        answer = await server.caller(login("small", "judge")).get("contests/small/teams")
        await server.caller(SERVER_ADMIN).get("contests/nowhere/teams")
        await server.caller().get("contests/small/nonsense")
        await server.caller().ask("POST", "contests/small/submissions", json={})
    first, second, third, fourth = requests_in(capsys.readouterr().err)
    assert first | {"timestamp": "", "duration_ms": 0, "bytes": 0} == {
        "timestamp": "",
        "level": "info",
        "event": "request",
        "method": "GET",
        "path": "/api/contests/small/teams",
        "endpoint": "/api/contests/{contest_id}/teams",
        "status": 200,
        "duration_ms": 0,
        "bytes": 0,
        "role": "judge",
        "account": first["account"],
        "client": "127.0.0.1",
        "request_id": answer.headers["X-Request-ID"],
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", first["timestamp"])
    assert first["account"]
    assert first["bytes"] > len(answer.body)
    assert 0 < first["duration_ms"] < DEADLINE_S * 1000
    assert (second["status"], second["role"], second["account"]) == (404, "admin", "admin")
    assert (third["status"], third["endpoint"]) == (404, "other")
    assert (fourth["method"], fourth["status"], fourth["role"]) == ("POST", 401, "public")
    assert len({line["request_id"] for line in (first, second, third, fourth)}) == 4


async def test_no_secret_is_written(fresh_dsn: str, capsys: pytest.CaptureFixture[str]) -> None:
    secrets = ["hunter2", "wrong-password", "YWJj", "tok-en"]
    async with running(fresh_dsn, **LOGGED, log_level="debug") as server:
        team = server.caller(login("small", "team-one"))
        await team.get("contests/small/event-feed?since_token=tok-en&stream=false&types=teams")
        await team.get("contests/small/teams?password=hunter2&API_KEY=hunter2&access%5Ftoken=hunter2")
        await server.caller(("admin", "wrong-password")).get("contests")
        await server.caller().get("contests", headers={"Authorization": "Bearer YWJj", "Cookie": "session=YWJj"})
        await server.caller(SERVER_ADMIN).ask(
            "PUT", "contests/small/accounts/new", json={"id": "new", "username": "n", "password": "hunter2"}
        )
        passwords = [SERVER_ADMIN[1], login("small", "team-one")[1]]
    text = "".join(capsys.readouterr())
    lines = requests_in(text)
    assert len(lines) == 5
    assert lines[0]["query"] == "since_token=...&stream=false&types=teams"
    assert lines[1]["query"] == "password=...&API_KEY=...&access_token=..."
    for secret in [*secrets, *passwords]:
        assert secret not in text
        assert b64encode(secret.encode()).decode() not in text


async def test_a_sane_request_id_is_kept_and_another_replaced(
    fresh_dsn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    returned = []
    async with running(fresh_dsn, **LOGGED) as server:
        for given in (*SANE_IDS, *OTHER_IDS):
            answer = await server.caller().get("", headers={"X-Request-ID": given})
            returned.append(answer.headers["X-Request-ID"])
    assert tuple(returned[: len(SANE_IDS)]) == SANE_IDS
    assert all(re.fullmatch("[0-9a-f]{16}", made) for made in returned[len(SANE_IDS) :])
    assert len(set(returned)) == len(returned)
    assert [line["request_id"] for line in requests_in(capsys.readouterr().err)] == returned


async def test_every_answer_has_an_id_also_to_what_is_no_request(
    fresh_dsn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(fresh_dsn, **LOGGED) as server:
        for path in ("contests/small/teams", "contests/small/nonsense", server.root + "/healthz"):
            assert (await server.caller().get(path)).headers["X-Request-ID"]
        garbled = await raw_answer(server.caller(), b"GET /\x00 HTTP/9.9\r\n\r\n")
        assert (garbled.status, "X-Request-ID" in garbled.headers) == (400, True)
    assert [line["status"] for line in requests_in(capsys.readouterr().err)] == [200, 404, 200, 400]


async def test_the_address_is_that_of_the_client_behind_a_trusted_proxy_alone(
    fresh_dsn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    forwarded = {"X-Forwarded-For": "198.51.100.1, 203.0.113.9"}
    async with running(fresh_dsn, **LOGGED) as server:
        await server.caller().get("", headers=forwarded)
    async with running(fresh_dsn, **LOGGED, trusted_proxies=(ip_network("127.0.0.0/8"),)) as server:
        await server.caller().get("", headers=forwarded)
    assert [line["client"] for line in requests_in(capsys.readouterr().err)] == ["127.0.0.1", "203.0.113.9"]


async def test_what_cannot_be_read_has_a_line_behind_a_trusted_proxy_too(
    fresh_dsn: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Its headers are not known, and so neither is the client; the server must not stumble over that."""
    async with running(fresh_dsn, **LOGGED, trusted_proxies=(ip_network("127.0.0.0/8"),)) as server:
        for garbled in (b"FOO / HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 10_000):
            answer = await raw_answer(server.caller(), garbled, b"\r\n\r\n")
            assert answer.status in (400, 405)
    told = [(line["status"], line["client"]) for line in requests_in(capsys.readouterr().err)]
    assert [client for _, client in told] == ["127.0.0.1"] * 2
    assert [record for record in caplog.records if record.exc_info] == []


async def test_a_stream_has_a_line_at_its_start_and_one_at_its_end(
    fresh_dsn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = "contests/small/event-feed?types=teams"
    with capture_logs() as logged:
        async with running(fresh_dsn, **LOGGED) as server:
            staff = server.caller(server_login("staff"))
            plain = await staff.get(f"{path}&stream=false", headers={"Accept-Encoding": "identity"})
            whole = await next_line(capsys)
            assert (whole["event"], whole["bytes"] > len(plain.body) > 0) == ("stream_ended", True)
            async with staff.stream(path) as stream:
                await stream.line()
                server.server._requests.flush()
                assert requests_in(capsys.readouterr().err) == []
            end = await next_line(capsys)
    _, start = [line for line in logged if line["event"] == "stream_started"]
    for name in ("path", "query", "endpoint", "role", "account", "client", "request_id"):
        assert start[name] == end[name]
    assert (end["event"], end["role"], end["status"]) == ("stream_ended", "staff", 200)


@pytest.mark.parametrize(
    ("configuration", "statuses"),
    [({}, []), ({"access_log": True, "log_format": "json", "log_level": "warning"}, [500])],
    ids=["without", "failures alone"],
)
async def test_lines_can_be_left_out(
    fresh_dsn: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    configuration: dict[str, Any],
    statuses: list[int],
) -> None:
    async with running(fresh_dsn, **configuration) as server:
        assert (await server.caller().get("contests")).status == 200
        monkeypatch.setattr("projections.visibility_table.SEES_LIVE_SCOREBOARD", None)
        monkeypatch.setattr("cds.live_contest.SEES_LIVE_SCOREBOARD", None)
        assert (await server.caller().get("contests/small/scoreboard")).status == 500
    lines = requests_in(capsys.readouterr().err)
    assert [line["status"] for line in lines] == statuses
    assert all(line["level"] == "error" for line in lines)


async def test_not_to_be_ready_is_no_failure(fresh_dsn: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A balancer asks every second while a server drains; nobody is to be called for that."""
    async with running(fresh_dsn, **LOGGED) as server:
        await server.server.service.contests.close()
        assert (await server.caller().get(server.root + "/readyz")).status == 503
    (line,) = requests_in(capsys.readouterr().err)
    assert (line["endpoint"], line["status"], line["level"]) == ("/readyz", 503, "info")


def test_lines_for_people_are_coloured_on_a_terminal_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = structlog.get_config()
    try:
        for terminal in (False, True):
            monkeypatch.setattr("sys.stderr.isatty", lambda terminal=terminal: terminal)
            configure_logging("console")
            structlog.get_logger().info("something_happened", number=7)
            assert ("\x1b[" in capsys.readouterr().err) is terminal
    finally:
        structlog.configure(**before)


async def test_what_is_held_is_dealt_with_in_order_when_there_is_much_and_soon() -> None:
    dealt_with: list[list[int]] = []
    held = Held(dealt_with.append, items_max=10)
    for number in range(25):
        held.take(number)
    assert dealt_with == [list(range(10)), list(range(10, 20))]
    async with asyncio.timeout(DEADLINE_S):
        while len(dealt_with) < 3:
            await asyncio.sleep(0.01)
    assert dealt_with[2] == list(range(20, 25))
    held.flush()
    assert len(dealt_with) == 3


def test_lines_are_written_together_and_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr("sys.stderr", SimpleNamespace(write=written.append))
    lines = [f"line {number}".ljust(100) for number in range(100)]
    write_lines(line.encode() for line in lines)
    assert "".join(written).splitlines() == lines
    assert 1 < len(written) < 5
    assert all(text.endswith("\n") and len(text) <= WRITTEN_BYTES_MAX for text in written)
    write_lines([b"a", b"x" * (2 * WRITTEN_BYTES_MAX), b"b"])
    assert written[-3:] == ["a\n", "x" * (2 * WRITTEN_BYTES_MAX) + "\n", "b\n"]
    written.clear()
    write_lines([])
    assert written == []


@pytest.mark.parametrize("log_format", ["json", "console"])
async def test_many_requests_at_once_are_all_written_and_counted(
    fresh_dsn: str, capsys: pytest.CaptureFixture[str], log_format: str
) -> None:
    paths = [f"contests/small/teams?name={number}" for number in range(REQUESTS_HELD_MAX + 10)]
    with capture_logs() as captured:
        async with running(fresh_dsn, access_log=True, log_format=log_format) as server:
            caller = server.caller()
            for path in paths:
                assert (await caller.get(path)).status == 200
            scraped = (await caller.get(server.root + "/metrics")).body.decode()
    lines = requests_in(capsys.readouterr().err) if log_format == "json" else captured
    told = [line["query"] for line in lines if line["event"] == "request" and "/teams" in line["path"]]
    assert told == [path.partition("?")[2] for path in paths]
    assert sum(float(line.rpartition(" ")[2]) for line in _counts_of_teams(scraped)) >= len(paths)


def _counts_of_teams(scraped: str) -> list[str]:
    return [
        line
        for line in scraped.splitlines()
        if line.startswith("cds_requests_total") and 'endpoint="/api/contests/{contest_id}/teams"' in line
    ]
