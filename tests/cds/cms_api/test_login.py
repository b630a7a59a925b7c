"""Logging in by the API of CMS: passwords become tokens, and what tokens are good for.

CMS ContestWebServer API, 1.3, 1.4, 1.6, 2.1, 4.4 to 4.7.
"""

import base64
import json

import pytest
from aiohttp import hdrs

from cds.bearer_tokens import bearer_tokens
from cds.cms_api.tokens import LIFETIME_S
from eventstore.store import StoreUnavailable
from tests.cds.cms_api.stage import HEADER, PASSWORDS, CmsClient, CmsStage, make_cms_contest
from tests.cds.contest_api.live_contest_setup import RUNNING
from tests.cds.contest_api.serving import CHANGING_HEADERS, Answer

pytestmark = pytest.mark.asyncio(loop_scope="session")

JSON_OF_CMS = "application/json; charset=utf-8"
NOT_LOGGED_IN = {"error": "An authenticated user is required"}


async def refused(client: CmsClient) -> bool:
    """Whether a client is told that it is not logged in, and in the right words; else it must be shown the tasks."""
    answer = await client.get("/api/task_list")
    if answer.status == 200:
        return False
    assert (answer.status, answer.json) == (403, NOT_LOGGED_IN)
    assert answer.headers[hdrs.CONTENT_TYPE] == JSON_OF_CMS
    return True


def told(answer: Answer) -> tuple[int, dict[str, str], bytes]:
    """All of an answer but what differs from one to the next."""
    return answer.status, {k: v for k, v in answer.headers.items() if k not in CHANGING_HEADERS}, answer.body


async def test_a_password_becomes_a_token_by_either_kind_of_form(stage: CmsStage) -> None:
    client = stage.client()
    assert await refused(client)
    login = {"username": "anna", "password": PASSWORDS["anna"]}
    answer = await client.post("/api/login", login)
    assert answer.status == 200
    assert answer.headers[hdrs.CONTENT_TYPE] == JSON_OF_CMS
    assert answer.headers[hdrs.CACHE_CONTROL] == "no-store"
    assert list(answer.json) == ["login_data"]
    in_parts = await client.send("/api/login", [], login)
    for token in (answer.json["login_data"], in_parts.json["login_data"]):
        client.token = token
        assert not await refused(client)


async def test_no_cookie_is_set_and_none_is_read(stage: CmsStage) -> None:
    client = stage.client()
    answer = await client.post("/api/login", {"username": "anna", "password": PASSWORDS["anna"]})
    assert hdrs.SET_COOKIE not in answer.headers
    cookie = await client.get("/api/task_list", **{hdrs.COOKIE: f"live_login={answer.json['login_data']}"})
    assert cookie.status == 403


async def test_whatever_is_wrong_is_answered_alike(stage: CmsStage) -> None:
    await stage.play.patch("root", "accounts/account-bert", {"disabled": True})
    answers = [
        await stage.client().post("/api/login", texts)
        for texts in (
            {"username": "anna", "password": "wrong"},
            {"username": "nobody", "password": "wrong"},
            {"username": "bert", "password": PASSWORDS["bert"]},
            {"username": "judge", "password": "password of judge"},
            {"username": "admin", "password": "password of the server's admin"},
            {"username": "account-anna", "password": PASSWORDS["anna"]},
            {"username": "anna", "password": "x" * 2_000},
            {"username": "anna", "password": ""},
            {"username": "anna"},
            {"password": PASSWORDS["anna"]},
            {"username": "anna", "admin_token": "wrong"},
            {},
        )
    ]
    assert answers[0].json == {"error": "Login failed"}
    assert answers[0].status == 403
    assert [told(answer) for answer in answers] == [told(answers[0])] * len(answers)


@pytest.mark.parametrize("same", [True, False])
async def test_a_name_that_nobody_has_costs_as_much_work_as_a_wrong_password(
    stage: CmsStage, monkeypatch: pytest.MonkeyPatch, same: bool
) -> None:
    """Also where one password is tried with name after name, and where all is tried once more."""
    looked_at: list[str] = []

    def matches(stored: str, _password: str) -> bool:
        looked_at.append(stored)
        return False

    monkeypatch.setattr("cds.password_checking.matches", matches)
    for times in (1, 0):
        for number, username in enumerate(("nobody", "anna", "another", "bert", "judge")):
            before = len(looked_at)
            password = "wrong" if same else f"wrong {number}"
            await stage.client().post("/api/login", {"username": username, "password": password})
            assert len(looked_at) - before == times, username
    assert all(stored.startswith("$argon2id$") for stored in looked_at)


async def test_who_fails_too_often_has_to_wait_whether_the_name_is_known_or_not(stage: CmsStage) -> None:
    for username in ("anna", "nobody"):
        answers = [
            await stage.client().post("/api/login", {"username": username, "password": f"wrong {number}"})
            for number in range(7)
        ]
        assert [answer.status for answer in answers] == [403] * 5 + [429] * 2, username
        assert int(answers[-1].headers[hdrs.RETRY_AFTER]) >= 1
        assert set(answers[-1].json) == {"error"}


async def test_who_is_logged_in_already_gets_the_header_back_or_is_told_who_they_are(stage: CmsStage) -> None:
    client = await stage.participant("anna")
    for texts in ({"username": "anna", "password": "anything"}, {"username": ""}, {}):
        answer = await client.post("/api/login", texts)
        assert (answer.status, answer.json) == (200, {"login_data": client.token})
    answer = await client.post("/api/login", {"username": "bert", "password": PASSWORDS["bert"]})
    assert answer.status == 400
    assert answer.json == {"error": "Logged in as anna but trying to login as bert"}


async def test_a_token_is_good_for_half_an_hour_and_is_not_renewed(stage: CmsStage) -> None:
    client = await stage.participant("anna")
    lifetime = LIFETIME_S / 60
    assert lifetime == 30
    await stage.at(RUNNING + lifetime - 0.01)
    assert not await refused(client)
    assert (await client.post("/api/login", {"username": "anna"})).json == {"login_data": client.token}
    await stage.at(RUNNING + lifetime)
    assert await refused(client)
    old = client.token
    await client.log_in("anna")
    assert client.token != old
    assert not await refused(client)


async def test_a_token_holds_no_secret(stage: CmsStage) -> None:
    for client in (await stage.participant("anna"), await stage.impersonator("bert")):
        assert client.token is not None
        payload = client.token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        assert set(claims) == {"sub", "contest", "imp", "ver", "exp"}
        assert not any(secret in json.dumps(claims) for secret in (*PASSWORDS.values(), "admin token"))


async def test_what_is_no_token_of_this_contest_is_nothing(stage: CmsStage) -> None:
    await make_cms_contest(stage.play, "other")
    await stage.at(RUNNING)
    client = await stage.participant("anna")
    token = client.token
    assert token is not None
    head, payload, _ = token.split(".")
    other = await stage.participant("anna", base="/cms/other")
    assert not await refused(other)
    for wrong in (other.token, "", "no token", "ä", token[:-2], f"{head}.{payload}.", f"{token}x", "x" * 5_000):
        client.token = wrong
        assert await refused(client), wrong
    other.token = token
    assert await refused(other)


async def test_tokens_of_either_api_are_nothing_in_the_other(stage: CmsStage) -> None:
    client = await stage.participant("anna")
    caller = stage.play.server.caller()
    answer = await caller.get("contests", headers={hdrs.AUTHORIZATION: f"Bearer {client.token}"})
    assert answer.status == 401
    bearers = await bearer_tokens(stage.play.server.store)
    client.token = bearers.token(subject="account-anna", role="team", password_hash="", now_s=0, lifetime_s=2**40)
    assert await refused(client)


@pytest.mark.parametrize(
    ("method", "change"),
    [
        ("PATCH", {"password": "another password"}),
        ("PATCH", {"disabled": True}),
        ("PATCH", {"type": "judge"}),
        ("PATCH", {"username": "anne"}),
        ("DELETE", None),
    ],
)
async def test_a_token_ends_with_the_login_that_it_was_made_for(
    stage: CmsStage, method: str, change: dict[str, object] | None
) -> None:
    client = await stage.participant("anna")
    impersonator = await stage.impersonator("anna")
    answer = await stage.play.ask("root", method, "accounts/account-anna", change)
    assert answer.status < 300, answer.body
    assert await refused(client)
    assert await refused(impersonator)


async def test_no_token_comes_back_with_a_login_of_the_same_name(stage: CmsStage) -> None:
    client = await stage.participant("anna")
    account = await stage.play.get("root", "accounts/account-anna")
    await stage.play.delete("root", "accounts/account-anna")
    await stage.play.put("root", "accounts/account-anna", {**account, "password": PASSWORDS["anna"]}, 201)
    assert await refused(client)
    await client.log_in("anna")
    for disabled in (True, False):
        await stage.play.patch("root", "accounts/account-anna", {"disabled": disabled})
    assert await refused(client)
    await client.log_in("anna")
    assert not await refused(client)


async def test_other_changes_of_the_account_end_no_token(stage: CmsStage) -> None:
    client = await stage.participant("anna")
    await stage.say("accounts/account-anna", extra_time=60)
    await stage.play.patch("root", "accounts/account-anna", {"name": "Anna", "password": PASSWORDS["anna"]})
    assert not await refused(client)


async def test_a_form_that_cannot_be_read_or_is_too_long_is_told_so(stage: CmsStage) -> None:
    client = stage.client()
    kinds = {
        "application/x-www-form-urlencoded": [(b"username=%ff", 400), (b"a=1&" * 500, 400), (b"x" * 20_000, 413)],
        "multipart/form-data": [(b"", 400)],
        "multipart/form-data; boundary=b": [(b"", 400), (b"--b\r\nno part\r\n--b--", 400), (b"x" * 20_000, 413)],
        "application/json": [(b'{"username": "anna"}', 403)],
    }
    for kind, bodies in kinds.items():
        for body, status in bodies:
            answer = await client.ask("POST", "/api/login", data=body, headers={hdrs.CONTENT_TYPE: kind})
            assert answer.status == status, (kind, body[:20])
            assert set(answer.json) == {"error"}
            assert answer.headers[hdrs.CONTENT_TYPE] == JSON_OF_CMS


async def test_a_header_with_a_token_may_come_from_a_page_of_another_host(stage: CmsStage) -> None:
    """A token is brought by nobody but the page itself, so browsers may be told to let it pass."""
    client = await stage.participant("anna")
    asked = await client.ask("OPTIONS", "/api/task_list", headers={hdrs.ORIGIN: "https://elsewhere.example"})
    assert HEADER in asked.headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS]
    answer = await client.get("/api/task_list", **{hdrs.ORIGIN: "https://elsewhere.example"})
    assert answer.status == 200
    assert answer.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] == "*"


async def test_without_its_database_the_server_says_so_in_the_form_of_cms(
    stage: CmsStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await stage.participant("anna")

    async def away(*_: object, **__: object) -> None:
        raise StoreUnavailable("away")

    monkeypatch.setattr(stage.play.server.store, "credentials", away)
    monkeypatch.setattr(stage.play.server.store, "file", away)
    login = await stage.client().post("/api/login", {"username": "anna", "password": "not looked at before"})
    statement = await client.get("/tasks/sum/statements/en")
    for answer in (login, statement):
        assert (answer.status, list(answer.json)) == (503, ["error"])
        assert int(answer.headers[hdrs.RETRY_AFTER]) >= 1
        assert answer.headers[hdrs.CONTENT_TYPE] == JSON_OF_CMS
    assert (await client.get("/api/task_list")).status == 200
