"""Phases and limits of participations over HTTP: what CMS would know holds for the Contest API too.

And the race: of submissions that come at the same instant against one a minute exactly one wins, on one server and over
two workers.
"""

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from schemas.times import format_time
from tests.cds.contest_api.live_contest_setup import CONFIGURATION, CONTEST, OVER, Play, moment, submission
from tests.cds.contest_api.serving import SERVER_ADMIN, Answer, Caller, Login, cloned_database
from tests.cds.contest_api.worker_groups import group_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

AT_ONCE = 24
ROUNDS = 5
CALLERS_OF_WORKER = 3
"""Connections to each worker, all of which submit at once."""

ONE_A_MINUTE = {"cms": {"min_submission_interval": 60}}
TOO_FREQUENT = "Submissions too frequent! There must be 60 seconds between two"
HALF_AN_HOUR_LATER = OVER + 29
HOUR_MS = 3_600_000


async def say(play: Play, path: str, extension: dict[str, Any]) -> None:
    """Say more of an object than the format has."""
    answer = await play.caller("root").ask("PATCH", f"contests/live/{path}".rstrip("/"), json={"ext": extension})
    assert answer.status == 200, answer.body


async def hand_in(caller: Caller, contest_id: str = "live", **changed: object) -> Answer:
    """Submit, whatever comes of it."""
    return await caller.ask("POST", f"contests/{contest_id}/submissions", json=submission(**changed))


def refusal(answer: Answer) -> str:
    """The message of a refusal."""
    assert answer.status == 403, answer.body
    message: str = answer.json["message"]
    return message


# --- Phases


async def test_extra_time_and_what_is_seen_of_it(live: Play) -> None:
    """Somebody with extra time submits after the end; it counts, is judged, and only they and the jury see it."""
    await say(live, "accounts/team-one", {"cms": {"extra_time": 3_600}})
    await live.at(OVER)
    assert refusal(await hand_in(live.caller("team-two"))) == "the contest is over"
    made = (await hand_in(live.caller("team-one"))).json
    assert made["ext"] == {"cms": {"official": True}}
    judgement_id = await live.judged(made["id"], "AC")
    for who, sees in (("team-one", True), ("judge", True), ("team-two", False), ("public", False), ("analyst", False)):
        assert (made["id"] in await live.ids(who, "submissions")) is sees, who
    assert (await live.get("team-one", f"judgements/{judgement_id}"))["judgement_type_id"] == "AC"
    row = next(each for each in (await live.get("judge", "scoreboard"))["rows"] if each["team_id"] == "t1")
    assert row["score"]["num_solved"] == 1
    await live.at(HALF_AN_HOUR_LATER + 60)
    assert refusal(await hand_in(live.caller("team-one"))) == "the contest is over"


async def test_what_counts_without_saying_has_no_extension(live: Play) -> None:
    assert "ext" not in (await hand_in(live.caller("team-one"))).json


async def test_a_delay_and_a_window_of_ones_own(live: Play) -> None:
    await say(live, "accounts/team-one", {"cms": {"delay_time": 5_400}})
    assert refusal(await hand_in(live.caller("team-one"))) == "your time in this contest has not begun"
    await say(live, "", {"cms": {"per_user_time": 1_200}})
    assert refusal(await hand_in(live.caller("team-two"))) == "your time in this contest has not begun"
    await say(live, "accounts/team-two", {"cms": {"starting_time": moment(55)}})
    assert (await hand_in(live.caller("team-two"))).status == 201
    await live.at(75)
    assert refusal(await hand_in(live.caller("team-two"))) == "your time in this contest is over"


async def test_the_analysis_takes_what_does_not_count(live: Play) -> None:
    analysis = {"start": moment(OVER), "stop": moment(OVER + 60)}
    await say(live, "", {"cms": {"analysis": analysis}})
    await live.at(OVER - 0.5)
    assert refusal(await hand_in(live.caller("team-one"))) == "the contest is over"
    await live.at(OVER)
    made = (await hand_in(live.caller("team-one"))).json
    assert made["ext"] == {"cms": {"official": False}}
    await live.judged(made["id"], "AC")
    rows = (await live.get("judge", "scoreboard"))["rows"]
    assert [row["score"]["num_solved"] for row in rows] == [0, 0]


async def test_an_unrestricted_participation_may_try_before_the_start_and_gives_nothing_away(waiting: Play) -> None:
    await say(waiting, "accounts/team-one", {"cms": {"unrestricted": True}})
    answer = await hand_in(waiting.caller("team-one"))
    assert answer.status == 201, answer.body
    assert await waiting.ids("team-one", "submissions") == await waiting.ids("public", "submissions") == []
    assert await waiting.ids("judge", "submissions") == [answer.json["id"]]
    assert refusal(await hand_in(waiting.caller("team-two"))) == "the contest has not started"


# --- The race


async def test_of_many_at_the_same_instant_one_wins(live: Play) -> None:
    """One a minute in the contest: the clock stands still, so all come at once, also those on different tasks."""
    await say(live, "", ONE_A_MINUTE)
    for minutes in (60, 61, 62):
        await live.at(minutes)
        callers = [live.caller(who) for who in ("team-one", "team-two") for _ in range(AT_ONCE)]
        problems = ("apples", "bridges")
        answers = await asyncio.gather(
            *(hand_in(caller, problem_id=problems[number % 2]) for number, caller in enumerate(callers))
        )
        for of_team in (answers[:AT_ONCE], answers[AT_ONCE:]):
            assert sorted(answer.status for answer in of_team) == [201, *[403] * (AT_ONCE - 1)]
            refused = {refusal(answer) for answer in of_team if answer.status == 403}
            assert refused == {f"{TOO_FREQUENT} in this contest."}
    assert len(await live.ids("judge", "submissions")) == 6


async def test_the_last_of_so_many_goes_to_one(live: Play) -> None:
    await say(live, "problems/apples", {"cms": {"max_submission_number": 3}})
    caller = live.caller("team-one")
    answers = await asyncio.gather(*(hand_in(caller) for _ in range(AT_ONCE)))
    assert sorted(answer.status for answer in answers) == [201] * 3 + [403] * (AT_ONCE - 3)
    before = await live.position()
    assert refusal(await hand_in(caller)) == "Too many submissions! No more than 3 may be made on this task."
    assert await live.position() == before


async def make_running_contest(caller: Caller) -> Login:
    """A contest that began an hour ago, with a task for each round and one team; returns the team's login."""
    contest = {**CONTEST, "id": "race", "start_time": format_time(time.time_ns() // 1_000_000 - HOUR_MS)}
    team = {"id": "t1", "name": "Alpha", "label": "1"}
    account = {"id": "one", "username": "one", "type": "team", "team_id": "t1", "password": "password of one"}
    problems = [
        {"id": f"p{number}", "label": f"P{number}", "name": "P", "ordinal": number, "test_data_count": 1}
        for number in range(ROUNDS)
    ]
    assert (await caller.ask("PUT", "contests/race", json=contest)).status == 201
    for name, objects in (
        ("languages", CONFIGURATION["languages"]),
        ("teams", [team]),
        ("accounts", [account]),
        ("problems", [{**each, "ext": ONE_A_MINUTE} for each in problems]),
    ):
        for each in objects:
            answer = await caller.ask("PUT", f"contests/race/{name}/{each['id']}", json=each)
            assert answer.status == 201, answer.body
    return account["username"], account["password"]


async def race(callers: list[Caller], problem_id: str) -> list[Answer]:
    """All submit at once."""
    return await asyncio.gather(*(hand_in(caller, "race", problem_id=problem_id) for caller in callers))


async def test_over_two_workers_one_wins(postgres_dsn_template: str, tmp_path: Path) -> None:
    """Neither worker knows what the other has just accepted but by the log: whoever is second there is refused."""
    async with (
        cloned_database(postgres_dsn_template) as dsn,
        group_of(2, dsn, tmp_path / "group") as group,
        AsyncExitStack() as stack,
    ):
        admin = await stack.enter_async_context(group.on(0, SERVER_ADMIN))
        login = await make_running_contest(admin)
        callers = [
            await stack.enter_async_context(group.on(worker, login))
            for _ in range(CALLERS_OF_WORKER)
            for worker in (0, 1)
        ]
        for number in range(ROUNDS):
            answers = await race(callers, f"p{number}")
            assert sorted(answer.status for answer in answers) == [201, *[403] * (len(callers) - 1)]
            assert {refusal(each) for each in answers if each.status == 403} == {f"{TOO_FREQUENT} on this task."}
        made = await admin.json("contests/race/submissions")
        assert [each["problem_id"] for each in made] == [f"p{number}" for number in range(ROUNDS)]
