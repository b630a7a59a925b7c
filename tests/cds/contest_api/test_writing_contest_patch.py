"""The start and the thaw of a contest, set over HTTP (Contest API, "Modifying contests")."""

from typing import Any

import pytest

from tests.cds.contest_api.feeds import everything, fold
from tests.cds.contest_api.live_contest_setup import (
    CONTEST_ID,
    EVERYBODY,
    FROZEN,
    HOUR,
    MADE_MS,
    OVER,
    START,
    Play,
    moment,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

LATER = "2031-05-17T10:30:00.000Z"
SECOND = 1 / 60


def start(start_time: str | None = LATER, **more: object) -> dict[str, Any]:
    """A body that sets the start."""
    return {"id": CONTEST_ID, "start_time": start_time, **more}


def thaw(thaw_time: str | None) -> dict[str, Any]:
    """A body that sets the thaw."""
    return {"id": CONTEST_ID, "scoreboard_thaw_time": thaw_time}


async def test_the_start_can_be_set_and_left_open(waiting: Play) -> None:
    assert (await waiting.patch("chief", "", start()))["start_time"] == LATER
    stopped = await waiting.patch("chief", "", start(None))
    assert "start_time" not in stopped
    paused = await waiting.patch("chief", "", start(None, countdown_pause_time="0:12:34"))
    assert paused["countdown_pause_time"] == "0:12:34.000"
    again = await waiting.patch("chief", "", start("2031-05-17T12:00:00+02", countdown_pause_time=None))
    assert (again["start_time"], "countdown_pause_time" in again) == ("2031-05-17T12:00:00.000+02:00", False)
    for who in EVERYBODY:
        assert await waiting.get(who) == again


async def test_a_start_is_set_by_itself_with_the_id_to_make_sure(waiting: Play) -> None:
    await waiting.refused("chief", "PATCH", "", {"start_time": LATER}, 400, names="id")
    await waiting.refused("chief", "PATCH", "", start() | {"id": "other"}, 409, names="id")
    await waiting.refused("chief", "PATCH", "", {"id": CONTEST_ID, "countdown_pause_time": "0:10:00"}, 400)
    for name, value in (("name", "x"), ("duration", "4:00:00"), ("scoreboard_thaw_time", moment(400)), ("x", 1)):
        await waiting.refused("chief", "PATCH", "", start() | {name: value}, 400, names=name)
    for wrong in ("tomorrow", 7, "2031-05-17", ""):
        await waiting.refused("chief", "PATCH", "", start() | {"start_time": wrong}, 400, names="start_time")


async def test_a_pause_of_the_countdown_needs_an_open_start(waiting: Play) -> None:
    body = start(countdown_pause_time="0:10:00")
    await waiting.refused("chief", "PATCH", "", body, 400, names="countdown_pause_time")
    for wrong in ("soon", "-0:10:00", 600):
        body = start(None, countdown_pause_time=wrong)
        await waiting.refused("chief", "PATCH", "", body, 400, names="countdown_pause_time")


async def test_within_thirty_seconds_of_the_start_it_stays(waiting: Play) -> None:
    await waiting.at(-31 * SECOND)
    await waiting.patch("chief", "", start())
    await waiting.patch("chief", "", start(START))
    for seconds in (-30, -1):
        await waiting.at(seconds * SECOND)
        for body in (start(), start(None)):
            await waiting.refused("chief", "PATCH", "", body, 403)
    for minutes in (0, HOUR, OVER):
        await waiting.at(minutes)
        for body in (start(), start(moment(OVER + HOUR)), start(None)):
            await waiting.refused("chief", "PATCH", "", body, 403)


async def test_a_start_is_at_least_thirty_seconds_ahead(waiting: Play) -> None:
    for seconds in (-3_600, -1, 0, 30):
        near = moment(-HOUR + seconds * SECOND)
        await waiting.refused("chief", "PATCH", "", start(near), 403, names="start_time")
    assert waiting.clock.now_ms == MADE_MS
    soon = moment(-HOUR + 31 * SECOND)
    assert (await waiting.patch("chief", "", start(soon)))["start_time"] == soon
    await waiting.at(-HOUR + 31 * SECOND)
    assert (await waiting.get("public", "state"))["started"] == soon


async def test_a_thaw_time_that_is_taken_as_given_is_204_with_nothing(frozen: Play) -> None:
    wanted = moment(OVER + HOUR)
    answer = await frozen.ask("chief", "PATCH", "", thaw(wanted))
    assert (answer.status, answer.body) == (204, b"")
    for who in EVERYBODY:
        assert (await frozen.get(who))["scoreboard_thaw_time"] == wanted
    await frozen.at(OVER + HOUR - 1)
    assert (await frozen.get("public", "state"))["thawed"] is None
    await frozen.at(OVER + HOUR)
    assert (await frozen.get("public", "state"))["thawed"] == wanted


async def test_a_thaw_time_that_is_past_thaws_now_and_says_so(frozen: Play) -> None:
    await frozen.at(OVER + 10)
    answer = await frozen.ask("chief", "PATCH", "", thaw(moment(OVER)))
    assert answer.status == 200
    assert answer.json == await frozen.get("public")
    assert answer.json["scoreboard_thaw_time"] == moment(OVER + 10)
    assert (await frozen.get("public", "state"))["thawed"] == moment(OVER + 10)
    await frozen.refused("chief", "PATCH", "", thaw(moment(OVER + 20)), 403, names="thawed")


async def test_what_cannot_be_thawed_then_is_403(frozen: Play) -> None:
    for minutes in (0, HOUR, FROZEN, 5 * HOUR - 1):
        await frozen.refused("chief", "PATCH", "", thaw(moment(minutes)), 403)
    await frozen.patch("chief", "", {"scoreboard_freeze_duration": None})
    assert (await frozen.get("public", "state"))["frozen"] is not None


async def test_a_contest_without_a_freeze_cannot_be_thawed(waiting: Play) -> None:
    await waiting.patch("chief", "", {"scoreboard_freeze_duration": None})
    await waiting.at(OVER)
    await waiting.refused("chief", "PATCH", "", thaw(moment(OVER + HOUR)), 403)


async def test_a_thaw_is_set_by_itself_with_the_id_to_make_sure(frozen: Play) -> None:
    wanted = moment(OVER + HOUR)
    await frozen.refused("chief", "PATCH", "", {"scoreboard_thaw_time": wanted}, 400, names="id")
    await frozen.refused("chief", "PATCH", "", thaw(wanted) | {"id": "other"}, 409, names="id")
    await frozen.refused("chief", "PATCH", "", thaw(wanted) | {"name": "x"}, 400, names="name")
    for wrong in ("tomorrow", 7, "", None):
        body = thaw(wanted) | {"scoreboard_thaw_time": wrong}
        await frozen.refused("chief", "PATCH", "", body, 400, names="scoreboard_thaw_time")


@pytest.mark.parametrize("who", ["public", "team-one", "proxy", "analyst", "judge", "staff"])
async def test_nobody_else_sets_them(refusing: Play, who: str) -> None:
    for body in (start(), thaw(moment(OVER + HOUR)), {"name": "x"}):
        await refusing.refused(who, "PATCH", "", body, 401 if who == "public" else 403)


async def test_a_new_start_shows_in_get_and_in_a_notification(waiting: Play) -> None:
    tokens = {who: await waiting.token(who) for who in EVERYBODY}
    await waiting.patch("chief", "", start())
    for who, token in tokens.items():
        (line,) = await waiting.feed(who, token)
        assert (line["type"], line["id"], line["data"]) == ("contest", None, await waiting.get(who))
    await waiting.at(150)
    for who, token in tokens.items():
        assert ("state", LATER) in [
            (line["type"], line["data"].get("started")) for line in await waiting.feed(who, token) if line["data"]
        ]
        found = fold(await waiting.caller(who).lines(f"contests/{CONTEST_ID}/event-feed"))
        assert found == await everything(waiting.caller(who), CONTEST_ID)


async def test_a_thaw_shows_in_notifications_with_what_it_releases(frozen: Play) -> None:
    """The contest, its state, the verdicts of the freeze, and the awards that follow from them."""
    judgement_id = await frozen.judged(await frozen.submitted(), "AC")
    await frozen.at(OVER)
    token = await frozen.token("public")
    assert judgement_id not in await frozen.ids("public", "judgements")
    await frozen.patch("chief", "", thaw(START))
    lines = await frozen.feed("public", token)
    told = {(line["type"], line["id"]) for line in lines}
    assert told >= {("contest", None), ("state", None), ("judgements", judgement_id), ("awards", "winner")}
    (state,) = [line["data"] for line in lines if line["type"] == "state"]
    assert state == await frozen.get("public", "state")
    assert state["thawed"] == moment(OVER)
    found = fold(await frozen.caller("public").lines(f"contests/{CONTEST_ID}/event-feed"))
    assert found == await everything(frozen.caller("public"), CONTEST_ID)
