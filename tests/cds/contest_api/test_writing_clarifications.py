"""Questions, answers and announcements (Contest API, "Modifying clarifications")."""

from typing import Any

import pytest

from tests.cds.contest_api.live_contest_setup import EVERYBODY, HOUR, RUNNING, Play, below, moment

pytestmark = pytest.mark.asyncio(loop_scope="session")

OF_CAPABILITY: dict[str, dict[str, Any]] = {
    "team-one": {},
    "judge": {},
    "proxy": {"from_team_id": "t2"},
    "chief": {"time": moment(RUNNING)},
}
"""Who may write, and what their capability asks for besides the text."""

who_writes = pytest.mark.parametrize("who", OF_CAPABILITY)


async def seen_by(live: Play, identifier: str) -> set[str]:
    """Who is shown a clarification."""
    return {who for who in EVERYBODY if identifier in await live.ids(who, "clarifications")}


@who_writes
async def test_a_clarification_is_answered_with_its_place_and_its_initial_state(live: Play, who: str) -> None:
    body = {"text": "Are apples round?", "problem_id": "apples", **OF_CAPABILITY[who]}
    answer = await live.ask(who, "POST", "clarifications", body)
    assert answer.status == 201, answer.body
    made = answer.json
    expected = body | {"id": made["id"], "time": moment(RUNNING), "contest_time": "1:00:00.000"}
    assert made == expected | ({"from_team_id": "t1"} if who == "team-one" else {})
    assert answer.headers["Location"] == f"/api/{below('clarifications')}/{made['id']}"
    assert await live.get("chief", f"clarifications/{made['id']}") == made
    if who != "proxy":
        followed = await live.caller(who).get(live.server.root + answer.headers["Location"])
        assert (followed.status, followed.body) == (200, answer.body)


@pytest.mark.parametrize("who", ["public", "analyst", "staff"])
async def test_without_a_capability_nobody_writes(refusing: Play, who: str) -> None:
    status = 401 if who == "public" else 403
    await refusing.refused(who, "POST", "clarifications", {"text": "Hello", "time": moment(0)}, status)
    body = {"id": "x", "text": "Hello", "time": moment(0)}
    await refusing.refused(who, "PUT", "clarifications/x", body, status)


@who_writes
async def test_nulls_may_be_left_out_and_may_be_written(live: Play, who: str) -> None:
    plain = {"text": "Hello", **OF_CAPABILITY[who]}
    nulls = {"problem_id": None, "reply_to_id": None, "to_team_ids": None, "to_group_ids": None, "id": None, **plain}
    made = [await live.post(who, "clarifications", body) for body in (plain, nulls)]
    assert {**made[0], "id": ""} == {**made[1], "id": ""}


@pytest.mark.parametrize("who", ["team-one", "judge", "proxy"])
async def test_id_and_times_are_the_servers_to_set(refusing: Play, who: str) -> None:
    for name, value in (("id", "x"), ("time", moment(RUNNING)), ("contest_time", "1:00:00.000")):
        body = {"text": "Hello", **OF_CAPABILITY[who], name: value}
        await refusing.refused(who, "POST", "clarifications", body, 400, names=name)
    body = {"id": "x", "text": "Hello", **OF_CAPABILITY[who]}
    await refusing.refused(who, "PUT", "clarifications/x", body, 403)


async def test_a_team_asks_the_judges_and_for_itself_alone(live: Play) -> None:
    """The server fills in from whom a question is."""
    for more in ({}, {"from_team_id": "t1"}):
        made = await live.post("team-one", "clarifications", {"text": "May we eat?", **more})
        assert made["from_team_id"] == "t1"
        assert await seen_by(live, made["id"]) == {"team-one", "analyst", "judge", "staff", "chief"}
    for name, value in (("to_team_ids", ["t1"]), ("to_group_ids", ["main"]), ("to_team_ids", [])):
        await live.refused("team-one", "POST", "clarifications", {"text": "Hi", name: value}, 400, names=name)
    for other in ("t2", "nobody"):
        body = {"text": "Hi", "from_team_id": other}
        await live.refused("team-one", "POST", "clarifications", body, 403, names="from_team_id")


async def test_a_judge_answers_one_team_a_group_or_everybody(live: Play) -> None:
    asked = await live.post("team-one", "clarifications", {"text": "May we eat?"})
    insiders = {"analyst", "judge", "staff", "chief"}
    for to, readers in (
        ({"to_team_ids": ["t1"]}, {"team-one"}),
        ({"to_team_ids": ["t1", "t2"]}, {"team-one", "team-two"}),
        ({"to_group_ids": ["main"]}, {"team-one", "team-two"}),
        ({}, set(EVERYBODY) - insiders),
    ):
        body = {"text": "Yes.", "reply_to_id": asked["id"], **to}
        made = await live.post("judge", "clarifications", body)
        assert made.items() >= body.items()
        assert "from_team_id" not in made
        assert await seen_by(live, made["id"]) == readers | insiders, to
    body = {"text": "Hi", "from_team_id": "t1"}
    await live.refused("judge", "POST", "clarifications", body, 400, names="from_team_id")


async def test_a_proxy_asks_for_a_team(live: Play) -> None:
    made = await live.post("proxy", "clarifications", {"text": "May we eat?", "from_team_id": "t2"})
    assert made["from_team_id"] == "t2"
    assert made["id"] in await live.ids("team-two", "clarifications")
    await live.refused("proxy", "POST", "clarifications", {"text": "Hi"}, 400, names="from_team_id")
    for name, value in (("to_team_ids", ["t1"]), ("to_group_ids", ["main"])):
        body = {"text": "Hi", "from_team_id": "t2", name: value}
        await live.refused("proxy", "POST", "clarifications", body, 400, names=name)


async def test_an_administrator_gives_the_time_and_with_put_the_id(live: Play) -> None:
    early = moment(0.5 * HOUR)
    posted = await live.post("chief", "clarifications", {"text": "Hello", "time": early})
    assert (posted["time"], posted["contest_time"]) == (early, "0:30:00.000")
    body = {"id": "site1-c7", "text": "May we eat?", "from_team_id": "t2", "time": early}
    answer = await live.ask("chief", "PUT", "clarifications/site1-c7", body)
    assert (answer.status, answer.json) == (201, {**body, "contest_time": "0:30:00.000"})
    assert answer.headers["Location"] == f"/api/{below('clarifications/site1-c7')}"
    without_id = {name: value for name, value in body.items() if name != "id"}
    await live.refused("chief", "POST", "clarifications", {**without_id, "id": "x"}, 400, names="id")
    await live.refused("chief", "PUT", "clarifications/x", without_id, 400, names="id")
    for method, path, more in (("POST", "clarifications", {}), ("PUT", "clarifications/x", {"id": "x"})):
        await live.refused("chief", method, path, {"text": "Hello", **more}, 400, names="time")
    wrong = {"text": "Hello", "time": early, "contest_time": "0:31:00"}
    await live.refused("chief", "POST", "clarifications", wrong, 400, names="contest_time")


async def test_a_clarification_cannot_be_put_over_another(live: Play) -> None:
    body = {"id": "c7", "text": "Hello", "time": moment(30)}
    first = await live.ask("chief", "PUT", "clarifications/c7", body)
    before = await live.position()
    again = await live.ask("chief", "PUT", "clarifications/c7", body)
    assert (first.status, again.status, again.body) == (201, 200, first.body)
    assert await live.position() == before
    for changed in ({"text": "Goodbye"}, {"time": moment(31)}, {"to_team_ids": ["t1"]}):
        await live.refused("chief", "PUT", "clarifications/c7", {**body, **changed}, 409)
    for unacceptable in ("-x", "a" * 37, "x."):
        changed = {**body, "id": unacceptable}
        await live.refused("chief", "PUT", f"clarifications/{unacceptable}", changed, 400, names="id")


@who_writes
async def test_what_is_not_there_is_refused(refusing: Play, who: str) -> None:
    named: dict[str, object] = {"problem_id": "nobody", "reply_to_id": "nobody"}
    if who == "chief":
        named["from_team_id"] = "nobody"
    if who in ("judge", "chief"):
        named |= {"to_team_ids": ["t1", "nobody"], "to_group_ids": ["nobody"]}
    for name, value in named.items():
        body = {"text": "Hello", **OF_CAPABILITY[who], name: value}
        await refusing.refused(who, "POST", "clarifications", body, 400, names="nobody")
    if who == "proxy":
        body = {"text": "Hello", "from_team_id": "nobody"}
        await refusing.refused(who, "POST", "clarifications", body, 400, names="nobody")


async def test_what_is_not_visible_is_refused_as_if_it_were_not_there(live: Play) -> None:
    """A team cannot reply to what it is not shown, and cannot tell that it exists."""
    hidden = (await live.post("team-two", "clarifications", {"text": "May we eat?"}))["id"]
    own = (await live.post("team-one", "clarifications", {"text": "May we sleep?"}))["id"]
    messages = [
        await live.refused("team-one", "POST", "clarifications", {"text": "Hi", "reply_to_id": each}, 400)
        for each in (hidden, "x" * len(hidden))
    ]
    assert messages[0].replace(hidden, "") == messages[1].replace("x" * len(hidden), "")
    await live.post("team-one", "clarifications", {"text": "Still?", "reply_to_id": own})
    await live.post("judge", "clarifications", {"text": "Yes", "reply_to_id": hidden, "to_team_ids": ["t2"]})


async def test_before_the_start_no_problem_can_be_asked_about(waiting: Play) -> None:
    for problem in ("apples", "nobody"):
        body = {"text": "How hard?", "problem_id": problem}
        await waiting.refused("team-one", "POST", "clarifications", body, 400, names=problem)
    made = await waiting.post("team-one", "clarifications", {"text": "When does it start?"})
    assert made["contest_time"] == "-1:00:00.000"
    await waiting.post("judge", "clarifications", {"text": "Hard.", "problem_id": "apples", "to_team_ids": ["t1"]})


@who_writes
async def test_a_text_is_needed_and_has_a_limit(refusing: Play, who: str) -> None:
    for text in (None, "", "  \n", 7, "x" * 20_001):
        body = {"text": text, **OF_CAPABILITY[who]}
        await refusing.refused(who, "POST", "clarifications", body, 400, names="text")
    await refusing.refused(who, "POST", "clarifications", {**OF_CAPABILITY[who]}, 400, names="text")


async def test_an_answer_is_in_the_feed_of_whom_it_concerns_and_no_other(live: Play) -> None:
    tokens = {who: await live.token(who) for who in EVERYBODY}
    made = await live.post("judge", "clarifications", {"text": "Yes", "to_team_ids": ["t1"]})
    for who, token in tokens.items():
        lines = await live.feed(who, token)
        assert [line["id"] for line in lines] == ([made["id"]] if who in {"team-one", *insiders()} else [])


def insiders() -> set[str]:
    """Those who see all clarifications."""
    return {"analyst", "judge", "staff", "chief"}
