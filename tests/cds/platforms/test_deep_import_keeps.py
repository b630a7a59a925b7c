"""What a deep import takes away, and what it does not: over HTTP, on a real Postgres; the platform is a stand-in."""

import base64
import copy
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import cast

import pytest
from structlog.testing import capture_logs

from cds.platforms import deep_import
from cds.platforms.adapters.codeforces_results import ContestResults
from cds.transfer import export_contest, import_source
from schemas.records import PLATFORM_OBJECTS
from schemas.times import format_time
from tests.cds.contest_api.serving import Json
from tests.cds.packages.packages import zipped
from tests.cds.platforms.sync_stage import SyncStage, completed, sync_stage
from tests.platform_servers.codeforces import Results
from tests.platform_servers.generated import NOW_S
from tests.platform_servers.results import codeforces_results
from tests.platform_servers.server import Row

NUMBER = 1234
CONTEST = f"contests/codeforces-{NUMBER}"
FAILED = {"statusCode": 500, "message": "Platform sync failed."}
TYPES = ("problems", "teams", "persons", "submissions", "judgements")


@pytest.fixture
async def stage(database_dsn: str) -> AsyncIterator[SyncStage]:
    """A server with a contest that was imported with its results, which are not final."""
    async with sync_stage(database_dsn) as put_up:
        put_up.servers.codeforces.results[NUMBER] = whole_results()
        assert (await put_up.sync("codeforces", {"contestId": NUMBER})).json == completed("codeforces", 1, 0)
        yield put_up


def whole_results() -> Results:
    """What the platform has of the contest, as long as its system tests are going on."""
    said = codeforces_results(NUMBER, parties=24, submissions=240)
    cast("Row", said.standings["contest"])["phase"] = "PENDING_SYSTEM_TEST"
    return said


def results_of(stage: SyncStage) -> Results:
    """What the platform has of the contest."""
    return stage.servers.codeforces.results[NUMBER]


async def collection(stage: SyncStage, name: str) -> Mapping[str, Json]:
    """All of a type, by id."""
    return {each["id"]: each for each in await stage.seen(f"{CONTEST}/{name}")}


async def everything(stage: SyncStage) -> dict[str, Mapping[str, Json]]:
    """All of the contest that the platform tells of."""
    return {name: await collection(stage, name) for name in TYPES}


async def again(stage: SyncStage, *, failed: int = 0) -> None:
    """Import once more, which must succeed."""
    answer = await stage.sync("codeforces", {"contestId": NUMBER})
    assert (answer.status, answer.json) == (200, completed("codeforces", 0, 1, failed=failed))


async def made(stage: SyncStage, method: str, path: str, body: Json) -> Json:
    """Somebody here makes an object."""
    answer = await stage.served.of_role("admin").ask(method, f"{CONTEST}/{path}", json=body)
    assert answer.status == 201, answer.body
    return answer.json


def lacking(**changes: object) -> Results:
    """The answers of the platform with something missing."""
    whole = whole_results()
    standings = {**whole.standings, **{name: value for name, value in changes.items() if name != "submissions"}}
    submissions = cast("list[Row]", changes.get("submissions", whole.submissions))
    return Results(standings=cast("Row", standings), submissions=submissions)


@pytest.mark.parametrize(
    "answers",
    [
        lacking(submissions=[]),
        lacking(rows=[], problems=[], submissions=[]),
        lacking(rows=[], problems=[]),
        lacking(submissions=whole_results().submissions[-120:]),
    ],
    ids=["no submissions", "nothing", "no standings", "half"],
)
async def test_an_answer_without_what_was_there_is_a_failure_and_nothing_changes(
    stage: SyncStage, answers: Results
) -> None:
    before, heads = await everything(stage), await stage.heads()
    whole = copy.copy(results_of(stage))
    stage.servers.codeforces.results[NUMBER] = answers
    answer = await stage.sync("codeforces", {"contestId": NUMBER})
    assert (answer.status, answer.json) == (500, FAILED)
    run, *_ = (await stage.history("codeforces"))["history"]
    assert (run["contestId"], run["error"]) in ((str(NUMBER), "malformed"), (str(NUMBER), "untranslatable"))
    assert (await everything(stage), await stage.heads()) == (before, heads)
    stage.servers.codeforces.results[NUMBER] = whole
    await again(stage)
    assert await stage.heads() == heads


async def test_what_cannot_be_translated_any_more_stays_as_it_is(stage: SyncStage) -> None:
    """Neither a verdict that nobody knows nor a row of the standings that makes no sense takes anything away."""
    before, heads = await everything(stage), await stage.heads()
    numbers = [number for number, each in before["submissions"].items() if each["id"]][:3]
    for each in results_of(stage).submissions:
        if str(each["id"]) in numbers:
            each["verdict"] = "SPLENDID"
    cast("list[Row]", results_of(stage).standings["rows"])[0]["rank"] = "first"
    await again(stage, failed=4)
    assert (await everything(stage), await stage.heads()) == (before, heads)


async def test_what_was_added_here_stays_and_its_ids_are_ours(stage: SyncStage) -> None:
    """Ids that are numbers too, given here or chosen by the server, also after the platform wants to give them."""
    team_id, problem_id = next(iter(await collection(stage, "teams"))), next(iter(await collection(stage, "problems")))
    language_id = next(iter(await collection(stage, "languages")))
    said: Json = {"problem_id": problem_id, "team_id": team_id, "language_id": language_id}
    first = next(iter((await collection(stage, "submissions")).values()))
    said |= {"time": first["time"], "contest_time": first["contest_time"]}
    archive = base64.b64encode(zipped(**{"a.py": b"print()"})).decode()
    said["files"] = [{"data": archive, "mime": "application/zip"}]
    counted = (await made(stage, "POST", "submissions", said))["id"]
    assert counted.isdigit()
    await made(stage, "PUT", "submissions/777", {"id": "777", **said})
    await made(
        stage, "PUT", "problems/77", {"id": "77", "name": "Ours", "label": "Z", "ordinal": 50, "test_data_count": 0}
    )
    before, heads = await everything(stage), await stage.heads()
    await again(stage)
    assert (await everything(stage), await stage.heads()) == (before, heads)
    theirs = next(each for each in results_of(stage).submissions if str(each["id"]) in before["submissions"])
    results_of(stage).submissions.append({**theirs, "id": 777})
    await again(stage, failed=1)
    assert await everything(stage) == before
    run, *_ = (await stage.history("codeforces"))["history"]
    assert [each["contestId"] for each in run["failures"]] == ["777"]


async def test_after_a_restart_it_is_still_known_whose_what_is(database_dsn: str) -> None:
    async with sync_stage(database_dsn) as stage:
        stage.servers.codeforces.results[NUMBER] = whole_results()
        await stage.sync("codeforces", {"contestId": NUMBER})
        await made(
            stage, "PUT", "problems/77", {"id": "77", "name": "Ours", "label": "Z", "ordinal": 50, "test_data_count": 0}
        )
    async with sync_stage(database_dsn) as stage:
        stage.servers.codeforces.results[NUMBER] = whole_results()
        before = await everything(stage)
        gone = next(each for each in results_of(stage).submissions if str(each["id"]) in before["submissions"])
        results_of(stage).submissions.remove(gone)
        await again(stage)
        assert (await collection(stage, "problems")).keys() == before["problems"].keys()
        assert before["submissions"].keys() - (await collection(stage, "submissions")).keys() == {str(gone["id"])}


async def test_what_is_referred_to_here_stays_is_counted_and_the_rest_comes(stage: SyncStage) -> None:
    """An account on a handle that has been renamed does not keep the contest from being imported."""
    said = results_of(stage)
    row = next(
        each
        for each in cast("list[Row]", said.standings["rows"])
        if len(cast("list[Row]", cast("Row", each["party"])["members"])) == 1
        and "teamId" not in cast("Row", each["party"])
    )
    handle = cast("str", cast("list[Row]", cast("Row", row["party"])["members"])[0]["handle"])
    account = {"id": "al", "username": "al", "password": "secret", "type": "team", "team_id": f"cf-{handle}"}
    await made(stage, "PUT", "accounts/al", account)
    for party in (row["party"], *(each["author"] for each in said.submissions)):
        for member in cast("list[Row]", cast("Row", party)["members"]):
            if member["handle"] == handle:
                member["handle"] = "renamed"
    await again(stage, failed=1)
    assert {f"cf-{handle}", "cf-renamed"} <= (await collection(stage, "teams")).keys()
    run, *_ = (await stage.history("codeforces"))["history"]
    (failure,) = run["failures"]
    assert failure["contestId"] == f"cf-{handle}"
    assert "accounts al refers to it" in failure["reason"]
    before = await stage.heads()
    await again(stage, failed=1)
    assert await stage.heads() == before


async def test_an_import_that_is_refused_here_is_in_the_history(stage: SyncStage) -> None:
    cast("Row", results_of(stage).standings["contest"])["phase"] = "FINISHED"
    await again(stage)
    state = {"end_of_updates": format_time(NOW_S * 1_000)}
    answer = await stage.served.of_role("admin").ask("PATCH", f"{CONTEST}/state", json=state)
    assert answer.status == 200, answer.body
    verdict = next(each for each in results_of(stage).submissions if each.get("verdict") == "OK")
    verdict["verdict"] = "CHALLENGED"
    assert (await stage.sync("codeforces", {"contestId": NUMBER})).status == 403
    run, *_ = (await stage.history("codeforces"))["history"]
    assert (run["contestId"], run["error"], run["failed"]) == (str(NUMBER), "refused_here", 1)
    assert "ended its updates" in run["reason"]


async def test_what_makes_no_sense_in_a_way_that_nobody_foresaw_is_a_failure_of_the_platform(
    stage: SyncStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def untranslatable(_results: ContestResults) -> None:
        raise ValueError("a name of 0 characters")

    monkeypatch.setattr(deep_import, "platform_results", untranslatable)
    answer = await stage.sync("codeforces", {"contestId": NUMBER})
    assert (answer.status, answer.json) == (500, FAILED)
    run, *_ = (await stage.history("codeforces"))["history"]
    assert (run["error"], run["reason"]) == ("untranslatable", "codeforces: a name of 0 characters")


async def test_a_contest_that_is_deleted_and_made_anew_knows_nothing_of_the_platform(stage: SyncStage) -> None:
    """What is made in it then is ours, also under ids that were the platform's; an import is as the first one."""
    before = await collection(stage, "submissions")
    admin = stage.served.of_role("admin")
    assert (await admin.ask("DELETE", CONTEST)).status == 204
    answer = await stage.sync("codeforces", {"contestId": NUMBER})
    assert (answer.status, answer.json) == (200, completed("codeforces", 1, 0))
    assert await collection(stage, "submissions") == before
    assert (await admin.ask("DELETE", CONTEST)).status == 204
    contest = cast("Row", results_of(stage).standings["contest"])
    stage.servers.codeforces.contests.append(contest)
    await stage.forced("codeforces")
    ours = {"id": "1234A", "name": "Ours", "label": "A", "ordinal": 0, "test_data_count": 0}
    await made(stage, "PUT", "problems/1234A", ours)
    of_ours = sum(each["problem_id"] == "1234A" for each in before.values())
    answer = await stage.sync("codeforces", {"contestId": NUMBER})
    assert (answer.status, answer.json) == (200, completed("codeforces", 0, 1, failed=1 + of_ours))
    assert (await collection(stage, "problems"))["1234A"]["name"] == "Ours"


@pytest.mark.parametrize("with_records", [True, False])
async def test_a_contest_from_an_archive_is_level_although_the_platform_has_changed_meanwhile(
    stage: SyncStage, database_dsn: str, tmp_path: Path, *, with_records: bool
) -> None:
    """Our own packages say what is the platform's; in others what looks so is taken for it."""
    package = tmp_path / "package"
    ours = {"id": "ours", "name": "Ours", "label": "Z", "ordinal": 50, "test_data_count": 0}
    await made(stage, "PUT", "problems/ours", ours)
    await export_contest(
        f"codeforces-{NUMBER}", package, credentials=False, data_dir=tmp_path, database_url=database_dsn
    )
    if not with_records:
        (package / f"{PLATFORM_OBJECTS}.json").unlink()
    assert (await stage.served.of_role("admin").ask("DELETE", CONTEST)).status == 204
    await import_source(package, None, strict=True, data_dir=tmp_path, database_url=database_dsn)
    changed_upstream(results_of(stage))
    with capture_logs() as logs:
        await again(stage)
    assert any(each["event"] == "objects_adopted" for each in logs) != with_records
    found = await everything(stage)
    assert "ours" in found["problems"]
    assert (await stage.served.of_role("admin").ask("DELETE", CONTEST)).status == 204
    assert (await stage.sync("codeforces", {"contestId": NUMBER})).json == completed("codeforces", 1, 0)
    fresh = await everything(stage)
    assert {**found["problems"], **fresh["problems"]} == found["problems"]
    for name in ("teams", "persons", "submissions"):
        assert found[name] == fresh[name]


def changed_upstream(said: Results) -> None:
    """A handle, the name of a problem, a verdict, and one submission less."""
    handle = "renamed-meanwhile"
    parties = [row["party"] for row in cast("list[Row]", said.standings["rows"])]
    members = [
        member
        for party in (*parties, *(each["author"] for each in said.submissions))
        for member in cast("list[Row]", cast("Row", party)["members"])
    ]
    before = members[0]["handle"]
    for member in members:
        if member["handle"] == before:
            member["handle"] = handle
    cast("list[Row]", said.standings["problems"])[0]["name"] = "Renamed meanwhile"
    said.submissions.pop()
    next(each for each in said.submissions if each.get("verdict") == "OK")["verdict"] = "CHALLENGED"


async def test_what_is_written_down_is_for_nobody_to_see(stage: SyncStage) -> None:
    for role in ("public", "admin"):
        caller = stage.served.of_role(role)
        lines = await caller.lines(f"{CONTEST}/event-feed")
        assert not any(PLATFORM_OBJECTS.encode() in line for line in lines)
        assert (await caller.get(f"{CONTEST}/{PLATFORM_OBJECTS}")).status == 404
