"""A real olympiad served through the ContestWebServer API: every participant is told the official score of every task.

The olympiad is over, so nobody can log in and list what they handed in: the holder of the admin token does it for
each, past the phase. What a participant may still read without that is the same.
"""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from cds.cms_api.settings import CmsSettings
from tests.cds.cms_api.stage import ADMIN_TOKEN, CmsClient
from tests.cds.contest_api.real_contests import DATA, needs_shared_data
from tests.cds.contest_api.serving import SERVER_ADMIN, Caller, Running, cloned_database, fill, running
from tests.cds.packages.packages import read

pytestmark = [pytest.mark.asyncio(loop_scope="module"), needs_shared_data]

OLYMPIAD = "roi-2021-mini"
CONTEST_ID = "roi2021d1"
PASSED = "override_phase_check=1"
TASKS = ["p1", "p2", "p3", "p4"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def olympiad(postgres_dsn_template: str) -> AsyncIterator[Running]:
    """A server with the olympiad as `cds import` reads it, and an account for every participant."""
    async with cloned_database(postgres_dsn_template) as dsn:
        await fill(dsn, [read(DATA / OLYMPIAD / "package", CONTEST_ID)])
        async with running(dsn, cms=CmsSettings(admin_token=ADMIN_TOKEN)) as server:
            for row in official():
                await add_account(server.caller(SERVER_ADMIN), row["team_id"])
            yield server


def official() -> list[dict[str, Any]]:
    """The rows of the official scoreboard."""
    rows: list[dict[str, Any]] = json.loads((DATA / OLYMPIAD / "scoreboard-final.json").read_text())["rows"]
    return rows


def scores_of_judgements() -> dict[str, float]:
    """By submission: what its judgement says in the package; nothing for what did not compile."""
    judgements = json.loads((DATA / OLYMPIAD / "package" / "judgements.json").read_text())
    return {each["submission_id"]: each["score"] for each in judgements if each["judgement_type_id"] != "CE"}


async def add_account(admin: Caller, team_id: str) -> None:
    """An account of type team, named after its team."""
    account = {
        "id": team_id,
        "username": team_id,
        "type": "team",
        "team_id": team_id,
        "password": f"password of {team_id}",
    }
    answer = await admin.ask("PUT", f"contests/{CONTEST_ID}/accounts/{team_id}", json=account)
    assert answer.status == 201, answer.body


def client(server: Running) -> CmsClient:
    """Somebody who has not logged in."""
    return CmsClient(server.caller(), f"{server.root}/cms/{CONTEST_ID}")


async def test_every_participant_is_told_the_official_score_of_every_task(olympiad: Running) -> None:
    """By each of their submissions alike, and each submission has the score that its judgement says."""
    scores = scores_of_judgements()
    seen: set[str] = set()
    for row in official():
        participant = await client(olympiad).impersonate(row["team_id"])
        for cell in row["problems"]:
            task = cell["problem_id"]
            listed = (await participant.json(f"/api/{task}/submission_list?{PASSED}"))["list"]
            assert listed or cell["score"] == 0
            for each in listed:
                status = await participant.json(f"/tasks/{task}/submissions/{each['id']}")
                assert (status["task_public_score"], status["task_score_is_partial"]) == (cell["score"], False)
                assert status["task_public_score_message"] == f"{cell['score']} / 100"
                assert status["status"] == (5 if each["id"] in scores else 2)
                assert status.get("public_score") == scores.get(each["id"])
                seen.add(each["id"])
    assert seen >= scores.keys()
    assert len(seen) == 623


async def test_a_participant_reads_their_own_results_after_the_end_and_nobody_elses(olympiad: Running) -> None:
    first, second = official()[0]["team_id"], official()[1]["team_id"]
    path = f"/api/p1/submission_list?{PASSED}"
    identifier = (await (await client(olympiad).impersonate(first)).json(path))["list"][-1]["id"]
    own = await client(olympiad).log_in(first, f"password of {first}")
    assert (await own.json(f"/tasks/p1/submissions/{identifier}"))["task_public_score"] == 100
    details = await own.get(f"/tasks/p1/submissions/{identifier}/details")
    assert (details.status, details.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b"/ 100" in details.body
    assert (await own.get(path)).status == 403
    other = await client(olympiad).log_in(second, f"password of {second}")
    assert (await other.get(f"/tasks/p1/submissions/{identifier}")).status == 404


async def test_the_scoreboard_of_the_contest_api_says_the_same(olympiad: Running) -> None:
    board = (await olympiad.caller().json(f"contests/{CONTEST_ID}/scoreboard"))["rows"]
    assert [(row["rank"], row["team_id"], row["score"]["score"]) for row in board] == [
        (row["rank"], row["team_id"], row["score"]["score"]) for row in official()
    ]
    for row, expected in zip(board, official(), strict=True):
        assert [cell["score"] for cell in row["problems"]] == [cell["score"] for cell in expected["problems"]]


async def test_the_tasks_are_those_of_the_olympiad_in_their_order(olympiad: Running) -> None:
    participant = await client(olympiad).impersonate(official()[0]["team_id"])
    tasks = (await participant.json(f"/api/task_list?{PASSED}"))["tasks"]
    assert [task["name"] for task in tasks] == TASKS
    assert [task["submission_format"] for task in tasks] == [[f"{name}.%l"] for name in TASKS]
