"""How often profiles may be changed, and how many new passwords may wait to be hashed, over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from threading import Event

import pytest

from cds import password_checking
from cds.passwords import new_hash
from cds.users import users
from tests.cds.contest_api.serving import DEADLINE_S, Answer
from tests.cds.users.mail_sink import MailSink
from tests.cds.users.stage import PASSWORD, Stage, code_in, stage

ANOTHER = "another horse"


@pytest.fixture
async def desk(database_dsn: str, sink: MailSink, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    """A server that limits, on an empty database."""
    monkeypatch.setattr(users, "PROFILE_CHANGES_AT_ONCE", 3)
    monkeypatch.setattr(users, "SIGNUPS_AT_ONCE", 5)
    async with stage(database_dsn, sink, rate_limits=True) as opened:
        yield opened


async def asked(desk: Stage, method: str, path: str, holder: str | None = None, /, **body: str) -> Answer:
    """An answer with its headers; arguments with `_` for `-`."""
    sent = {name.replace("_", "-"): value for name, value in body.items()}
    headers = {} if holder is None else {"Authorization": f"Bearer {holder}"}
    return await desk.server.caller().ask(method, f"{desk.server.root}/v1/{path}", json=sent, headers=headers)


def put_off(answer: Answer, status: int) -> bool:
    """Whether somebody is told in form to come again later."""
    return (
        answer.status == status and answer.json["status"] == "error" and int(answer.headers.get("Retry-After", "0")) > 0
    )


async def test_whose_addresses_are_taken_is_not_tried_out_by_changing_the_profile(desk: Stage) -> None:
    """Neither as one user, nor as many from one address; whoever is told nothing is not told that either."""
    await desk.newcomer("eve")
    tokens = [await desk.newcomer(name) for name in ("ada", "bob")]
    tried = [await asked(desk, "PUT", "account/profile", tokens[0], email="eve@example.com") for _ in range(4)]
    assert [answer.status for answer in tried[:3]] == [409] * 3
    assert put_off(tried[3], 429)
    assert (await asked(desk, "PUT", "account/profile", tokens[1], email="new@example.com")).status == 200
    assert (await asked(desk, "PUT", "account/profile", tokens[1], email="eve@example.com")).status == 409
    assert put_off(await asked(desk, "PUT", "account/profile", tokens[1], email="eve@example.com"), 429)


async def test_new_passwords_wait_by_themselves_and_not_too_many(
    desk: Stage, sink: MailSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Logins go on meanwhile; whoever comes too late is told when to come again, and nothing has happened."""
    token = await desk.newcomer("ada")
    await asked(desk, "POST", "account/forgot-password", email="ada@example.com")
    code = code_in((await sink.mail(1)).get_content())
    released = Event()

    def slowly(password: str) -> str:
        assert released.wait(DEADLINE_S)
        return new_hash(password)

    monkeypatch.setattr(password_checking, "new_hash", slowly)
    monkeypatch.setattr(password_checking, "NEW_PASSWORDS_WAITING_MAX", 1)
    passwords = desk.server.server.service.identity._passwords
    waiting = asyncio.create_task(desk.sign_up("bob"))
    try:
        async with asyncio.timeout(DEADLINE_S):
            while passwords._waiting_for_turns == 0:
                await asyncio.sleep(0.01)
        new = {"username": "cid", "email": "cid@example.com", "password": PASSWORD}
        assert put_off(await asked(desk, "POST", "account/signup", **new), 503)
        change = {"current_password": PASSWORD, "new_password": ANOTHER}
        assert put_off(await asked(desk, "POST", "account/change-password", token, **change), 503)
        reset = {"token": code, "password": ANOTHER, "confirm_password": ANOTHER}
        assert put_off(await asked(desk, "POST", "account/reset-password", **reset), 503)
        await desk.log_in("ada")
    finally:
        released.set()
    assert (await waiting)[0] == 201
    assert (await asked(desk, "POST", "account/reset-password", **reset)).status == 200
    await desk.log_in("ada", ANOTHER)
