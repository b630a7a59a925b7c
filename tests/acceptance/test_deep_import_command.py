"""`cds import codeforces:1234` as it is typed, alone and beside a running server; and what a kill leaves behind."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.acceptance.command_line import Outcome, cds, serving, until
from tests.platform_servers.platforms import PlatformServers, platform_servers
from tests.platform_servers.results import codeforces_results

NUMBER = 1234
SUBMISSIONS = 300
PARTIES = 20
ADMIN = ("admin", "secret")
CONTEST = f"contests/codeforces-{NUMBER}"


@pytest.fixture
async def servers() -> AsyncIterator[PlatformServers]:
    """The platforms; of Codeforces one contest with its results."""
    async with platform_servers(4) as put_up:
        put_up.codeforces.results[NUMBER] = codeforces_results(NUMBER, parties=PARTIES, submissions=SUBMISSIONS)
        yield put_up


def of_command(servers: PlatformServers) -> dict[str, str]:
    """The environment that leads a command to the stand-ins."""
    of_servers_alone = ("CDS_SYNC_EVERY_S", "CDS_RATE_LIMITS")
    return {name: value for name, value in servers.environment().items() if name not in of_servers_alone}


async def imported(servers: PlatformServers, cwd: Path, *arguments: str) -> Outcome:
    """What the command says."""
    return await asyncio.to_thread(cds, "import", *arguments, "--data-dir", "data", cwd=cwd, **of_command(servers))


async def test_the_command_imports_a_contest_and_says_what_it_came_to(tmp_path: Path, servers: PlatformServers) -> None:
    """The second time nothing is added."""
    outcome = await imported(servers, tmp_path, f"codeforces:{NUMBER}")
    assert outcome.code == 0, outcome.err
    words = outcome.out.split()
    assert words[0] == f"codeforces-{NUMBER}:"
    assert words[1] == words[5].rstrip(",")
    assert int(words[1]) > 2 * SUBMISSIONS + PARTIES
    again = await imported(servers, tmp_path, f"codeforces:{NUMBER}")
    assert again.out == f"codeforces-{NUMBER}: 0 events added, position {words[1]}, 0 rows failed\n"


async def test_a_server_beside_it_shows_it_at_once(tmp_path: Path, servers: PlatformServers) -> None:
    async with serving(tmp_path, "--data-dir", "data", **servers.environment()) as server:
        outcome = await imported(servers, tmp_path, f"codeforces:{NUMBER}")
        assert outcome.code == 0, outcome.err
        public = server.caller(None)
        assert len(await public.json(f"{CONTEST}/submissions")) == SUBMISSIONS
        rows = (await public.json(f"{CONTEST}/scoreboard"))["rows"]
        assert rows[0]["ext"]["sync"]["rank"] == 1
        root = server.base.removesuffix("/api/")
        history = (await server.caller(ADMIN).json(f"{root}/contests/sync/codeforces"))["history"]
        assert [(run["trigger"], run["contestId"]) for run in history] == [("command", str(NUMBER))]


@pytest.mark.parametrize(
    ("source", "code", "reason"),
    [
        ("codeforces:987654", 1, "not found"),
        ("codeforces:", 2, "is not like codeforces:1234"),
        ("codeforces:12x", 2, "is not like codeforces:1234"),
        ("codeforces:0", 2, "is not like codeforces:1234"),
        ("codeforces:1234567890", 2, "is not like codeforces:1234"),
        ("leetcode:weekly-1", 2, "not leetcode"),
        ("topcoder:17", 1, "topcoder:17"),
    ],
)
async def test_a_source_that_is_none_is_refused(
    tmp_path: Path, servers: PlatformServers, source: str, code: int, reason: str
) -> None:
    outcome = await imported(servers, tmp_path, source)
    assert (outcome.code, reason in outcome.err) == (code, True), outcome.err
    assert "Traceback" not in outcome.err


async def test_a_platform_that_is_not_enabled_is_not_asked(tmp_path: Path, servers: PlatformServers) -> None:
    """By the same option, and in the same words, as over HTTP."""
    outcome = await imported(servers, tmp_path, f"codeforces:{NUMBER}", "--sync-platforms", "leetcode")
    assert outcome.code == 1
    assert outcome.reasons == ["cds: Platform codeforces not registered or not enabled"]
    assert servers.codeforces.asked == []


@pytest.mark.parametrize("option", ["--strict", "--contest-id=mine", "--shadow=second"])
async def test_options_of_packages_do_not_go_with_it(tmp_path: Path, servers: PlatformServers, option: str) -> None:
    outcome = await imported(servers, tmp_path, f"codeforces:{NUMBER}", option)
    assert (outcome.code, "are for packages and feeds" in outcome.err) == (2, True)
    assert servers.codeforces.asked == []


async def test_a_platform_that_does_not_answer_is_one_line(tmp_path: Path, servers: PlatformServers) -> None:
    await servers.codeforces.die()
    outcome = await imported(servers, tmp_path, f"codeforces:{NUMBER}")
    assert outcome.code == 1
    assert outcome.reasons == ["cds: codeforces: no connection could be made"]


async def test_a_path_of_that_name_is_a_path(tmp_path: Path, servers: PlatformServers) -> None:
    (tmp_path / f"codeforces:{NUMBER}").write_text('{"token":"1","type":"contest","id":null,"data":{}}\n')
    outcome = await imported(servers, tmp_path, f"codeforces:{NUMBER}")
    assert outcome.code == 1
    assert servers.codeforces.asked == []


async def test_killed_in_the_middle_nothing_is_half_done(tmp_path: Path, servers: PlatformServers) -> None:
    """While the platform is asked nothing is written; asked again after the start, all of it is."""
    chosen = servers.environment()
    async with serving(tmp_path, "--data-dir", "data", **chosen) as server:
        servers.codeforces.misbehave("slow", path="/api/contest.status")
        caller, root = server.caller(ADMIN), server.base.removesuffix("/api/")
        asking = asyncio.create_task(caller.ask("POST", f"{root}/contests/sync/codeforces", json={"contestId": NUMBER}))
        await until(lambda: "/api/contest.status" in servers.codeforces.paths)
        assert await server.stopped(signal.SIGKILL) != 0
        await asyncio.gather(asking, return_exceptions=True)
    servers.codeforces.behave()
    async with serving(tmp_path, "--data-dir", "data", **chosen) as server:
        caller, root = server.caller(ADMIN), server.base.removesuffix("/api/")
        assert await caller.json("contests") == []
        answer = await caller.ask("POST", f"{root}/contests/sync/codeforces", json={"contestId": NUMBER})
        assert (answer.json["synced"], answer.json["updated"], answer.json["failed"]) == (1, 0, 0)
        assert len(await caller.json(f"{CONTEST}/submissions")) == SUBMISSIONS
