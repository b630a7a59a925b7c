"""Those who write over the League of Code API, to the students and by syncing a platform, and note acknowledgements.

These APIs know no Idempotency-Key. Whoever has lost an answer asks again and is told that it is so already: that is
allowed only then. This module must not know what is broken meanwhile.
"""

import asyncio
from http import HTTPStatus
from itertools import count

from cds.circumstances import SYSTEM
from cds.loc_api.dates import shown_date
from tests.cds.contest_api.serving import Answer
from tests.faults.insisting import BODY_SHOWN_BYTES, GaveUp, Insistent
from tests.faults.record import Record
from tests.platform_servers.platforms import PlatformServers

PAUSE_S = 0.1
PASSWORD = "mypassword"
MATCH = "faults-match"
HOUR_MS = 3_600_000
PLAYERS_MAX = 12
STUDENTS_MAX = 60


class OtherWriters:
    """What those who write beside contests have in common."""

    def __init__(self, record: Record, over: asyncio.Event, platforms: PlatformServers) -> None:
        """They write until it is `over`; what has been begun is brought to its end."""
        self.record = record
        self.over = over
        self.platforms = platforms
        self.players: dict[str, str] = {}
        """The tokens of those who have joined the match, by name."""

    async def play_league(self, anybody: Insistent, password: str) -> None:
        """A match, players who sign up and join it, and a description that grows."""
        login = {"username": "admin", "password": password}
        administrator = await self._token(anybody, login)
        now_ms = SYSTEM.now_us() // 1_000
        match = {
            "token": administrator,
            "title": "Match",
            "slug": MATCH,
            "short-description": "0",
            "long-description": "Long",
            "start-date": shown_date(now_ms + HOUR_MS),
            "end-date": shown_date(now_ms + 2 * HOUR_MS),
            "min-members": 1,
            "max-members": 3,
            "is-visible": True,
        }
        await self._done(anybody, "POST", "/v1/admin/match", match, HTTPStatus.CREATED)
        for number in range(1, PLAYERS_MAX + 1):
            if self.over.is_set():
                return
            await self._join(anybody, f"player{number}")
            changed = {"token": administrator, "match": MATCH, "short-description": str(number)}
            await self._done(anybody, "PUT", "/v1/admin/match", changed, HTTPStatus.OK)
            await self.record.acknowledge("description", str(number), MATCH)
            await asyncio.sleep(PAUSE_S)

    async def _join(self, anybody: Insistent, name: str) -> None:
        account = {"username": name, "email": f"{name}@example.com", "password": PASSWORD}
        await self._done(anybody, "POST", "/v1/account/signup", account, HTTPStatus.CREATED)
        await self.record.acknowledge("player", name, name)
        token = await self._token(anybody, {"username": name, "password": PASSWORD})
        await self._done(anybody, "POST", "/v1/match/join", {"token": token, "match": MATCH}, HTTPStatus.OK)
        await self.record.acknowledge("joined", name, MATCH)
        self.players[name] = token
        looking = {"token": token, "match": MATCH, "lfg": True}
        await self._done(anybody, "POST", "/v1/parties/lfg", looking, HTTPStatus.OK)
        await self.record.acknowledge("looking", name, MATCH)

    async def _token(self, anybody: Insistent, login: dict[str, str]) -> str:
        answer = await self._done(anybody, "POST", "/v1/account/login", login, HTTPStatus.OK)
        token: str = answer.json["data"]["token"]
        return token

    async def _done(self, who: Insistent, method: str, path: str, body: object, status: int) -> Answer:
        """Ask until it is done; 409 says that it was done before, by an attempt whose answer was lost."""
        answer, attempts = await who.ask(method, who.root + path, body)
        again = answer.status == HTTPStatus.CONFLICT and attempts > 1
        if answer.status != status and not again:
            who.findings.found(f"{method} {path} in attempt {attempts}: {answer.status} {_shown(answer)}")
            raise GaveUp
        return answer

    async def enter_students(self, administrator: Insistent) -> None:
        """Students, each of whom gets a number for a name that grows."""
        for number in range(STUDENTS_MAX):
            if self.over.is_set():
                return
            handle = f"handle{number}"
            self.record.ask("student", handle)
            body = {
                "name": "0",
                "email": f"{handle}@example.org",
                "phoneNo": f"+375 17 555-{number:04}",
                "codeforcesHandle": handle,
            }
            answer, attempts = await administrator.ask("POST", "students", body)
            if answer.status == HTTPStatus.CREATED:
                identifier = answer.json["_id"]
            elif answer.status in (HTTPStatus.CONFLICT, HTTPStatus.BAD_REQUEST) and attempts > 1:
                identifier = await self._student_of(administrator, handle)
            else:
                administrator.findings.found(f"POST students: {answer.status} {_shown(answer)}")
                return
            await self.record.acknowledge("student", handle, identifier)
            changed, _ = await administrator.ask("PUT", f"students/{identifier}", {"name": str(number)})
            if changed.status != HTTPStatus.OK:
                administrator.findings.found(f"PUT students: {changed.status} {_shown(changed)}")
                return
            await self.record.acknowledge("student name", handle, identifier, {"name": str(number)})
            await asyncio.sleep(PAUSE_S)

    async def _student_of(self, administrator: Insistent, handle: str) -> str:
        found = [each["_id"] for each in await administrator.json("students") if each["codeforcesHandle"] == handle]
        if len(found) != 1:
            administrator.findings.found(f"{handle} is {len(found)} students after it was refused as one too many")
            raise GaveUp
        identifier: str = found[0]
        return identifier

    async def sync(self, administrator: Insistent) -> None:
        """Syncs of a platform on which a contest gets another name each time."""
        contest = self.platforms.codeforces.contests[-1]
        for number in count(1):
            if self.over.is_set():
                return
            contest["name"] = f"Renamed {number}"
            path = f"{administrator.root}/contests/sync/codeforces"
            answer, _ = await administrator.ask("POST", path, {"forceSync": True})
            if answer.status != HTTPStatus.OK:
                administrator.findings.found(f"sync: {answer.status} {_shown(answer)}")
                return
            # Another run may be going on still, whose answer was lost.
            if not answer.json.get("skipped"):
                await self.record.acknowledge("sync", str(number), f"codeforces-{contest['id']}")
            await asyncio.sleep(PAUSE_S * 3)


def _shown(answer: Answer) -> str:
    return repr(answer.body[:BODY_SHOWN_BYTES])
