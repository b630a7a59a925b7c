"""Asking two servers the same as the same somebody, and naming whatever differs.

Tokens are encrypted and may differ in their text, not in number and length; nor may anything else. This module must not
know which requests there are.
"""

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus

from aiohttp import hdrs

from tests.cds.contest_api.board_streams import EVENT_STREAM, following
from tests.cds.contest_api.serving import CHANGING_HEADERS, Answer, Caller
from tests.leaks.asked import Asked

TOKEN = re.compile(rb'("token":"|"party-token":"|^id: ?)([^"\n]+)', re.MULTILINE)
"""Tokens in lines of a feed and in server-sent events, and those by which one joins a party."""

RETRY = re.compile(rb"^retry: ?\d+", re.MULTILINE)
"""How long a reader is asked to wait before it comes again, which is left to chance."""

Headers = Mapping[str, str]
NONE: Headers = {}

Compared = tuple[int, tuple[tuple[str, str], ...], bytes]


def observable(answer: Answer) -> Compared:
    """All of an answer that may tell something."""
    headers = tuple(sorted((name, value) for name, value in answer.headers.items() if name not in CHANGING_HEADERS))
    ids = tuple(("X-Request-ID", str(len(value))) for name, value in answer.headers.items() if name == "X-Request-ID")
    body = TOKEN.sub(lambda found: found[1] + b"." * len(found[2]), RETRY.sub(b"retry:", answer.body))
    return answer.status, headers + ids, body


class Pair:
    """The same somebody on both servers. `leaks` names what differed, `asked` counts what was compared."""

    def __init__(self, one: Caller, other: Caller) -> None:
        self._one, self._other = one, other
        self.leaks: list[str] = []
        self.asked = 0
        self.statuses: set[int] = set()

    async def ask_all(self, requests: Iterable[Asked], own: tuple[Headers, Headers] = ({}, {})) -> None:
        """Each request of both, with headers that each has for itself."""
        for asked in requests:
            answers = await asyncio.gather(self._ask(self._one, asked, own[0]), self._ask(self._other, asked, own[1]))
            self.compare(asked.named, answers[0], answers[1])

    async def log_in(self, path: str, body: bytes) -> tuple[str, str] | None:
        """The login data that both give for a form, which must be of one length."""
        asked = Asked("POST", path, ((hdrs.CONTENT_TYPE, "application/x-www-form-urlencoded"),), body)
        answers = [await self._ask(caller, asked) for caller in (self._one, self._other)]
        given = [answer.json["login_data"] for answer in answers if answer.status == HTTPStatus.OK]
        if len(given) < 2 or len(given[0]) != len(given[1]):
            self.leaks.append(f"POST {path}: {[answer.status for answer in answers]}, {[len(each) for each in given]}")
            return None
        return given[0], given[1]

    async def ask_with_own(self, path: str, tokens: tuple[str, str]) -> None:
        """A request with a token that each got itself; `path` ends where the token stands."""
        answers = await asyncio.gather(
            self._ask(self._one, Asked("GET", path + tokens[0])), self._ask(self._other, Asked("GET", path + tokens[1]))
        )
        self.compare(f"GET {path}…", answers[0], answers[1])

    async def tokens(self, path: str) -> list[tuple[str, str]]:
        """The tokens of a feed on both, line by line."""
        asked = Asked("GET", path)
        feeds = await asyncio.gather(self._ask(self._one, asked), self._ask(self._other, asked))
        found: Sequence[list[str]] = [[each[1].decode() for each in TOKEN.findall(feed.body)] for feed in feeds]
        if len(found[0]) != len(found[1]):
            self.leaks.append(f"{path}: {len(found[0])} tokens, {len(found[1])} tokens")
        return list(zip(*found, strict=False))

    async def ask_again(self, path: str) -> None:
        """With the entity tag of the one, of both: what the one has already, the other has too."""
        first = await self._ask(self._one, Asked("GET", path))
        tag = first.headers.get(hdrs.ETAG)
        if tag is not None:
            asked = Asked("GET", path, ((hdrs.IF_NONE_MATCH, tag),))
            await self.ask_all([asked])

    async def follow_board(self, path: str) -> None:
        """The first event of a scoreboard that is followed, and the headers before it."""
        events = []
        for caller in (self._one, self._other):
            async with following(caller, str(caller.url("").origin()) + path) as board:
                event = await board.event()
                headers = dict(board.response.headers)
                body = f"{event.kind}\n{event.identifier}\n{event.data}".encode()
                events.append(Answer(board.response.status, headers, body))
        self.compare(f"GET {path} as {EVENT_STREAM}", events[0], events[1])

    def compare(self, named: str, one: Answer, other: Answer) -> None:
        """Note where two answers differ, and that a server has failed."""
        self.asked += 1
        self.statuses.add(one.status)
        if max(one.status, other.status) >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self.leaks.append(f"{named}: answered {one.status} and {other.status}")
            return
        seen, seen_other = observable(one), observable(other)
        if seen != seen_other:
            self.leaks.append(f"{named}: {difference(seen, seen_other)}")

    async def _ask(self, caller: Caller, asked: Asked, own: Headers = NONE) -> Answer:
        root = str(caller.url("").origin())
        headers = {**dict(asked.headers), **own}
        return await caller.ask(asked.method, root + asked.path, headers=headers, data=asked.body)


def difference(one: Compared, other: Compared) -> str:
    """Where two answers differ, in words."""
    if one[0] != other[0]:
        return f"status {one[0]}, {other[0]}: {one[2][:120]!r}, {other[2][:120]!r}"
    if one[1] != other[1]:
        return f"headers {sorted(set(one[1]) ^ set(other[1]))}"
    shorter = min(len(one[2]), len(other[2]))
    at = next((n for n, pair in enumerate(zip(one[2], other[2], strict=False)) if pair[0] != pair[1]), shorter)
    begin = max(0, at - 80)
    return f"body from byte {at} on: {one[2][begin : at + 300]!r}, {other[2][begin : at + 300]!r}"
