"""The upstream: the other server, how it is asked, and whether it is there.

Whoever asks through a relay is a stranger to the upstream: nobody is logged in by the relay's own address, and the
relay says for whom it asks. This module knows HTTP; it must not know what is done with answers.
"""

import asyncio
import secrets
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from http import HTTPStatus

import aiohttp
import msgspec
import structlog
from aiohttp import hdrs
from yarl import URL

from cds import metrics
from cds.contest_api.metadata import PROVIDER_NAME
from cds.operations.request_marks import REQUEST_ID_HEADER
from cds.relay.limits import (
    ANSWERS_AT_ONCE_MAX,
    ASKED_AT_ONCE_MAX,
    READ_BYTES_MAX,
    SLOT_S_MAX,
    WRITE_S_MAX,
    WRITES_AT_ONCE_MAX,
    WRITES_OF_ADDRESS_MAX,
    RelayLimits,
)
from cds.relay.slots import NoSlot, Slots

NOBODYS_PAGE = "null"
"""The origin of a page that has none (RFC 6454, section 7). What such a page asks for without credentials is answered
as to the public, also where the address of the one who connects would log them in (`--auto-login`)."""

AWAY_STATUSES = frozenset((HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT))
"""What says that nobody can answer at the moment."""

FEED_WANTED: Mapping[str, str] = {hdrs.ACCEPT: "application/x-ndjson"}
FAILURES = (aiohttp.ClientError, TimeoutError, OSError)

NOTHING_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
"""Nobody was there, so what was asked has certainly not been done."""

NOBODY_WAITS: AbstractAsyncContextManager[object] = nullcontext()

log = structlog.get_logger(__name__)


class Unreachable(Exception):
    """The upstream does not answer, or not now; the text, if there is one, is for the client."""


class Busy(Unreachable):
    """So much is under way here that nothing more is asked of the upstream."""

    def __init__(self) -> None:
        """What is told of it."""
        super().__init__("too many requests are being passed on; try again")


class UpstreamRefused(OSError):
    """The upstream is none that can be relayed; the text says why."""


class Refusal(Exception):
    """What the upstream answered in the place of what was asked for. It is passed on."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """An answer with a status other than 200."""
        super().__init__(f"the upstream answered {status}")
        self.status = status
        self.headers = headers
        self.body = body


class Asker(msgspec.Struct, frozen=True, kw_only=True):
    """For whom the upstream is asked: the Authorization header that was brought, and the way that the request came.

    `forwarded_for` and `via` are lists as they stand in the headers; these and `request_id` are empty where the relay
    asks of its own accord. `further` are headers that stand in the request, `lasting` those of them that stand in what
    is asked later, too. `alone`: what is answered is good for nobody else, also not for who comes with the same
    Authorization. `apart`: what tells those from each other who come with the same, but may be told something else.
    """

    authorization: str | None
    request_id: str = ""
    forwarded_for: str = ""
    via: str = ""
    further: Mapping[str, str] = {}
    lasting: Mapping[str, str] = {}
    alone: bool = False
    apart: str = ""

    def later(self) -> "Asker":
        """The same, for whom the relay asks on of its own accord, when the request is long past."""
        return Asker(
            authorization=self.authorization,
            further=self.lasting,
            lasting=self.lasting,
            alone=self.alone,
            apart=self.apart,
        )


class Incoming:
    """An answer of the upstream, of which the head has come."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        """To be read while the response is open."""
        self._response = response
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers

    async def read(self) -> bytes:
        """The whole body. Raises Unreachable when it is cut off."""
        return b"".join([piece async for piece in self.pieces()])

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises Unreachable when it is cut off."""
        while True:
            try:
                piece = await self._response.content.readany()
            except FAILURES as error:
                raise Unreachable from error
            if not piece:
                return
            yield piece


class _Provider(msgspec.Struct, frozen=True):
    name: str | None = None


class _Information(msgspec.Struct, frozen=True):
    provider: _Provider | None = None


class Upstream:
    """The API at one URL. Made on a running event loop, and to be closed."""

    def __init__(
        self, base: URL, *, version: str, any_provider: bool, trusted: ssl.SSLContext | None, limits: RelayLimits
    ) -> None:
        """`base` has no slash at its end; `any_provider`: it need not be a server like this one.

        `trusted` says which certificates are good, the usual ones where it is None.
        """
        self.base = base
        self.relay_id = f"cds-relay-{secrets.token_hex(6)}"
        self.reachable = False
        self.asking = asyncio.Semaphore(ASKED_AT_ONCE_MAX)
        """For questions that anybody can make us ask."""
        self._beginning = Slots(ANSWERS_AT_ONCE_MAX, SLOT_S_MAX)
        self._writing = Slots(WRITES_AT_ONCE_MAX, SLOT_S_MAX, of_one_max=WRITES_OF_ADDRESS_MAX)
        self._version = version
        self.any_provider = any_provider
        self._known = False
        verified: ssl.SSLContext | bool = True if trusted is None else trusted
        self._answer_s_max = limits.answer_s_max
        connect_s = limits.connect_s_max
        self._answers = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=verified),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect_s, sock_read=limits.answer_s_max),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        )
        self._feeds = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, force_close=True, ssl=verified),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect_s, sock_read=limits.silence_s_max),
            read_bufsize=READ_BYTES_MAX,
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def close(self) -> None:
        """Let go of all connections."""
        await self._answers.close()
        await self._feeds.close()

    async def check(self) -> None:
        """See who is there. Raises Unreachable, and UpstreamRefused for who cannot be relayed."""
        async with self.own_answer(hdrs.METH_GET, self.base, Asker(authorization=None), {}) as incoming:
            if incoming.status >= HTTPStatus.INTERNAL_SERVER_ERROR or incoming.status == HTTPStatus.TOO_MANY_REQUESTS:
                self._note(reachable=False, reason=f"it answers {incoming.status}")
                raise Unreachable
            body = await incoming.read()
        if incoming.status == HTTPStatus.NOT_FOUND:
            raise UpstreamRefused(f"there is no API at {self.base} (404); its whole URL is like http://source:8080/api")
        if not self.any_provider and _is_page(incoming):
            raise UpstreamRefused(f"{self.base} is a page; the whole URL of an API is like http://source:8080/api")
        if not self.any_provider and _provider_of(incoming.status, body) != PROVIDER_NAME:
            raise UpstreamRefused(
                f"{self.base} is no {PROVIDER_NAME}, so its tokens may not be good everywhere (--any-upstream)"
            )
        self._known = True

    async def require_known(self) -> None:
        """Come back when it is known that the upstream can be relayed. Raises Unreachable."""
        if not self._known:
            try:
                await self.check()
            except UpstreamRefused as refused:
                raise Unreachable from refused

    @asynccontextmanager
    async def answer(
        self, method: str, url: URL, asker: Asker, headers: Mapping[str, str]
    ) -> AsyncIterator["Incoming"]:
        """The answer to what a client asks, of which the head has come. Raises Unreachable, Busy where it cannot."""
        slot = self._beginning.taken()
        async with self._asked(self._answers, method, url, asker, headers, slot) as incoming:
            yield incoming

    @asynccontextmanager
    async def own_answer(
        self, method: str, url: URL, asker: Asker, headers: Mapping[str, str]
    ) -> AsyncIterator["Incoming"]:
        """The same for what we have to know ourselves, which waits behind nobody. Raises Unreachable."""
        async with self._asked(self._answers, method, url, asker, headers) as incoming:
            yield incoming

    @asynccontextmanager
    async def stream(
        self, method: str, url: URL, asker: Asker, headers: Mapping[str, str]
    ) -> AsyncIterator["Incoming"]:
        """The same for an answer that goes on and on, with long silences in it."""
        async with self._asked(self._feeds, method, url, asker, headers) as incoming:
            yield incoming

    @asynccontextmanager
    async def written(
        self,
        method: str,
        url: URL,
        asker: Asker,
        headers: Mapping[str, str],
        body: AsyncIterable[bytes] | None,
        neighbour: str,
    ) -> AsyncIterator["Incoming"]:
        """The answer to a request that changes something, of which the head has come.

        A body comes as slowly as its client sends it, so no `neighbour` may have many of them on the way.
        Raises Unreachable, Busy where it cannot be passed on.
        """
        slot = self._writing.taken(neighbour)
        async with self._asked(self._answers, method, url, asker, headers, slot, body) as incoming:
            yield incoming

    @asynccontextmanager
    async def feed(self, url: URL, asker: Asker) -> AsyncIterator["Incoming"]:
        """An event feed whose head has come. Raises Unreachable and Refusal."""
        async with self._asked(self._feeds, hdrs.METH_GET, url, asker, FEED_WANTED) as incoming:
            if incoming.status != HTTPStatus.OK:
                raise Refusal(incoming.status, incoming.headers, await incoming.read())
            yield incoming

    @asynccontextmanager
    async def _asked(
        self,
        session: aiohttp.ClientSession,
        method: str,
        url: URL,
        asker: Asker,
        headers: Mapping[str, str],
        slot: AbstractAsyncContextManager[object] = NOBODY_WAITS,
        body: AsyncIterable[bytes] | None = None,
    ) -> AsyncIterator["Incoming"]:
        all_headers = {name: _sendable(value) for name, value in {**self._headers_for(asker), **headers}.items()}
        try:
            async with slot, asyncio.timeout(self._answer_s_max if body is None else WRITE_S_MAX):
                response = await session.request(method, url, headers=all_headers, allow_redirects=False, data=body)
        except NoSlot:
            raise Busy from None
        except FAILURES as error:
            # That a body has broken off may be the doing of the client who sends it.
            if body is None or isinstance(error, NOTHING_SENT):
                self._note(reachable=False, reason=type(error).__name__)
            raise Unreachable from error
        if response.status not in AWAY_STATUSES:
            self._note(reachable=True)
        async with response:
            yield Incoming(response)

    def _headers_for(self, asker: Asker) -> dict[str, str]:
        headers: dict[str, str] = {
            hdrs.ACCEPT_ENCODING: "identity",
            hdrs.ORIGIN: NOBODYS_PAGE,
            hdrs.USER_AGENT: f"contest-data-server/{self._version}",
            hdrs.VIA: ", ".join(filter(None, (asker.via, f"1.1 {self.relay_id}"))),
        }
        if asker.authorization is not None:
            headers[hdrs.AUTHORIZATION] = asker.authorization
        if asker.request_id:
            headers[REQUEST_ID_HEADER] = asker.request_id
        if asker.forwarded_for:
            headers[hdrs.X_FORWARDED_FOR] = asker.forwarded_for
        return {**headers, **asker.further}

    def _note(self, *, reachable: bool, reason: str | None = None) -> None:
        """See whether the upstream is there, and say so when that has changed."""
        if reachable == self.reachable:
            return
        self.reachable = reachable
        metrics.RELAY_UPSTREAM_REACHABLE.set(reachable)
        if reachable:
            log.info("upstream_reached", upstream=str(self.base))
        else:
            log.warning("upstream_lost", upstream=str(self.base), reason=reason)


def _sendable(value: str) -> str:
    """A header as it can be sent: bytes of a client's that are no text are lost, so it means nothing to anybody."""
    return value if value.isascii() else value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _is_page(incoming: Incoming) -> bool:
    """Whether an answer is for people, as that of a server to who leaves out the path of its API."""
    kind = incoming.headers.get(hdrs.CONTENT_TYPE, "").partition(";")[0]
    return incoming.status == HTTPStatus.OK and kind.strip().lower() == "text/html"


def _provider_of(status: int, body: bytes) -> str | None:
    """Who provides the API, None where that is not said."""
    if status != HTTPStatus.OK:
        return None
    try:
        provider = msgspec.json.decode(body, type=_Information).provider
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return None if provider is None else provider.name
