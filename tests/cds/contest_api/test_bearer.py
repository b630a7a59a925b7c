"""Bearer tokens over HTTP: accepted wherever Basic is, and as short-lived as the account behind them."""

import asyncio
import json
import time

import aiohttp
import jwt
import pytest

from cds.bearer_tokens import NOBODY
from cds.throttling import FREE_FAILURES
from tests.cds.contest_api.bearers import Bearer, token_of
from tests.cds.contest_api.serving import (
    CHANGING_HEADERS,
    DEADLINE_S,
    SERVER_ADMIN,
    SERVER_ROLES,
    Answer,
    Caller,
    Running,
    running,
    server_login,
)
from tests.cds.contest_api.test_http import EVERY_PATH, expect_error
from tests.cds.contest_api.test_logins import FEED, KEEP_ALIVE_S, WHO, ended, own_accounts, two_workers

pytestmark = pytest.mark.asyncio(loop_scope="session")

FINITE_FEED = f"{FEED}?stream=false"
SYNC = "/contests/sync/codeforces"
EXPIRING_S = 2


def told(answer: Answer) -> tuple[int, dict[str, str], bytes]:
    """What an answer says, but for what differs from one to the next."""
    kept = {name: value for name, value in answer.headers.items() if name not in CHANGING_HEADERS}
    return answer.status, kept, answer.body


@pytest.mark.parametrize("role", [*SERVER_ROLES, "admin"])
async def test_a_token_is_answered_as_its_account_is(served: Running, role: str) -> None:
    login = server_login(role)
    assert login is not None
    bearer, caller = Bearer(served, await token_of(served.store, login[0])), served.caller(login)
    for path in (*EVERY_PATH, FINITE_FEED):
        assert told(await bearer.get(path)) == told(await caller.get(path)), path
    assert (await bearer.json(WHO))["username"] == login[0]


async def test_a_token_writes_what_its_account_may(fresh_dsn: str) -> None:
    async with running(fresh_dsn) as server:
        admin = Bearer(server, await token_of(server.store, "admin"))
        written = await admin.ask("POST", "contests/small/groups", json={"name": "By token"})
        assert written.status == 201, written.body
        end = (await server.store.head("contest:small")).position
        (event,) = await server.store.read("contest:small", end - 1, 1)
        assert (event.id, event.actor) == (written.json["id"], "server:admin")
        judge = Bearer(server, await token_of(server.store, "server-judge"))
        await expect_error(judge, "POST", "contests/small/groups", 403, json={"name": "g"})
        assert (await admin.get("webhooks")).status == 200
        assert (await admin.get(f"{server.root}/metrics")).status == 200


async def test_wrong_tokens_are_refused_everywhere_with_the_challenge_of_tokens(served: Running) -> None:
    good = await token_of(served.store, "admin")
    said = jwt.decode(good, options={"verify_signature": False})
    old = await token_of(served.store, "admin", lifetime_s=10, age_s=20)
    wrong = ("", "abc", good[:-5] + "AAAAA", jwt.encode(said, bytes(64), algorithm="HS512"), old)
    for token in wrong:
        for path in (*EVERY_PATH, FINITE_FEED, "nowhere"):
            await expect_error(Bearer(served, token), "GET", path, 401)
    refused = await Bearer(served, old).get("contests")
    assert refused.headers["WWW-Authenticate"].startswith("Bearer ")
    assert refused.json == {"code": 401, "message": "the bearer token has expired"}


async def test_a_token_is_read_in_the_header_alone(served: Running) -> None:
    token = await token_of(served.store, "admin")
    for name in ("access_token", "token", "bearer", "authorization", "jwt"):
        await expect_error(served.caller(), "GET", f"{WHO}?{name}={token}", 404)
    body = f"access_token={token}"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    await expect_error(served.caller(), "POST", "contests/small/groups", 401, data=body, headers=form)
    for header in (f"bEaReR {token}", f"Bearer   {token} "):
        assert (await served.caller().get(WHO, headers={"Authorization": header})).status == 200


async def test_errors_have_the_form_of_what_was_asked_for(served: Running) -> None:
    """Also where nothing answers yet: no route, no method, no login."""
    refused = await Bearer(served, "abc").ask("POST", served.root + SYNC)
    assert (refused.status, refused.json) == (401, {"statusCode": 401, "message": "Unauthorized"})
    absent = await served.caller().get(f"{served.root}/contests/sync/no/such/thing")
    assert absent.status == 404
    assert (list(absent.json), absent.json["error"]) == (["statusCode", "message", "error"], "Not Found")
    elsewhere = await served.caller().get("students/no/such/thing")
    assert (elsewhere.status, list(elsewhere.json)) == (404, ["error"])
    usual = await served.caller().get("contests/small/no/such/thing")
    assert (usual.status, list(usual.json)) == (404, ["code", "message"])


@pytest.mark.parametrize("what", ["password", "disabled", "removed", "role"])
async def test_a_change_of_the_account_ends_its_feeds_and_its_tokens(fresh_dsn: str, what: str) -> None:
    async with running(fresh_dsn, keep_alive_s=KEEP_ALIVE_S) as server:
        token = await token_of(server.store, "server-judge")
        bearer, accounts = Bearer(server, token), own_accounts(fresh_dsn)
        async with bearer.stream(FEED) as feed:
            await feed.until(len(await bearer.lines(FEED)))
            if what == "password":
                await accounts.set_password("server-judge", "a new password")
            elif what == "disabled":
                await accounts.set_disabled("server-judge", disabled=True)
            elif what == "removed":
                await accounts.remove("server-judge")
            else:
                await accounts.set_role("server-judge", "analyst", None)
            await ended(feed)
        answer = await bearer.get(WHO)
        if what == "role":
            assert answer.json["type"] == "analyst"
        else:
            assert answer.status == 401


async def test_a_token_that_expires_ends_its_feeds(fresh_dsn: str) -> None:
    async with running(fresh_dsn, keep_alive_s=KEEP_ALIVE_S) as server:
        bearer = Bearer(server, await token_of(server.store, "server-judge", lifetime_s=EXPIRING_S))
        nobody = Bearer(server, await token_of(server.store, NOBODY, lifetime_s=EXPIRING_S))
        expires_s = time.time() + EXPIRING_S
        async with bearer.stream(FEED) as feed, nobody.stream(FEED) as public_feed:
            await asyncio.gather(ended(feed), ended(public_feed))
        assert time.time() >= expires_s - 1, "not before"
        for caller in (bearer, nobody):
            await expect_error(caller, "GET", "contests", 401)


async def test_a_token_that_is_given_back_ends_its_feeds_on_every_worker(fresh_dsn: str) -> None:
    """And no other token of the same account."""
    async with two_workers(fresh_dsn) as workers:
        given_back, kept = [await token_of(workers[0].store, "server-judge") for _ in range(2)]
        lines = len(await Bearer(workers[0], kept).lines(FEED))
        async with (
            Bearer(workers[0], given_back).stream(FEED) as feed,
            Bearer(workers[1], given_back).stream(FEED) as other_feed,
            Bearer(workers[1], kept).stream(FEED) as kept_feed,
        ):
            for opened in (feed, other_feed, kept_feed):
                await opened.until(lines)
            logout = await Bearer(workers[0], given_back).ask("POST", f"{workers[0].root}/v1/account/logout")
            assert logout.status == 200
            await asyncio.gather(ended(feed), ended(other_feed))
            assert await kept_feed.line() == b""
        for worker in workers:
            await expect_error(Bearer(worker, given_back), "GET", WHO, 401)
            assert (await Bearer(worker, kept).get(WHO)).status == 200


async def test_a_scoreboard_stream_ends_with_its_token(fresh_dsn: str) -> None:
    async with running(fresh_dsn, keep_alive_s=KEEP_ALIVE_S) as server:
        token = await token_of(server.store, "server-judge", lifetime_s=EXPIRING_S)
        headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
        url = f"{server.base}contests/small/scoreboard"
        async with asyncio.timeout(DEADLINE_S), server.session.get(url, headers=headers) as response:
            assert response.content_type == "text/event-stream"
            assert await response.read()


async def test_a_token_of_nobody_reads_as_public_and_may_nothing_more(served: Running) -> None:
    nobody = Bearer(served, await token_of(served.store, NOBODY))
    for path in ("contests/small/teams", "contests/small/access", "contests/small/scoreboard", FINITE_FEED):
        assert (await nobody.get(path)).body == (await served.caller().get(path)).body, path
    await expect_error(nobody, "GET", WHO, 404)
    await expect_error(nobody, "POST", "contests/small/groups", 403, json={"name": "g"})
    await expect_error(nobody, "GET", "webhooks", 403)


async def test_a_feed_goes_on_under_the_other_way_of_logging_in(served: Running) -> None:
    """Feed tokens are of a role; how somebody logged in does not matter to them."""
    bearer = Bearer(served, await token_of(served.store, "admin"))
    lines = await bearer.lines(FEED)
    middle = json.loads(lines[len(lines) // 2])["token"]
    assert await served.caller(SERVER_ADMIN).lines(f"{FEED}?since_token={middle}") == lines[len(lines) // 2 + 1 :]


@pytest.mark.parametrize("rate_limits", [True, False])
async def test_failed_logins_are_slowed_unless_limits_are_off(fresh_dsn: str, *, rate_limits: bool) -> None:
    async with running(fresh_dsn, rate_limits=rate_limits) as server:
        statuses = {(await guess(server, number)).status for number in range(FREE_FAILURES + 3)}
        assert statuses == ({401, 429} if rate_limits else {401})
        assert server.server.service.rate_limits is rate_limits


async def guess(server: Running, number: int) -> Answer:
    """A wrong password."""
    async with aiohttp.ClientSession() as session:
        return await Caller(session, server.base, ("admin", f"guess {number}")).get("contests")
