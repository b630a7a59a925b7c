"""The platform sync in processes of its own: killed in the middle, several workers, the schedule, the command line."""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.acceptance.command_line import ServerProcess, cds, serving, until
from tests.cds.contest_api.serving import SERVER_ADMIN, Caller, Json
from tests.cds.contest_api.worker_groups import group_of
from tests.platform_servers.platforms import PlatformServers, platform_servers

ADMIN = ("admin", "secret")
MANY = 600
FEW = 12


@pytest.fixture
async def servers() -> AsyncIterator[PlatformServers]:
    """The platforms; of Codeforces a few contests around now."""
    async with platform_servers(FEW, int(time.time())) as put_up:
        yield put_up


def options(servers: PlatformServers, **more: str) -> dict[str, str]:
    """The environment of a command that is led to the stand-ins."""
    return servers.environment() | more


def as_arguments(environment: dict[str, str]) -> list[str]:
    """The same on the command line, where options are named as in the environment."""
    return [
        word
        for name, value in environment.items()
        for word in (f"--{name.removeprefix('CDS_').lower().replace('_', '-')}", value)
    ]


async def synced(caller: Caller, platform: str = "codeforces", *, forced: bool = True) -> Json:
    """The answer to a run, whatever it is."""
    root = caller.base.removesuffix("/api/")
    return (await caller.ask("POST", f"{root}/contests/sync/{platform}", json={"forceSync": forced})).json


async def history(caller: Caller, platform: str = "codeforces") -> list[Json]:
    """The runs of a platform, the newest first."""
    root = caller.base.removesuffix("/api/")
    runs: list[Json] = (await caller.json(f"{root}/contests/sync/{platform}?limit=200"))["history"]
    return runs


def counts(answer: Json) -> tuple[int, int, int]:
    """What a run came to."""
    return answer["synced"], answer["updated"], answer["failed"]


async def killed_in_the_middle(server: ServerProcess) -> int:
    """Begin a run and kill the server while contests are being written; how many it showed by then."""
    caller = server.caller(ADMIN)
    run = asyncio.create_task(synced(caller))
    shown = 0
    async with asyncio.timeout(60):
        while not 0 < shown < MANY:
            shown = len(await caller.json("contests"))
            assert not run.done(), run.result()
    assert await server.stopped(signal.SIGKILL) != 0
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
    return shown


async def test_killed_in_the_middle_and_started_again_there_are_no_duplicates_and_the_counts_are_true(
    tmp_path: Path,
) -> None:
    async with platform_servers(MANY, int(time.time())) as servers:
        directory = ("--data-dir", tmp_path / "data")
        async with serving(tmp_path, *directory, **options(servers)) as server:
            shown = await killed_in_the_middle(server)
        async with serving(tmp_path, *directory, **options(servers)) as server:
            caller = server.caller(ADMIN)
            there = len(await caller.json("contests"))
            assert shown <= there < MANY
            assert await history(caller) == []
            # Not forced: what was cut off began no cool-down, and left no lock.
            assert counts(await synced(caller, forced=False)) == (MANY - there, there, 0)
            contests = await caller.json("contests")
            assert len({contest["id"] for contest in contests}) == len(contests) == MANY
            assert counts(await synced(caller)) == (0, MANY, 0)
            assert [run["changed"] for run in await history(caller)] == [0, MANY - there]


async def test_the_cool_down_survives_a_restart(tmp_path: Path, servers: PlatformServers) -> None:
    directory = ("--data-dir", tmp_path / "data")
    async with serving(tmp_path, *directory, **options(servers)) as server:
        assert counts(await synced(server.caller(ADMIN), forced=False)) == (FEW, 0, 0)
        assert await server.stopped() == 0
    async with serving(tmp_path, *directory, **options(servers)) as server:
        assert (await synced(server.caller(ADMIN), forced=False))["skipped"] is True
        assert len(await server.caller(None).json("contests")) == FEW


async def test_workers_have_one_lock_and_all_show_what_one_has_synced(
    database_dsn: str, tmp_path: Path, servers: PlatformServers
) -> None:
    arguments = as_arguments(options(servers))
    async with group_of(2, database_dsn, tmp_path / "group", *arguments) as group:
        await group.until_whole(2)
        async with group.on(0) as first, group.on(1) as second:
            servers.codeforces.delay_s = 1.5
            run = asyncio.create_task(synced(first))
            await until(lambda: bool(servers.codeforces.asked))
            assert (await synced(second))["skipped"] is True
            assert counts(await run) == (FEW, 0, 0)
            assert len(servers.codeforces.asked) == 1
            for caller in (first, second):
                assert len(await caller.json("contests")) == FEW
                assert len(await history(caller)) == 1
            # The cool-down holds on the worker that has not synced.
            assert (await synced(second, forced=False))["skipped"] is True
            servers.codeforces.delay_s = 0.0
            assert counts(await synced(second)) == (0, FEW, 0)


async def test_workers_have_one_schedule_and_a_platform_that_fails_does_not_stop_the_next(
    database_dsn: str, tmp_path: Path, servers: PlatformServers
) -> None:
    servers.leetcode.misbehave("cloudflare")
    arguments = as_arguments(options(servers, CDS_SYNC_EVERY_S="1"))
    async with group_of(2, database_dsn, tmp_path / "group", *arguments) as group:
        await group.until_whole(2)
        await until(lambda: len(servers.codeforces.asked) >= 3 and len(servers.codechef.paths) >= 8)
        async with group.on(0, SERVER_ADMIN) as caller:
            runs = await history(caller)
            assert {run["trigger"] for run in runs} == {"schedule"}
            assert {counts(run) for run in runs} == {(FEW, 0, 0), (0, FEW, 0)}
            assert {run["error"] for run in await history(caller, "leetcode")} == {"status"}
            assert {run["error"] for run in await history(caller, "codechef")} == {None}
    times_s = [asked.time_s for asked in servers.codeforces.asked]
    assert all(later - earlier >= 1 for earlier, later in pairwise(times_s))


async def test_without_a_schedule_nobody_is_asked(tmp_path: Path, servers: PlatformServers) -> None:
    async with serving(tmp_path, "--data-dir", tmp_path / "data", **options(servers)) as server:
        caller = server.caller(ADMIN)
        await synced(caller, "leetcode")
        duties = [line for line in (tmp_path / "serve.err").read_text().splitlines() if "duty_begun" in line]
        assert not any("platform sync" in line for line in duties)
    assert servers.codeforces.asked == []


def test_the_command_syncs_a_platform_and_says_what_it_came_to(tmp_path: Path) -> None:
    """Skipped when it was done just now, unless it is forced; each is a process of its own."""

    async def play() -> None:
        async with platform_servers(FEW, int(time.time())) as servers:
            chosen = options(servers)
            for name in ("CDS_SYNC_EVERY_S", "CDS_RATE_LIMITS"):
                del chosen[name]

            async def command(*arguments: str) -> tuple[int, str, str]:
                outcome = await asyncio.to_thread(cds, "sync", *arguments, cwd=tmp_path, **chosen)
                return outcome.code, outcome.out, outcome.err

            code, out, err = await command("codeforces")
            assert (code, out) == (0, f"codeforces: {FEW} synced, 0 updated, 0 failed\n"), err
            assert f"syncing codeforces: {FEW} of {FEW}" in err
            code, out, _ = await command("codeforces")
            assert (code, out.startswith("codeforces: skipped")) == (0, True)
            code, out, _ = await command("codeforces", "--force")
            assert (code, out) == (0, f"codeforces: 0 synced, {FEW} updated, 0 failed\n")
            servers.leetcode.misbehave("html")
            code, out, err = await command("all", "--force")
            assert code == 1
            assert f"codeforces: 0 synced, {FEW} updated, 0 failed" in out
            assert "codechef: 47 synced, 0 updated, 0 failed" in out
            assert ("cds: leetcode: " in err, "leetcode: leetcode: " in err) == (True, False)
            code, _, err = await command("leetcode", "--sync-platforms", "codeforces")
            assert (code, "Platform leetcode not registered or not enabled" in err) == (1, True)
            code, _, _ = await command("topcoder")
            assert code == 2

    asyncio.run(play())


async def test_the_command_works_beside_a_server_which_shows_it_at_once(
    tmp_path: Path, servers: PlatformServers
) -> None:
    chosen = options(servers)
    async with serving(tmp_path, "--data-dir", "data", **chosen) as server:
        chosen = {name: value for name, value in chosen.items() if name not in ("CDS_SYNC_EVERY_S", "CDS_RATE_LIMITS")}
        outcome = await asyncio.to_thread(cds, "sync", "codeforces", "--data-dir", "data", cwd=tmp_path, **chosen)
        assert outcome.code == 0, outcome.err
        caller = server.caller(ADMIN)
        assert len(await caller.json("contests")) == FEW
        assert (await synced(caller, forced=False))["skipped"] is True
        assert counts(await synced(caller)) == (0, FEW, 0)
        assert [run["trigger"] for run in await history(caller)] == ["request", "command"]
        contest_id = f"codeforces-{servers.codeforces.contests[1]['id']}"
        lines = await server.caller(None).lines(f"contests/{contest_id}/event-feed")
        assert [json.loads(line)["type"] for line in lines] == ["contest", "state"]


async def test_a_token_from_the_command_line_opens_the_sync_to_administrators(
    tmp_path: Path, servers: PlatformServers
) -> None:
    """As scripts do it: the last line of `cds token` in the header of the request."""
    async with serving(tmp_path, "--data-dir", "data", **options(servers)) as server:
        root = server.base.removesuffix("/api/")
        answers = []
        for role in ("admin", "team"):
            outcome = await asyncio.to_thread(cds, "token", "--role", role, "--data-dir", "data", cwd=tmp_path)
            assert outcome.code == 0, outcome.err
            headers = {"Authorization": f"Bearer {outcome.out.splitlines()[-1]}"}
            answers.append(await server.caller(None).ask("POST", f"{root}/contests/sync/codeforces", headers=headers))
        assert [answer.status for answer in answers] == [200, 403]
        assert counts(answers[0].json) == (FEW, 0, 0)
        assert answers[1].json == {"statusCode": 403, "message": "Forbidden resource"}
