"""A server on a real Postgres, stand-ins of all platforms, and a student: what tests of students begin with.

This module knows how to put them up and how to ask. It must not know what should come of it.
"""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from cds.platforms.settings import PlatformSettings
from cds.students.cache import CacheKey, keys_of
from cds.students.settings import StudentSettings
from cds.students.students import StudentParts
from eventstore.store import ServerAccount
from projections.students import Students
from tests.cds.contest_api.live_contest_setup import SetClock
from tests.cds.contest_api.serving import (
    SERVER_ADMIN,
    SERVER_ROLES,
    Answer,
    Json,
    Login,
    Running,
    quick_hash,
    running,
    server_login,
)
from tests.platform_servers.generated import NOW_S, codeforces_handle
from tests.platform_servers.platforms import PlatformServers, platform_servers

TOURIST: Mapping[str, str] = {
    "name": "Gennady Tourist",
    "email": "tourist@example.org",
    "phoneNo": "+375 17 555-0100",
    "codeforcesHandle": "tourist",
}

QUESTIONS = ("/api/user.info", "/api/user.rating", "/api/user.status")
"""What Codeforces is asked in one sync."""


class StudentStage:
    """The server, the platforms, and a clock that stands where it is set."""

    def __init__(self, servers: PlatformServers, served: Running, clock: SetClock) -> None:
        """What has been put up."""
        self.servers = servers
        self.served = served
        self.clock = clock

    @property
    def parts(self) -> StudentParts:
        """What the server has of students."""
        return self.served.server.service.students

    @property
    def asked(self) -> list[str]:
        """The paths of all questions to Codeforces."""
        return self.servers.codeforces.paths

    async def ask(
        self, method: str, path: str, body: object = None, *, login: Login | None = None, **more: Any
    ) -> Answer:
        """Any request below `/api/`; a body is sent as JSON."""
        if body is not None:
            more["data"] = json.dumps(body).encode()
            more["headers"] = {"Content-Type": "application/json", **more.get("headers", {})}
        return await self.served.caller(login).ask(method, path, **more)

    async def sync(self, handle: str = "tourist", query: str = "", *, login: Login | None = None) -> Answer:
        """Ask for a sync of a handle."""
        return await self.ask("GET", f"codeforces/sync/{handle}{query}", login=login)

    async def enter(self, **changes: object) -> Json:
        """Enter a student: the usual one, with these changes."""
        answer = await self.ask("POST", "students", {**TOURIST, **changes}, login=SERVER_ADMIN)
        assert answer.status == 201, answer.body
        return answer.json

    async def shown(self, identifier: str, login: Login | None = SERVER_ADMIN) -> Json:
        """A student as somebody is shown it."""
        answer = await self.ask("GET", f"students/{identifier}", login=login)
        assert answer.status == 200, answer.body
        return answer.json

    async def students(self) -> Students:
        """The fold of all students."""
        return await self.parts.register.fresh()

    async def cached(self, handle: str = "tourist") -> list[str]:
        """The keys under which something is cached of a handle."""
        return [str(key) for key in keys_of(handle) if await self.parts.cache.get(key) is not None]

    async def cache(self, *keys: CacheKey, value: bytes = b"old", lifetime_s: int = 3_600) -> None:
        """Keep something under keys of the cache."""
        for key in keys:
            await self.parts.cache.put(key, value, lifetime_s)

    async def log_text(self) -> bytes:
        """All that the log holds."""
        store = self.served.store
        rows = [row for stream in await store.heads() for row in await store.read(stream, 0, 10_000)]
        return b"\n".join((row.data or b"") + row.actor.encode() + row.cause.encode() + row.id.encode() for row in rows)


@asynccontextmanager
async def student_stage(
    dsn: str,
    *,
    rate_limits: bool = False,
    settings: Mapping[str, object] | None = None,
    students: StudentSettings | None = None,
) -> AsyncIterator[StudentStage]:
    """A stage for the length of the block; Codeforces knows the handle of the usual student."""
    clock = SetClock(now_ms=NOW_S * 1_000)
    async with platform_servers(3) as servers:
        servers.codeforces.add_handle(codeforces_handle("tourist", rating=3_800, submissions=40))
        chosen: PlatformSettings = msgspec.structs.replace(servers.settings(), **(settings or {}))
        async with running(
            dsn,
            circumstances=clock,
            platforms=chosen,
            rate_limits=rate_limits,
            students=students or StudentSettings(),
        ) as served:
            stage = StudentStage(servers, served, clock)
            await put_accounts(stage)
            yield stage


async def put_accounts(stage: StudentStage) -> None:
    """An account of the server for each role that needs no team, and one of a team."""
    for role in (*SERVER_ROLES, "team"):
        login = server_login(role)
        assert login is not None
        account = ServerAccount(username=login[0], role=role, password_hash=quick_hash(login[1]))
        await stage.served.store.put_server_account(account)
