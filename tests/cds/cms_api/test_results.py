"""Scoring information and details over HTTP: whose they are, when they may be read, and what their headers say.

What they say in each state of judging is tried in test_status and test_details (requirements-002, 2.6 to 2.9 and 4.13
to 4.16).
"""

import pytest

from tests.cds.cms_api.fragments import Fragment
from tests.cds.cms_api.stage import CmsClient, CmsStage
from tests.cds.contest_api.live_contest_setup import FROZEN, OVER, START_MS, moment, submission
from tests.cds.contest_api.serving import Answer, Json

pytestmark = pytest.mark.asyncio(loop_scope="session")

NOT_FOUND = {"error": "Not found"}


async def handed_in(stage: CmsStage, task: str = "sum", username: str = "anna") -> str:
    """The id of a new submission of a participant's."""
    body = submission(problem_id=task)
    answer = await stage.play.server.caller((username, f"password of {username}")).ask(
        "POST", "contests/live/submissions", json=body
    )
    assert answer.status == 201, answer.body
    identifier: str = answer.json["id"]
    return identifier


async def ran(stage: CmsStage, judgement_id: str, *verdicts: str) -> None:
    """Runs of a judgement with these verdicts."""
    now = moment((stage.play.clock.now_ms - START_MS) / 60_000)
    for ordinal, verdict in enumerate(verdicts, 1):
        body = {"judgement_id": judgement_id, "ordinal": ordinal, "judgement_type_id": verdict, "time": now}
        await stage.play.post("judge", "runs", body)


async def status(client: CmsClient, identifier: str, task: str = "sum") -> Json:
    return await client.json(f"/tasks/{task}/submissions/{identifier}")


async def details(client: CmsClient, identifier: str, task: str = "sum") -> Answer:
    return await client.get(f"/tasks/{task}/submissions/{identifier}/details")


async def test_a_submission_from_compiling_to_evaluated_and_once_more(stage: CmsStage) -> None:
    """Pending, with runs, with its verdict; then judged again; by judgements of the Contest API alone."""
    anna = await stage.participant()
    identifier = await handed_in(stage)
    assert await status(anna, identifier) == {"status": 1, "status_text": "Compiling..."}
    judgement_id = await stage.play.judged(identifier, None)
    assert (await status(anna, identifier))["status"] == 1
    await ran(stage, judgement_id, "AC", "WA")
    assert await status(anna, identifier) == {"status": 3, "status_text": "Evaluating..."}
    assert "score" not in await stage.play.get("judge", f"judgements/{judgement_id}")
    await stage.play.patch("judge", f"judgements/{judgement_id}", {"judgement_type_id": "WA", "score": 40})
    told = await status(anna, identifier)
    assert (told["status"], told["public_score"], told["task_public_score"]) == (5, 40, 40)
    stage.play.clock.now_ms += 60_000
    await stage.play.judged(identifier, "WA", score=70)
    told = await status(anna, identifier)
    assert (told["public_score"], told["public_score_message"], told["task_public_score"]) == (70, "70 / 100", 70)
    stage.play.clock.now_ms += 60_000
    await stage.play.judged(identifier, "CE", score=0)
    told = await status(anna, identifier)
    assert (told["status"], told["status_text"], told["task_public_score"]) == (2, "Compilation failed", 0)
    assert "public_score" not in told


async def test_the_runs_are_the_score_where_the_judge_says_none(stage: CmsStage) -> None:
    """A verdict without a score and without runs is waited for; with the first runs there is something to tell."""
    anna = await stage.participant()
    identifier = await handed_in(stage)
    judgement_id = await stage.play.judged(identifier, "WA")
    assert await status(anna, identifier) == {"status": 4, "status_text": "Scoring..."}
    await ran(stage, judgement_id, "AC")
    assert (await status(anna, identifier))["public_score"] == 50


@pytest.mark.parametrize("end", ["", "/details"])
async def test_what_is_not_ones_own_is_not_there(stage: CmsStage, end: str) -> None:
    """Nobody else's, not under another task, and nothing that never was, all of it answered alike."""
    anna, bert = await stage.participant("anna"), await stage.participant("bert")
    identifier = await handed_in(stage)
    assert (await anna.get(f"/tasks/sum/submissions/{identifier}{end}")).status == 200
    answers = [
        await bert.get(f"/tasks/sum/submissions/{identifier}{end}"),
        await anna.get(f"/tasks/maze/submissions/{identifier}{end}"),
        await anna.get(f"/tasks/none/submissions/{identifier}{end}"),
        await anna.get(f"/tasks/sum/submissions/999{end}"),
        await anna.get(f"/tasks/sum/submissions/no-number{end}"),
    ]
    assert [(answer.status, answer.json) for answer in answers] == [(404, NOT_FOUND)] * len(answers)


@pytest.mark.parametrize("end", ["", "/details"])
async def test_who_has_not_logged_in_is_told_nothing(stage: CmsStage, end: str) -> None:
    identifier = await handed_in(stage)
    answer = await stage.client().get(f"/tasks/sum/submissions/{identifier}{end}")
    assert (answer.status, answer.json) == (403, {"error": "An authenticated user is required"})


@pytest.mark.parametrize("end", ["", "/details"])
async def test_results_are_there_in_every_phase_from_ones_own_start(stage: CmsStage, end: str) -> None:
    """Before it nothing is, unless no phase binds the participant."""
    identifier = await handed_in(stage)
    path = f"/tasks/sum/submissions/{identifier}{end}"
    await stage.at(OVER + 600)
    anna = await stage.participant()
    assert (await anna.get(path)).status == 200
    await stage.say("accounts/account-anna", delay_time=30 * 3_600)
    answer = await anna.get(path)
    assert (answer.status, answer.json) == (403, {"error": "Wrong contest phase"})
    await stage.say("accounts/account-anna", delay_time=30 * 3_600, unrestricted=True)
    assert (await anna.get(path)).status == 200


async def test_a_freeze_hides_ones_own_score_from_others_alone(stage: CmsStage) -> None:
    await stage.at(FROZEN)
    anna = await stage.participant()
    identifier = await handed_in(stage)
    await stage.play.judged(identifier, "AC", score=100)
    assert (await status(anna, identifier))["task_public_score"] == 100
    (row,) = [each for each in (await stage.play.get("public", "scoreboard"))["rows"] if each["team_id"] == "t1"]
    assert row["score"]["score"] == 0


async def test_private_subtasks_are_told_after_the_end(stage: CmsStage) -> None:
    anna = await stage.participant()
    identifier = await handed_in(stage, "maze")
    await ran(stage, judgement_id := await stage.play.judged(identifier, None), "AC", "AC", "AC")
    await stage.play.patch("judge", f"judgements/{judgement_id}", {"judgement_type_id": "AC"})
    told = await status(anna, identifier, "maze")
    assert (told["public_score"], told["max_public_score"], told["max_score"]) == (40, 40, 100)
    assert "score" not in told
    fragment = Fragment((await details(anna, identifier, "maze")).body.decode())
    assert fragment.tables[0].rows[1] == ["large", "Not shown during the contest", "–"]
    await stage.at(OVER)
    anna = await stage.participant()
    assert (await status(anna, identifier, "maze"))["score_message"] == "100 / 100"
    fragment = Fragment((await details(anna, identifier, "maze")).body.decode())
    assert fragment.tables[0].rows[1] == ["large", "Correct", "60 / 60"]


async def test_private_subtasks_wait_for_the_analysis_where_there_is_one(stage: CmsStage) -> None:
    await stage.say("", analysis={"start": moment(OVER + 60), "stop": moment(OVER + 120)})
    anna = await stage.participant()
    identifier = await handed_in(stage, "maze")
    await ran(stage, judgement_id := await stage.play.judged(identifier, None), "AC", "AC", "AC")
    await stage.play.patch("judge", f"judgements/{judgement_id}", {"judgement_type_id": "AC"})
    for minutes, shown in ((OVER, False), (OVER + 60, True), (OVER + 120, True)):
        await stage.at(minutes)
        anna = await stage.participant()
        assert ("score" in await status(anna, identifier, "maze")) is shown


async def test_details_are_a_piece_of_html_that_loads_nothing(stage: CmsStage) -> None:
    anna = await stage.participant()
    identifier = await handed_in(stage)
    await ran(stage, await stage.play.judged(identifier, None), "AC", "WA")
    answer = await details(anna, identifier)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert (answer.headers["X-Content-Type-Options"], answer.headers["Cache-Control"]) == ("nosniff", "no-store")
    fragment = Fragment(answer.body.decode())
    assert fragment.tables[0].rows == [["1", "Accepted", "–"], ["2", "Wrong Answer", "–"]]


async def test_names_of_subtasks_and_verdicts_are_escaped(stage: CmsStage) -> None:
    evil = "<script>alert(1)</script>\"'&"
    named = {"id": "EVIL", "name": evil, "solved": False, "penalty": False}
    await stage.play.put("root", "judgement-types/EVIL", named, 201)
    await stage.say("problems/sum", subtasks=[{"name": evil, "max_score": 100, "ordinals": [1, 2], "rule": "sum"}])
    anna = await stage.participant()
    identifier = await handed_in(stage)
    await ran(stage, judgement_id := await stage.play.judged(identifier, None), "EVIL", "AC")
    await stage.play.patch("judge", f"judgements/{judgement_id}", {"judgement_type_id": "EVIL"})
    body = (await details(anna, identifier)).body.decode()
    assert "<script" not in body
    assert Fragment(body).tables[1].caption == evil


async def test_both_are_answered_to_head_and_with_a_slash_at_the_end(stage: CmsStage) -> None:
    anna = await stage.participant()
    identifier = await handed_in(stage)
    for path in (f"/tasks/sum/submissions/{identifier}", f"/tasks/sum/submissions/{identifier}/details"):
        plain = await anna.get(path)
        assert (await anna.get(f"{path}/")).body == plain.body
        head = await anna.ask("HEAD", path)
        assert (head.status, head.body) == (200, b"")
        assert head.headers["Content-Length"] == str(len(plain.body))


async def test_at_the_root_they_are_the_same(stage: CmsStage) -> None:
    anna = await stage.participant(base="")
    identifier = await handed_in(stage)
    assert (await status(anna, identifier))["status"] == 1
    assert (await details(anna, identifier)).status == 200
