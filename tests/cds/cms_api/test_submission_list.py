"""The list of what was handed in to a task: only one's own, in the order of time (2.4, 4.8 and 4.9)."""

import pytest
from aiohttp import hdrs

from cds.cms_api.submission_list import own_submissions
from tests.builders import put, submission
from tests.cds.cms_api.handing_in import handed_in
from tests.cds.cms_api.stage import CmsClient, CmsStage
from tests.cds.commands.playing import folded, take
from tests.cds.commands.taking_part import contest_with
from tests.cds.contest_api.live_contest_setup import OVER, RUNNING, archive, data_of

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def listed(client: CmsClient, task: str = "sum") -> list[str]:
    """The ids in the list of a task."""
    answer = await client.get(f"/api/{task}/submission_list")
    assert (answer.status, answer.headers[hdrs.CONTENT_TYPE]) == (200, "application/json; charset=utf-8")
    assert set(answer.json) == {"list"}
    assert all(set(each) == {"id"} for each in answer.json["list"])
    return [each["id"] for each in answer.json["list"]]


async def test_the_list_is_chronological_and_only_ones_own(stage: CmsStage) -> None:
    anna, bert = await stage.participant("anna"), await stage.participant("bert")
    assert await listed(anna) == []
    first = await handed_in(anna)
    other = await handed_in(bert)
    output = await handed_in(anna, ("output_1.txt", "a", b"1"), path="/api/prod/submit")
    await stage.at(RUNNING + 1)
    second = await handed_in(anna)
    assert await listed(anna) == [first, second]
    assert await listed(anna, "prod") == [output]
    assert await listed(bert) == [other]
    assert await listed(await stage.impersonator("anna")) == [first, second]


async def test_what_came_by_the_contest_api_is_listed_by_its_time(stage: CmsStage) -> None:
    """Also under an id that this API would not give."""
    anna = await stage.participant("anna")
    last = await handed_in(anna)
    body = {
        "id": "by-the-jury.1",
        "problem_id": "sum",
        "language_id": "cpp",
        "team_id": "t1",
        "time": "2031-05-17T08:10:00.000Z",
        "contest_time": "0:10:00.000",
        "files": [{"data": data_of(archive())}],
    }
    await stage.play.put("root", "submissions/by-the-jury.1", body, 201)
    assert await listed(anna) == ["by-the-jury.1", last]


async def test_unknown_tasks_and_wrong_phases(stage: CmsStage) -> None:
    anna = await stage.participant("anna")
    answer = await anna.get("/api/max/submission_list")
    assert (answer.status, answer.json) == (404, {"error": "Not found"})
    answer = await stage.client().get("/api/sum/submission_list")
    assert (answer.status, answer.json) == (403, {"error": "An authenticated user is required"})
    await stage.at(OVER)
    answer = await anna.get("/api/sum/submission_list")
    assert (answer.status, answer.json) == (403, {"error": "An authenticated user is required"})
    answer = await (await stage.participant("anna")).get("/api/sum/submission_list")
    assert (answer.status, answer.json) == (403, {"error": "The contest is not open"})


async def test_of_one_time_the_log_decides() -> None:
    state = contest_with()
    for identifier, contest_time in (("9", "0:20:00.000"), ("5", "0:10:00.000"), ("10", "0:20:00.000")):
        take(state, put(submission(identifier, "t1", "a", contest_time)))
    take(state, put(submission("7", "t2", "a", "0:05:00.000"), submission("8", "t1", "b", "0:05:00.000")))
    assert [each.id for each in own_submissions(state, "t1", "a")] == ["5", "9", "10"]
    assert own_submissions(folded([]), "t1", "a") == []
