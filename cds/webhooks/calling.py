"""One call: a POST to wherever a webhook says, within limits of time, and never to an address that may not be called.

Names are resolved here, and every address is looked at in the moment in which it is connected to: what a name led to
when the webhook was registered says nothing about now. This module must not know what is sent, nor when.
"""

import asyncio
import errno
import hmac
import os
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from http import HTTPStatus
from ipaddress import ip_address
from typing import Literal

import aiohttp
import msgspec
from aiohttp import hdrs
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from cds import connection_failures
from cds.commands.webhook_urls import is_public
from cds.connection_failures import REDIRECTS, Reasons, words_for
from cds.webhooks.retrying import retry_after_s

CALL_S_MAX = 10.0
"""The usual limit from the beginning of a call to the head of its answer, in seconds."""

CONNECTIONS_MAX = 256
RESOLVING_THREADS = 64
"""Threads that wait for name servers; the other work of the process must not wait behind them. They are more than
webhooks that fail may have calls, so that those whose name servers hang hold up nobody else."""

TOKEN_HEADER = "Webhook-Token"  # noqa: S105 - the name of a header
SIGNATURE_HEADER = "Webhook-Signature"
ID_HEADER = "Webhook-Id"
DELIVERY_HEADER = "Webhook-Delivery"

REASONS: Reasons = (
    *connection_failures.REASONS,
    (aiohttp.ClientPayloadError, "the answer is not HTTP"),
    (ValueError, "the URL cannot be called"),
)
"""Why a call can come to nothing, the more particular first; others are told by their names."""

Result = Literal["delivered", "refused", "redirect", "timeout", "address", "failed"]

AddressInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[object, ...]]


Question = tuple[str, int, socket.AddressFamily]
"""What a name server is asked for: a name, and port and family of the addresses that are wanted."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent where. `now_ms` is the moment that the signature names; `delivery_id` is one for each call."""

    url: str
    token: str
    body: bytes
    webhook_id: str
    delivery_id: str
    now_ms: int


class Outcome(msgspec.Struct, frozen=True):
    """What became of a call, why, and how long the receiver asks to be left alone."""

    result: Result
    reason: str
    retry_after_s: float | None = None

    @property
    def delivered(self) -> bool:
        """Whether the receiver has taken it."""
        return self.result == "delivered"


class CallRules(msgspec.Struct, frozen=True, kw_only=True):
    """How calls are made: by which version of this program, to private addresses too or not, and how long one takes."""

    version: str
    private_allowed: bool = False
    call_s_max: float = CALL_S_MAX


class AddressRefused(OSError):
    """The address may not be called."""

    def __init__(self) -> None:
        super().__init__(errno.EACCES, "the address is not public")


def signature(token: str, now_ms: int, body: bytes) -> str:
    """The value of the signature header: `t=<seconds since the epoch>,v1=<hex HMAC-SHA256>`.

    The key is the token, what is signed are the seconds, a dot and the body. So a body that was seen on its way cannot
    be sent again later, and no other body can be sent with a token that was seen.
    """
    time = str(now_ms // 1_000)
    return f"t={time},v1={hmac.new(token.encode(), f'{time}.'.encode() + body, sha256).hexdigest()}"


class Caller:
    """Makes calls; to be closed. Made in a running event loop."""

    def __init__(self, rules: CallRules) -> None:
        """A caller that keeps to these rules."""
        self._rules = rules
        self._resolver = NameResolver()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=self._resolver,
                use_dns_cache=False,
                limit=CONNECTIONS_MAX,
                socket_factory=self._socket,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=False,
            trust_env=False,
        )

    async def close(self) -> None:
        """Let go of all connections."""
        await self._session.close()
        await self._resolver.close()

    async def call(self, call: Call) -> Outcome:
        """Make one call. Whatever goes wrong is an outcome; nothing of an answer but its head is waited for."""
        answered: Outcome | None = None
        try:
            async with asyncio.timeout(self._rules.call_s_max), self._posted(call) as response:
                answered = _outcome(response)
        except TimeoutError:
            return answered or Outcome("timeout", f"no answer within {self._rules.call_s_max:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            if answered is not None:
                # What goes wrong behind the head of an answer changes nothing.
                return answered
            if getattr(getattr(error, "os_error", None), "errno", None) == errno.EACCES:
                return Outcome("address", "the address is not public (--webhook-allow-private)")
            return Outcome("failed", _reason(error))
        return answered

    def _posted(self, call: Call) -> "aiohttp.client._RequestContextManager":
        return self._session.post(
            URL(call.url, encoded=True),
            data=call.body,
            headers={
                hdrs.CONTENT_TYPE: "application/json",
                hdrs.USER_AGENT: f"contest-data-server/{self._rules.version}",
                TOKEN_HEADER: call.token,
                SIGNATURE_HEADER: signature(call.token, call.now_ms, call.body),
                ID_HEADER: call.webhook_id,
                DELIVERY_HEADER: call.delivery_id,
            },
            allow_redirects=False,
        )

    def _socket(self, address: AddressInfo) -> socket.socket:
        """The socket for a connection to an address, however that was found. Raises AddressRefused."""
        family, kind, protocol, _, where = address
        if not self._rules.private_allowed and not is_public(ip_address(str(where[0]))):
            raise AddressRefused
        return socket.socket(family, kind, protocol)


class NameResolver(AbstractResolver):
    """The system's resolver, in threads of its own. A name that is being asked for is not asked for once more: a thread
    outlives the call that wanted it, for as long as the name server hangs.
    """

    def __init__(self) -> None:
        """Threads are started as they are needed."""
        self._threads = ThreadPoolExecutor(RESOLVING_THREADS, thread_name_prefix="resolve")
        self._asking: dict[Question, asyncio.Future[Sequence[AddressInfo]]] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a name. Raises OSError."""
        found = await asyncio.shield(self._asked(host, port, family))
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=port,
                family=found_family,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for found_family, _, protocol, _, address in found
        ]

    def _asked(self, host: str, port: int, family: socket.AddressFamily) -> asyncio.Future[Sequence[AddressInfo]]:
        key = (host, port, family)
        asking = self._asking.get(key)
        if asking is None:
            asking = asyncio.get_running_loop().run_in_executor(self._threads, _addresses, *key)
            self._asking[key] = asking
            asking.add_done_callback(partial(self._answered, key))
        return asking

    def _answered(self, key: Question, asking: asyncio.Future[Sequence[AddressInfo]]) -> None:
        del self._asking[key]
        # Nobody may be waiting any more for why a name is not known.
        if not asking.cancelled():
            asking.exception()

    async def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _addresses(host: str, port: int, family: socket.AddressFamily) -> Sequence[AddressInfo]:
    return socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)


def _outcome(response: aiohttp.ClientResponse) -> Outcome:
    status = response.status
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Outcome("delivered", str(status))
    wait_s = retry_after_s(response.headers.get(hdrs.RETRY_AFTER), datetime.now(UTC))
    if status in REDIRECTS:
        return Outcome("redirect", f"answered {status}; redirects are not followed", wait_s)
    return Outcome("refused", f"answered {status}", wait_s)


def _reason(error: Exception) -> str:
    """Why a call came to nothing, in words."""
    words = words_for(error, REASONS)
    number = getattr(getattr(error, "os_error", error), "errno", None)
    return f"{words} ({os.strerror(number)})" if isinstance(number, int) and number > 0 else words
