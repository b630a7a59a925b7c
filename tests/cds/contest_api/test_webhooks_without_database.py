"""Requests about webhooks while the database gives no answer, or others write first again and again."""

import asyncio

import pytest

from cds import freshness
from cds.committing import Contended
from cds.webhooks.authority import Authority
from cds.webhooks.register import Register
from eventstore.postgres import PostgresStore
from tests.cds.contest_api.live_contest_setup import Play
from tests.cds.contest_api.serving import DEADLINE_S
from tests.cds.contest_api.test_http import check_error
from tests.cds.contest_api.webhook_play import ask, registered, shown
from tests.cds.contest_api.webhook_receiver import SECRET, Receiver

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_database_that_hangs_keeps_nobody_waiting(
    calling: Play, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 after a short wait, and at once, without another, when it is known to be away."""
    identifier = await registered(calling, receiver)
    fresh, answers = Authority.fresh, asyncio.Event()

    async def hanging(authority: Authority) -> None:
        await answers.wait()
        await fresh(authority)

    with monkeypatch.context() as patched:
        patched.setattr(freshness, "LOOK_AGAIN_S", 2 * DEADLINE_S)
        patched.setattr(Authority, "fresh", hanging)
        async with asyncio.timeout(DEADLINE_S):
            patched.setattr(freshness, "LOOK_S_MAX", 0.1)
            await expect_unavailable(calling, "GET")
            patched.setattr(freshness, "LOOK_S_MAX", 2 * DEADLINE_S)
            patched.setattr(PostgresStore, "reachable", property(lambda _: False))
            await asyncio.gather(*(expect_unavailable(calling, "GET") for _ in range(5)))
            await expect_unavailable(calling, "PATCH", f"/{identifier}", {"active": False})
        answers.set()
    assert (await shown(calling, identifier))["active"]


async def expect_unavailable(play: Play, method: str, path: str = "", body: object = None) -> None:
    """The answer says that the database is away, and when to come back."""
    answer = await ask(play, "root", method, path, body)
    check_error(answer.status, answer.body, answer.headers["Content-Type"], 503)
    assert int(answer.headers["Retry-After"]) > 0


async def test_nothing_is_kept_for_who_never_gets_a_turn(
    calling: Play, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the secret of a webhook that was not made nor the new one of another."""
    identifier = await registered(calling, receiver)
    kept = await calling.server.store.kept("webhook-secrets")

    async def contended(*_: object, **_more: object) -> None:
        raise Contended("others write, for the test")

    with monkeypatch.context() as patched:
        patched.setattr(Register, "transact", contended)
        for method, path, body in (
            ("POST", "", {"url": receiver.url, "token": SECRET}),
            ("PATCH", f"/{identifier}", {"token": "another"}),
        ):
            answer = await ask(calling, "root", method, path, body)
            check_error(answer.status, answer.body, answer.headers["Content-Type"], 503)
            assert "too many are writing" in answer.json["message"]
    assert await calling.server.store.kept("webhook-secrets") == kept
