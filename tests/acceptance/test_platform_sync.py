"""The sync of platforms over HTTP, line by line as its contract has it (seed 000): a real server on a real Postgres.

Only the platforms are stood in for. Which line is shown by which test: `requirements_of_the_platform_sync`.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest

from cds.platforms.questions import PLATFORMS, Platform
from tests.cds.contest_api.schema_checks import SchemaChecks, decoded, schemas
from tests.cds.contest_api.serving import DEADLINE_S
from tests.cds.platforms.sync_stage import ADMIN_LOGIN, SyncStage, completed, sync_stage
from tests.platform_servers.faults import FaultName
from tests.platform_servers.results import codeforces_results

FAILED = {"statusCode": 500, "message": "Platform sync failed."}
SKIPPED = {"synced": 0, "updated": 0, "failed": 0, "skipped": True}
COOL_DOWN_MS = 600_000

FAULTS: tuple[FaultName, ...] = (
    "cloudflare",
    "html",
    "error",
    "truncated",
    "cut",
    "closed",
    "wrong type",
    "empty",
    "redirect elsewhere",
)


@pytest.fixture
async def stage(database_dsn: str) -> AsyncIterator[SyncStage]:
    """A server without contests, and the platforms."""
    async with sync_stage(database_dsn) as put_up:
        yield put_up


# --- What a run comes to.


@pytest.mark.parametrize(("platform", "contests"), [("codeforces", 12), ("leetcode", 4), ("codechef", 47)])
async def test_the_first_run_counts_all_as_synced_and_the_second_as_updated(
    stage: SyncStage, platform: str, contests: int
) -> None:
    """The second, forced, adds no event to any contest."""
    assert await stage.forced(platform) == completed(platform, contests, 0)
    before = await stage.heads()
    assert len(before) == contests
    assert await stage.forced(platform) == completed(platform, 0, contests)
    assert await stage.heads() == before


async def test_codechef_is_read_to_its_last_page(stage: SyncStage) -> None:
    assert await stage.forced("codechef") == completed("codechef", 47, 0)
    pages = [asked.query["offset"] for asked in stage.servers.codechef.asked if "past" in asked.path]
    assert pages == ["0", "20", "40"]


async def test_atcoder_comes_from_both_of_its_sources(stage: SyncStage) -> None:
    first = await stage.forced("atcoder")
    assert first == completed("atcoder", first["synced"], 0)
    ids = {contest["id"] for contest in await stage.seen("contests")}
    assert {f"atcoder-{row['id']}" for row in stage.servers.kenkoooo.contests if row["start_epoch_second"]} <= ids
    assert {f"atcoder-{row.id}" for row in stage.servers.atcoder.tables["upcoming"]} <= ids


async def test_a_second_run_soon_after_is_skipped_unless_it_is_forced(stage: SyncStage) -> None:
    await stage.sync("codeforces")
    asked = stage.servers.requests
    answer = await stage.sync("codeforces", {})
    assert (answer.status, answer.json) == (200, completed("codeforces", 0, 0) | {"skipped": True})
    assert stage.servers.requests == asked
    stage.clock.now_ms += COOL_DOWN_MS - 1
    assert (await stage.sync("codeforces")).json["skipped"] is True
    stage.clock.now_ms += 1
    assert (await stage.sync("codeforces")).json == completed("codeforces", 0, 12)
    assert await stage.forced("codeforces") == completed("codeforces", 0, 12)


async def test_the_cool_down_is_of_each_platform_alone(stage: SyncStage) -> None:
    await stage.sync("codeforces")
    assert (await stage.sync("leetcode")).json == completed("leetcode", 4, 0)


async def test_without_a_cool_down_nothing_is_skipped(database_dsn: str) -> None:
    async with sync_stage(database_dsn, settings={"cool_down_s": 0}) as stage:
        assert [(await stage.sync("leetcode")).json["updated"] for _ in range(3)] == [0, 4, 4]


async def test_a_failed_run_begins_no_cool_down(stage: SyncStage) -> None:
    stage.servers.codeforces.misbehave("cloudflare")
    assert (await stage.sync("codeforces")).status == 500
    stage.servers.codeforces.behave()
    assert (await stage.sync("codeforces")).json == completed("codeforces", 12, 0)


async def test_a_call_while_a_run_is_under_way_is_skipped_even_when_forced(stage: SyncStage) -> None:
    stage.servers.codeforces.delay_s = 0.5
    first = asyncio.create_task(stage.sync("codeforces"))
    async with asyncio.timeout(DEADLINE_S):
        while not stage.servers.codeforces.asked:
            await asyncio.sleep(0.005)
        others = await asyncio.gather(*(stage.sync("codeforces", {"forceSync": True}) for _ in range(5)))
        other_platform = await stage.sync("leetcode")
    assert [(answer.status, answer.json) for answer in others] == [
        (200, completed("codeforces", 0, 0) | {"skipped": True})
    ] * 5
    assert other_platform.json == completed("leetcode", 4, 0)
    assert (await first).json == completed("codeforces", 12, 0)
    assert len(stage.servers.codeforces.asked) == 1


async def test_a_broken_row_is_counted_as_failed_and_the_others_are_stored(stage: SyncStage) -> None:
    stage.servers.codeforces.contests[3]["durationSeconds"] = -1
    broken = stage.servers.codeforces.contests[3]["id"]
    assert await stage.forced("codeforces") == completed("codeforces", 11, 0, 1)
    assert len(await stage.seen("contests")) == 11
    run, *_ = (await stage.history("codeforces"))["history"]
    assert run["failed"] == 1
    assert [failure["contestId"] for failure in run["failures"]] == [str(broken)]
    assert "duration" in run["failures"][0]["reason"]
    stage.servers.codeforces.contests[3]["durationSeconds"] = 7200
    assert await stage.forced("codeforces") == completed("codeforces", 1, 11)


async def test_when_every_row_is_broken_the_platform_failed(stage: SyncStage) -> None:
    for row in stage.servers.codeforces.contests:
        row["durationSeconds"] = "long"
    answer = await stage.sync("codeforces")
    assert (answer.status, answer.json) == (500, FAILED)
    assert await stage.heads() == {}


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_a_platform_that_misbehaves_is_500_and_the_log_unchanged(stage: SyncStage, platform: Platform) -> None:
    """Whatever it answers: the sentence is fixed, and tells nothing of what it said."""
    await stage.forced(platform)
    before = await stage.heads()
    server = stage.servers.by_host[platform]
    for fault in FAULTS:
        server.behave()
        server.misbehave(fault)
        answer = await stage.sync(platform, {"forceSync": True})
        assert (answer.status, answer.json) == (500, FAILED), fault
        assert await stage.heads() == before, fault
        run, *_ = (await stage.history(platform))["history"]
        assert run["error"] is not None, fault
        assert run["reason"], fault
        assert "http" not in run["reason"], fault
        assert (run["synced"], run["updated"], run["failed"]) == (0, 0, 0), fault
    assert (await stage.history(platform))["runs"] == 1 + len(FAULTS)
    server.behave()
    assert (await stage.forced(platform))["synced"] == 0


async def test_a_platform_that_does_not_answer_in_time_is_500(database_dsn: str) -> None:
    async with sync_stage(database_dsn, settings={"timeout_s": 0.1}) as stage:
        stage.servers.codeforces.misbehave("hang")
        answer = await stage.sync("codeforces")
        assert (answer.status, answer.json) == (500, FAILED)
        assert stage.servers.codeforces.times_gone_wrong("hang") == 2


async def test_a_platform_that_is_not_there_is_500(stage: SyncStage) -> None:
    await stage.servers.leetcode.die()
    answer = await stage.sync("leetcode")
    assert (answer.status, answer.json) == (500, FAILED)


async def test_a_platform_is_asked_again_before_it_has_failed(stage: SyncStage) -> None:
    stage.servers.codeforces.misbehave("error", times=1)
    assert await stage.forced("codeforces") == completed("codeforces", 12, 0)
    assert len(stage.servers.codeforces.asked) == 2


async def test_half_of_codechef_is_no_success(stage: SyncStage) -> None:
    """A page in the middle that is missing must not look as if contests were gone."""
    stage.servers.codechef.misbehave("html", path="/api/list/contests/past", after=1)
    answer = await stage.sync("codechef")
    assert (answer.status, answer.json) == (500, FAILED)
    assert await stage.heads() == {}


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_each_stored_contest_is_visible_and_valid(stage: SyncStage, platform: Platform) -> None:
    """To everybody, in the list and by its id, valid by the schemas of the specification with strict=1."""
    await stage.forced(platform)
    plain = await stage.seen("contests", "public")
    assert plain
    if not schemas():
        pytest.skip("needs the JSON schemas in ../shared")
    caller = stage.served.of_role("public")
    for contest in plain:
        path = f"contests/{contest['id']}"
        assert contest["ext"]["sync"]["platform"] == platform
        assert await stage.seen(path, "public") == contest
        checks = SchemaChecks(await stage.seen(f"{path}/access?strict=1", "public"))
        for name, schema in ((path, "contest"), (f"{path}/state", "state")):
            strict = (await caller.get(f"{name}?strict=1")).body
            checks.check(schema, decoded(strict), name)
            assert b'"ext"' not in strict


async def test_a_contest_that_changed_is_one_event(stage: SyncStage) -> None:
    await stage.forced("codeforces")
    before = await stage.heads()
    stage.servers.codeforces.contests[4]["name"] = "Another name"
    assert await stage.forced("codeforces") == completed("codeforces", 0, 12)
    after = await stage.heads()
    changed = {stream: after[stream] - before[stream] for stream in after if after[stream] != before[stream]}
    contest_id = f"codeforces-{stage.servers.codeforces.contests[4]['id']}"
    assert changed == {f"contest:{contest_id}": 1}
    assert (await stage.seen(f"contests/{contest_id}", "public"))["name"] == "Another name"
    assert (await stage.history("codeforces"))["history"][0]["changed"] == 1


async def test_a_contest_that_disappears_stays(stage: SyncStage) -> None:
    await stage.forced("codeforces")
    gone = stage.servers.codeforces.contests.pop(2)
    before = await stage.heads()
    assert await stage.forced("codeforces") == completed("codeforces", 0, 11)
    assert await stage.heads() == before
    assert (await stage.seen(f"contests/codeforces-{gone['id']}"))["name"] == gone["name"]


async def test_a_platform_that_lists_nothing_any_more_has_failed(stage: SyncStage) -> None:
    """An empty answer looks like a success, and every contest as if it had gone."""
    await stage.forced("codeforces")
    before, synced_at = await stage.heads(), (await stage.history("codeforces"))["lastSyncedAt"]
    there, stage.servers.codeforces.contests[:] = list(stage.servers.codeforces.contests), []
    stage.clock.now_ms += COOL_DOWN_MS
    answer = await stage.sync("codeforces")
    assert (answer.status, answer.json) == (500, FAILED)
    assert await stage.heads() == before
    assert (await stage.history("codeforces"))["lastSyncedAt"] == synced_at
    stage.servers.codeforces.contests[:] = there
    assert await stage.forced("codeforces") == completed("codeforces", 0, 12)


async def test_a_client_that_knows_no_platforms_may_put_a_contest_and_it_stays_one_of_its_platform(
    stage: SyncStage,
) -> None:
    await stage.forced("codeforces")
    path = f"contests/codeforces-{stage.servers.codeforces.contests[5]['id']}"
    contest = {name: value for name, value in (await stage.seen(path)).items() if name != "ext"}
    said = (await stage.seen(path, "public"))["ext"]["sync"]
    caller = stage.served.caller(ADMIN_LOGIN)
    answer = await caller.ask("PUT", path, json={**contest, "formal_name": "Formally"})
    assert answer.status == 200, answer.body
    seen = await stage.seen(path, "public")
    assert (seen["formal_name"], seen["ext"]["sync"]) == ("Formally", said)
    assert await stage.forced("codeforces") == completed("codeforces", 0, 12)
    assert (await stage.seen(path, "public"))["formal_name"] == "Formally"
    answer = await caller.ask("PATCH", path, json={"ext": {"loc": {"slug": "round"}}})
    assert answer.status == 200, answer.body
    assert (await stage.seen(path, "public"))["ext"] == {"sync": said, "loc": {"slug": "round"}}
    assert (await caller.ask("PATCH", path, json={"ext": None})).status == 200
    assert "ext" not in await stage.seen(path, "public")


async def test_whoever_reads_a_contest_may_send_it_back(stage: SyncStage) -> None:
    """With when it was last synced, which administrators are told and nobody writes."""
    await stage.forced("codeforces")
    path = f"contests/codeforces-{stage.servers.codeforces.contests[5]['id']}"
    contest = await stage.seen(path)
    assert contest["ext"]["sync"]["lastSyncedAt"]
    before = await stage.heads()
    answer = await stage.served.caller(ADMIN_LOGIN).ask("PUT", path, json=contest)
    assert answer.status == 200, answer.body
    assert await stage.heads() == before
    assert await stage.seen(path) == contest


async def test_a_contest_without_a_start_has_none(stage: SyncStage) -> None:
    await stage.forced("codeforces")
    contest_id = f"codeforces-{stage.servers.codeforces.contests[0]['id']}"
    assert "startTimeSeconds" not in stage.servers.codeforces.contests[0]
    assert (await stage.seen(f"contests/{contest_id}")).get("start_time") is None
    state = await stage.seen(f"contests/{contest_id}/state")
    assert set(state.values()) == {None}


async def test_an_id_that_somebody_else_has_taken_is_a_failed_row(stage: SyncStage) -> None:
    number = stage.servers.codeforces.contests[5]["id"]
    contest = {"name": "Ours", "duration": "2:00:00", "scoreboard_type": "pass-fail", "id": f"codeforces-{number}"}
    caller = stage.served.caller(ADMIN_LOGIN)
    assert (await caller.ask("PUT", f"contests/codeforces-{number}", json=contest)).status == 201
    assert await stage.forced("codeforces") == completed("codeforces", 11, 0, 1)
    assert (await stage.seen(f"contests/codeforces-{number}"))["name"] == "Ours"


async def test_no_contest_may_be_called_sync(stage: SyncStage) -> None:
    contest = {"name": "sync", "duration": "2:00:00", "scoreboard_type": "pass-fail"}
    caller = stage.served.caller(ADMIN_LOGIN)
    answer = await caller.ask("PUT", "contests/sync", json={**contest, "id": "sync"})
    assert answer.status == 400
    assert "id" in answer.json["message"]
    answer = await caller.ask("POST", "contests", json=contest)
    assert answer.status == 201
    assert answer.json["id"] != "sync"


# --- One contest with its results.


async def test_one_contest_of_codeforces_can_be_asked_for_with_its_results(stage: SyncStage) -> None:
    """It is a run of its own in the history, begins no cool-down, and what it brought stays when all is synced."""
    stage.servers.codeforces.results[1234] = codeforces_results(1234, parties=8, submissions=40)
    answer = await stage.sync("codeforces", {"contestId": 1234})
    assert (answer.status, answer.json) == (200, completed("codeforces", 1, 0))
    problems = await stage.seen("contests/codeforces-1234/problems", "public")
    board = await stage.seen("contests/codeforces-1234/scoreboard", "public")
    assert problems
    assert board["rows"]
    answer = await stage.sync("codeforces", {"contestId": "1234"})
    assert answer.json == completed("codeforces", 0, 1)
    assert [run["contestId"] for run in (await stage.history("codeforces"))["history"]] == ["1234", "1234"]
    assert (await stage.sync("codeforces")).json == completed("codeforces", 12, 0)
    assert await stage.seen("contests/codeforces-1234/problems", "public") == problems
    assert await stage.seen("contests/codeforces-1234/scoreboard", "public") == board
    assert (await stage.seen("contests/codeforces-1234"))["ext"]["sync"]["lastSyncedAt"]


async def test_a_contest_that_the_platform_does_not_give_is_500_and_nothing_changes(stage: SyncStage) -> None:
    answer = await stage.sync("codeforces", {"contestId": 987_654})
    assert (answer.status, answer.json) == (500, FAILED)
    assert await stage.heads() == {}
    run, *_ = (await stage.history("codeforces"))["history"]
    assert (run["contestId"], run["error"]) == ("987654", "not_found")


# --- All platforms.


async def test_all_platforms_are_synced_one_after_the_other(stage: SyncStage) -> None:
    answer = await stage.sync("all", {})
    assert answer.status == 200
    assert answer.json["message"] == "Sync completed for all platforms"
    results = answer.json["results"]
    assert list(results) == list(PLATFORMS)
    assert results["codeforces"] == {"synced": 12, "updated": 0, "failed": 0}
    assert {platform: counts["updated"] for platform, counts in results.items()} == dict.fromkeys(PLATFORMS, 0)
    answer = await stage.sync("all")
    assert answer.json["results"] == dict.fromkeys(PLATFORMS, SKIPPED)


async def test_the_failure_of_one_platform_does_not_stop_the_next(stage: SyncStage) -> None:
    stage.servers.leetcode.misbehave("cloudflare")
    results = (await stage.sync("all")).json["results"]
    assert results["leetcode"] == {"synced": 0, "updated": 0, "failed": 0, "error": "Platform sync failed."}
    assert results["codechef"] == {"synced": 47, "updated": 0, "failed": 0}
    assert results["atcoder"]["synced"] > 0


async def test_platforms_that_are_disabled_are_not_among_all(database_dsn: str) -> None:
    async with sync_stage(database_dsn, settings={"enabled": ("leetcode", "codechef")}) as stage:
        assert list((await stage.sync("all")).json["results"]) == ["leetcode", "codechef"]
