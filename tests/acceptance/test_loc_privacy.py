"""Nothing of what is private is told anywhere: feeds, lists, log lines, exports, the log, and what is kept beside it.

Everybody looks: each role of the server, users and nobody; the server writes down every request, and a mail fails.
"""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import msgspec
import pytest
from aiohttp import hdrs

from cds.mail_settings import MailSettings, SmtpServer
from cds.transfer import export_contest
from cds.users.settings import UserSettings
from schemas.users import USERS
from schemas.viewers import ROLES
from tests.acceptance.league import PASSWORD, League, Player, league
from tests.cds.contest_api.feeds import everything
from tests.cds.contest_api.serving import Caller, fill
from tests.cds.users.mail_sink import MailSink, mail_sink

DESCRIPTION = "A description that nobody may read before the start"
DRAFT = "A draft that nobody else may ever read"
DRAFT_URL = "https://example.com/draft"
URL = "https://example.com/final"
OTHER_PASSWORD = "another password"
FEED = "contests/loc-1/event-feed"
LOOKING = [role for role in ROLES if role != "team"]
"""Accounts of the server are of no team."""

LISTS = ("contests", "contests/loc-1", "contests/loc-1/access", "contests/loc-1/scoreboard")
REFUSED = b"550 5.1.1 <%s> is nobody's address here\r\n"


@pytest.fixture
async def sink() -> AsyncIterator[MailSink]:
    """A sink for mails."""
    async with mail_sink() as opened:
        yield opened


@pytest.fixture
async def played(database_dsn: str, sink: MailSink) -> AsyncIterator[League]:
    """A server with accounts of every role, which writes down all requests."""
    await fill(database_dsn, [])
    smtp = SmtpServer(scheme="smtp", host="127.0.0.1", port=sink.port)
    users = UserSettings(mail=MailSettings(server=smtp))
    async with league(database_dsn, sending=True, access_log=True, users=users) as made:
        yield made


class Secrets:
    """What nobody may be told."""

    def __init__(self) -> None:
        """Passwords, drafts, and whatever a hash begins with."""
        self.of_users = {PASSWORD, OTHER_PASSWORD, "$argon2", "@example.com"}
        self.of_matches = {"example.com/draft", DRAFT}

    def add(self, *players: Player) -> None:
        """Names, addresses and tokens of players."""
        self.of_users |= {each for player in players for each in (player.username, player.email, player.token)}

    @property
    def all(self) -> set[str]:
        """All of them."""
        return self.of_users | self.of_matches


def told(secrets: set[str], text: bytes) -> list[str]:
    """The secrets that a text tells."""
    return [secret for secret in secrets if secret.encode() in text]


async def seen(played: League, *tokens: str) -> bytes:
    """Everything that any feed and any list says, to every role, and to whom those tokens belong."""
    callers = [*(played.served.of_role(role) for role in LOOKING), *(Bearer(played, token) for token in tokens)]
    texts: list[bytes] = []
    for caller in callers:
        texts += await caller.lines(FEED)
        texts.append(json.dumps(await everything(caller, "loc-1")).encode())
        texts += [(await caller.get(path)).body for path in LISTS]
    return b"\n".join(texts)


class Bearer(Caller):
    """Somebody who brings a token."""

    def __init__(self, played: League, token: str) -> None:
        """The holder of a token."""
        anybody = played.served.caller()
        super().__init__(anybody.session, anybody.base, None)
        self._headers = {hdrs.AUTHORIZATION: f"Bearer {token}"}


async def events(played: League, stream: str) -> bytes:
    """Every column of every event of a stream."""
    stored = await played.served.store.read_stored(stream, 0, 1_000)
    assert stored
    told = [msgspec.json.encode([event.type, event.id, event.actor, event.cause]) for event in stored]
    return b"\n".join([*told, *(event.data or b"" for event in stored)])


async def everything_stored(dsn: str) -> bytes:
    """All columns of all rows of all tables of the database."""
    connection = await asyncpg.connect(dsn)
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        texts: list[bytes] = []
        for (table,) in tables:
            rows = await connection.fetch(f'SELECT * FROM "{table}"')  # noqa: S608 - the names of our own tables
            texts += [value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row]
    finally:
        await connection.close()
    return b"\n".join(texts)


async def exported(dsn: str, directory: Path) -> bytes:
    """The contest of the match as a package, with all that a package may hold."""
    await export_contest("loc-1", directory, credentials=True, data_dir=directory / "none", database_url=dsn)
    return b"\n".join([each.read_bytes() for each in sorted(directory.rglob("*")) if each.is_file()])


async def play(played: League, secrets: Secrets, ada: Player, bob: Player) -> None:
    """A match of two players, and everything that they may do about it."""
    slug = await played.match(title="Test match", long_description=DESCRIPTION)
    secrets.of_users |= {await played.join(slug, ada, bob)}
    await played.done("POST", "/v1/parties/lfg", {"token": ada.token, "match": slug, "lfg": True})
    assert not told(secrets.all | {DESCRIPTION}, await seen(played, ada.token, bob.token))
    played.begin()
    body = {"token": ada.token, "match": slug, "title": DRAFT, "url": DRAFT_URL}
    await played.done("PUT", "/v1/matches/submission", body)
    assert not told(secrets.all, await seen(played, ada.token, bob.token))
    await played.done("PUT", "/v1/matches/submission", {**body, "title": "Final", "url": URL})
    played.end()
    await played.done("GET", "/v1/matches/list")
    await played.served.settle("loc-1")


def new_address(player: Player) -> str:
    """The address that a player changes to."""
    return f"{player.username}-new@example.com"


async def go_away(played: League, secrets: Secrets, *, banned: Player, leaving: Player, forgotten: Player) -> None:
    """One is banned, one deletes the account, one is forgotten; each had asked for a code and changed something."""
    for player in (banned, leaving, forgotten):
        secrets.of_users |= {await played.reset_code(player)}
        change = {"token": player.token, "current-password": PASSWORD, "new-password": OTHER_PASSWORD}
        await played.done("POST", "/v1/account/change-password", change)
        token = await played.login(player.username, OTHER_PASSWORD)
        secrets.of_users |= {token}
        profile = {"token": token, "name": f"{player.username} by name", "email": new_address(player)}
        await played.done("PUT", "/v1/account/profile", profile)
        if player is banned:
            await played.ban(player.username)
        elif player is leaving:
            await played.done("DELETE", "/v1/account/profile", {"token": token, "current-password": OTHER_PASSWORD})
        else:
            users = played.served.server.service.users
            user_id = await users.find(player.username)
            assert user_id is not None
            await users.register.erase(user_id, actor="users")


async def test_nothing_of_what_is_private_is_told_anywhere(
    played: League, sink: MailSink, database_dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secrets = Secrets()
    refused = played.new_name()
    sink.refusals.append(REFUSED % f"{refused}@example.com".encode())
    await played.done(
        "POST",
        "/v1/account/signup",
        {"username": refused, "email": f"{refused}@example.com", "password": PASSWORD},
    )
    await played.served.server.service.users.mailer.drained()
    ada, bob, cid = [await played.player() for _ in range(3)]
    secrets.add(ada, bob, cid)
    secrets.of_users |= {await played.reset_code(ada), await played.admin(), refused}
    await played.ask("GET", f"/v1/account/profile?token={ada.token}&password={PASSWORD}")
    await play(played, secrets, ada, bob)
    assert not told(secrets.all, await seen(played, ada.token, bob.token))
    await go_away(played, secrets, banned=ada, leaving=bob, forgotten=cid)
    assert not told(secrets.all, await seen(played))

    assert not told(secrets.all, await events(played, "contest:loc-1"))
    assert not told(secrets.of_users, await events(played, "matches"))
    assert not told(secrets.all, await events(played, USERS))
    package = await exported(database_dsn, tmp_path / "loc-1")
    assert b"Final" in package
    assert not told(secrets.all, package)
    stored = await everything_stored(database_dsn)
    assert told({ada.username, new_address(ada)}, stored), "who is banned may come back"
    of_who_is_banned = {ada.username, new_address(ada), "@example.com", "$argon2"}
    of_the_server = {"$argon2", refused, "@example.com"}
    assert not told(secrets.of_users - of_who_is_banned - of_the_server, stored)

    await played.served.server.service.users.mailer.drained()
    played.served.server._requests.flush()
    output = capsys.readouterr()
    said = (output.out + output.err).encode()
    for line in ("/v1/account/login", "token=...&password=...", FEED, "mail_failed"):
        assert line.encode() in said, line
    assert not told(secrets.all | {DESCRIPTION}, said)
