"""`DELETE /v1/account/profile`, an extension of ours: who deletes their account is erased as by `cds forget`."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from cds.throttling import FREE_FAILURES
from schemas.users import CONTACTS, CREDENTIALS, ERASURES, RESETS, USERS
from tests.cds.contest_api.serving import ADMIN_PASSWORD
from tests.cds.users.mail_sink import MailSink
from tests.cds.users.stage import PASSWORD, Stage, stage

PROFILE = "account/profile"
BODY: dict[str, object] = {"current-password": PASSWORD}
NOTHING = (200, {"status": "success", "data": None})
NOT_FOUND = (404, {"status": "error", "message": "User was not found"})
INVALID_PASSWORD = (403, {"status": "error", "message": "Invalid password"})


@pytest.fixture
async def desk(database_dsn: str, sink: MailSink) -> AsyncIterator[Stage]:
    """A server on an empty database."""
    async with stage(database_dsn, sink) as opened:
        yield opened


async def test_who_deletes_the_account_leaves_an_id(desk: Stage) -> None:
    """Nothing is kept, no token counts, the name and the address are free, and nobody follows whom is gone."""
    token, other, bob = await desk.newcomer("ada"), await desk.log_in("ada"), await desk.newcomer("bob")
    await desk.ask("POST", "users/follow", {"user": "ada", "follow": True}, token=bob)
    await desk.ask("POST", "account/forgot-password", {"email": "ada@example.com"})
    await desk.server.server.service.users.resets.drained()
    assert await desk.ask("DELETE", PROFILE, BODY, token=token) == NOTHING
    for dead in (token, other):
        assert await desk.ask("GET", PROFILE, token=dead) == NOT_FOUND
        assert await desk.ask("DELETE", PROFILE, BODY, token=dead) == NOT_FOUND
    assert (await desk.ask("POST", "account/login", {"username": "ada", "password": PASSWORD}))[0] == 401
    assert (await desk.ask("GET", "account/following", token=bob))[1]["data"] == []
    admin = await desk.administrator()
    assert (await desk.ask("GET", "admin/deleted-users", token=admin))[1]["data"]["list"] == []
    undelete: dict[str, object] = {"user": "ada", "delete": False}
    assert (await desk.ask("PUT", "admin/user-delete", undelete, token=admin))[0] == 404
    kept = {kind: await desk.server.store.kept(kind) for kind in (CONTACTS, CREDENTIALS, RESETS, ERASURES)}
    assert [len(kept[kind]) for kind in kept] == [1, 1, 0, 0], "those of bob"
    event = (await desk.server.store.read_stored(USERS, 0, 10))[-1]
    assert (event.actor, event.cause) == ("user:u1", "forget")
    assert set(msgspec.json.decode(event.data or b"")) == {"id", "created_ms", "deleted_ms", "generation"}
    assert (await desk.sign_up("ada"))[0] == 201


async def test_a_token_alone_deletes_nobody(desk: Stage) -> None:
    token = await desk.newcomer("ada")
    for wrong in ("wrong one", "", "x" * 5_000):
        assert await desk.ask("DELETE", PROFILE, {"current-password": wrong}, token=token) == INVALID_PASSWORD
    status, body = await desk.ask("DELETE", PROFILE, {}, token=token)
    assert (status, list(body["data"])) == (400, ["current-password"])
    status, body = await desk.ask("DELETE", PROFILE, BODY)
    assert (status, list(body["data"])) == (401, ["token"])
    assert (await desk.ask("GET", PROFILE, token=token))[0] == 200


async def test_accounts_of_the_server_are_not_deleted_here(desk: Stage) -> None:
    admin = await desk.administrator()
    assert await desk.ask("DELETE", PROFILE, {"current-password": ADMIN_PASSWORD}, token=admin) == NOT_FOUND
    await desk.administrator()


async def test_a_password_that_is_changed_at_the_same_time_deletes_or_stays(desk: Stage) -> None:
    """Either the account is gone, or the password that was given is not the present one any more."""
    token = await desk.newcomer("ada")
    change: dict[str, object] = {**BODY, "new-password": "another horse"}
    told = await asyncio.gather(
        desk.ask("DELETE", PROFILE, BODY, token=token), desk.ask("POST", "account/change-password", change, token=token)
    )
    gone = (await desk.sign_up("ada", email="other@example.com"))[0] == 201
    assert (told[0][0] == 200) == gone
    assert gone or told[0][0] in (401, 403)


async def test_guessing_the_password_of_a_token_is_slowed(database_dsn: str, sink: MailSink) -> None:
    async with stage(database_dsn, sink, rate_limits=True) as desk:
        token = await desk.newcomer("ada")
        guesses = [
            await desk.ask("DELETE", PROFILE, {"current-password": f"wrong {number}"}, token=token)
            for number in range(FREE_FAILURES + 1)
        ]
        assert [status for status, _ in guesses] == [403] * FREE_FAILURES + [429]
