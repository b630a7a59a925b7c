"""Clients that ask until they are answered, as good clients do, and note every answer that may never come.

A request is sent again when its answer was lost, or was "try again". This module must not know what is asked.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import aiohttp
import msgspec
from aiohttp import hdrs
from yarl import URL

from cds.live_play.client import IDEMPOTENCY_KEY, basic_authorization
from tests.cds.contest_api.serving import Answer, Login

ANSWER_S_MAX = 6.0
"""How long one attempt waits; a server that hangs on its database may take longer, and is asked again."""

AGAIN_S = 0.15
INSIST_S_MAX = 90.0
"""For how long one request is sent again, at most; nothing is away for so long."""

VIOLATIONS_MAX = 50
BODY_SHOWN_BYTES = 300

TRY_AGAIN = frozenset({HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS})
LOST = (aiohttp.ClientError, ConnectionError, TimeoutError)


class GaveUp(Exception):
    """There was no answer for very long, or the round has ended."""


class Findings:
    """What must not have been, in words, and how often other things were."""

    def __init__(self) -> None:
        self.violations: list[str] = []
        self.counts: Counter[str] = Counter()

    def found(self, violation: str) -> None:
        """Note what must not be, once: whoever insists sees the same again and again."""
        if violation not in self.violations and len(self.violations) < VIOLATIONS_MAX:
            self.violations.append(violation)


class Insistent:
    """Somebody with a login who asks one server through a bad network."""

    def __init__(self, session: aiohttp.ClientSession, base: str, findings: Findings, login: Login | None) -> None:
        """`base` is the base URL of the API, with a slash at its end."""
        self._session = session
        self.base = base
        self.findings = findings
        self.login = login
        self.headers: dict[str, str] = {}
        if login is not None:
            self.headers[hdrs.AUTHORIZATION] = basic_authorization(login)

    def other(self, login: Login | None) -> "Insistent":
        """Somebody else at the same place."""
        return Insistent(self._session, self.base, self.findings, login)

    @property
    def root(self) -> str:
        """The address of the server, without a slash at its end."""
        return self.base.removesuffix("/api/")

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        form: Callable[[int], object] | None = None,
    ) -> tuple[Answer, int]:
        """The answer, and how many attempts it took. `form` makes the body of an attempt by its number, from 1 on.

        Raises GaveUp.
        """
        sent = self.headers | dict(headers or {}) | ({} if key is None else {IDEMPOTENCY_KEY: key})
        more: dict[str, Any] = {}
        if body is not None:
            sent[hdrs.CONTENT_TYPE] = "application/json"
            more["data"] = msgspec.json.encode(body)
        deadline_s = asyncio.get_running_loop().time() + INSIST_S_MAX
        attempts = 0
        while asyncio.get_running_loop().time() < deadline_s:
            attempts += 1
            if form is not None:
                more["data"] = form(attempts)
            answer = await self._attempt(method, path, sent, more)
            if answer is not None:
                return answer, attempts
            await asyncio.sleep(AGAIN_S)
        self.findings.found(f"{method} {path}: no answer within {INSIST_S_MAX:g} s and {attempts} attempts")
        raise GaveUp

    async def json(self, path: str) -> Any:
        """The JSON of a GET that must succeed in the end. Raises GaveUp."""
        answer, _ = await self.ask("GET", path)
        if answer.status != HTTPStatus.OK:
            self.findings.found(f"GET {path} as {self.login}: {answer.status} {answer.body[:BODY_SHOWN_BYTES]!r}")
            raise GaveUp
        return answer.json

    async def attempt(self, method: str, path: str) -> Answer | None:
        """One attempt alone; None when it came to nothing."""
        return await self._attempt(method, path, self.headers, {})

    async def _attempt(
        self, method: str, path: str, headers: Mapping[str, str], more: Mapping[str, Any]
    ) -> Answer | None:
        """The answer, None when it is lost or says that one should try again."""
        counts = self.findings.counts
        counts["attempts"] += 1
        timeout = aiohttp.ClientTimeout(total=ANSWER_S_MAX)
        url = URL(path if "://" in path else self.base + path, encoded=True)
        try:
            async with self._session.request(
                method, url, headers=headers, timeout=timeout, allow_redirects=False, **more
            ) as response:
                answer = Answer(response.status, response.headers, await response.read())
        except LOST:
            counts["answers lost"] += 1
            return None
        if answer.status in TRY_AGAIN or _is_again_of_league(path, answer):
            counts["try again"] += 1
            if hdrs.RETRY_AFTER not in answer.headers:
                self.findings.found(f"{method} {path}: {answer.status} without Retry-After")
            return None
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self.findings.found(f"{method} {path}: {answer.status} {answer.body[:BODY_SHOWN_BYTES]!r}")
            return None
        return answer


def _is_again_of_league(path: str, answer: Answer) -> bool:
    """The contract of the League of Code has 500 where the database is away; ours says when to ask again."""
    return answer.status == HTTPStatus.INTERNAL_SERVER_ERROR and "/v1/" in path and hdrs.RETRY_AFTER in answer.headers
