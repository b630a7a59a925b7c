"""A live contest on a server that may call this machine, and what is asked of it about webhooks.

This module must not know what the answers should be.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest_asyncio

from eventstore.store import ServerAccount
from tests.cds.contest_api.live_contest_setup import RUNNING, Play, SetClock, playing
from tests.cds.contest_api.serving import Answer, Json, cloned_database, quick_hash
from tests.cds.contest_api.webhook_receiver import Receiver, receiving

ROLE_OF_SERVER_ACCOUNT = {"server-staff": "staff", "server-chief": "admin", "server-judge": "judge"}
"""Accounts of the server besides `root`; their passwords are as those of the contest's accounts."""

FIRST_NUMBER = 2_000_000
"""Ids of the contest as it was made are below this."""


@asynccontextmanager
async def calling_play(dsn: str) -> AsyncIterator[Play]:
    """The contest an hour after its start, for the length of the block."""
    clock = SetClock(first_number=FIRST_NUMBER)
    async with playing(dsn, clock, webhook_allow_private=True) as play:
        for name in ROLE_OF_SERVER_ACCOUNT:
            await put_server_account(play, name)
        await play.at(RUNNING)
        yield play


async def put_server_account(play: Play, name: str, **changed: Any) -> None:
    """Make an account of the server, or change it."""
    account = ServerAccount(
        username=name, role=ROLE_OF_SERVER_ACCOUNT[name], password_hash=quick_hash(f"password of {name}")
    )
    await play.server.store.put_server_account(msgspec.structs.replace(account, **changed))


async def ask(play: Play, who: str, method: str, path: str = "", body: Json = None, **headers: str) -> Answer:
    """One request about webhooks."""
    sent = None if body is None else json.dumps(body).encode()
    given = {"Content-Type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return await play.caller(who).ask(method, f"webhooks{path}", data=sent, headers=given)


async def registered(play: Play, receiver: Receiver, who: str = "root", **more: object) -> str:
    """The id of a new webhook."""
    answer = await ask(play, who, "POST", "", {"url": receiver.url, "token": receiver.secret, **more})
    assert answer.status == 201, answer.body
    identifier: str = answer.json["id"]
    return identifier


async def shown(play: Play, identifier: str, who: str = "root") -> Json:
    """A webhook as GET shows it."""
    answer = await ask(play, who, "GET", f"/{identifier}")
    assert answer.status == 200, answer.body
    return answer.json


async def without_webhooks(play: Play) -> None:
    """Delete all webhooks."""
    for webhook in (await ask(play, "root", "GET")).json:
        await ask(play, "root", "DELETE", f"/{webhook['id']}")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def webhook_server(made_template: str) -> AsyncIterator[Play]:
    """One server for all tests of webhooks; its contest goes on from test to test."""
    async with cloned_database(made_template) as dsn, calling_play(dsn) as play:
        yield play


@pytest_asyncio.fixture(loop_scope="session")
async def calling(webhook_server: Play) -> AsyncIterator[Play]:
    """The same without webhooks."""
    yield webhook_server
    await without_webhooks(webhook_server)


@pytest_asyncio.fixture(loop_scope="session")
async def receiver() -> AsyncIterator[Receiver]:
    """Somebody who is called."""
    async with receiving() as receiver:
        yield receiver
