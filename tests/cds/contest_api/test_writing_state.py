"""The state of a contest over HTTP: what the specification gives no endpoint for, and the settings of this server."""

import pytest

from tests.cds.contest_api.live_contest_setup import EVERYBODY, FROZEN, HOUR, OVER, RUNNING, START, Play, moment

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_contest_can_be_started_now(waiting: Play) -> None:
    await waiting.at(-10)
    token = await waiting.token("public")
    state = await waiting.patch("chief", "state", {"started": "now"})
    assert state["started"] == moment(-10)
    assert (await waiting.get("public"))["start_time"] == moment(-10)
    assert await waiting.ids("public", "problems") == ["apples", "bridges"]
    types = [line["type"] for line in await waiting.feed("public", token)]
    assert {"contest", "state", "problems"} <= set(types)
    assert (await waiting.post("team-one", "clarifications", {"text": "Now?"}))["contest_time"] == "0:00:00.000"


async def test_the_clock_starts_freezes_and_ends_the_contest(waiting: Play) -> None:
    """Each carries the moment at which it was due, however late anybody looks."""
    await waiting.at(0)
    assert (await waiting.get("public", "state"))["started"] == START
    await waiting.at(OVER + HOUR)
    state = await waiting.get("public", "state")
    assert (state["frozen"], state["ended"]) == (moment(4 * HOUR), moment(5 * HOUR))
    told = [line["data"] for line in await waiting.feed("public") if line["type"] == "state"]
    reached = [[name for name, value in each.items() if value] for each in told]
    assert reached == [[], ["started"], ["started", "frozen"], ["started", "frozen", "ended"]]


async def test_it_can_be_frozen_and_ended_before_its_time(live: Play) -> None:
    judgement_id = await live.judged(await live.submitted(), "AC")
    await live.at(RUNNING + 5)
    await live.patch("chief", "state", {"frozen": "now"})
    hidden = await live.judged(await live.submitted("team-two"), "AC")
    assert await live.ids("public", "judgements") == [judgement_id]
    assert hidden in await live.ids("judge", "judgements")
    await live.at(RUNNING + 30)
    assert (await live.patch("chief", "state", {"ended": "now"}))["ended"] == moment(RUNNING + 30)
    assert (await live.get("public"))["duration"] == "1:30:00.000"


async def test_extending_a_contest_that_is_over_opens_it_again(live: Play) -> None:
    await live.at(OVER)
    assert (await live.get("public", "state"))["ended"] is not None
    await live.patch("chief", "", {"duration": "6:00:00.000"})
    assert (await live.get("public", "state"))["ended"] is None
    await live.submitted()


async def test_removed_intervals_send_contest_times_anew(live: Play) -> None:
    early, asked = await live.submitted(), await live.post("team-one", "clarifications", {"text": "Light?"})
    await live.at(RUNNING + 30)
    late = await live.submitted()
    token = await live.token("team-one")
    interval = {"start": moment(RUNNING + 10), "end": moment(RUNNING + 20)}
    state = await live.patch("chief", "state", {"removed_intervals": [interval]})
    assert state["removed_intervals"] == [{**interval, "contest_time": "1:10:00.000"}]
    times = {each["id"]: each["contest_time"] for each in await live.get("public", "submissions")}
    assert times == {early: "1:00:00.000", late: "1:20:00.000"}
    told = {(line["type"], line["id"]) for line in await live.feed("team-one", token)}
    assert ("submissions", late) in told
    assert not {("submissions", early), ("clarifications", asked["id"])} & told
    await live.at(5 * HOUR + 5)
    assert (await live.get("public", "state"))["ended"] is None


async def test_finalizing_is_refused_with_the_list_of_what_is_open(frozen: Play) -> None:
    unjudged, pending = await frozen.submitted(), await frozen.submitted()
    judgement_id = await frozen.judged(pending, None)
    question = (await frozen.post("team-one", "clarifications", {"text": "May we eat?"}))["id"]
    await frozen.at(OVER)
    message = await frozen.refused("chief", "PATCH", "state", {"finalized": "now"}, 409)
    assert all(each in message for each in (unjudged, judgement_id, question))
    await frozen.judged(unjudged, "WA")
    await frozen.patch("judge", f"judgements/{judgement_id}", {"judgement_type_id": "AC"})
    await frozen.refused("chief", "PATCH", "state", {"finalized": "now"}, 409, names=question)
    await frozen.post("judge", "clarifications", {"text": "No.", "reply_to_id": question, "to_team_ids": ["t1"]})
    state = await frozen.patch("chief", "state", {"finalized": "now", "extra_bronzes": 2})
    assert state["finalized"] == moment(OVER)
    assert (await frozen.get("chief", "x-settings"))["extra_bronzes"] == 2


async def test_nothing_follows_the_end_of_updates(frozen: Play) -> None:
    await frozen.at(OVER)
    await frozen.refused("chief", "PATCH", "state", {"end_of_updates": "now"}, 403)
    for body in ({"thawed": "now"}, {"finalized": "now"}, {"end_of_updates": "now"}):
        await frozen.patch("chief", "state", body)
    for who in EVERYBODY:
        last = (await frozen.feed(who))[-1]
        assert (last["type"], last["data"]) == ("state", await frozen.get(who, "state"))
    await frozen.refused("chief", "PATCH", "teams/t1", {"name": "x"}, 403)
    await frozen.refused("chief", "PATCH", "state", {"end_of_updates": None}, 403)


async def test_what_cannot_be_is_refused(refusing: Play) -> None:
    for body, status in (
        ({"thawed": "now"}, 403),
        ({"finalized": "now"}, 403),
        ({"end_of_updates": "now"}, 403),
        ({"started": "now"}, 403),
        ({"ended": moment(OVER)}, 400),
        ({"ended": "soon"}, 400),
        ({"ended": 7}, 400),
        ({"nonsense": "now"}, 400),
        ({"removed_intervals": [{"start": moment(OVER)}]}, 400),
        ({"removed_intervals": "now"}, 400),
        ({"extra_bronzes": -1}, 400),
    ):
        await refusing.refused("chief", "PATCH", "state", body, status)


async def test_awards_of_the_freeze_are_shown_after_the_thaw(live: Play) -> None:
    await live.judged(await live.submitted(), "AC")
    await live.at(FROZEN)
    for problem in ("apples", "bridges"):
        await live.judged(await live.submitted("team-two", problem_id=problem), "AC")
    for who, teams in (("public", ["t1"]), ("team-two", ["t1"]), ("analyst", ["t1"]), ("judge", ["t2"])):
        assert (await live.get(who, "awards/winner"))["team_ids"] == teams, who
    await live.at(OVER)
    await live.patch("chief", "state", {"thawed": "now"})
    for who in EVERYBODY:
        assert (await live.get(who, "awards/winner"))["team_ids"] == ["t2"], who


@pytest.mark.parametrize("who", ["staff", "chief"])
async def test_settings_are_shown_to_staff_and_administrators(live: Play, who: str) -> None:
    shown = await live.get(who, "x-settings")
    assert shown.items() >= {"clock": True, "computed": True, "rule": "places", "medals": [4, 4, 4]}.items()
    for other, status in (("public", 401), ("team-one", 403), ("judge", 403)):
        assert (await live.ask(other, "GET", "x-settings")).status == status


async def test_the_number_of_medals_is_configuration(live: Play) -> None:
    for who in ("team-one", "team-two"):
        await live.judged(await live.submitted(who), "AC")
        await live.at(RUNNING + 10)
    await live.patch("chief", "x-settings", {"medals": [1, 1, 0]})
    awards = {each["id"]: each["team_ids"] for each in await live.get("public", "awards")}
    assert (awards["gold-medal"], awards["silver-medal"]) == (["t1"], ["t2"])
    for wrong in ({"medals": [-1, 0, 0]}, {"medals": [1]}, {"rule": "mine"}, {"nonsense": 1}, {"kinds": ["none"]}):
        await live.refused("chief", "PATCH", "x-settings", wrong, 400)
