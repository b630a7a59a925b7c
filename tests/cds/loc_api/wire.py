"""The wire of the League of Code API alone: its routes over stand-ins of handlers, that say what they were called with.

This module must not know what the answers should be.
"""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import msgspec
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from cds.bearer_tokens import BearerRefused, Fault
from cds.contest_api.held_bodies import HELD_BODIES, HeldBodies
from cds.contest_api.middleware import errors_as_json
from cds.contest_api.service import SLOT, Service, ServiceSlot
from cds.loc_api.answers import Answer
from cds.loc_api.call import Call, Caller
from cds.loc_api.dates import Instant
from cds.loc_api.routes import loc_api_routes
from cds.loc_api.rows import Handler, Row
from cds.loc_api.table import ROWS
from eventstore.store import StoreUnavailable

NOW_MS = 1_800_000_000_000

CALLERS = {
    "a.user's.token": Caller(user_id="u1", username="ada", is_admin=False, token_id="1", expires_at_s=2),
    "an.administrator's.token": Caller(user_id="u2", username="grace", is_admin=True, token_id="2", expires_at_s=2),
    "the.server's.token": Caller(user_id=None, username="admin", is_admin=True, token_id="3", expires_at_s=2),
    "a.judge's.token": Caller(user_id=None, username="judge", is_admin=False, token_id="4", expires_at_s=2),
}
FAULTS: Mapping[str, Fault] = {
    "rubbish": "malformed",
    "a.forged.token": "not valid",
    "an.old.token": "expired",
    "a.revoked.token": "revoked",
    "a.banned.token": "unknown account",
}


class Users:
    """A stand-in of the users: whose the tokens above are."""

    def __init__(self) -> None:
        """The database is there."""
        self.away = False

    async def caller(self, token: str, *, now_ms: int) -> Caller:
        """Who it is."""
        assert now_ms == NOW_MS
        if self.away:
            raise StoreUnavailable("the database has gone")
        if token in CALLERS:
            return CALLERS[token]
        raise BearerRefused(FAULTS.get(token, "malformed"))


class Wire:
    """A client of the routes."""

    def __init__(self, client: "TestClient[web.Request, web.Application]", users: Users) -> None:
        """A client."""
        self._client = client
        self.users = users

    async def ask(
        self, method: str, path: str, body: object = None, *, raw: object = None, **more: Any
    ) -> tuple[int, Any]:
        """Status and JSON; a body is sent as JSON, or `raw` as it is."""
        response = await self.response(method, path, body, raw=raw, **more)
        return response.status, await response.json()

    async def response(self, method: str, path: str, body: object = None, *, raw: object = None, **more: Any) -> Any:
        """The response itself."""
        data = raw if body is None else json.dumps(body).encode()
        return await self._client.request(method, path, data=data, **more)


def _said(value: object) -> object:
    return value.ms if isinstance(value, Instant) else value


def echoing(row: Row) -> Handler:
    """A handler that answers with what it was called with."""

    async def handle(call: Call[Any]) -> Answer:
        arguments = {name: _said(value) for name, value in msgspec.structs.asdict(call.arguments).items()}
        caller = None if call.caller is None else call.caller.username
        return Answer({"row": row.name, "arguments": msgspec.to_builtins(arguments), "caller": caller})

    return handle


@asynccontextmanager
async def wire(handlers: Mapping[str, Handler] | None = None) -> AsyncIterator[Wire]:
    """The routes for the length of the block; rows without a handler are echoed."""
    users = Users()
    parts = SimpleNamespace(
        version="1.2.3",
        users=users,
        circumstances=SimpleNamespace(now_us=lambda: NOW_MS * 1_000),
        trusted_proxies=(),
        base_url=None,
        behind_proxy=False,
        edge_secret=None,
        identity=SimpleNamespace(),
        contests=SimpleNamespace(find=lambda _: None),
    )
    application = web.Application(middlewares=[errors_as_json])
    application[SLOT] = ServiceSlot(service=cast("Service", parts))
    application[HELD_BODIES] = HeldBodies()
    application.router.add_routes(loc_api_routes({row.name: echoing(row) for row in ROWS} | dict(handlers or {})))
    async with TestClient(TestServer(application)) as client:
        yield Wire(client, users)


def named(row: Row) -> str:
    """The name of a row for people."""
    return f"{row.number}-{row.name}"


async def ask(asked: Wire, row: Row, number: int = 0, /, **more: object) -> tuple[int, Any]:
    """Ask an endpoint, by one of its ways, with the arguments of its example and more; a token of None is none."""
    way = row.ways[number]
    sent = {name: value for name, value in {**row.example, **more}.items() if value is not None}
    return await asked.ask(way.method, way.path, sent)
