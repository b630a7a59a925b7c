"""A server in this process on a real Postgres, and callers who speak HTTP with it under different accounts.

This module knows how to start, fill and ask a server. It must not know what the answers should be.
"""

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec
from aiohttp import hdrs
from argon2 import PasswordHasher
from yarl import URL

from cds.application import Server
from cds.circumstances import SYSTEM
from cds.commands.decision import ObjectChange
from cds.configuration import Configuration
from cds.importing import Imported, encoded_events, import_contest
from cds.live_contest import Circumstances, LiveContest, stream_of
from cds.packages.contents import Change, ContestContents
from cds.workers.membership import Membership
from eventstore.postgres import PostgresStore
from eventstore.store import Append, ServerAccount
from schemas.object_types import OBJECT_TYPES, SINGLETON_ID
from schemas.objects import ContestObject
from tests import databases

DEADLINE_S = 20.0
"""How long anything in these tests may take before the test fails."""

LINE_BYTES_MAX = 4 * 1024 * 1024
CHANGING_HEADERS = frozenset({"Date", "X-Request-ID"})
"""Headers that differ from one answer to the next, whatever is asked."""

ADMIN_PASSWORD = "password of the server's admin"
SERVER_ROLES = ("proxy", "analyst", "judge", "staff")
"""Accounts of the server besides `admin`: one for each role that needs no team."""

Json = Any
"""What `json.loads` gives; the tests look into it freely."""

Login = tuple[str, str]

SERVER_ADMIN: Login = ("admin", ADMIN_PASSWORD)

cloned_database = databases.cloned_database
"""A database of one's own, as a server is started on it."""

_cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def quick_hash(password: str) -> str:
    """An argon2id hash that costs next to nothing, so that hundreds of logins do not take minutes."""
    return _cheap.hash(password)


def server_login(role: str) -> Login | None:
    """The server account of a role, None for the public."""
    if role == "public":
        return None
    return SERVER_ADMIN if role == "admin" else (f"server-{role}", f"password of {role}")


def basic_authorization(login: Login) -> str:
    """The value of the Authorization header (RFC 7617)."""
    return "Basic " + b64encode(":".join(login).encode()).decode()


class Answer(msgspec.Struct, frozen=True):
    """What came back over HTTP."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Json:
        """The body as JSON."""
        return json.loads(self.body)


class Caller:
    """Somebody who asks a server, with one login or none."""

    def __init__(self, session: aiohttp.ClientSession, base: str, login: Login | None) -> None:
        """A caller; `base` is the base URL with a slash at its end."""
        self.session = session
        self.base = base
        self.login = login
        self._headers = {} if login is None else {hdrs.AUTHORIZATION: basic_authorization(login)}

    async def ask(self, method: str, path: str, *, headers: dict[str, str] | None = None, **more: Any) -> Answer:
        """One request. `path` is relative to the base URL, or absolute; percent-encoding in it is left alone."""
        async with asyncio.timeout(DEADLINE_S):
            async with self.session.request(
                method, self.url(path), headers=self._headers | (headers or {}), allow_redirects=False, **more
            ) as response:
                body = await response.read()
                return Answer(response.status, response.headers, body)

    async def get(self, path: str, *, headers: dict[str, str] | None = None) -> Answer:
        """GET."""
        return await self.ask("GET", path, headers=headers)

    async def json(self, path: str) -> Json:
        """The JSON of a GET that must succeed."""
        answer = await self.get(path)
        assert answer.status == 200, f"GET {path} as {self.login}: {answer.status} {answer.body[:300]!r}"
        return answer.json

    async def lines(self, path: str) -> list[bytes]:
        """The lines of an event feed that ends, without blank ones."""
        answer = await self.get(path + ("&" if "?" in path else "?") + "stream=false")
        assert answer.status == 200, f"GET {path} as {self.login}: {answer.status} {answer.body[:300]!r}"
        assert answer.body == b"" or answer.body.endswith(b"\n")
        return [line for line in answer.body.split(b"\n") if line]

    @asynccontextmanager
    async def stream(self, path: str) -> AsyncIterator["Stream"]:
        """An event feed that is listened to for the length of the block."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=DEADLINE_S)
        async with self.session.get(self.url(path), headers=self._headers, timeout=timeout) as response:
            yield Stream(response)

    def url(self, path: str) -> URL:
        """The URL of a path, percent-encoding kept as it is written."""
        return URL(path if "://" in path else self.base + path, encoded=True)


class Stream:
    """An open event feed, read line by line."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        """The feed behind a response whose headers have arrived."""
        self.response = response

    async def line(self) -> bytes:
        """The next line without its newline, empty for a sign of life. Raises EOFError at the end."""
        async with asyncio.timeout(DEADLINE_S):
            line = await self.response.content.readline()
        if not line:
            raise EOFError
        assert line.endswith(b"\n")
        return line[:-1]

    async def notification(self) -> Json:
        """The next line that says something."""
        while not (line := await self.line()):
            continue
        return json.loads(line)

    async def until(self, count: int) -> list[Json]:
        """So many notifications."""
        return [await self.notification() for _ in range(count)]

    async def to_its_end(self) -> None:
        """Come back when the stream comes to a proper end; nothing but signs of life may come before it."""
        try:
            while True:
                assert await self.line() == b""
        except EOFError:
            return


class Running:
    """A started server and ways to ask it."""

    def __init__(self, server: Server, session: aiohttp.ClientSession, prefix: str = "/api") -> None:
        """A server that serves, and the HTTP session its callers share."""
        self.server = server
        self.session = session
        self.root = f"http://127.0.0.1:{server.port}"
        self.base = f"{self.root}{prefix}/"

    @property
    def store(self) -> PostgresStore:
        """The server's own store."""
        store = self.server.service.store
        assert isinstance(store, PostgresStore)
        return store

    def caller(self, login: Login | None = None) -> Caller:
        """Somebody with this login."""
        return Caller(self.session, self.base, login)

    def of_role(self, role: str) -> Caller:
        """The server account of a role; the public is anonymous."""
        return self.caller(server_login(role))

    def service_contest(self, contest_id: str) -> LiveContest | None:
        """A contest as the server holds it."""
        return self.server.service.contests.find(contest_id)

    async def settle(self, contest_id: str) -> None:
        """Come back when the clock and the awards of a contest have followed what is so now."""
        contest = self.service_contest(contest_id)
        assert contest is not None
        await self.server.service.clock.settle(contest)
        await self.server.service.awards.settle(contest)

    async def level_with(self, contest_id: str, position: int) -> None:
        """Wait until the server has applied the log up to a position."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                contest = self.server.service.contests.find(contest_id)
                if contest is not None and contest.position >= position:
                    return
                await asyncio.sleep(0.01)


@asynccontextmanager
async def running(
    dsn: str, *, circumstances: Circumstances = SYSTEM, group: Membership | None = None, **configuration: Any
) -> AsyncIterator[Running]:
    """A server on a database for the length of the block; `circumstances` are its clock and its ids.

    One of a `group` leaves it to others to make the account of the administrator.
    """
    chosen = {"host": "127.0.0.1", "port": 0, "database_url": dsn, "admin_password": ADMIN_PASSWORD, **configuration}
    server = Server(Configuration(**chosen), circumstances, group)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, read_bufsize=LINE_BYTES_MAX) as session:
        try:
            await server.start()
            yield Running(server, session)
        finally:
            await server.stop()


@asynccontextmanager
async def opened(dsn: str) -> AsyncIterator[PostgresStore]:
    """A store of its own on a database, as another process has one."""
    store = await PostgresStore.open(dsn)
    try:
        yield store
    finally:
        await store.close()


async def fill(dsn: str, contests: Iterable[ContestContents]) -> list[Imported]:
    """Import contests into a database and add a server account for every role."""
    async with opened(dsn) as store:
        await _put_server_accounts(store)
        return [await imported_into(store, contents) for contents in contests]


async def imported_into(store: PostgresStore, contents: ContestContents) -> Imported:
    """Import one contest."""
    return await import_contest(store, contents, cause="test", circumstances=SYSTEM, progress=_silently)


async def append(store: PostgresStore, contest_id: str, *changes: ContestObject | Change) -> int:
    """Append changes to a contest as another process would; returns the position of the last one."""
    stream = stream_of(contest_id)
    head = await store.append(
        Append(
            stream=stream,
            expected_position=await position_of(store, contest_id),
            events=encoded_events([_as_object_change(change) for change in changes]),
            credentials=(),
            actor="test",
            cause="test",
            batch_id=SYSTEM.batch_id(),
            recorded_at_us=SYSTEM.now_us(),
        )
    )
    assert head is not None
    return head.position


async def position_of(store: PostgresStore, contest_id: str) -> int:
    """How many events a contest has."""
    head = (await store.heads()).get(stream_of(contest_id))
    return 0 if head is None else head.position


def as_change(instance: ContestObject | Change) -> Change:
    """An object as the change that creates or replaces it."""
    if isinstance(instance, Change):
        return instance
    row = next(row for row in OBJECT_TYPES.values() if row.structure is type(instance))
    identifier = SINGLETON_ID if row.singleton else msgspec.to_builtins(instance)["id"]
    return Change(row.name, identifier, instance)


def _as_object_change(change: ContestObject | Change) -> ObjectChange:
    as_read = as_change(change)
    return ObjectChange(as_read.type, as_read.id, as_read.instance)


async def _put_server_accounts(store: PostgresStore) -> None:
    for role in SERVER_ROLES:
        login = server_login(role)
        assert login is not None
        username, password = login
        await store.put_server_account(ServerAccount(username=username, role=role, password_hash=quick_hash(password)))


def _silently(_doing: str, _done: int, _total: int | None) -> None:
    """Nobody wants to hear of the progress."""
