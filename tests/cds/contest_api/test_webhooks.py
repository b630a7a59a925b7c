"""Webhooks over HTTP, with receivers that are really called (requirements 125 to 135)."""

import pytest

from cds.webhooks.register import Register
from tests.cds.contest_api.live_contest_setup import CONTEST_ID, ROLE_OF_ACCOUNT, Play
from tests.cds.contest_api.serving import Json
from tests.cds.contest_api.test_http import check_error
from tests.cds.contest_api.webhook_play import ask, registered, shown
from tests.cds.contest_api.webhook_receiver import SECRET, Receiver

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_webhook_is_answered_with_its_place_and_without_its_token(calling: Play, receiver: Receiver) -> None:
    answer = await ask(calling, "root", "POST", "", {"url": receiver.url, "token": SECRET})
    assert answer.status == 201
    made = answer.json
    assert answer.headers["Location"] == f"/api/webhooks/{made['id']}"
    assert made == {"id": made["id"], "url": receiver.url, "endpoints": [], "contest_ids": [], "active": True}
    for path in (f"/{made['id']}", f"/{made['id']}/"):
        one = await ask(calling, "root", "GET", path)
        assert (one.status, one.json) == (200, made)
    everything = await ask(calling, "root", "GET")
    assert everything.json == [made]
    assert SECRET.encode() not in answer.body + everything.body


async def test_what_changes_after_the_registration_is_told_as_the_feed_has_it(
    calling: Play, receiver: Receiver
) -> None:
    since = await calling.token("root")
    await registered(calling, receiver)
    submission_id = await calling.submitted()
    await calling.judged(submission_id, "AC")
    expected = await calling.feed("root", since)
    await receiver.until(lambda: len(receiver.told()) >= len(expected))
    assert receiver.told() == expected
    assert {call.contest_id for call in receiver.calls} == {CONTEST_ID}
    assert all(set(call.json) == {"contest_id", "notifications"} for call in receiver.calls)
    assert receiver.at_once_most == 1


async def test_properties_that_are_given_are_kept(calling: Play, receiver: Receiver) -> None:
    identifier = await registered(
        calling, receiver, endpoints=["contests", "teams", "contest", "teams"], contest_ids=[CONTEST_ID], active=False
    )
    assert await shown(calling, identifier) == {
        "id": identifier,
        "url": receiver.url,
        "endpoints": ["contests", "teams", "contest"],
        "contest_ids": [CONTEST_ID],
        "active": False,
    }


@pytest.mark.parametrize(
    ("changed", "names"),
    [
        ({"id": "mine"}, "id must not be given"),
        ({"url": None}, "url is missing"),
        ({"token": None}, "token is missing"),
        ({"token": ""}, "token: Expected `str` of length >= 1"),
        ({"token": "two\nlines"}, "token must be printable ASCII"),
        ({"token": " spaces "}, "token must not begin"),
        ({"token": "é"}, "token must be printable ASCII"),
        ({"token": "x" * 501}, "token: Expected `str` of length <= 500"),
        ({"endpoints": ["teams", "scoreboard"]}, "endpoints: there are no notifications of 'scoreboard'"),
        ({"endpoints": "teams"}, "endpoints"),
        ({"contest_ids": [CONTEST_ID, "nowhere"]}, "contest_ids: there is no contest nowhere"),
        ({"contest_ids": [CONTEST_ID] * 1_001}, "contest_ids: Expected `array` of length <= 1000"),
        ({"active": "yes"}, "active"),
        ({"colour": "red"}, "colour"),
        ({"url": 3}, "url"),
        ({"url": "ftp://example.com/"}, "url must be http"),
        ({"url": "https://user:secret@example.com/"}, "url must not hold a user name"),
        ({"url": "https://example.com/#top"}, "url must not hold a fragment"),
        ({"url": "https://example.com:99999/"}, "url is no URL"),
        ({"url": "https://exa mple.com/"}, "url holds characters"),
        ({"url": "https://example.com/" + "x" * 2_000}, "url: Expected `str` of length <= 2000"),
    ],
)
async def test_what_is_wrong_is_refused_and_named(calling: Play, changed: Json, names: str) -> None:
    body = {"url": "https://example.com/hook", "token": "secret", **changed}
    answer = await ask(calling, "root", "POST", "", body)
    check_error(answer.status, answer.body, answer.headers["Content-Type"], 400)
    assert names in answer.json["message"]
    assert (await ask(calling, "root", "GET")).json == []
    assert await calling.server.store.kept("webhook-secrets") == {}


@pytest.mark.parametrize(
    ("who", "status"), [("public", 401), ("server-judge", 403), *((who, 403) for who in ROLE_OF_ACCOUNT)]
)
async def test_webhooks_are_for_staff_and_administrators_of_the_server(calling: Play, who: str, status: int) -> None:
    """Accounts of a contest write nothing outside of it, whatever their type (roles.md, "Scope of accounts")."""
    body = {"url": "https://example.com/", "token": "x"}
    for method, path in (("GET", ""), ("POST", ""), ("GET", "/one"), ("PATCH", "/one"), ("DELETE", "/one")):
        answer = await ask(calling, who, method, path, body if method in ("POST", "PATCH") else None)
        check_error(answer.status, answer.body, answer.headers["Content-Type"], status)


async def test_wrong_passwords_are_refused(calling: Play) -> None:
    answer = await calling.server.caller(("staff", "wrong")).ask("GET", "webhooks")
    assert answer.status == 401


async def test_staff_see_and_change_their_own_and_administrators_those_of_all(
    calling: Play, receiver: Receiver
) -> None:
    """Administrators of the server."""
    accounts = ("root", "server-chief", "server-staff")
    of_root, of_chief, of_staff = [await registered(calling, receiver, who) for who in accounts]
    everything = {of_root, of_chief, of_staff}
    seen = {"root": everything, "server-chief": everything, "server-staff": {of_staff}}
    for who, expected in seen.items():
        assert {each["id"] for each in (await ask(calling, who, "GET")).json} == expected
        for identifier in (of_root, of_chief, of_staff):
            for method in ("GET", "PATCH", "DELETE") if identifier not in expected else ("GET", "PATCH"):
                answer = await ask(
                    calling, who, method, f"/{identifier}", {"active": True} if method == "PATCH" else None
                )
                assert answer.status == (200 if identifier in expected else 404)


async def test_methods_that_are_not_offered_say_so(calling: Play, receiver: Receiver) -> None:
    identifier = await registered(calling, receiver)
    for method, path in (("PUT", f"/{identifier}"), ("POST", f"/{identifier}"), ("DELETE", ""), ("PUT", "")):
        answer = await ask(calling, "root", method, path, {})
        assert answer.status == 405
        assert "GET" in answer.headers["Allow"]


async def test_a_deleted_webhook_is_gone_and_with_it_what_was_kept(calling: Play, receiver: Receiver) -> None:
    identifier = await registered(calling, receiver)
    await calling.submitted()
    await receiver.until(lambda: bool(receiver.told()))
    answer = await ask(calling, "root", "DELETE", f"/{identifier}")
    assert (answer.status, answer.body) == (204, b"")
    assert (await ask(calling, "root", "GET", f"/{identifier}")).status == 404
    assert (await ask(calling, "root", "DELETE", f"/{identifier}")).status == 404
    assert (await ask(calling, "root", "GET")).json == []

    async def nothing_is_kept() -> bool:
        return not any([await calling.server.store.kept(kind) for kind in ("webhook-secrets", "webhook-cursors")])

    await receiver.until_so(nothing_is_kept)


async def test_the_same_request_again_makes_no_second_webhook(calling: Play, receiver: Receiver) -> None:
    body = {"url": receiver.url, "token": SECRET}
    first, second = [await ask(calling, "root", "POST", "", body, Idempotency_Key="k") for _ in range(2)]
    assert first.status == second.status == 201
    assert first.json == second.json
    assert first.headers["Location"] == second.headers["Location"]
    other = await ask(calling, "root", "POST", "", {**body, "token": "another"}, Idempotency_Key="k")
    assert other.status == 422
    assert len((await ask(calling, "root", "GET")).json) == 1
    assert len(await calling.server.store.kept("webhook-secrets")) == 1
    await ask(calling, "root", "DELETE", f"/{first.json['id']}")
    assert (await ask(calling, "root", "POST", "", body, Idempotency_Key="k")).status == 404


async def test_a_change_may_be_bound_to_what_was_seen(calling: Play, receiver: Receiver) -> None:
    identifier = await registered(calling, receiver)
    seen = (await ask(calling, "root", "GET", f"/{identifier}")).headers["ETag"]
    changed = await ask(calling, "root", "PATCH", f"/{identifier}", {"active": False}, If_Match=seen)
    assert changed.status == 200
    for method, body in (("PATCH", {"active": True}), ("DELETE", None)):
        assert (await ask(calling, "root", method, f"/{identifier}", body, If_Match=seen)).status == 412
    assert (await ask(calling, "root", "DELETE", f"/{identifier}", If_Match=changed.headers["ETag"])).status == 204


@pytest.mark.parametrize(
    ("body", "status", "names"),
    [
        ({"id": "other"}, 409, "id is not"),
        ({"url": "https://example.com/other"}, 400, "url cannot be changed"),
        ({"endpoints": ["nothing"]}, 400, "endpoints"),
        ({"contest_ids": ["nowhere"]}, 400, "contest_ids"),
        ({"token": ""}, 400, "token"),
        ({"url": "https://example.com/other", "token": "new"}, 400, "url cannot be changed"),
        ({"secret": "x"}, 400, "secret"),
    ],
)
async def test_a_wrong_change_is_refused(
    calling: Play, receiver: Receiver, body: Json, status: int, names: str
) -> None:
    identifier = await registered(calling, receiver)
    before = await shown(calling, identifier)
    answer = await ask(calling, "root", "PATCH", f"/{identifier}", body)
    check_error(answer.status, answer.body, answer.headers["Content-Type"], status)
    assert names in answer.json["message"]
    assert await shown(calling, identifier) == before


async def test_a_change_that_is_refused_leaves_no_secret_behind(
    calling: Play, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither where it is seen at once, nor where somebody else has deleted the webhook meanwhile."""
    identifier = await registered(calling, receiver)
    store = calling.server.store
    before = await store.kept("webhook-secrets")
    answer = await ask(calling, "root", "PATCH", f"/{identifier}", {"token": "new"}, If_Match='"other"')
    assert (answer.status, await store.kept("webhook-secrets")) == (412, before)
    keep_secret = Register.keep_secret

    async def deleted_meanwhile(self: Register, webhook_id: str, name: str, secret: str) -> None:
        await keep_secret(self, webhook_id, name, secret)
        assert (await ask(calling, "root", "DELETE", f"/{identifier}")).status == 204
        await keep_secret(self, webhook_id, name, secret)

    monkeypatch.setattr(Register, "keep_secret", deleted_meanwhile)
    assert (await ask(calling, "root", "PATCH", f"/{identifier}", {"token": "new"})).status == 404
    assert await store.kept("webhook-secrets") == {}


async def test_one_account_has_only_so_many(calling: Play, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cds.commands.webhooks.WEBHOOKS_OF_OWNER_MAX", 2)
    for _ in range(2):
        await registered(calling, receiver, "server-staff")
    answer = await ask(calling, "server-staff", "POST", "", {"url": receiver.url, "token": "x"})
    assert (answer.status, len((await ask(calling, "server-staff", "GET")).json)) == (403, 2)
    await registered(calling, receiver, "root")


async def test_secrets_are_in_no_log(calling: Play, receiver: Receiver, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither in the event log nor in what the server says of itself."""
    identifier = await registered(calling, receiver)
    await ask(calling, "root", "PATCH", f"/{identifier}", {"token": "a second secret"})
    receiver.secret, receiver.plan = "a second secret", [500]
    await calling.submitted()
    await receiver.until(lambda: bool(receiver.told()))
    events = [event for event in await calling.server.store.read("webhooks", 0, 1_000) if event.id == identifier]
    said = capsys.readouterr()
    texts = [b"".join(event.data or b"" for event in events), said.out.encode(), said.err.encode()]
    assert len(events) == 2
    assert not any(secret in text for secret in (SECRET.encode(), b"a second secret") for text in texts)
    assert list((await calling.server.store.kept("webhook-secrets")).values()) == [b"a second secret"]
