"""What administrators see of past runs, and when a contest was last synced (requirements-000, 2.3 and 3.5)."""

from collections.abc import AsyncIterator

import pytest

from schemas.times import parse_time_ms
from tests.cds.contest_api.serving import Json
from tests.cds.platforms.sync_stage import SyncStage, sync_stage

MINUTE_MS = 60_000


@pytest.fixture
async def stage(database_dsn: str) -> AsyncIterator[SyncStage]:
    """A server without contests, and the platforms."""
    async with sync_stage(database_dsn) as put_up:
        yield put_up


def contest_properties(access: Json) -> list[str]:
    """What `access` lists of the contest."""
    (listed,) = (endpoint["properties"] for endpoint in access["endpoints"] if endpoint["type"] == "contest")
    return [str(name) for name in listed]


async def test_the_history_is_for_administrators(stage: SyncStage) -> None:
    staff = await stage.account("somebody", "staff")
    for path in ("", "codeforces", "codeforces/contests"):
        assert (await stage.ask("GET", path, login=None)).status == 401
        assert (await stage.ask("GET", path, login=staff)).status == 403
        assert (await stage.ask("GET", path)).status == 200


async def test_the_history_tells_of_every_run_the_newest_first_page_by_page(stage: SyncStage) -> None:
    empty = await stage.history("codeforces")
    assert (empty["enabled"], empty["lastSyncedAt"], empty["history"], empty["next"]) == (True, None, [], None)
    for number in range(5):
        if number == 3:
            stage.servers.codeforces.misbehave("html", times=2)
        await stage.sync("codeforces", {"forceSync": True})
        stage.clock.now_ms += MINUTE_MS
    history = await stage.history("codeforces")
    assert [(run["synced"], run["updated"], run["error"]) for run in history["history"]] == [
        (0, 12, None),
        (0, 0, "malformed"),
        (0, 12, None),
        (0, 12, None),
        (12, 0, None),
    ]
    assert history["runs"] == 5
    assert history["contests"] == 12
    assert len(history["syncedContests"]) == 12
    assert {each["lastSyncedAt"] for each in history["syncedContests"]} == {history["lastSyncedAt"]}
    first = await stage.history("codeforces", "?limit=2")
    second = await stage.history("codeforces", f"?limit=2&offset={first['next']}")
    third = await stage.history("codeforces", f"?limit=2&offset={second['next']}")
    assert third["next"] is None
    assert [*first["history"], *second["history"], *third["history"]] == history["history"]


@pytest.mark.parametrize("query", ["?limit=0", "?limit=201", "?limit=x", "?offset=-1", "?offset=1e3"])
async def test_a_page_that_is_none_is_400(stage: SyncStage, query: str) -> None:
    answer = await stage.ask("GET", f"codeforces{query}")
    assert (answer.status, answer.json["error"]) == (400, "Bad Request")


async def test_last_synced_at_is_that_of_the_last_run_that_had_the_contest(stage: SyncStage) -> None:
    """For all contests that were fetched, also those that did not change; without an event of theirs."""
    await stage.forced("codeforces")
    first = (await stage.history("codeforces"))["lastSyncedAt"]
    gone = str(stage.servers.codeforces.contests.pop(2)["id"])
    there = str(stage.servers.codeforces.contests[4]["id"])
    stage.clock.now_ms += MINUTE_MS
    await stage.forced("codeforces")
    second = (await stage.history("codeforces"))["lastSyncedAt"]
    assert first < second
    assert (await stage.history("codeforces", f"?contestId={gone}")) == {
        "contestId": gone,
        "id": f"codeforces-{gone}",
        "lastSyncedAt": first,
    }
    assert (await stage.history("codeforces", f"?contestId={there}"))["lastSyncedAt"] == second
    assert (await stage.history("codeforces", "?contestId=999999"))["lastSyncedAt"] is None
    listed = (await stage.ask("GET", "codeforces/contests?limit=5")).json
    more = (await stage.ask("GET", f"codeforces/contests?limit=100&offset={listed['next']}")).json
    shown = {each["contestId"]: each["lastSyncedAt"] for each in [*listed["contests"], *more["contests"]]}
    assert more["next"] is None
    assert shown == {
        **{str(row["id"]): second for row in stage.servers.codeforces.contests},
        gone: first,
    }


async def test_a_failed_run_and_a_failed_row_leave_last_synced_at_as_it_was(stage: SyncStage) -> None:
    await stage.forced("codeforces")
    first = (await stage.history("codeforces"))["lastSyncedAt"]
    row = stage.servers.codeforces.contests[3]
    row["durationSeconds"] = -1
    stage.clock.now_ms += MINUTE_MS
    await stage.forced("codeforces")
    assert (await stage.history("codeforces", f"?contestId={row['id']}"))["lastSyncedAt"] == first
    second = (await stage.history("codeforces"))["lastSyncedAt"]
    stage.servers.codeforces.misbehave("html")
    stage.clock.now_ms += MINUTE_MS
    assert (await stage.sync("codeforces", {"forceSync": True})).status == 500
    assert (await stage.history("codeforces"))["lastSyncedAt"] == second


async def test_staff_and_administrators_see_it_in_the_contest_itself_and_nobody_else(stage: SyncStage) -> None:
    await stage.accounts_of_roles()
    await stage.forced("codeforces")
    first = (await stage.history("codeforces"))["lastSyncedAt"]
    contest_id = f"codeforces-{stage.servers.codeforces.contests[4]['id']}"
    path = f"contests/{contest_id}"
    for role in ("staff", "admin"):
        assert (await stage.seen(path, role))["ext"]["sync"]["lastSyncedAt"] == first
        assert "ext.sync.lastSyncedAt" in contest_properties(await stage.seen(f"{path}/access", role))
        assert "ext" not in await stage.seen(f"{path}?strict=1", role)
        assert "ext.sync.lastSyncedAt" not in contest_properties(await stage.seen(f"{path}/access?strict=1", role))
    for role in ("public", "judge", "analyst", "proxy"):
        assert "lastSyncedAt" not in (await stage.seen(path, role))["ext"]["sync"]
        assert "ext.sync.lastSyncedAt" not in contest_properties(await stage.seen(f"{path}/access", role))
    for role in ("staff", "public"):
        collection = await stage.seen("contests", role)
        assert all("lastSyncedAt" not in contest["ext"]["sync"] for contest in collection)
        lines = await stage.served.of_role(role).lines(f"{path}/event-feed")
        assert not any(b"lastSyncedAt" in line for line in lines)
    stage.clock.now_ms += MINUTE_MS
    await stage.forced("codeforces")
    assert (await stage.seen(path))["ext"]["sync"]["lastSyncedAt"] > first


async def test_a_contest_can_be_changed_under_the_entity_tag_that_came_with_the_time(stage: SyncStage) -> None:
    """The tag is of what the client may write; that the contest was synced again does not make it another."""
    await stage.forced("codeforces")
    contest_id = f"codeforces-{stage.servers.codeforces.contests[4]['id']}"
    caller = stage.served.of_role("admin")
    tag = (await caller.get(f"contests/{contest_id}")).headers["ETag"]
    body = {"id": contest_id, "formal_name": "The formal name"}
    answer = await caller.ask("PATCH", f"contests/{contest_id}", json=body, headers={"If-Match": tag})
    assert answer.status == 200, answer.body
    assert "lastSyncedAt" not in answer.body.decode()


async def test_the_next_run_that_nobody_asks_for_is_told(database_dsn: str) -> None:
    """It follows from the last run, at most a tenth late; without a schedule there is none."""
    async with sync_stage(database_dsn, settings={"every_s": 21_600}) as stage:
        assert (await stage.history("leetcode"))["nextSyncAt"] is None
        await stage.forced("leetcode")
        told = await stage.history("leetcode")
        wait_ms = parse_time_ms(told["nextSyncAt"]) - parse_time_ms(told["lastSyncedAt"])
        assert 21_600_000 <= wait_ms <= 1.1 * 21_600_000


async def test_without_a_schedule_no_next_run_is_told(stage: SyncStage) -> None:
    await stage.forced("leetcode")
    assert (await stage.history("leetcode"))["nextSyncAt"] is None


async def test_the_list_of_platforms_tells_which_are_enabled(database_dsn: str) -> None:
    async with sync_stage(database_dsn, settings={"enabled": ("leetcode",)}) as stage:
        await stage.forced("leetcode")
        listed = (await stage.ask("GET", "")).json
        assert [(each["platform"], each["enabled"], each["contests"]) for each in listed] == [
            ("codeforces", False, 0),
            ("leetcode", True, 4),
            ("codechef", False, 0),
            ("atcoder", False, 0),
        ]
