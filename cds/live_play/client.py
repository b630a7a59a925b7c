"""The HTTP client of a play: sends a request until it is answered, safely.

A POST carries an Idempotency-Key, so that sending it again does nothing twice; the other methods are idempotent. This
module must not know what is played.
"""

import asyncio
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TypeVar

import aiohttp
import msgspec
from aiohttp import hdrs
from yarl import URL

from cds.circumstances import SystemCircumstances

CONCURRENT_MAX = 192
"""Requests that are under way at once."""

PATIENCE_S = 120.0
"""For how long one request is sent again: a contest outlives the restart of a database, and of its machine."""

RETRY_WAIT_S = 0.25
RETRY_WAIT_S_MAX = 4.0
RETRY_AFTER_S_MAX = 30.0
"""How long it waits between two attempts of its own accord, and where the server asks for more."""

ANSWER_S_MAX = 60.0
REASON_CHARACTERS_MAX = 300

TRY_AGAIN = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})

IDEMPOTENCY_KEY = "Idempotency-Key"

Login = tuple[str, str]
"""User name and password."""

Read = TypeVar("Read")


class PlayFailed(Exception):
    """The play cannot go on; the message is one line and names the request."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the server said. `request` names what was asked, for messages."""

    request: str
    status: int
    body: bytes

    @property
    def good(self) -> bool:
        """Whether it was done."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def failure(self) -> PlayFailed:
        """The failure that the answer tells of."""
        try:
            reason = msgspec.json.decode(self.body, type=_Error).message
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            reason = self.body.decode(errors="replace")
        return PlayFailed(f"{self.request}: {self.status}: {' '.join(reason.split())[:REASON_CHARACTERS_MAX]}")

    def read(self, shape: type[Read]) -> Read:
        """The body of a good answer. Raises PlayFailed for any other, and for a body that is not like `shape`."""
        if not self.good:
            raise self.failure
        try:
            return msgspec.json.decode(self.body, type=shape)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise PlayFailed(f"{self.request}: the answer cannot be read: {error}") from error


class _Error(msgspec.Struct, frozen=True):
    message: str


class PlayClient:
    """Speaks with one server; keeps count of what had to be sent again."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str, circumstances: SystemCircumstances) -> None:
        """A client of the server whose API is at `base_url`."""
        self._session = session
        self._base_url = base_url.rstrip("/")
        self._circumstances = circumstances
        self.retries = 0

    async def send(
        self, method: str, path: str, login: Login, body: bytes | None = None, *, patience_s: float | None = None
    ) -> Answer:
        """Ask until there is an answer other than "try again", or `patience_s` are over (None: PATIENCE_S).

        With a patience of 0 it is asked once. Raises PlayFailed where there was no answer in the end.
        """
        headers: dict[str, str] = {hdrs.AUTHORIZATION: basic_authorization(login)}
        if body is not None:
            headers[hdrs.CONTENT_TYPE] = "application/json"
        if method == hdrs.METH_POST:
            headers[IDEMPOTENCY_KEY] = str(self._circumstances.batch_id())
        request = f"{method} {path} as {login[0]}"
        deadline_s = time.monotonic() + (PATIENCE_S if patience_s is None else patience_s)
        retry_wait_s = RETRY_WAIT_S
        while True:
            try:
                answer, wait_s = await self._ask(request, headers, body)
            except (aiohttp.ClientError, TimeoutError) as error:
                if time.monotonic() >= deadline_s:
                    raise PlayFailed(f"{request}: {str(error) or type(error).__name__}") from error
                wait_s = None
            else:
                if answer.status not in TRY_AGAIN or time.monotonic() >= deadline_s:
                    return answer
            self.retries += 1
            # At least what the server asks for, and longer each time: it does not know how long it will be away.
            retry_wait_s = min(2 * retry_wait_s, RETRY_WAIT_S_MAX)
            await asyncio.sleep(max(retry_wait_s, min(wait_s or 0.0, RETRY_AFTER_S_MAX)))

    async def _ask(self, request: str, headers: Mapping[str, str], body: bytes | None) -> tuple[Answer, float | None]:
        """The answer, and how long the server asks to wait."""
        method, path, _ = request.split(" ", 2)
        url = URL(self._base_url + path, encoded=True)
        async with self._session.request(method, url, headers=headers, data=body, allow_redirects=False) as response:
            answer = Answer(request=request, status=response.status, body=await response.read())
            return answer, retry_after_s(response.headers.get(hdrs.RETRY_AFTER))


def basic_authorization(login: Login) -> str:
    """The value of the Authorization header (RFC 7617)."""
    return "Basic " + b64encode(":".join(login).encode()).decode()


def retry_after_s(header: str | None) -> float | None:
    """Seconds of a Retry-After header; None where there is none or it names a date."""
    return float(header) if header is not None and header.isascii() and header.isdecimal() else None


@asynccontextmanager
async def connected(base_url: str, circumstances: SystemCircumstances) -> AsyncIterator[PlayClient]:
    """A client for the length of the block."""
    timeout = aiohttp.ClientTimeout(total=ANSWER_S_MAX)
    connector = aiohttp.TCPConnector(limit=CONCURRENT_MAX)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        yield PlayClient(session, base_url, circumstances)
