"""Those who write to the core, and those who read at edges for as long as a campaign takes.

This module must not know what is broken meanwhile.
"""

import asyncio
from collections.abc import Mapping
from collections.abc import Set as AbstractSet

import aiohttp
import msgspec
from aiohttp import hdrs

from tests.cds.contest_api.serving import LINE_BYTES_MAX, SERVER_ADMIN, Login, basic_authorization
from tests.cds.contest_api.small_contest import moment
from tests.edges.installation import CONTEST_ID

WRITERS = 24
ANSWERED_S_MAX = 60.0
AGAIN_S = 0.05
MARK = b"campaign "
ADDRESSEES = ("t1", "t2", None, None)
"""Writes go by turns to one team alone, to another, and twice to everybody."""

AT = {"time": moment(270), "contest_time": "4:30:00.000"}
"""When everything is said; nothing hangs on it."""


def addressee(number: int) -> str | None:
    """The team that a write is for; None: everybody."""
    return ADDRESSEES[number % len(ADDRESSEES)]


class Who(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who reads: how he logs in, whether he is shown what is for one team, and of which team he is."""

    name: str
    login: Login | None
    sees_all: bool
    team_id: str | None = None

    def is_shown(self, number: int) -> bool:
        """Whether a write reaches him."""
        return self.sees_all or addressee(number) in (None, self.team_id)


class _Said(msgspec.Struct, frozen=True):
    token: str


_decoder = msgspec.json.Decoder(_Said)


class Writers:
    """So many clarifications a second, each with a text that no other has."""

    def __init__(self, core: str, rate: float) -> None:
        """Nobody writes yet."""
        self._url = f"{core}/api/contests/{CONTEST_ID}/clarifications"
        self._rate = rate
        self._number = 0
        self.begun_s: dict[int, float] = {}
        self.acknowledged: set[int] = set()

    async def write(self, over: asyncio.Event) -> None:
        """Write until it is over; a request that is cut off is sent again under the same key."""
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session, asyncio.TaskGroup() as group:
            for number in range(WRITERS):
                group.create_task(self._write(session, number, over))

    async def _write(self, session: aiohttp.ClientSession, writer: int, over: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        every_s = WRITERS / self._rate
        due_s = loop.time() + every_s * writer / WRITERS
        while not over.is_set():
            await asyncio.sleep(max(0.0, due_s - loop.time()))
            self._number += 1
            await self._written(session, self._number)
            due_s = max(due_s + every_s, loop.time() - every_s)

    async def _written(self, session: aiohttp.ClientSession, number: int) -> None:
        headers = {
            hdrs.AUTHORIZATION: basic_authorization(SERVER_ADMIN),
            "Idempotency-Key": f"campaign-{number}",
            hdrs.CONTENT_TYPE: "application/json",
        }
        team = addressee(number)
        told = {"text": f"{MARK.decode()}{number}.", "to_team_ids": None if team is None else [team], **AT}
        body = msgspec.json.encode({name: value for name, value in told.items() if value is not None})
        self.begun_s[number] = asyncio.get_running_loop().time()
        async with asyncio.timeout(ANSWERED_S_MAX):
            while True:
                try:
                    async with session.post(self._url, data=body, headers=headers) as response:
                        if response.status < 300:
                            self.acknowledged.add(number)
                            return
                        if response.status < 500:
                            raise AssertionError(f"{response.status}: {await response.text()}")
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(AGAIN_S)


class Reader:
    """One client of a feed: it goes on behind its last line whenever its connection ends."""

    def __init__(self, address: str, who: Who) -> None:
        """Nothing has been read yet."""
        self.address = address
        self.who = who
        self.lines: list[bytes] = []
        self.arrived_s: dict[int, float] = {}
        self.connections = 0

    async def read(self) -> None:
        """Read until this is cancelled."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5.0, sock_read=40.0)
        async with aiohttp.ClientSession(timeout=timeout, read_bufsize=LINE_BYTES_MAX) as session:
            while True:
                try:
                    await self._follow(session)
                except (aiohttp.ClientError, TimeoutError):
                    await asyncio.sleep(AGAIN_S)

    def lacks(self, numbers: AbstractSet[int]) -> set[int]:
        """Which of these writes, as far as they reach him, he has not read yet."""
        return {number for number in numbers - self.arrived_s.keys() if self.who.is_shown(number)}

    async def _follow(self, session: aiohttp.ClientSession) -> None:
        query = {"since_token": _decoder.decode(self.lines[-1]).token} if self.lines else {}
        async with session.get(feed_url(self.address), params=query, headers=headers_of(self.who.login)) as response:
            if response.status >= 500:
                await asyncio.sleep(AGAIN_S)
                return
            assert response.status == 200, f"{response.status}: {await response.text()}"
            self.connections += 1
            while line := await response.content.readline():
                if line.endswith(b"\n") and line != b"\n":
                    self._take(line)

    def _take(self, line: bytes) -> None:
        self.lines.append(line)
        begin = line.find(MARK)
        if begin >= 0:
            number = int(line[begin + len(MARK) : line.index(b".", begin)])
            self.arrived_s[number] = asyncio.get_running_loop().time()


def feed_url(address: str) -> str:
    """Where a server gives the feed."""
    return f"{address}/api/contests/{CONTEST_ID}/event-feed"


def headers_of(login: Login | None) -> Mapping[str, str]:
    """How somebody logs in."""
    return {} if login is None else {hdrs.AUTHORIZATION: basic_authorization(login)}
