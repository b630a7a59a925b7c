"""A server with users, who sign up and ask over HTTP; and a sink for their mails.

This module knows how to ask; it must not know what the answers should be.
"""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import hdrs

from cds.circumstances import SYSTEM
from cds.live_contest import Circumstances
from cds.mail_settings import MailSettings, SmtpServer
from cds.users.settings import UserSettings
from tests.cds.contest_api.serving import ADMIN_PASSWORD, Caller, Running, running
from tests.cds.users.mail_sink import MailSink

PASSWORD = "correct horse"
CODE = re.compile(r"^[A-Za-z0-9]{32}$", re.MULTILINE)

Json = Any


class Desk:
    """Whoever asks a server."""

    def __init__(self, caller: Caller, root: str) -> None:
        """Somebody who brings no credentials but in bodies; `root` is the address of the server."""
        self._caller = caller
        self._root = root

    async def ask(
        self, method: str, path: str, body: dict[str, object] | None = None, *, token: str | None = None
    ) -> tuple[int, Json]:
        """Status and JSON of a request below /v1."""
        sent = {**(body or {}), **({} if token is None else {"token": token})}
        answer = await self._caller.ask(
            method,
            f"{self._root}/v1/{path}",
            data=json.dumps(sent).encode(),
            headers={hdrs.CONTENT_TYPE: "application/json"},
        )
        return answer.status, answer.json

    async def sign_up(self, username: str, *, email: str | None = None, password: str = PASSWORD) -> tuple[int, Json]:
        """Sign somebody up."""
        wanted = {"username": username, "email": email or f"{username}@example.com", "password": password}
        return await self.ask("POST", "account/signup", dict(wanted))

    async def log_in(self, username: str, password: str = PASSWORD, **more: object) -> str:
        """A token, for credentials that must be right."""
        status, body = await self.ask("POST", "account/login", {"username": username, "password": password, **more})
        assert status == 200, body
        return str(body["data"]["token"])

    async def newcomer(self, username: str, **more: str) -> str:
        """Somebody who has signed up and logged in: the token."""
        status, body = await self.sign_up(username, **more)
        assert status == 201, body
        return await self.log_in(username, more.get("password", PASSWORD))

    async def administrator(self) -> str:
        """A token of the server's admin."""
        return await self.log_in("admin", ADMIN_PASSWORD)


class Stage(Desk):
    """A server in this process, and whoever asks it."""

    def __init__(self, server: Running) -> None:
        """A server that serves."""
        super().__init__(server.caller(), server.root)
        self.server = server


def code_in(text: str) -> str:
    """The one code that stands alone in a text."""
    (code,) = CODE.findall(text.replace("\r\n", "\n"))
    return str(code)


@asynccontextmanager
async def stage(
    dsn: str, sink: MailSink | None = None, *, circumstances: Circumstances = SYSTEM, rate_limits: bool = False
) -> AsyncIterator[Stage]:
    """A server for the length of the block, whose mails go to the sink."""
    smtp = None if sink is None else SmtpServer(scheme="smtp", host="127.0.0.1", port=sink.port)
    users = UserSettings(mail=MailSettings(server=smtp))
    async with running(dsn, circumstances=circumstances, rate_limits=rate_limits, users=users) as server:
        yield Stage(server)
