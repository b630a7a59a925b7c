"""A server on a real Postgres, and stand-ins of all platforms to which it leads: what tests of the sync begin with.

This module knows how to put them up and how to ask for a run. It must not know what should come of it.
"""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import msgspec

from cds.bearer_tokens import bearer_tokens
from cds.circumstances import SYSTEM
from cds.platforms.questions import Platform
from cds.platforms.settings import PlatformSettings
from eventstore.store import ServerAccount
from tests.cds.contest_api.live_contest_setup import SetClock
from tests.cds.contest_api.serving import (
    SERVER_ADMIN,
    SERVER_ROLES,
    Answer,
    Caller,
    Json,
    Login,
    Running,
    quick_hash,
    running,
    server_login,
)
from tests.platform_servers.generated import NOW_S
from tests.platform_servers.platforms import PlatformServers, platform_servers

CONTESTS = 12
ADMIN_LOGIN: Login = SERVER_ADMIN
TOKEN_LIFETIME_S = 3_600


class SyncStage:
    """The server, the platforms, and a clock that stands where it is set."""

    def __init__(self, servers: PlatformServers, served: Running, clock: SetClock) -> None:
        """What has been put up."""
        self.servers = servers
        self.served = served
        self.clock = clock

    async def sync(
        self, platform: str, body: object = None, *, login: Login | None = ADMIN_LOGIN, raw: bytes | None = None
    ) -> Answer:
        """Ask for a run; `body` None: none at all, `raw`: these very bytes."""
        content = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        return await self.ask("POST", platform, login=login, content=content)

    async def forced(self, platform: str) -> Json:
        """The answer to a run that is forced and must succeed."""
        answer = await self.sync(platform, {"forceSync": True})
        assert answer.status == 200, answer.body
        return answer.json

    async def ask(
        self,
        method: str,
        path: str,
        *,
        login: Login | None = ADMIN_LOGIN,
        content: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Any request below `/contests/sync/`."""
        caller = Caller(self.served.session, f"{self.served.root}/contests/sync/", login)
        said = {"Content-Type": "application/json", **(headers or {})}
        return await caller.ask(method, path, headers=said, data=content)

    async def seen(self, path: str, role: str = "admin") -> Json:
        """What a role of the server is shown below `/api/`."""
        return await self.served.of_role(role).json(path)

    async def heads(self) -> dict[str, int]:
        """The positions of all streams of contests: the log, as far as anybody sees it."""
        heads = await self.served.store.heads()
        return {stream: head.position for stream, head in heads.items() if stream.startswith("contest:")}

    async def history(self, platform: Platform, query: str = "") -> Json:
        """The runs of a platform, the newest first."""
        answer = await self.ask("GET", platform + query)
        assert answer.status == 200, answer.body
        return answer.json

    async def account(self, username: str, role: str) -> Login:
        """A new account of the server."""
        password = f"password of {username}"
        account = ServerAccount(username=username, role=role, password_hash=quick_hash(password))
        await self.served.store.put_server_account(account)
        return username, password

    async def contest_account(self, username: str, type: str) -> Login:
        """A new account of a new contest, in no way one of the server."""
        password = f"password of {username}"
        contest = {"id": "local", "name": "Local", "duration": "2:00:00", "scoreboard_type": "pass-fail"}
        account = {"id": username, "username": username, "type": type, "password": password}
        caller = self.served.caller(ADMIN_LOGIN)
        for path, body in (("contests/local", contest), (f"contests/local/accounts/{username}", account)):
            answer = await caller.ask("PUT", path, json=body)
            assert answer.status == 201, answer.body
        return username, password

    async def accounts_of_roles(self) -> None:
        """The accounts of the server by which `seen` asks for a role."""
        for role in SERVER_ROLES:
            login = server_login(role)
            assert login is not None
            account = ServerAccount(username=login[0], role=role, password_hash=quick_hash(login[1]))
            await self.served.store.put_server_account(account)

    async def token(self, username: str, role: str, lifetime_s: int = TOKEN_LIFETIME_S) -> str:
        """A bearer token of an account of the server, made by its own key."""
        tokens = await bearer_tokens(self.served.store)
        account = (await self.served.store.server_accounts())[username]
        return tokens.token(
            subject=username,
            role=role,
            password_hash=account.password_hash,
            now_s=SYSTEM.now_us() // 1_000_000,
            lifetime_s=lifetime_s,
        )


@asynccontextmanager
async def sync_stage(
    dsn: str, *, contests: int = CONTESTS, rate_limits: bool = False, settings: Mapping[str, object] | None = None
) -> AsyncIterator[SyncStage]:
    """A stage on an empty database, for the length of the block; `settings` are changes to those of the platforms."""
    clock = SetClock(now_ms=NOW_S * 1_000)
    async with platform_servers(contests) as servers:
        chosen = _changed(servers.settings(), settings or {})
        async with running(dsn, circumstances=clock, platforms=chosen, rate_limits=rate_limits) as served:
            yield SyncStage(servers, served, clock)


def _changed(settings: PlatformSettings, changes: Mapping[str, object]) -> PlatformSettings:
    return msgspec.structs.replace(settings, **changes)


def completed(platform: str, synced: int, updated: int, failed: int = 0) -> dict[str, object]:
    """The answer to a run, key by key."""
    message = f"Sync completed for {platform}"
    return {"message": message, "platform": platform, "synced": synced, "updated": updated, "failed": failed}
