"""A server of the League of Code API, and those who play there: players, an administrator, a clock that is set.

This module knows how to ask; it must not know what the answers should be.
"""

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import msgspec

from cds.loc_api.dates import shown_date
from cds.mailing import Mail
from tests.cds.contest_api.live_contest_setup import SetClock
from tests.cds.contest_api.serving import SERVER_ADMIN, Running, running

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
FIRST_MS = 1_900_000_000_000 // HOUR_MS * HOUR_MS

PASSWORD = "mypassword"
CODE = re.compile(r"\b[A-Za-z0-9]{32}\b")

Json = Any


class Reply(msgspec.Struct, frozen=True):
    """What came back."""

    status: int
    json: Json
    headers: Mapping[str, str]

    @property
    def data(self) -> Json:
        """What stands in `data`."""
        return self.json["data"]


class Player(msgspec.Struct, frozen=True):
    """Somebody who has logged in."""

    username: str
    email: str
    token: str


class League:
    """A server, and a clock; whoever asks for a player or a match gets another one every time."""

    def __init__(self, served: Running, clock: SetClock) -> None:
        """A server that has been started."""
        self.served = served
        self.clock = clock
        self.mails: list[Mail] = []
        self._numbers = count(1)
        self._admin: tuple[int, str] | None = None

    async def ask(self, method: str, path: str, body: object = None, *, headers: dict[str, str] | None = None) -> Reply:
        """Any request below the root; a body is sent as JSON."""
        data = None if body is None else json.dumps(body).encode()
        url = self.served.root + path
        answer = await self.served.caller(None).ask(method, url, data=data, headers=headers)
        return Reply(answer.status, answer.json if answer.body else None, answer.headers)

    async def done(self, method: str, path: str, body: object = None) -> Json:
        """The data of a request that has to succeed."""
        reply = await self.ask(method, path, body)
        assert reply.status in (200, 201), (method, path, reply.status, reply.json)
        return reply.data

    def new_name(self, kind: str = "player") -> str:
        """A name that nobody has."""
        return f"{kind}{next(self._numbers)}"

    async def player(self) -> Player:
        """Somebody who has signed up and logged in."""
        name = self.new_name()
        email = f"{name}@example.com"
        await self.done("POST", "/v1/account/signup", {"username": name, "email": email, "password": PASSWORD})
        return Player(name, email, await self.login(name))

    async def login(self, username: str, password: str = PASSWORD) -> str:
        """A token."""
        data = await self.done("POST", "/v1/account/login", {"username": username, "password": password})
        token: str = data["token"]
        return token

    async def admin(self) -> str:
        """A token of the server's administrator."""
        if self._admin is None or self._admin[0] < self.clock.now_ms - DAY_MS:
            self._admin = self.clock.now_ms, await self.login(*SERVER_ADMIN)
        return self._admin[1]

    async def match(self, **changes: object) -> str:
        """A match that starts in an hour and takes five, for parties of one to three; its slug.

        Arguments have their names on the wire, with `_` for `-`.
        """
        given = {name.replace("_", "-"): value for name, value in changes.items()}
        usual = {
            "title": self.new_name("Match "),
            "short-description": "Prepare for the future",
            "long-description": "This is a long description of the match",
            "start-date": shown_date(self.clock.now_ms + HOUR_MS),
            "end-date": shown_date(self.clock.now_ms + 6 * HOUR_MS),
            "min-members": 1,
            "max-members": 3,
            "is-visible": True,
        }
        data = await self.done("POST", "/v1/admin/match", {**usual, **given, "token": await self.admin()})
        slug: str = data["slug"]
        return slug

    async def change(self, slug: str, **changes: object) -> None:
        """Change a match."""
        given = {name.replace("_", "-"): value for name, value in changes.items()}
        await self.done("PUT", "/v1/admin/match", {"token": await self.admin(), "match": slug, **given})

    async def delete(self, slug: str) -> None:
        """Delete a match."""
        await self.done("PUT", "/v1/admin/match-delete", {"token": await self.admin(), "match": slug, "delete": True})

    async def ban(self, username: str, *, delete: bool = True) -> None:
        """Ban a user, or have them back."""
        body = {"token": await self.admin(), "user": username, "delete": delete}
        await self.done("PUT", "/v1/admin/user-delete", body)

    async def join(self, slug: str, *players: Player) -> str:
        """Let players join a match, all in the party of the first; its token."""
        leader, *others = players
        joined = await self.done("POST", "/v1/match/join", {"token": leader.token, "match": slug})
        token: str = joined["party-token"]
        for player in others:
            await self.done("POST", "/v1/match/join", {"token": player.token, "match": slug})
            await self.done("POST", "/v1/parties/join", {"token": player.token, "party": token})
        return token

    def begin(self) -> None:
        """Set the clock to the start of matches that were made just now."""
        self.clock.now_ms += HOUR_MS

    def end(self) -> None:
        """Set the clock to the end of matches that started just now."""
        self.clock.now_ms += 5 * HOUR_MS

    async def reset_code(self, player: Player) -> str:
        """A code for a new password, from the mail that brings it."""
        await self.done("POST", "/v1/account/forgot-password", {"email": player.email})
        await self.served.server.service.users.resets.drained()
        (found,) = CODE.findall(self.mails[-1].text)
        assert self.mails[-1].to == player.email
        code: str = found
        return code


@asynccontextmanager
async def league(dsn: str, *, sending: bool = False, **configuration: Any) -> AsyncIterator[League]:
    """A server on a database for the length of the block; mails are kept instead of sent, or (`sending`) beside it."""
    clock = SetClock(now_ms=FIRST_MS)
    async with running(dsn, circumstances=clock, rate_limits=False, **configuration) as served:
        made, mailer = League(served, clock), served.server.service.users.mailer
        send = mailer.send

        def keep(mail: Mail) -> None:
            made.mails.append(mail)
            if sending:
                send(mail)

        setattr(mailer, "send", keep)  # noqa: B010 - in place of its method
        yield made
