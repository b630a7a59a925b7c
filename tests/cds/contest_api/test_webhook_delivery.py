"""What receivers get when they misbehave, and what becomes of those who do so for long (requirements 128 to 135)."""

import asyncio
import json
from itertools import pairwise

import msgspec
import pytest
from prometheus_client import REGISTRY

from cds.webhooks import batches, retrying
from tests.cds.contest_api.live_contest_setup import CONTEST, CONTEST_ID, Play, moment
from tests.cds.contest_api.serving import DEADLINE_S, Json
from tests.cds.contest_api.webhook_play import ask, registered, shown
from tests.cds.contest_api.webhook_receiver import SECRET, Behaviour, Receiver, receiving

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture(autouse=True)
def _soon_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls are repeated sooner than usual."""
    monkeypatch.setattr(retrying, "FIRST_PAUSE_S", 0.02)


async def expected(play: Play, since: str, who: str = "root", query: str = "") -> list[Json]:
    """What the feed says behind a token."""
    found = await play.caller(who).lines(f"contests/{CONTEST_ID}/event-feed?since_token={since}{query}")
    return [msgspec.json.decode(line) for line in found]


async def comment(play: Play, text: str) -> None:
    """One small change that staff and administrators see."""
    await play.post("staff", "commentary", {"message": text})


async def told_all(play: Play, receiver: Receiver, since: str, who: str = "root", query: str = "") -> None:
    """Wait until the receiver has taken everything that the feed says, once and in order."""

    async def all_told() -> bool:
        return len(receiver.told(CONTEST_ID)) >= len(await expected(play, since, who, query))

    await receiver.until_so(all_told)
    assert receiver.told(CONTEST_ID) == await expected(play, since, who, query)


async def test_nothing_is_told_of_what_was_before(calling: Play, receiver: Receiver) -> None:
    await comment(calling, "before")
    since = await calling.token("root")
    await registered(calling, receiver)
    await comment(calling, "after")
    await told_all(calling, receiver, since)
    assert [each["data"]["message"] for each in receiver.told()] == ["after"]


async def test_every_call_brings_token_signature_and_a_number_of_its_own(calling: Play, receiver: Receiver) -> None:
    """The receiver checks token and signature of every call; a wrong one would be a failure."""
    receiver.plan = [500]
    identifier = await registered(calling, receiver)
    await comment(calling, "one")
    await receiver.until(lambda: len(receiver.told()) == 1)
    first, second = receiver.calls
    for call in (first, second):
        assert call.headers["Webhook-Token"] == SECRET
        assert call.headers["Content-Type"] == "application/json"
        assert call.headers["Webhook-Id"] == identifier
        assert call.headers["User-Agent"].startswith("contest-data-server/")
        assert call.headers["Webhook-Signature"].startswith(f"t={calling.clock.now_ms // 1_000},v1=")
    assert first.headers["Webhook-Delivery"] != second.headers["Webhook-Delivery"]


@pytest.mark.parametrize("behaviour", [500, 301, 404, 503, "redirect", "drop"])
async def test_what_is_not_taken_is_sent_again_from_the_same_place_and_may_have_grown(
    calling: Play, receiver: Receiver, behaviour: Behaviour
) -> None:
    since = await calling.token("root")
    receiver.plan = [behaviour]
    await registered(calling, receiver)
    await comment(calling, "first")
    await receiver.until(lambda: len(receiver.calls) == 1)
    await comment(calling, "second")
    await told_all(calling, receiver, since)
    refused, again = receiver.calls[0], receiver.calls[1]
    assert again.notifications[: len(refused.notifications)] == refused.notifications
    assert {call.path for call in receiver.calls} == {"/hook"}


async def test_a_row_of_misbehaviour_loses_and_repeats_nothing(calling: Play, receiver: Receiver) -> None:
    since = await calling.token("root")
    receiver.plan = [500, "drop", "slow", "redirect", 204, "drop", "chatty", 202, 429, "slow"]
    await registered(calling, receiver)
    for number in range(12):
        await comment(calling, f"number {number}")
    await told_all(calling, receiver, since)
    await receiver.until(lambda: not receiver.plan or len(receiver.told()) == 12)
    assert len(set(receiver.tokens())) == len(receiver.tokens())
    assert receiver.at_once_most == 1


async def test_a_receiver_that_died_is_told_when_it_comes_back(calling: Play, receiver: Receiver) -> None:
    since = await calling.token("root")
    await registered(calling, receiver)
    await comment(calling, "before")
    await told_all(calling, receiver, since)
    await receiver.die()
    for number in range(3):
        await comment(calling, f"meanwhile {number}")
    await asyncio.sleep(0.1)
    await receiver.come()
    await told_all(calling, receiver, since)


async def test_many_notifications_go_in_several_calls(
    calling: Play, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In order, by number and by size; one that is larger than that goes alone."""
    monkeypatch.setattr(batches, "NOTIFICATIONS_MAX", 3)
    monkeypatch.setattr(batches, "BATCH_BYTES_MAX", 1_000)
    since = await calling.token("root")
    receiver.plan = [500] * 3
    await registered(calling, receiver)
    for size in (1, 1, 1, 1, 3_000, 600, 600, 1):
        await comment(calling, "x" * size)
    await told_all(calling, receiver, since)
    sizes = [len(call.notifications) for call in receiver.taken]
    assert max(sizes) <= 3
    assert all(len(call.body) <= 1_100 for call in receiver.taken if len(call.notifications) > 1)


async def test_only_the_endpoints_and_contests_that_were_chosen_are_told(calling: Play, receiver: Receiver) -> None:
    async with receiving() as teams, receiving() as elsewhere:
        since = await calling.token("root")
        await registered(calling, teams, endpoints=["teams", "contests"])
        other = await other_contest(calling)
        await registered(calling, elsewhere, contest_ids=[other])
        await registered(calling, receiver, contest_ids=[CONTEST_ID], endpoints=["commentary"])
        await comment(calling, "one")
        await calling.patch("root", "teams/t3", {"name": "Gamma Rays"})
        await calling.patch("root", "", {"formal_name": "A Live Contest, Formally"})
        await calling.caller("root").ask("PATCH", f"contests/{other}", json={"formal_name": "Other"})
        await told_all(calling, teams, since, query="&types=teams,contest")
        await told_all(calling, receiver, since, query="&types=commentary")
        await elsewhere.until(lambda: bool(elsewhere.told()))
        assert {call.contest_id for call in elsewhere.calls} == {other}
        assert {each["type"] for each in teams.told()} == {"teams", "contest"}


async def test_inactive_webhooks_are_not_called_and_go_on_where_they_stopped(calling: Play, receiver: Receiver) -> None:
    since = await calling.token("root")
    identifier = await registered(calling, receiver)
    await comment(calling, "one")
    await told_all(calling, receiver, since)
    await ask(calling, "root", "PATCH", f"/{identifier}", {"active": False})
    await comment(calling, "two")
    async with receiving() as witness:
        # Somebody else who is told shows that there was time to call.
        await registered(calling, witness)
        await comment(calling, "three")
        await witness.until(lambda: bool(witness.told()))
    assert len(receiver.told()) == 1
    await ask(calling, "root", "PATCH", f"/{identifier}", {"active": True})
    await told_all(calling, receiver, since)
    assert [each["data"]["message"] for each in receiver.told()] == ["one", "two", "three"]


async def test_other_endpoints_hold_from_the_change_on(calling: Play, receiver: Receiver) -> None:
    """What was written under the earlier choice is told under that one, however late."""
    receiver.otherwise = 503
    identifier = await registered(calling, receiver, endpoints=["commentary"])
    await comment(calling, "chosen")
    await calling.patch("root", "teams/t3", {"name": "Not Chosen"})
    await receiver.until(lambda: bool(receiver.calls))
    await ask(calling, "root", "PATCH", f"/{identifier}", {"endpoints": ["teams"]})
    await comment(calling, "not chosen any more")
    await calling.patch("root", "teams/t3", {"name": "Chosen Now"})
    receiver.otherwise = 200
    await receiver.until(lambda: len(receiver.told()) >= 2)
    assert [each["data"].get("message", each["data"].get("name")) for each in receiver.told()] == [
        "chosen",
        "Chosen Now",
    ]


async def test_a_contest_that_is_made_later_is_told_from_its_start(calling: Play, receiver: Receiver) -> None:
    await registered(calling, receiver)
    other = await other_contest(calling)
    feed = await calling.caller("root").lines(f"contests/{other}/event-feed")
    await receiver.until(lambda: len(receiver.told(other)) >= len(feed))
    assert receiver.told(other) == [msgspec.json.decode(line) for line in feed]


async def test_a_contest_that_is_deleted_is_told_to_its_end(calling: Play, receiver: Receiver) -> None:
    other = await other_contest(calling)
    await registered(calling, receiver)
    assert (await calling.caller("root").ask("DELETE", f"contests/{other}")).status == 204
    await receiver.until(lambda: bool(receiver.told(other)))
    await receiver.until(lambda: receiver.told(other)[-1]["type"] == "contest")
    assert receiver.told(other)[-1]["data"] is None


async def test_contests_take_turns_and_each_is_in_order(calling: Play, receiver: Receiver) -> None:
    """One whose calls fail does not hold up the other for longer than its call takes."""
    other = await other_contest(calling)
    since = await calling.token("root")
    receiver.refused_contests = {CONTEST_ID}
    await registered(calling, receiver)
    for number in range(4):
        await comment(calling, f"{number}")
        answer = await calling.caller("root").ask("PATCH", f"contests/{other}", json={"formal_name": f"{number}"})
        assert answer.status == 200
    await receiver.until(lambda: '"formal_name": "3"' in json.dumps(receiver.told(other)))
    assert receiver.told(CONTEST_ID) == []
    receiver.refused_contests = set()
    await told_all(calling, receiver, since)
    assert receiver.at_once_most == 1


async def test_no_contest_waits_for_all_of_another(
    calling: Play, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "NOTIFICATIONS_MAX", 1)
    other = await other_contest(calling)
    identifier = await registered(calling, receiver, active=False, endpoints=["commentary", "contest"])
    for number in range(4):
        await comment(calling, f"{number}")
        await calling.caller("root").ask("PATCH", f"contests/{other}", json={"formal_name": f"{number}"})
    await ask(calling, "root", "PATCH", f"/{identifier}", {"active": True})
    await receiver.until(lambda: len(receiver.calls) >= 8)
    turns = [call.contest_id for call in receiver.calls]
    assert all(one != next_one for one, next_one in pairwise(turns))


async def test_a_webhook_that_fails_for_too_long_is_deactivated(calling: Play, receiver: Receiver) -> None:
    """The time is that of the contest; afterwards nobody calls any more, until somebody activates it again."""
    patience = {"webhooks": {"deactivate_after": "0:10:00"}}
    assert (await calling.ask("root", "PATCH", "x-settings", patience)).json["webhooks"] == {
        "deactivate_after": "0:10:00.000"
    }
    since = await calling.token("root")
    receiver.otherwise = 500
    identifier = await registered(calling, receiver)
    await comment(calling, "one")
    await receiver.until(lambda: len(receiver.calls) >= 4)
    assert (await shown(calling, identifier))["active"] is True
    calling.clock.now_ms += 599_000
    calls = len(receiver.calls)
    await receiver.until(lambda: len(receiver.calls) > calls + 1)
    assert (await shown(calling, identifier))["active"] is True
    calling.clock.now_ms += 1_000
    await deactivated(calling, receiver, identifier)
    calls = len(receiver.calls)
    receiver.otherwise = 200
    await comment(calling, "two")
    await asyncio.sleep(0.2)
    assert len(receiver.calls) == calls
    assert (await ask(calling, "root", "PATCH", f"/{identifier}", {"active": True})).json["active"] is True
    await told_all(calling, receiver, since)


async def deactivated(play: Play, receiver: Receiver, identifier: str) -> None:
    """Wait until a webhook is not active any more."""

    async def inactive() -> bool:
        return not (await shown(play, identifier))["active"]

    await receiver.until_so(inactive)


async def test_a_receiver_says_when_it_wants_to_be_called_again(
    calling: Play, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrying, "RETRY_AFTER_S_MAX", 0.2)
    receiver.plan, receiver.retry_after = [429], "3600"
    await registered(calling, receiver)
    loop = asyncio.get_running_loop()
    await comment(calling, "one")
    await receiver.until(lambda: bool(receiver.calls))
    begun_s = loop.time()
    await receiver.until(lambda: bool(receiver.told()))
    assert 0.15 < loop.time() - begun_s < DEADLINE_S


@pytest.mark.parametrize("value", ["soon", "-0:00:01", "", 3600])
async def test_the_time_after_which_webhooks_are_deactivated_is_a_relative_time(calling: Play, value: object) -> None:
    patch = {"webhooks": {"deactivate_after": value}}
    await calling.refused("root", "PATCH", "x-settings", patch, 400, names="webhooks.deactivate_after")


async def test_this_machine_is_not_called_unless_that_is_allowed(live: Play, receiver: Receiver) -> None:
    """Neither by its address nor by a name that leads to it."""
    body = {"url": receiver.url, "token": SECRET}
    refused = await ask(live, "root", "POST", "", body)
    assert (refused.status, "127.0.0.1 is no public address" in refused.json["message"]) == (400, True)
    before = counted("address")
    named = await ask(live, "root", "POST", "", {**body, "url": f"http://localhost:{receiver.port}/hook"})
    assert named.status == 201
    await comment(live, "one")
    await receiver.until(lambda: counted("address") >= before + 2)
    assert receiver.calls == []


async def test_what_happens_to_calls_is_counted(calling: Play, receiver: Receiver) -> None:
    before = {outcome: counted(outcome) for outcome in ("delivered", "refused", "redirect", "failed")}
    receiver.plan = [500, "redirect", "drop"]
    identifier = await registered(calling, receiver)
    await comment(calling, "one")
    await receiver.until(lambda: bool(receiver.told()))
    await receiver.until(lambda: REGISTRY.get_sample_value("cds_webhook_lag_events", {"webhook": identifier}) == 0)
    await receiver.until(lambda: REGISTRY.get_sample_value("cds_webhooks", {"state": "active"}) == 1)
    assert {outcome: counted(outcome) - count for outcome, count in before.items()} == dict.fromkeys(before, 1)


def counted(outcome: str) -> float:
    """How many calls have come to this."""
    return REGISTRY.get_sample_value("cds_webhook_calls_total", {"outcome": outcome}) or 0.0


async def other_contest(play: Play) -> str:
    """The id of a new contest that has not started."""
    body = {**CONTEST, "name": "Another Contest", "start_time": moment(600)}
    answer = await play.caller("root").ask("POST", "contests", json={name: body[name] for name in body.keys() - {"id"}})
    assert answer.status == 201, answer.body
    identifier: str = answer.json["id"]
    return identifier
