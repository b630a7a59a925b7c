"""Asking platforms: the shell around the conversations of the adapters.

It carries a question to its host at a pace that the host bears, asks again after failures that may pass, and reads no
more than an answer may have. This module must not know what any answer means.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from inspect import GEN_RUNNING, getgeneratorstate
from typing import Generic, TypeVar

import aiohttp
import structlog
from aiohttp import hdrs
from yarl import URL

from cds import connection_failures, metrics
from cds.connection_failures import REDIRECTS, Reasons, words_for
from cds.platforms.host_limiter import HostBusy, HostLimiter, Turns
from cds.platforms.questions import Asking, HostName, PlatformFailed, Question, Reply
from cds.platforms.settings import PlatformSettings

BODY_BYTES_MAX = 32 * 1024 * 1024
"""The largest answer that is read, decompressed (upstream-formats.md §5)."""

REDIRECTS_MAX = 3
CONNECTIONS_MAX = 4
"""Connections to one host at the same time."""

CONNECT_S_MAX = 10.0

RETRY_AFTER_S_MAX = 60.0
"""A host that wants to be left alone for longer has failed for now: somebody waits for what we have asked."""

PATIENCE_S = 120.0
"""For so long a question waits for its turn at most: for those that are before it, or because the host wants it."""

JITTER = 0.25
"""By so much of itself at most a pause is longer than it is said to be, so that not all come again at once."""

BYTES_ON_THE_LOOP_MAX = 64 * 1024
"""Larger answers are understood in a thread, so that everybody else is served meanwhile."""

ANSWERS_TOLD_EVERY = 20
"""A conversation that is so long is told of in the log, again and again: it may take minutes."""

REASONS: Reasons = (
    (aiohttp.ClientPayloadError, "the answer was cut short"),
    *connection_failures.REASONS,
    (aiohttp.InvalidURL, "its URL is none"),
    (Exception, "the connection broke"),
)
"""Why asking came to nothing, the more particular first."""

T = TypeVar("T")

log = structlog.get_logger(__name__)


class PlatformClient:
    """Conversations with platforms, at most as many requests at once as their limiters let through."""

    def __init__(self, settings: PlatformSettings, version: str, turns: Turns) -> None:
        """Nothing is opened before something is asked. `version` is ours, which hosts are told.

        `turns` are those of all processes that ask the same hosts: the store's.
        """
        self.requests: Counter[HostName] = Counter()
        """How many requests have been made, by host."""
        self._settings = settings
        contact = f" (+{settings.contact})" if settings.contact else ""
        self._user_agent = f"contest-data-server/{version}{contact}"
        self._turns = turns
        self._limiters: dict[HostName, HostLimiter] = {}
        self._opened: aiohttp.ClientSession | None = None

    async def carry_out(
        self,
        asking: Asking[T],
        heard: Callable[[Question, Reply], None] | None = None,
        *,
        patience_s: float = PATIENCE_S,
    ) -> T:
        """What a conversation comes to; `heard` is told of every answer. Raises PlatformFailed and StoreUnavailable.

        A question whose turn at the host comes later than in `patience_s` seconds fails at once (`limited`), so that
        no more can wait than have their turns by then.
        """
        answers = 0
        try:
            step = await _stepped(asking, None)
            while isinstance(step, Question):
                reply = await self._answer(step, patience_s)
                answers += 1
                if heard is not None:
                    heard(step, reply)
                if answers % ANSWERS_TOLD_EVERY == 0:
                    log.info("platform_goes_on", host=step.host, path=step.path, answers=answers)
                step = await _stepped(asking, reply)
            return step.result
        finally:
            # Cancelled while a thread understands an answer: the conversation ends with that step.
            if getgeneratorstate(asking) != GEN_RUNNING:
                asking.close()

    async def close(self) -> None:
        """Close all connections."""
        session, self._opened = self._opened, None
        if session is not None:
            await session.close()

    async def _answer(self, question: Question, patience_s: float) -> Reply:
        """A reply that is an answer, after as many attempts as there may be. Raises PlatformFailed."""
        limiter, attempts = self._limiter(question.host), max(self._settings.attempts, 1)
        for attempt in range(1, attempts + 1):
            try:
                reply = await self._ask(question, limiter, patience_s)
                await _checked(question, reply)
                metrics.PLATFORM_REQUESTS.labels(question.host, "answered").inc()
                return reply
            except PlatformFailed as failed:
                metrics.PLATFORM_REQUESTS.labels(question.host, failed.kind).inc()
                wanted_s = failed.retry_after_s or 0.0
                if wanted_s:
                    await limiter.leave_alone(min(wanted_s, RETRY_AFTER_S_MAX))
                last = failed.permanent or attempt == attempts or wanted_s > RETRY_AFTER_S_MAX
                log.warning(
                    "platform_failed_to_answer",
                    host=question.host,
                    path=question.path,
                    attempt=attempt,
                    reason=failed.reason,
                    kind=failed.kind,
                    asked_again=not last,
                )
                if last:
                    raise
                await asyncio.sleep(max(self._pause_s(attempt), wanted_s))
        raise AssertionError("the last attempt returns or raises")

    def _pause_s(self, attempt: int) -> float:
        return self._settings.backoff_s * attempt * (1 + JITTER * random.random())  # noqa: S311 - no secret

    async def _ask(self, question: Question, limiter: HostLimiter, patience_s: float) -> Reply:
        """One attempt: a request, and more where the host redirects within itself. Raises PlatformFailed."""
        url = _url(question, self._settings.base_url(question.host))
        for _ in range(REDIRECTS_MAX + 1):
            await _turn(question, limiter, patience_s)
            reply = await self._request(question, url)
            location = reply.headers.get("location")
            if reply.status not in REDIRECTS or location is None:
                return reply
            url = _redirected(question, url, location)
        raise PlatformFailed(f"{question.host}: redirects more than {REDIRECTS_MAX} times", kind="redirected")

    async def _request(self, question: Question, url: URL) -> Reply:
        host, total_s = question.host, self._settings.total_s(question.total_s)
        self.requests[host] += 1
        began_s = asyncio.get_running_loop().time()
        try:
            async with (
                asyncio.timeout(total_s),
                self._session().request(
                    question.method, url, headers=dict(question.headers), data=question.body, allow_redirects=False
                ) as response,
            ):
                headers = {name.lower(): value for name, value in response.headers.items()}
                reply = Reply(status=response.status, headers=headers, body=await _body(host, response))
        except TimeoutError as error:
            raise PlatformFailed(f"{host}: no whole answer within {total_s:g} s", kind="timeout") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise PlatformFailed(f"{host}: {_reason_of(error)}", kind="unreachable") from error
        log.debug(
            "platform_asked",
            host=host,
            path=question.path,
            status=reply.status,
            size_bytes=len(reply.body),
            seconds=round(asyncio.get_running_loop().time() - began_s, 3),
        )
        return reply

    def _limiter(self, host: HostName) -> HostLimiter:
        known = self._limiters.get(host)
        if known is None:
            clock = asyncio.get_running_loop().time
            interval_s = self._settings.host_interval_s(host)
            known = self._limiters[host] = HostLimiter(host, interval_s, self._turns, clock)
        return known

    def _session(self) -> aiohttp.ClientSession:
        if self._opened is None:
            self._opened = aiohttp.ClientSession(
                # Between two requests to a host a kept connection would often be closed by it, which costs an attempt.
                connector=aiohttp.TCPConnector(limit_per_host=CONNECTIONS_MAX, force_close=True),
                middlewares=(_only_once,),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S_MAX),
                headers={hdrs.USER_AGENT: self._user_agent},
                trust_env=False,
            )
        return self._opened


class _Broken(aiohttp.ClientError):
    """A connection that could not be made or broke; the text says why."""


async def _only_once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """A middleware: aiohttp would ask again by itself after these errors, behind the back of the limiter."""
    try:
        return await handler(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _Broken(_reason_of(error)) from error


class _Done(Generic[T]):
    """The end of a conversation, and what it came to."""

    def __init__(self, result: T) -> None:
        self.result = result


async def _stepped(asking: Asking[T], reply: Reply | None) -> Question | _Done[T]:
    """The next question of a conversation, or its end."""

    def step() -> Question | _Done[T]:
        try:
            return next(asking) if reply is None else asking.send(reply)
        except StopIteration as ended:
            return _Done(ended.value)

    return await _understood(step, reply)


async def _checked(question: Question, reply: Reply) -> None:
    await _understood(lambda: question.check(reply), reply)


async def _understood(understand: Callable[[], T], reply: Reply | None) -> T:
    """What somebody makes of a reply: in a thread where that takes long."""
    if reply is None or len(reply.body) <= BYTES_ON_THE_LOOP_MAX:
        return understand()
    return await asyncio.to_thread(understand)


async def _turn(question: Question, limiter: HostLimiter, patience_s: float) -> None:
    """Wait for a turn at the host. Raises PlatformFailed where that would take too long."""
    try:
        await limiter.turn(patience_s)
    except HostBusy as busy:
        raise PlatformFailed(f"{question.host}: {busy}", kind="limited", permanent=True) from busy


async def _body(host: HostName, response: aiohttp.ClientResponse) -> bytes:
    """The whole body. Raises PlatformFailed for one that is too large, as early as that is known."""
    if (response.content_length or 0) > BODY_BYTES_MAX:
        raise PlatformFailed(_too_large(host), kind="too_large", permanent=True)
    pieces, size_bytes = [], 0
    async for piece in response.content.iter_any():
        pieces.append(piece)
        size_bytes += len(piece)
        if size_bytes > BODY_BYTES_MAX:
            raise PlatformFailed(_too_large(host), kind="too_large", permanent=True)
    return b"".join(pieces)


def _too_large(host: HostName) -> str:
    return f"{host}: an answer of more than {BODY_BYTES_MAX} bytes"


def _url(question: Question, base_url: str) -> URL:
    try:
        return URL(base_url + question.path).update_query(question.query)
    except ValueError as error:
        raise PlatformFailed(f"{question.host}: its URL is none", kind="unreachable", permanent=True) from error


def _redirected(question: Question, url: URL, location: str) -> URL:
    """Where a redirect within the host leads. Raises PlatformFailed for any other."""
    try:
        target = url.join(URL(location))
    except ValueError as error:
        raise PlatformFailed(f"{question.host}: redirects to what is no URL", kind="redirected") from error
    if question.method != "GET" or (target.host, _is_like(url, target)) != (url.host, True):
        raise PlatformFailed(f"{question.host}: redirects elsewhere", kind="redirected", permanent=True)
    return target


def _is_like(url: URL, target: URL) -> bool:
    """Whether scheme and port are the same, or the usual ones of HTTPS in the place of those of HTTP."""
    if (target.scheme, target.port) == (url.scheme, url.port):
        return True
    return target.scheme == "https" and target.is_default_port() and url.is_default_port()


def _reason_of(error: Exception) -> str:
    """Why asking came to nothing, in words; never the text of the error, which may hold a URL."""
    if isinstance(error, _Broken):
        return str(error)
    return words_for(error, REASONS)
