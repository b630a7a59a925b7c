"""Judgements and runs as judging systems write them: one verdict each, and rejudgements that are atomic."""

from typing import Any

import pytest

from schemas.times import format_time
from tests.cds.contest_api.feeds import fold
from tests.cds.contest_api.live_contest_setup import EVERYBODY, START_MS, Play, below, moment
from tests.cds.contest_api.serving import Json
from tests.independent_fold import fold_one

pytestmark = pytest.mark.asyncio(loop_scope="session")

WRITERS = ("judge", "chief")
who_judges = pytest.mark.parametrize("who", WRITERS)


def pending(submission_id: str, **more: object) -> dict[str, Any]:
    """A judgement that has begun."""
    return {"submission_id": submission_id, "start_time": moment(60), **more}


def run(judgement_id: str, ordinal: int = 1, **more: object) -> dict[str, Any]:
    """A run of a test case."""
    ran = {"judgement_id": judgement_id, "ordinal": ordinal, "judgement_type_id": "AC", "time": moment(61)}
    return {**ran, "run_time": 0.25, **more}


@who_judges
async def test_a_judgement_begins_and_comes_to_its_verdict_once(live: Play, who: str) -> None:
    submission_id = await live.submitted()
    begun = await live.ask(who, "POST", "judgements", pending(submission_id))
    assert begun.status == 201, begun.body
    path = f"judgements/{begun.json['id']}"
    assert begun.headers["Location"] == f"/api/{below(path)}"
    assert "judgement_type_id" not in begun.json
    live.clock.now_ms += 5_000
    final = await live.patch(who, path, {"judgement_type_id": "WA", "max_run_time": 0.25})
    assert final.items() >= {"judgement_type_id": "WA", "end_time": moment(60 + 5 / 60), "current": True}.items()
    assert (await live.patch(who, path, {"judgement_type_id": "WA"})) == final
    for changed in ({"judgement_type_id": "AC"}, {"judgement_type_id": None, "end_time": None}, {"max_run_time": 3}):
        await live.refused(who, "PATCH", path, changed, 409)
    verdicts = [line["data"].get("judgement_type_id") for line in await live.feed(who) if line["type"] == "judgements"]
    assert verdicts == [None, "WA"]


@who_judges
async def test_a_judgement_can_be_put_and_put_again(live: Play, who: str) -> None:
    submission_id = await live.submitted()
    body = {"id": "j1", **pending(submission_id)}
    answer = await live.ask(who, "PUT", "judgements/j1", body)
    assert answer.status == 201, answer.body
    done = {**body, "judgement_type_id": "AC", "end_time": moment(62)}
    first = await live.put(who, "judgements/j1", done)
    before = await live.position()
    assert await live.put(who, "judgements/j1", done) == first
    assert await live.position() == before
    await live.refused(who, "PUT", "judgements/j1", {**done, "judgement_type_id": "WA"}, 409)
    await live.refused(who, "PUT", "judgements/j1", {**done, "start_time": moment(59)}, 409)


@pytest.mark.parametrize("who", ["public", "team-one", "proxy", "analyst", "staff"])
async def test_nobody_else_judges(refusing: Play, who: str) -> None:
    status = 401 if who == "public" else 403
    for name, body in (("judgements", pending("1")), ("runs", run("x"))):
        await refusing.refused(who, "POST", name, body, status)
        for method in ("PUT", "PATCH", "DELETE"):
            await refusing.refused(who, method, f"{name}/x", {"id": "x", **body}, status)


async def test_a_rejudgement_is_atomic(live: Play) -> None:
    """The old one stops being current and the new one is, side by side in the log; no reader ever finds two."""
    submission_id = await live.submitted()
    old = await live.judged(submission_id, "WA")
    new = await live.judged(submission_id, None, current=False)
    before = await live.position()
    tokens = {who: await live.token(who) for who in EVERYBODY}
    await live.patch("judge", f"judgements/{new}", {"judgement_type_id": "AC", "current": True})
    events = await live.server.store.read(live.contest.stream, before, 10)
    assert [(event.position, event.type, event.id) for event in events[:2]] == [
        (before + 1, "judgements", old),
        (before + 2, "judgements", new),
    ]
    assert events[0].recorded_at_us == events[1].recorded_at_us
    shown = {each["id"]: each.get("current") for each in await live.get("public", "judgements")}
    assert shown == {old: False, new: True}
    assert (await live.get("public", "scoreboard"))["rows"][0]["score"]["num_solved"] == 1
    for who in EVERYBODY:
        await check_one_current(live, who)
        told = [line["id"] for line in await live.feed(who, tokens[who]) if line["type"] == "judgements"]
        assert told == [old, new], who


@who_judges
async def test_a_rejudgement_that_is_final_at_once_is_atomic_too(live: Play, who: str) -> None:
    submission_id = await live.submitted()
    ids = [await live.judged(submission_id, verdict) for verdict in ("WA", "AC", "CE")]
    ids.append((await live.post(who, "judgements", pending(submission_id, judgement_type_id="WA")))["id"])
    found = {each["id"]: each["current"] for each in await live.get(who, "judgements")}
    assert found == {**dict.fromkeys(ids[:-1], False), ids[-1]: True}
    for reader in EVERYBODY:
        await check_one_current(live, reader)


async def test_a_rejudgement_that_has_begun_leaves_the_verdict_standing(live: Play) -> None:
    """The board keeps what counts until the new verdict is there."""
    submission_id = await live.submitted()
    old = await live.judged(submission_id, "AC")
    new = await live.judged(submission_id, None)
    assert (await live.get("public", "scoreboard"))["rows"][0]["score"]["num_solved"] == 1
    assert (await live.get("judge", f"judgements/{new}"))["current"] is False
    await live.patch("judge", f"judgements/{new}", {"judgement_type_id": "WA", "current": True})
    assert (await live.get("judge", f"judgements/{old}"))["current"] is False
    assert (await live.get("public", "scoreboard"))["rows"][0]["score"]["num_solved"] == 0


async def test_which_judgement_counts_can_be_taken_back(live: Play) -> None:
    submission_id = await live.submitted()
    old, new = [await live.judged(submission_id, verdict) for verdict in ("AC", "WA")]
    await live.patch("judge", f"judgements/{old}", {"current": True})
    found = {each["id"]: each["current"] for each in await live.get("judge", "judgements")}
    assert found == {old: True, new: False}
    for who in EVERYBODY:
        await check_one_current(live, who)


@who_judges
async def test_what_is_wrong_with_a_judgement_is_refused(refusing: Play, who: str) -> None:
    for missing in ("submission_id", "start_time"):
        body = {name: value for name, value in pending("1").items() if name != missing}
        await refusing.refused(who, "POST", "judgements", body, 400, names=missing)
    for name, value in (
        ("submission_id", "nobody"),
        ("judgement_type_id", "nobody"),
        ("start_time", "yesterday"),
        ("current", "yes"),
        ("score", -1),
        ("nonsense", 1),
        ("id", "x"),
    ):
        await refusing.refused(who, "POST", "judgements", pending("1") | {name: value}, 400, names=name)
    early = pending("1", judgement_type_id="AC", end_time=format_time(START_MS))
    await refusing.refused(who, "POST", "judgements", early, 400, names="end_time")
    await refusing.refused(who, "POST", "judgements", pending("1", end_time=moment(61)), 400, names="end_time")
    await refusing.refused(who, "PATCH", "judgements/nobody", {"judgement_type_id": "AC"}, 404)


@who_judges
async def test_runs_are_of_test_cases_one_for_each(live: Play, who: str) -> None:
    """`apples` has two."""
    judgement_id = await live.judged(await live.submitted(), None)
    answer = await live.ask(who, "POST", "runs", run(judgement_id))
    assert (answer.status, {**answer.json, "id": ""}) == (201, {**run(judgement_id), "id": ""})
    assert answer.headers["Location"] == f"/api/{below('runs')}/{answer.json['id']}"
    for ordinal in (0, -1, 3):
        await live.refused(who, "POST", "runs", run(judgement_id, ordinal), 400, names="ordinal")
    await live.refused(who, "POST", "runs", run(judgement_id, 1), 409, names="ordinal")
    await live.put(who, "runs/r2", {"id": "r2", **run(judgement_id, 2)}, 201)
    for name, value in (("judgement_id", "nobody"), ("judgement_type_id", "nobody"), ("run_time", -1), ("time", "x")):
        await live.refused(who, "POST", "runs", run(judgement_id) | {name: value}, 400, names=name)
    for missing in ("judgement_id", "ordinal", "judgement_type_id", "time"):
        body = {name: value for name, value in run(judgement_id).items() if name != missing}
        await live.refused(who, "POST", "runs", body, 400, names=missing)


@who_judges
async def test_runs_stand_once_their_judgement_has_its_verdict(live: Play, who: str) -> None:
    judgement_id = await live.judged(await live.submitted(), None)
    await live.put(who, "runs/r1", {"id": "r1", **run(judgement_id)}, 201)
    await live.patch(who, "runs/r1", {"judgement_type_id": "WA"})
    await live.patch(who, f"judgements/{judgement_id}", {"judgement_type_id": "WA"})
    await live.refused(who, "PATCH", "runs/r1", {"judgement_type_id": "AC"}, 409)


async def test_those_who_may_not_see_the_detail_are_shown_simplified_verdicts(live: Play) -> None:
    await live.judged(await live.submitted(), "WA")
    for who, verdict in (("public", "RE"), ("team-two", "RE"), ("team-one", "WA"), ("judge", "WA"), ("chief", "WA")):
        (judgement,) = await live.get(who, "judgements")
        assert (judgement.get("judgement_type_id") or judgement["simplified_judgement_type_id"]) == verdict, who


async def test_a_judgement_can_be_deleted_after_its_runs(live: Play) -> None:
    """Deletion never leaves anything dangling."""
    submission_id = await live.submitted()
    judgement_id = await live.judged(submission_id, None)
    await live.put("judge", "runs/r1", {"id": "r1", **run(judgement_id)}, 201)
    await live.refused("chief", "DELETE", f"judgements/{judgement_id}", None, 409, names="r1")
    await live.refused("chief", "DELETE", f"submissions/{submission_id}", None, 409)
    for path in ("runs/r1", f"judgements/{judgement_id}", f"submissions/{submission_id}"):
        await live.delete("chief", path)
    for name in ("runs", "judgements", "submissions"):
        assert await live.get("public", name) == []


async def check_one_current(live: Play, who: str) -> None:
    """At no line of somebody's feed are there two judgements of a submission that are current."""
    lines: list[Json] = await live.feed(who)
    folded = fold(())
    for line in lines:
        fold_one(folded, line)
        judgements = folded.get("judgements", {}).values()
        current = [each["submission_id"] for each in judgements if each.get("current") is not False]
        assert len(set(current)) == len(current), (who, line)


@who_judges
async def test_a_verdict_without_its_end_can_be_put_again(live: Play, who: str) -> None:
    """The server has filled in `end_time`; the same request once more must not come to another one."""
    body = {"id": "j1", **pending(await live.submitted()), "judgement_type_id": "AC"}
    answer = await live.ask(who, "PUT", "judgements/j1", body)
    assert answer.status == 201, answer.body
    before = await live.position()
    live.clock.now_ms += 5_000
    assert await live.put(who, "judgements/j1", body) == answer.json
    assert await live.position() == before


async def test_a_judging_host_whose_clock_is_ahead_can_report(live: Play) -> None:
    ahead = {"submission_id": await live.submitted(), "start_time": moment(61)}
    begun = await live.post("judge", "judgements", ahead)
    final = await live.patch("judge", f"judgements/{begun['id']}", {"judgement_type_id": "AC"})
    assert final["end_time"] == moment(61)


async def test_an_older_judgement_that_is_late_does_not_replace_a_rejudgement(live: Play) -> None:
    submission_id = await live.submitted()
    late = await live.post("judge", "judgements", pending(submission_id))
    again = {"submission_id": submission_id, "start_time": moment(61), "judgement_type_id": "WA"}
    rejudged = await live.post("judge", "judgements", again)
    await live.patch("judge", f"judgements/{late['id']}", {"judgement_type_id": "AC"})
    current = {each["id"]: each["current"] for each in await live.get("judge", "judgements")}
    assert current == {late["id"]: False, rejudged["id"]: True}


async def test_a_patch_of_nothing_changes_nothing(live: Play) -> None:
    shadow = await live.post("judge", "judgements", pending(await live.submitted(), current=False))
    before = await live.position()
    assert await live.patch("judge", f"judgements/{shadow['id']}", {}) == shadow
    assert await live.position() == before


async def test_the_verdict_before_counts_again_when_a_rejudgement_is_deleted(live: Play) -> None:
    submission_id = await live.submitted()
    first = await live.judged(submission_id, "AC")
    live.clock.now_ms += 1_000
    second = await live.judged(submission_id, "WA")
    await live.delete("chief", f"judgements/{second}")
    assert [(each["id"], each["current"]) for each in await live.get("judge", "judgements")] == [(first, True)]


async def test_of_verdicts_that_began_together_the_last_one_counts_again(live: Play) -> None:
    submission_id = await live.submitted()
    made = [await live.judged(submission_id, verdict) for verdict in ("WA", "CE", "AC", "WA")]
    await live.delete("chief", f"judgements/{made[-1]}")
    current = [each["id"] for each in await live.get("judge", "judgements") if each["current"]]
    assert current == [made[2]]
