"""A score contest over HTTP: tasks with subtasks, runs that decide, the freeze, and who sees what of it when."""

from typing import Any

import pytest

from tests.cds.contest_api.live_contest_setup import RUNNING, START_MS, Play, below, moment, submission
from tests.cds.contest_api.serving import Json

pytestmark = pytest.mark.asyncio(loop_scope="session")

TASK: dict[str, Any] = {
    "score_mode": "max_subtask",
    "subtasks": [
        {"name": "Small", "max_score": 40, "ordinals": [1, 2], "rule": "min"},
        {"name": "Large", "max_score": 60, "ordinals": [3, 4], "rule": "sum"},
    ],
}
FROZEN = 4 * 60 + 10
"""Minutes after the start."""


async def made(live: Play) -> Play:
    """The contest as a score contest, whose first problem has subtasks."""
    await live.patch("chief", "", {"scoreboard_type": "score"})
    told = {"max_score": 100, "test_data_count": 4, "ext": {"cms": TASK}}
    await live.patch("chief", "problems/apples", told)
    await live.patch("chief", "problems/bridges", {"max_score": 100})
    return live


async def ran(live: Play, judgement_id: str, ordinal: int, verdict: str = "AC", **more: object) -> Json:
    """A run of a test case, at this moment."""
    body = {"judgement_id": judgement_id, "ordinal": ordinal, "judgement_type_id": verdict, **more}
    return await live.post("judge", "runs", {**body, "time": moment((live.clock.now_ms - START_MS) / 60_000)})


async def cell(live: Play, who: str) -> tuple[float, int, str | None]:
    """Score, pending and time of the first team on the first problem."""
    (row,) = [row for row in (await live.get(who, "scoreboard"))["rows"] if row["team_id"] == "t1"]
    (told,) = [each for each in row["problems"] if each["problem_id"] == "apples"]
    assert row["score"]["score"] == told["score"]
    return told["score"], told["num_pending"], told.get("time")


async def test_runs_decide_and_those_that_come_late_too(live: Play) -> None:
    await made(live)
    first = await live.submitted()
    judgement_id = await live.judged(first, None)
    for ordinal, verdict in ((1, "AC"), (2, "AC"), (3, "WA")):
        await ran(live, judgement_id, ordinal, verdict)
    assert await cell(live, "public") == (0, 1, None)
    live.clock.now_ms += 5_000
    judged = await live.patch("judge", f"judgements/{judgement_id}", {"judgement_type_id": "WA"})
    assert "score" not in judged
    made_at = (await live.get("judge", f"submissions/{first}"))["contest_time"]
    assert await cell(live, "public") == (40, 0, made_at)
    tag = (await live.caller("public").get(below("scoreboard"))).headers["ETag"]
    await ran(live, judgement_id, 4, score=0.5)
    answer = await live.caller("public").get(below("scoreboard"), headers={"If-None-Match": tag})
    assert answer.status == 200
    assert await cell(live, "public") == await cell(live, "judge") == (55, 0, made_at)
    await live.delete("chief", f"runs/{(await live.get('judge', 'runs'))[-1]['id']}")
    assert await cell(live, "public") == (40, 0, made_at)


async def test_nothing_of_a_run_in_the_freeze_is_to_be_seen_on_the_board_until_thaw(live: Play) -> None:
    """A team sees its own runs, and the frozen board all the same."""
    await made(live)
    await live.judged(await live.submitted(), "WA", score=30)
    await live.at(FROZEN)
    judgement_id = await live.judged(await live.submitted(), "WA")
    before = (await live.caller("public").get(below("scoreboard"))).body
    for ordinal in (1, 2, 3, 4):
        identifier = (await ran(live, judgement_id, ordinal))["id"]
        for who in ("public", "team-one", "team-two", "analyst"):
            assert (await live.caller(who).get(below("scoreboard"))).body == before
        assert identifier in await live.ids("team-one", "runs")
        assert identifier not in await live.ids("team-two", "runs")
    assert (await cell(live, "public"))[:2] == (30, 1)
    assert (await cell(live, "judge"))[:2] == (100, 0)
    await live.at(5 * 60 + 1)
    await live.patch("chief", "state", {"thawed": moment(5 * 60 + 1)})
    assert (await live.caller("public").get(below("scoreboard"))).body == (
        await live.caller("judge").get(below("scoreboard"))
    ).body
    assert (await cell(live, "public"))[:2] == (100, 0)


async def test_what_an_administrator_calls_unofficial_never_counts(live: Play) -> None:
    await made(live)
    for official, expected in ((False, (0, 0)), (True, (70, 0))):
        said = {"ext": {"cms": {"official": official}}, "team_id": "t1", "time": moment(RUNNING)}
        identifier = (await live.post("chief", "submissions", submission(**said)))["id"]
        await live.judged(identifier, "WA", score=70)
        assert (await cell(live, "public"))[:2] == expected


async def test_a_task_that_changes_is_scored_anew_by_subtask_or_by_the_last(live: Play) -> None:
    await made(live)
    for solved in ((1, 2), (3,)):
        judgement_id = await live.judged(await live.submitted(), "WA")
        for ordinal in solved:
            await ran(live, judgement_id, ordinal)
        live.clock.now_ms += 60_000
    assert (await cell(live, "public"))[0] == 70
    for mode, expected in (("max", 40), ("last", 30), ("max_tokened_last", 30), (None, 40), ("max_subtask", 70)):
        await live.patch("chief", "problems/apples", {"ext": {"cms": {**TASK, "score_mode": mode}}})
        assert (await cell(live, "public"))[0] == expected
    await live.patch("chief", "problems/apples", {"ext": None})
    assert (await cell(live, "public"))[0] == 50


async def test_no_judge_gives_more_than_the_problem_brings(live: Play) -> None:
    """Unless nobody says how much that is; a judgement that came so from elsewhere can still be retired."""
    await made(live)
    body = {"submission_id": await live.submitted(), "start_time": moment(RUNNING), "judgement_type_id": "WA"}
    await live.refused("judge", "POST", "judgements", {**body, "score": 150}, 400, names="score 150")
    # What a judge gets who adds up sixths.
    await live.post("judge", "judgements", {**body, "score": sum([100 / 6] * 6)})
    judgement_id = (await live.post("judge", "judgements", {**body, "score": 100}))["id"]
    await live.patch("chief", "problems/apples", {"max_score": 80})
    retired = await live.patch("judge", f"judgements/{judgement_id}", {"current": False})
    assert (retired["score"], retired["current"]) == (100, False)
    await live.patch("chief", "problems/apples", {"max_score": None, "ext": None})
    await live.post("judge", "judgements", {**body, "score": 150})
