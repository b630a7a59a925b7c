"""`/readyz` tells the truth, and why; limits of the process are raised as far as they go."""

import asyncio
import resource

import pytest
from structlog.testing import capture_logs

from cds.application import Server
from cds.configuration import Configuration
from cds.operations.open_files import raise_open_files_limit
from cds.operations.readiness import Checks, readiness
from tests.cds.contest_api.serving import DEADLINE_S, Caller, Running, running

GOOD = {"database": True, "log_read": True, "following": True, "staying": True}


@pytest.mark.parametrize(
    ("failed", "words"),
    [
        ((), []),
        (("staying",), ["stopping"]),
        (("database",), ["database"]),
        (("following",), ["followed"]),
        (("log_read", "following"), ["read yet"]),
        (("database", "log_read", "following"), ["database", "read yet"]),
    ],
    ids=str,
)
def test_every_reason_is_named_and_none_twice(failed: tuple[str, ...], words: list[str]) -> None:
    found = readiness(Checks(**{name: name not in failed for name in GOOD}), contests=3, pid=1)
    assert found.ready is not bool(failed)
    assert found.status == ("not ready" if failed else "ready")
    assert len(found.reasons) == len(words)
    assert all(word in reason for word, reason in zip(words, found.reasons, strict=True))


async def test_a_server_that_serves_is_ready_and_says_what_it_has_looked_at(fresh: Running) -> None:
    answer = await fresh.caller().get(fresh.root + "/readyz")
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json["checks"] == GOOD
    assert (answer.json["status"], answer.json["reasons"], answer.json["contests"]) == ("ready", [], 4)


async def test_a_server_that_is_told_to_stop_is_not_ready_and_serves_on(fresh: Running) -> None:
    with capture_logs() as logged:
        fresh.server.stop_soon("SIGTERM")
        fresh.server.stop_soon("SIGTERM")
    assert [line["event"] for line in logged] == ["stopping"]
    answer = await fresh.caller().get(fresh.root + "/readyz")
    assert (answer.status, answer.json["reasons"]) == (503, ["the server is stopping"])
    assert (await fresh.caller().get(fresh.root + "/healthz")).status == 200
    assert (await fresh.caller().get("contests/small/teams")).status == 200
    async with fresh.caller().stream("contests/small/event-feed") as stream:
        assert (await stream.notification())["type"] == "contest"


async def test_a_server_that_does_not_follow_the_log_is_not_ready(fresh: Running) -> None:
    await fresh.server.service.contests.close()
    answer = await fresh.caller().get(fresh.root + "/readyz")
    assert (answer.status, answer.json["reasons"]) == (503, ["the log is not being followed"])


async def test_a_server_that_still_reads_the_log_says_so(fresh_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, reading = asyncio.Event(), asyncio.Event()
    load = "cds.application.Contests.load"
    as_ever = Server.__init__.__globals__["Contests"].load

    async def held(contests: object) -> None:
        reading.set()
        await gate.wait()
        await as_ever(contests)

    monkeypatch.setattr(load, held)
    server = Server(Configuration(port=0, database_url=fresh_dsn))
    starting = asyncio.create_task(server.start())
    try:
        async with asyncio.timeout(DEADLINE_S):
            await reading.wait()
        found = server.readiness()
        assert (found.checks.database, found.reasons) == (True, ["the log has not been read yet"])
        gate.set()
        await starting
        assert server.readiness().ready
    finally:
        gate.set()
        await starting
        await server.stop()
    assert server.readiness().reasons[0] == "the server is stopping"


async def test_the_life_of_a_server_can_be_followed_in_its_log(fresh_dsn: str) -> None:
    with capture_logs() as logged:
        async with running(fresh_dsn) as server:
            assert isinstance(server.caller(), Caller)
    events = {line["event"]: line for line in logged}
    assert logged[0]["event"] == "starting"
    assert events["ready"]["contests"] == 4
    assert events["ready"]["events"] > 100
    assert events["ready"]["port"] > 0
    assert not any("password" in str(line) for line in logged)


def test_as_many_files_may_be_open_as_the_system_grants() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))
    try:
        with capture_logs() as logged:
            assert raise_open_files_limit() == hard
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
        assert [(line["event"], line["open_files_max"]) for line in logged] == [("open_files_limit", hard)]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_limit_that_cannot_be_raised_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_which: int, _limits: tuple[int, int]) -> None:
        raise ValueError("not on this system")

    monkeypatch.setattr("resource.getrlimit", lambda _which: (256, 9_223_372_036_854_775_807))
    monkeypatch.setattr("resource.setrlimit", refuse)
    with capture_logs() as logged:
        assert raise_open_files_limit() == 256
    assert [line["event"] for line in logged] == ["open_files_limit_kept"]
