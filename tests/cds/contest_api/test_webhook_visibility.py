"""A webhook is told what the feed of its account says, as long as the account may have webhooks; over restarts too."""

import asyncio
import json

import pytest

from cds.webhooks import retrying
from eventstore.store import ServerAccount
from tests.cds.contest_api.live_contest_setup import CONTEST_ID, FROZEN, Play, playing
from tests.cds.contest_api.serving import Caller, Json, quick_hash
from tests.cds.contest_api.webhook_play import ask, calling_play, put_server_account, registered, shown
from tests.cds.contest_api.webhook_receiver import Receiver, receiving

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture(autouse=True)
def _soon_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls are repeated sooner than usual."""
    monkeypatch.setattr(retrying, "FIRST_PAUSE_S", 0.02)


async def feed_of(caller: Caller, since: str | None = None) -> list[Json]:
    """The feed of the contest for somebody, from its start or behind a token."""
    path = f"contests/{CONTEST_ID}/event-feed" + (f"?since_token={since}" if since else "")
    return [json.loads(line) for line in await caller.lines(path)]


async def told_as_the_feed(receiver: Receiver, caller: Caller, since: str) -> None:
    """Wait until the receiver knows what the feed of a caller says behind a token, and compare."""

    async def all_told() -> bool:
        return len(receiver.told(CONTEST_ID)) >= len(await feed_of(caller, since))

    await receiver.until_so(all_told)
    assert receiver.told(CONTEST_ID) == await feed_of(caller, since)


async def played_in_the_freeze(play: Play) -> None:
    """Things happen that not everybody sees: verdicts in the freeze, a comment, a question, a hidden submission."""
    await play.judged(await play.submitted(), "AC")
    await play.judged(await play.submitted("team-two"), "WA")
    await play.post("team-one", "clarifications", {"text": "Why?"})
    await play.post("staff", "commentary", {"message": "Somebody solved something", "team_ids": ["t1"]})
    await play.patch("root", "teams/t1", {"key_log": [{"filename": "k.txt", "mime": "text/plain", "data": "aGk="}]})


async def test_every_account_is_told_what_its_feed_says_in_the_freeze_too(made_dsn: str) -> None:
    """Staff and administrators of the server."""
    async with calling_play(made_dsn) as play, receiving() as of_root, receiving() as of_staff:
        await play.at(FROZEN)
        callers = {of_root: play.caller("root"), of_staff: play.caller("server-staff")}
        since = {receiver: (await feed_of(caller))[-1]["token"] for receiver, caller in callers.items()}
        for receiver, caller in callers.items():
            answer = await caller.ask("POST", "webhooks", json={"url": receiver.url, "token": receiver.secret})
            assert answer.status == 201, answer.body
        await played_in_the_freeze(play)
        for receiver, caller in callers.items():
            await told_as_the_feed(receiver, caller, since[receiver])
        verdicts = {
            receiver: sum(each["type"] == "judgements" for each in receiver.told(CONTEST_ID)) for receiver in callers
        }
        assert verdicts == {of_root: 2, of_staff: 2}
        assert of_root.told() != of_staff.told()


async def test_an_account_that_is_demoted_sees_less_from_then_on(calling: Play, receiver: Receiver) -> None:
    identifier = await registered(calling, receiver, "server-chief")
    await calling.patch("root", "teams/t1", {"tool_data": [tool_data("one")]})
    await receiver.until(lambda: "tool_data" in str(receiver.told()))
    await put_server_account(calling, "server-chief", role="staff")
    # The server reads its accounts to answer this.
    await shown(calling, identifier)
    since = (await feed_of(calling.caller("server-staff")))[-1]["token"]
    before = len(receiver.told())
    await calling.patch("root", "teams/t1", {"tool_data": [tool_data("two")], "name": "Alpha Two"})
    await calling.post("staff", "commentary", {"message": "last"})
    await receiver.until(lambda: bool(receiver.told()) and receiver.told()[-1]["type"] == "commentary")
    assert "tool_data" not in str(receiver.told()[before + 1 :])
    assert receiver.told()[-2:] == await feed_of(calling.caller("server-staff"), since)
    await put_server_account(calling, "server-chief")


def tool_data(content: str) -> Json:
    """A file that administrators see and staff do not."""
    return {"filename": f"{content}.txt", "mime": "text/plain", "data": "aGk="}


async def test_for_accounts_that_may_have_no_webhooks_nobody_is_called(calling: Play, receiver: Receiver) -> None:
    """Disabled, of another role, deleted: GET says that the webhook is inactive; afterwards nothing was lost."""
    identifier = await registered(calling, receiver, "server-chief")
    for change in ({"disabled": True}, {"role": "judge"}):
        since = await calling.token("root")
        told = len(receiver.told())
        await put_server_account(calling, "server-chief", **change)
        assert (await shown(calling, identifier))["active"] is False
        await calling.post("staff", "commentary", {"message": "nobody hears this yet"})
        await asyncio.sleep(0.1)
        assert len(receiver.told()) == told
        await put_server_account(calling, "server-chief")
        assert (await shown(calling, identifier))["active"] is True
        expected = len(await feed_of(calling.caller("root"), since))
        await receiver.until(lambda: len(receiver.told()) == told + expected)  # noqa: B023 - awaited in the same turn


async def test_the_same_holds_for_accounts_that_are_deleted(calling: Play, receiver: Receiver) -> None:
    store = calling.server.store
    account = ServerAccount(username="helper", role="staff", password_hash=quick_hash("x"))
    await store.put_server_account(account)
    helper = calling.server.caller(("helper", "x"))
    answer = await helper.ask("POST", "webhooks", json={"url": receiver.url, "token": receiver.secret})
    assert answer.status == 201, answer.body
    await calling.post("staff", "commentary", {"message": "heard"})
    await receiver.until(lambda: len(receiver.told()) == 1)
    await store.remove_server_account("helper")

    async def inactive() -> bool:
        return not (await shown(calling, answer.json["id"]))["active"]

    await receiver.until_so(inactive)
    await asyncio.sleep(0.1)
    calls = len(receiver.calls)
    await calling.post("staff", "commentary", {"message": "not heard"})
    await asyncio.sleep(0.1)
    assert len(receiver.calls) == calls


async def test_a_server_that_comes_back_goes_on_where_it_stopped(made_dsn: str) -> None:
    """What was taken is not told again, what was not is told in order; the time of failing counts on."""
    async with receiving() as receiver, receiving() as failing, receiving() as good:
        async with calling_play(made_dsn) as play:
            since = await play.token("root")
            await registered(play, receiver)
            await registered(play, good)
            failing.otherwise = 500
            await registered(play, failing)
            await play.submitted()
            await told_as_the_feed(receiver, play.caller("root"), since)
            await failing.until(lambda: len(failing.calls) > 1)
            clock = play.clock
            await told_as_the_feed(good, play.caller("root"), since)
            await receiver.die()
            await play.submitted()
        calls = len(receiver.calls)
        async with playing(made_dsn, clock, webhook_allow_private=True) as play:
            await play.submitted()
            await receiver.come()
            failing.otherwise = 200
            for each in (receiver, failing, good):
                await told_as_the_feed(each, play.caller("root"), since)
            assert receiver.calls[calls].notifications[0] not in receiver.calls[0].notifications
            assert len(set(receiver.tokens())) == len(receiver.tokens())


async def test_a_call_that_is_under_way_ends_before_the_server_does(made_dsn: str) -> None:
    """So that it need not be made again; one that takes too long is given up, and made again."""
    async with receiving() as slow, receiving() as hanging:
        slow.otherwise, hanging.otherwise = "slow", "hang"
        async with calling_play(made_dsn) as play:
            since = await play.token("root")
            for receiver in (slow, hanging):
                await registered(play, receiver)
            await play.submitted()
            await slow.until(lambda: slow.at_once == 1 and hanging.at_once == 1)
            clock = play.clock
        hanging.otherwise = 200
        async with playing(made_dsn, clock, webhook_allow_private=True) as play:
            await play.submitted()
            for receiver in (slow, hanging):
                await told_as_the_feed(receiver, play.caller("root"), since)
        assert hanging.calls[1].notifications[: len(hanging.calls[0].notifications)] == hanging.calls[0].notifications


async def test_with_two_servers_one_calls_and_both_may_be_asked(made_dsn: str) -> None:
    async with (
        receiving() as receiver,
        calling_play(made_dsn) as one,
        playing(made_dsn, one.clock, webhook_allow_private=True) as two,
    ):
        since = await one.token("root")
        identifier = await registered(two, receiver)
        for play in (one, two, one, two):
            await play.submitted()
        await told_as_the_feed(receiver, one.caller("root"), since)
        assert await shown(one, identifier) == await shown(two, identifier)
        await ask(two, "root", "PATCH", f"/{identifier}", {"active": False})
        await one.submitted()
        await asyncio.sleep(0.1)
        told = len(receiver.told())
        await ask(one, "root", "PATCH", f"/{identifier}", {"active": True, "endpoints": ["commentary"]})
        await two.submitted()
        await two.post("staff", "commentary", {"message": "chosen"})
        await receiver.until(lambda: receiver.told()[-1]["type"] == "commentary")
        # What was written while it was inactive comes too: it was chosen then.
        assert {each["type"] for each in receiver.told()[told:]} >= {"submissions", "commentary"}
        assert len([each for each in receiver.told() if each["type"] == "submissions"]) == 5
        assert receiver.at_once_most == 1
