"""Requests to a contest server: sent again while that is harmless, and answered or refused in one line.

A submission that may have arrived is never sent twice. This module must not know either API.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TypeAlias, TypeVar

import aiohttp
import msgspec
from aiohttp import hdrs
from yarl import URL

from cds.dialects.results import one_line
from cds.live_play.client import retry_after_s
from cds.submitting.work import NotSubmitted

ATTEMPTS_MAX = 6
RETRY_WAIT_S = 0.25
RETRY_WAIT_S_MAX = 10.0
ANSWER_S_MAX = 60.0
ANSWER_BYTES_MAX = 64 * 1024 * 1024

BUSY = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
"""The server has not looked at the request; the same may be asked again, whatever it was."""

AWAY = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT})
"""Nobody knows what became of the request."""

Read = TypeVar("Read")
Body: TypeAlias = bytes | aiohttp.FormData


class Answer(msgspec.Struct, frozen=True):
    """What the server said."""

    status: int
    body: bytes

    @property
    def good(self) -> bool:
        """Whether it was done."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    def like(self, shape: type[Read]) -> Read | None:
        """The body, None where it is not of this shape."""
        try:
            return msgspec.json.decode(self.body, type=shape)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None

    def read(self, shape: type[Read], what: str) -> Read:
        """The body of a good answer. Raises NotSubmitted for any other, and for one that is not of this shape."""
        if not self.good:
            raise self.refusal(what)
        found = self.like(shape)
        if found is None:
            raise NotSubmitted(f"{what}: the server's answer cannot be understood")
        return found

    def refusal(self, what: str) -> NotSubmitted:
        """The refusal that the answer is, in the server's own words where it has any."""
        said = self.like(_Refusal)
        words = [each for each in (said.message, said.error, said.details) if each] if said is not None else []
        return NotSubmitted(one_line(f"{what}: {' '.join(words) or _phrase(self.status)}"))


class _Refusal(msgspec.Struct, frozen=True):
    """The bodies of errors of both APIs."""

    message: str | None = None
    error: str | None = None
    details: str | None = None


class Asker:
    """Asks servers."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def get(self, url: str, headers: Mapping[str, str], *, patient: bool = True) -> Answer:
        """The answer to a GET, asked again while the server is busy or (if `patient`) away. Raises NotSubmitted."""
        for attempt in range(1, ATTEMPTS_MAX + 1):
            try:
                answer, wait_s = await self._ask(hdrs.METH_GET, url, headers, None)
            except (aiohttp.ClientError, TimeoutError) as error:
                if attempt == ATTEMPTS_MAX or not patient:
                    raise _unreachable(url, error) from error
                wait_s = None
            else:
                if answer.status not in BUSY | AWAY or attempt == ATTEMPTS_MAX:
                    return answer
            await asyncio.sleep(_pause_s(attempt, wait_s))
        raise AssertionError("the last attempt returns or raises")

    async def post(self, url: str, headers: Mapping[str, str], body: Callable[[], Body], what: str) -> Answer:
        """The answer to a POST of what `body` makes, sent again only while the server says it was too busy for it.

        `what` names it in messages. Raises NotSubmitted, which says so where nobody knows whether it has arrived.
        """
        for attempt in range(1, ATTEMPTS_MAX + 1):
            try:
                answer, wait_s = await self._ask(hdrs.METH_POST, url, headers, body())
            except aiohttp.ClientConnectorError as error:
                raise _unreachable(url, error) from error
            except (aiohttp.ClientError, TimeoutError) as error:
                lost = f"the connection was lost ({str(error) or type(error).__name__})"
                raise NotSubmitted(one_line(f"{what}: {lost}; it may have arrived")) from error
            if answer.status in AWAY:
                raise NotSubmitted(f"{what}: {_phrase(answer.status)}; it may have arrived")
            if answer.status not in BUSY or attempt == ATTEMPTS_MAX:
                return answer
            await asyncio.sleep(_pause_s(attempt, wait_s))
        raise AssertionError("the last attempt returns or raises")

    async def _ask(
        self, method: str, url: str, headers: Mapping[str, str], body: Body | None
    ) -> tuple[Answer, float | None]:
        """The answer, and how long the server asks to wait."""
        address = URL(url, encoded=True)
        # A redirection could carry the password to another place, so none is followed.
        async with self._session.request(
            method, address, headers=headers, data=body, allow_redirects=False
        ) as response:
            return Answer(response.status, await _body(response)), retry_after_s(response.headers.get(hdrs.RETRY_AFTER))


@asynccontextmanager
async def asking(trusted: ssl.SSLContext | None) -> AsyncIterator[Asker]:
    """Somebody to ask servers, for the length of the block; `trusted` certificates, None: those of the system."""
    timeout = aiohttp.ClientTimeout(total=ANSWER_S_MAX)
    connector = aiohttp.TCPConnector() if trusted is None else aiohttp.TCPConnector(ssl=trusted)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        yield Asker(session)


async def _body(response: aiohttp.ClientResponse) -> bytes:
    taken = bytearray()
    async for chunk in response.content.iter_any():
        taken += chunk
        if len(taken) > ANSWER_BYTES_MAX:
            raise NotSubmitted(f"the answer is larger than {ANSWER_BYTES_MAX} bytes")
    return bytes(taken)


def _unreachable(url: str, error: Exception) -> NotSubmitted:
    return NotSubmitted(one_line(f"{url} cannot be reached: {str(error) or type(error).__name__}"))


def _pause_s(attempt: int, asked_for_s: float | None) -> float:
    return min(asked_for_s or RETRY_WAIT_S * 2**attempt, RETRY_WAIT_S_MAX)


def _phrase(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"status {status}"
