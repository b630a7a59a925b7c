"""One contest of Codeforces imported with its results: over HTTP, on a real Postgres; the platform is a stand-in."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import cast

import pytest

from cds.platforms.questions import PLATFORMS
from schemas.objects import Contest
from tests.cds.contest_api.real_contests import needs_schemas
from tests.cds.contest_api.serving import DEADLINE_S, Json, append
from tests.cds.contest_api.test_json_schemas import check_everything, check_feed
from tests.cds.platforms.adapters.conversations import shared
from tests.cds.platforms.sync_stage import SyncStage, completed, sync_stage
from tests.platform_servers.codeforces import Results
from tests.platform_servers.faults import FaultName
from tests.platform_servers.results import codeforces_results
from tests.platform_servers.server import Row

NUMBER = 1234
CONTEST = f"contests/codeforces-{NUMBER}"
FAILED = {"statusCode": 500, "message": "Platform sync failed."}
ROLES = ("public", "analyst", "judge", "staff", "admin")

FAULTS: tuple[FaultName, ...] = ("cloudflare", "html", "truncated", "cut", "empty", "wrong type")


@pytest.fixture
async def stage(database_dsn: str) -> AsyncIterator[SyncStage]:
    """A server without contests; the platform has one with results."""
    async with sync_stage(database_dsn) as put_up:
        put_up.servers.codeforces.results[NUMBER] = codeforces_results(NUMBER, parties=24, submissions=240)
        await put_up.accounts_of_roles()
        yield put_up


async def deepened(stage: SyncStage, number: int = NUMBER) -> Json:
    """The answer to an import that must succeed."""
    answer = await stage.sync("codeforces", {"contestId": number})
    assert answer.status == 200, answer.body
    return answer.json


def results_of(stage: SyncStage) -> Results:
    """What the platform has of the contest."""
    return stage.servers.codeforces.results[NUMBER]


def submission_of(stage: SyncStage, verdict: str) -> Row:
    """A submission within the contest that has this verdict."""
    return next(
        each
        for each in results_of(stage).submissions
        if each.get("verdict") == verdict and cast("Row", each["author"])["participantType"] == "CONTESTANT"
    )


async def collection(stage: SyncStage, name: str, role: str = "admin") -> Mapping[str, Json]:
    """What a role sees of a type, by id."""
    return {each["id"]: each for each in await stage.seen(f"{CONTEST}/{name}", role)}


async def test_a_contest_comes_with_all_its_results(stage: SyncStage) -> None:
    assert await deepened(stage) == completed("codeforces", 1, 0)
    paths = [asked.path for asked in stage.servers.codeforces.asked]
    assert paths == ["/api/contest.standings", "/api/contest.status", "/api/contest.status"]
    said = results_of(stage)
    within = [each for each in said.submissions if cast("Row", each["author"])["participantType"] != "PRACTICE"]
    assert len(within) == 240 < len(said.submissions)
    assert set(await collection(stage, "submissions")) == {str(each["id"]) for each in within}
    assert len(await collection(stage, "judgements")) == 240
    assert len(await collection(stage, "teams")) == 24
    assert [each["label"] for each in (await collection(stage, "problems")).values()] == ["A", "B", "C", "D", "E", "F"]
    contest = await stage.seen(CONTEST)
    assert contest["main_scoreboard_group_id"] == "official"
    assert contest["ext"]["sync"]["platform_id"] == str(NUMBER)


async def test_the_same_again_adds_nothing(stage: SyncStage) -> None:
    """By whatever way: as a number or as a text, forced or not; no cool-down is in its way."""
    await deepened(stage)
    before = await stage.heads()
    for body in ({"contestId": NUMBER}, {"contestId": str(NUMBER)}, {"contestId": NUMBER, "forceSync": True}):
        assert (await stage.sync("codeforces", body)).json == completed("codeforces", 0, 1)
    assert await stage.heads() == before


async def test_the_run_is_in_the_history(stage: SyncStage) -> None:
    await deepened(stage)
    run, *_ = (await stage.history("codeforces"))["history"]
    assert (run["contestId"], run["synced"], run["failed"], run.get("error")) == (str(NUMBER), 1, 0, None)


@pytest.mark.parametrize("name", ["contest_id", "contestID", "contestid", "contest-id", "ContestId"])
async def test_a_property_that_is_nearly_contest_id_is_no_sync_of_everything(stage: SyncStage, name: str) -> None:
    """Properties that nobody knows are passed over, as the seed has it; this one is ours, and its meaning is plain."""
    answer = await stage.sync("codeforces", {name: NUMBER})
    assert (answer.status, answer.json["message"]) == (400, f"{name} is spelled contestId")
    assert stage.servers.codeforces.asked == []
    assert (await stage.sync("codeforces", {"force": NUMBER})).status == 200


async def test_a_platform_that_gives_fewer_at_once_than_before_takes_nothing_away(stage: SyncStage) -> None:
    """Neither the first time nor when all of it is there: a short page is not the end."""
    stage.servers.codeforces.submissions_at_once = 30
    for _ in range(2):
        await deepened(stage)
        assert len(await collection(stage, "submissions")) == 240
        stage.servers.codeforces.submissions_at_once = 70


async def test_the_number_of_a_contest_may_have_zeros_before_it(stage: SyncStage) -> None:
    for number in (f"00{NUMBER}", NUMBER):
        assert (await stage.sync("codeforces", {"contestId": number})).status == 200
    runs = (await stage.history("codeforces"))["history"]
    assert {run["contestId"] for run in runs} == {str(NUMBER)}


async def test_our_board_is_that_of_the_platform_whose_ranks_stand_beside_ours(stage: SyncStage) -> None:
    """In a contest of the type ICPC: problems, penalty, order. Teams that are level there are told apart by ours."""
    await deepened(stage)
    rows = (await stage.seen(f"{CONTEST}/scoreboard", "public"))["rows"]
    teams = await collection(stage, "teams", "public")
    assert {row["team_id"] for row in rows} == {
        team["id"] for team in teams.values() if team["group_ids"] == ["official"]
    }
    for row in rows:
        theirs = row["ext"]["sync"]
        hours, minutes, _ = row["score"]["total_time"].split(":")
        assert (row["score"]["num_solved"], int(hours) * 60 + int(minutes)) == (theirs["points"], theirs["penalty"])
        assert teams[row["team_id"]]["ext"]["sync"] == theirs
    theirs_in_our_order = [row["ext"]["sync"]["rank"] for row in rows]
    assert theirs_in_our_order == sorted(theirs_in_our_order)


async def test_strict_answers_and_earlier_versions_are_without_them(stage: SyncStage) -> None:
    await deepened(stage)
    strict = await stage.seen(f"{CONTEST}/scoreboard?strict=1", "public")
    assert len(strict["rows"]) > 0
    assert all("ext" not in row for row in strict["rows"])
    assert all("ext" not in team for team in await stage.seen(f"{CONTEST}/teams?strict=1", "public"))
    earlier = await stage.served.of_role("public").get(f"/2023-06/api/{CONTEST}/scoreboard")
    assert b'"ext"' not in earlier.body


@needs_schemas
@pytest.mark.parametrize("role", ROLES)
async def test_everything_is_valid_by_the_schemas(stage: SyncStage, role: str) -> None:
    await deepened(stage)
    caller = stage.served.of_role(role)
    checks = await check_everything(caller, f"codeforces-{NUMBER}")
    assert checks.checked > 500
    assert await check_feed(caller, f"codeforces-{NUMBER}") > 500


@needs_schemas
async def test_the_sample_contest_is_valid_by_the_schemas(stage: SyncStage) -> None:
    """A contest with points, a team, a challenged submission and one under way."""
    stage.servers.codeforces.results[9001] = Results(
        standings=json.loads(shared("spec/upstream-samples/codeforces_contest_standings.json"))["result"],
        submissions=json.loads(shared("spec/upstream-samples/codeforces_contest_status.json"))["result"],
    )
    await deepened(stage, 9001)
    for role in ROLES:
        await check_everything(stage.served.of_role(role), "codeforces-9001")
    rows = (await stage.seen("contests/codeforces-9001/scoreboard", "public"))["rows"]
    assert [(row["team_id"], row["score"]["score"], row["ext"]["sync"]["points"]) for row in rows] == [
        ("cf-sample_anna", 2112, 2212),
        ("cf-t55001", 486, 486),
    ]


async def test_a_plain_contest_can_be_deepened_and_stays_deep(stage: SyncStage) -> None:
    """The sync of all contests leaves the results alone."""
    listed = cast("Row", results_of(stage).standings["contest"])
    stage.servers.codeforces.contests.append(listed)
    assert await stage.forced("codeforces") == completed("codeforces", 13, 0)
    assert await stage.seen(f"{CONTEST}/teams") == []
    assert await deepened(stage) == completed("codeforces", 0, 1)
    before = await stage.heads()
    assert await stage.forced("codeforces") == completed("codeforces", 0, 13)
    assert await stage.heads() == before
    listed["name"] = "Renamed"
    await stage.forced("codeforces")
    assert (await stage.seen(CONTEST))["name"] == "Renamed"
    assert len(await collection(stage, "submissions")) == 240


async def test_what_is_challenged_later_has_another_judgement_in_feed_and_answers(stage: SyncStage) -> None:
    await deepened(stage)
    hacked = submission_of(stage, "OK")
    number = str(hacked["id"])
    before = len(await stage.served.of_role("public").lines(f"{CONTEST}/event-feed"))
    hacked["verdict"] = "CHALLENGED"
    assert await deepened(stage) == completed("codeforces", 0, 1)
    lines = await stage.served.of_role("public").lines(f"{CONTEST}/event-feed")
    news = [json.loads(line) for line in lines[before:]]
    assert [(each["type"], each["id"], each["data"].get("current")) for each in news] == [
        ("judgements", number, False),
        ("judgements", f"{number}-2", None),
    ]
    assert (await collection(stage, "judgements"))[f"{number}-2"]["judgement_type_id"] == "RE"


async def test_a_broken_row_is_counted_and_the_others_come(stage: SyncStage) -> None:
    submission_of(stage, "OK")["verdict"] = "SPLENDID"
    assert await deepened(stage) == completed("codeforces", 1, 0, failed=1)
    assert len(await collection(stage, "submissions")) == 239


# --- When it cannot be.


@pytest.mark.parametrize("path", ["/api/contest.standings", "/api/contest.status"])
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_platform_that_misbehaves_is_500_and_nothing_changes(
    stage: SyncStage, fault: FaultName, path: str
) -> None:
    stage.servers.codeforces.misbehave(fault, path=path)
    answer = await stage.sync("codeforces", {"contestId": NUMBER})
    assert (answer.status, answer.json) == (500, FAILED)
    assert await stage.heads() == {}


async def test_a_platform_that_fails_once_is_asked_again(stage: SyncStage) -> None:
    stage.servers.codeforces.misbehave("busy", path="/api/contest.status", times=1)
    assert await deepened(stage) == completed("codeforces", 1, 0)


async def test_a_contest_that_has_not_started_is_500(stage: SyncStage) -> None:
    del stage.servers.codeforces.results[NUMBER]
    stage.servers.codeforces.contests[0]["id"] = NUMBER
    answer = await stage.sync("codeforces", {"contestId": NUMBER})
    assert (answer.status, answer.json) == (500, FAILED)
    run, *_ = (await stage.history("codeforces"))["history"]
    assert run["error"] == "refused"


async def test_a_contest_of_somebody_else_is_left_alone(stage: SyncStage) -> None:
    identifier = f"codeforces-{NUMBER}"
    mine = Contest(id=identifier, name="Mine", duration="1:00:00.000", scoreboard_type="score")
    await append(stage.served.store, identifier, mine)
    before = await stage.heads()
    answer = await stage.sync("codeforces", {"contestId": NUMBER})
    assert answer.status == 409
    assert set(answer.json) == {"statusCode", "message", "error"}
    assert await stage.heads() == before


@pytest.mark.parametrize("platform", [platform for platform in PLATFORMS if platform != "codeforces"])
async def test_other_platforms_tell_no_results(stage: SyncStage, platform: str) -> None:
    answer = await stage.sync(platform, {"contestId": NUMBER})
    assert answer.status == 400
    assert "contestId" in answer.json["message"]


@pytest.mark.parametrize("value", [0, -1, 1.5, True, None, "x", "1 2", "", [], {}, 10**18, 10**30])
async def test_what_is_no_number_of_a_contest_is_400(stage: SyncStage, value: object) -> None:
    answer = await stage.sync("codeforces", {"contestId": value})
    assert answer.status == 400
    assert "contestId" in answer.json["message"]
    assert stage.servers.codeforces.asked == []


async def test_a_second_import_at_the_same_time_is_skipped(stage: SyncStage) -> None:
    """One run of a platform at a time, of whatever kind; readers are served all the while."""
    stage.servers.codeforces.delay_s = 0.5
    first = asyncio.create_task(deepened(stage))
    async with asyncio.timeout(DEADLINE_S):
        while not stage.servers.codeforces.asked:
            await asyncio.sleep(0.005)
        second = await deepened(stage)
        assert await stage.seen("contests") == []
    assert second == completed("codeforces", 0, 0) | {"skipped": True}
    assert await first == completed("codeforces", 1, 0)


async def test_writers_at_the_same_time_get_through_and_nothing_is_lost(stage: SyncStage) -> None:
    """Whoever writes to the contest while it is being brought level writes before it or after it."""
    await deepened(stage)
    submission_of(stage, "OK")["verdict"] = "CHALLENGED"
    writing = stage.served.of_role("admin")

    async def write(number: int) -> int:
        body = {"name": f"Group {number}"}
        return (await writing.ask("POST", f"{CONTEST}/groups", json=body)).status

    answer, *statuses = await asyncio.gather(deepened(stage), *(write(number) for number in range(20)))
    assert answer == completed("codeforces", 0, 1)
    assert set(statuses) <= {200, 201}
    assert len(await collection(stage, "groups")) == 22
    assert len(await collection(stage, "judgements")) == 241


async def test_after_a_restart_it_is_the_same(database_dsn: str) -> None:
    async with sync_stage(database_dsn) as stage:
        stage.servers.codeforces.results[NUMBER] = codeforces_results(NUMBER)
        await deepened(stage)
        board = (await stage.served.of_role("admin").get(f"{CONTEST}/scoreboard")).body
    async with sync_stage(database_dsn) as stage:
        assert (await stage.served.of_role("admin").get(f"{CONTEST}/scoreboard")).body == board
        stage.servers.codeforces.results[NUMBER] = codeforces_results(NUMBER)
        before = await stage.heads()
        assert await deepened(stage) == completed("codeforces", 0, 1)
        assert await stage.heads() == before
