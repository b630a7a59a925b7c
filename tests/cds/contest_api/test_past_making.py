"""How past moments are made: one after the other, what is kept of them, and what happens when one cannot be made."""

import asyncio
from urllib.parse import quote

import pytest
from structlog.testing import capture_logs

from cds.decoding import UnreadableEvent, decoded
from cds.past import boards, snapshots, states, turns
from cds.past.boards import PastBoards
from eventstore.store import Event
from schemas.objects import ContestObject
from tests.cds.contest_api.live_contest_setup import EVERYBODY, FROZEN, RUNNING, Play, below, moment
from tests.cds.contest_api.test_http import check_error

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_past_is_asked_for_by_one_after_the_other(live: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many at once are told to come again, and the present is answered meanwhile."""
    monkeypatch.setattr(turns, "WAITING_MAX", 2)
    caller = live.caller("public")
    answers = await asyncio.gather(*(caller.get(below(f"teams?at=0:00:0{number}")) for number in range(8)))
    assert {answer.status for answer in answers} == {200, 503}
    assert all(answer.headers["Retry-After"] for answer in answers if answer.status == 503)
    assert (await caller.get(below("teams"))).status == 200


async def test_the_public_leaves_places_for_those_who_have_logged_in(
    live: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many ask for moments without a login."""
    monkeypatch.setattr(turns, "WAITING_PUBLIC_MAX", 2)
    asked = [live.caller("public").get(below(f"teams?at=0:00:0{number}")) for number in range(8)]
    asked += [live.caller("judge").get(below(f"teams?at=0:00:1{number}")) for number in range(8)]
    statuses = [answer.status for answer in await asyncio.gather(*asked)]
    assert set(statuses[:8]) == {200, 503}
    assert set(statuses[8:]) == {200}


@pytest.mark.parametrize("at", ["0:00:00", quote(moment(RUNNING - 1))])
async def test_the_public_leaves_places_wherever_it_waits(live: Play, at: str) -> None:
    """Also where a time has to be looked up first, and what a contest tells of its times."""
    turns_of_all = live.server.server.service.pasts._turns
    path = below(f"teams?at={at}")
    async with turns_of_all.taking_one("admin"):
        asked = [asyncio.create_task(live.caller("public").get(path)) for _ in range(turns.WAITING_MAX + 8)]
        async with asyncio.timeout(20):
            while sum(each.done() for each in asked) < len(asked) - turns.WAITING_PUBLIC_MAX:
                await asyncio.sleep(0.01)
        assert {each.result().status for each in asked if each.done()} == {503}
        staff = asyncio.create_task(live.caller("judge").get(path))
        async with asyncio.timeout(20):
            while turns_of_all.waiting < turns.WAITING_PUBLIC_MAX + 2:
                await asyncio.sleep(0.01)
    assert (await staff).status == 200
    statuses = [answer.status for answer in await asyncio.gather(*asked)]
    assert statuses.count(200) == turns.WAITING_PUBLIC_MAX


async def test_an_event_that_cannot_be_read_is_named_in_the_log_and_the_rest_serves(
    live: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody may have spoilt it behind our back, or a newer program have written it."""
    monkeypatch.setattr(snapshots, "SNAPSHOT_EVENTS", 5)
    token = await live.token("judge")
    position = live.contest.position
    await live.submitted()

    def unreadable(event: Event) -> ContestObject | None:
        if event.position == position:
            raise UnreadableEvent(f"{event.stream} {position}: poisoned")
        return decoded(event)

    monkeypatch.setattr(states, "decoded", unreadable)
    monkeypatch.setattr(boards, "decoded", unreadable)
    with capture_logs() as logs:
        for path in ("teams", "state", "access"):
            answer = await live.caller("judge").get(below(f"{path}?at={token}"))
            check_error(answer.status, answer.body, answer.headers["Content-Type"], 500)
            assert answer.json["message"] == "at: what the contest was then cannot be read; the server's log says why"
    told = [entry for entry in logs if entry["event"] == "past_unreadable"]
    assert [entry["reason"] for entry in told] == [f"{live.contest.stream} {position}: poisoned"] * 3
    assert (await live.caller("judge").get(below("teams"))).status == 200
    assert (await live.caller("judge").get(below("teams?at=-0:30:00"))).status == 200


async def test_a_board_that_many_look_at_is_made_once(live: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    await live.judged(await live.submitted(), "WA")
    await live.at(RUNNING + 1)
    path = below(f"scoreboard?at={quote(moment(RUNNING))}")
    first = await live.caller("public").get(path)
    made = PastBoards._made
    monkeypatch.setattr(PastBoards, "_made", None)
    assert (await live.caller("team-one").get(path)).body == first.body
    monkeypatch.setattr(PastBoards, "_made", made)
    await live.at(FROZEN)
    second = await live.submitted(problem_id="bridges")
    await live.at(FROZEN + 1)
    await live.judged(second, "AC")
    at = quote(moment(FROZEN + 1))
    shown = {who: (await live.caller(who).get(below(f"scoreboard?at={at}"))).body for who in ("judge", "public")}
    assert shown["judge"] != shown["public"]


async def test_what_is_kept_for_one_is_shown_to_nobody_else(frozen: Play) -> None:
    """Of the same type and moment, one right after the other, whoever comes first."""
    await frozen.judged(await frozen.submitted(), "AC")
    await frozen.post("team-two", "clarifications", {"text": "May I?"})
    await frozen.patch("root", "teams/t1", {"id": "t1", "ext": {"sync": {"rank": 1}}})
    await frozen.at(FROZEN + 1)
    paths = ("judgements", "clarifications", "teams", "teams?strict=1", "scoreboard", "access")
    now = {(who, path): (await frozen.caller(who).get(below(path))).body for path in paths for who in EVERYBODY}
    await frozen.at(FROZEN + 2)
    at = f"at={quote(moment(FROZEN + 1))}"
    for who in (*EVERYBODY, *reversed(EVERYBODY)):
        for path in paths:
            said = await frozen.caller(who).get(below(f"{path}{'&' if '?' in path else '?'}{at}"))
            assert said.body == now[who, path], (who, path)
    assert len({now[who, "judgements"] for who in EVERYBODY}) > 1
    assert now["public", "teams"] != now["public", "teams?strict=1"]
