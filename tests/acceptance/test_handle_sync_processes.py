"""Students in processes of their own: several servers and workers, the command line, a Redis that is shared."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from fakeredis import TcpFakeServer

from tests.acceptance.command_line import cds, serving
from tests.acceptance.test_platform_sync_processes import as_arguments
from tests.cds.contest_api.serving import SERVER_ADMIN, Answer, Caller
from tests.cds.contest_api.worker_groups import group_of
from tests.cds.student_api.stage import QUESTIONS, TOURIST, student_stage
from tests.platform_servers.generated import codeforces_handle
from tests.platform_servers.platforms import PlatformServers, platform_servers

ADMIN = ("admin", "secret")
CSV = "name,email,phoneNo,codeforcesHandle\nGennady,t@example.org,1,tourist\nPetr,p@example.org,2,Petr\n"


@pytest.fixture
async def servers() -> AsyncIterator[PlatformServers]:
    """The platforms; Codeforces knows two handles."""
    async with platform_servers(3, int(time.time())) as put_up:
        for name in ("tourist", "Petr"):
            put_up.codeforces.add_handle(codeforces_handle(name))
        yield put_up


@pytest.fixture
def redis_url() -> Iterator[str]:
    """The address of something that speaks as Redis does."""
    server = TcpFakeServer(("127.0.0.1", 0), server_type="redis")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"redis://127.0.0.1:{server.server_address[1]}/0"
    server.shutdown()
    server.server_close()
    thread.join()


async def entered(caller: Caller) -> Answer:
    """The usual student is entered."""
    return await caller.ask("POST", "students", json=dict(TOURIST))


async def test_two_workers_that_are_asked_at_once_ask_three_questions(
    database_dsn: str, tmp_path: Path, servers: PlatformServers
) -> None:
    """And what one was told all know."""
    arguments = as_arguments(servers.environment())
    async with group_of(2, database_dsn, tmp_path / "group", *arguments) as group:
        await group.until_whole(2)
        first_pid, second_pid = sorted(group.pids())
        async with group.on(first_pid) as first, group.on(second_pid) as second:
            assert (await entered(first)).status == 201
            servers.codeforces.delay_s = 0.5
            answers = await asyncio.gather(*(caller.get("codeforces/sync/tourist") for caller in (first, second)))
            assert [answer.status for answer in answers] == [200, 200]
            assert sorted(servers.codeforces.paths) == sorted(QUESTIONS)
            assert answers[0].json == answers[1].json
            shown = await asyncio.gather(*(caller.json("students") for caller in (first, second)))
            assert shown[0] == shown[1] == [answers[0].json]


async def test_all_processes_on_a_database_together_ask_no_faster_than_one(
    database_dsn: str, tmp_path: Path, servers: PlatformServers
) -> None:
    """Two workers that sync handles, and a sync of the contests from the command line beside them."""
    interval_s = 0.4
    environment = servers.environment() | {"CDS_UPSTREAM_INTERVAL_S": str(interval_s)}
    async with group_of(2, database_dsn, tmp_path / "group", *as_arguments(environment)) as group:
        await group.until_whole(2)
        first_pid, second_pid = sorted(group.pids())
        async with group.on(first_pid) as first, group.on(second_pid) as second:
            assert (await entered(first)).status == 201
            other = {**TOURIST, "codeforcesHandle": "Petr", "email": "p@example.org"}
            assert (await first.ask("POST", "students", json=other)).status == 201
            command = ("sync", "codeforces", "--force", "--database-url", database_dsn)
            beside = asyncio.create_task(asyncio.to_thread(cds, *command, cwd=tmp_path, **environment))
            wanted = [(first, "tourist"), (second, "Petr")] * 3
            answers = await asyncio.gather(*(caller.get(f"codeforces/sync/{handle}") for caller, handle in wanted))
            assert ((await beside).code, {answer.status for answer in answers}) == (0, {200})
    times_s = sorted(asked.time_s for asked in servers.codeforces.asked)
    assert len(times_s) >= 7
    # It is when they are sent that counts; on their way some are faster than others.
    assert all(later - earlier >= interval_s / 2 for earlier, later in pairwise(times_s))
    assert times_s[-1] - times_s[0] >= interval_s * (len(times_s) - 1) - interval_s / 2


async def test_two_servers_on_one_database_know_what_each_other_does(database_dsn: str) -> None:
    async with student_stage(database_dsn) as first, student_stage(database_dsn) as second:
        document = await first.enter()
        assert await second.shown(document["_id"]) == document
        assert (await second.sync()).status == 200
        assert (await first.shown(document["_id"]))["currRating"] == 3_800
        path = f"students/{document['_id']}"
        answer = await second.ask("PUT", path, {"name": "Another"}, login=SERVER_ADMIN)
        assert (answer.status, (await first.shown(document["_id"]))["name"]) == (200, "Another")
        assert (await first.ask("DELETE", path, login=SERVER_ADMIN)).status == 204
        assert (await second.sync()).status == 404


async def test_a_list_is_imported_beside_a_running_server_and_all_goes_on_after_a_kill(
    tmp_path: Path, servers: PlatformServers
) -> None:
    """`cds students import`, a sync, `kill -9`: what was answered is there."""
    (tmp_path / "students.csv").write_text(CSV)
    options = servers.environment()
    async with serving(tmp_path, "--data-dir", "data", **options) as server:
        outcome = cds("students", "import", "students.csv", "--data-dir", "data", cwd=tmp_path)
        assert (outcome.code, outcome.out) == (0, "2 students entered\n")
        caller = server.caller(ADMIN)
        assert [each["codeforcesHandle"] for each in await caller.json("students")] == ["tourist", "Petr"]
        assert (await caller.get("codeforces/sync/tourist")).status == 200
        before = await caller.json("students")
        server.process.kill()
        server.process.wait()
    async with serving(tmp_path, "--data-dir", "data", **options) as server:
        assert await server.caller(ADMIN).json("students") == before
        assert (await server.caller().get("codeforces/sync/petr")).json["currRating"] == 1_500
        outcome = cds("students", "import", "students.csv", "--data-dir", "data", cwd=tmp_path)
        assert outcome.code == 1
        assert outcome.reasons[0].startswith("cds: students.csv: no student was entered: line 2: codeforcesHandle")
        assert "example.org" not in outcome.err


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "line 1: the column name is missing"),
        (CSV.replace("t@example.org", ""), "no student was entered: line 2: email is missing"),
    ],
)
def test_a_list_that_is_wrong_is_refused_on_one_line(tmp_path: Path, content: str, reason: str) -> None:
    (tmp_path / "students.csv").write_text(content)
    outcome = cds("students", "import", "students.csv", "--data-dir", "data", cwd=tmp_path)
    assert (outcome.code, outcome.reasons) == (1, [f"cds: students.csv: {reason}"])


async def test_servers_share_a_cache_in_redis(tmp_path: Path, servers: PlatformServers, redis_url: str) -> None:
    """`CDS_REDIS_URL` is all that it takes."""
    options = servers.environment() | {"CDS_REDIS_URL": redis_url}
    arguments = ("--data-dir", "data", "--log-format", "json")
    async with serving(tmp_path, *arguments, **options) as server:
        caller = server.caller(ADMIN)
        assert (await entered(caller)).status == 201
        assert (await caller.get("codeforces/sync/tourist")).status == 200
    lines = [json.loads(line) for line in (tmp_path / "serve.err").read_text().splitlines() if line.startswith("{")]
    assert "student_synced" in [line["event"] for line in lines]
    assert "student_cache_failed" not in [line["event"] for line in lines]
    assert TOURIST["email"] not in (tmp_path / "serve.err").read_text()


def test_a_redis_address_that_is_none_is_refused_and_not_repeated(tmp_path: Path) -> None:
    outcome = cds("serve", "--data-dir", "data", cwd=tmp_path, CDS_REDIS_URL="http://:geheim@localhost")
    assert outcome.code == 2
    assert "geheim" not in outcome.err
