"""A receiver of webhooks on loopback that behaves as it is told, and remembers every call.

It checks token and signature as the README tells receivers to, with nothing of the program. This module must not know
what should be sent.
"""

import asyncio
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Literal

import msgspec
from aiohttp import web

from tests.cds.contest_api.serving import DEADLINE_S, Json

Behaviour = int | Literal["hang", "drop", "redirect", "slow", "chatty"]
"""A status, or something worse: no answer, no connection, elsewhere, late, with a body that does not end."""

SLOW_S = 0.15
SECRET = "a secret of the receiver"


class ReceivedCall(msgspec.Struct, frozen=True):
    """One call as it came in, and how it was answered."""

    path: str
    headers: dict[str, str]
    body: bytes
    behaviour: Behaviour

    @property
    def taken(self) -> bool:
        """Whether the answer said that it was taken."""
        status = self.behaviour if isinstance(self.behaviour, int) else 200
        return self.behaviour in ("slow", "chatty") or (isinstance(self.behaviour, int) and 200 <= status < 300)

    @property
    def json(self) -> Json:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def contest_id(self) -> str:
        """The contest that it is about."""
        contest_id: str = self.json["contest_id"]
        return contest_id

    @property
    def notifications(self) -> list[Json]:
        """What it tells."""
        notifications: list[Json] = self.json["notifications"]
        return notifications


class Receiver:
    """Somebody who is called. `plan` holds how the next calls are answered; after that all are taken."""

    def __init__(self, secret: str = SECRET) -> None:
        self.secret = secret
        self.plan: list[Behaviour] = []
        self.otherwise: Behaviour = 204
        self.retry_after: str | None = None
        self.refused_contests: set[str] = set()
        self.calls: list[ReceivedCall] = []
        self.at_once = 0
        self.at_once_most = 0
        self.port = 0
        self._runner: web.AppRunner | None = None
        self._came = asyncio.Event()

    @property
    def url(self) -> str:
        """Where it is to be called."""
        return f"http://127.0.0.1:{self.port}/hook"

    async def come(self) -> None:
        """Listen; on the same port as before where it listened before."""
        application = web.Application(client_max_size=16 * 1024 * 1024)
        application.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def die(self) -> None:
        """Listen no more, and drop what is under way."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def taken(self) -> list[ReceivedCall]:
        """The calls that it has taken."""
        return [call for call in self.calls if call.taken]

    def told(self, contest_id: str | None = None) -> list[Json]:
        """All notifications that it has taken, of one contest or of all, in their order."""
        return [
            notification
            for call in self.taken
            if contest_id in (None, call.contest_id)
            for notification in call.notifications
        ]

    def tokens(self, contest_id: str | None = None) -> list[str]:
        """The tokens of what it has taken."""
        return [notification["token"] for notification in self.told(contest_id)]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something holds; looked at after every call. Raises TimeoutError."""

        async def holds() -> bool:
            return condition()

        await self.until_so(holds)

    async def until_so(self, condition: Callable[[], Awaitable[bool]]) -> None:
        """The same for what has to be asked for."""
        async with asyncio.timeout(DEADLINE_S):
            while not await condition():
                self._came.clear()
                try:
                    async with asyncio.timeout(0.1):
                        await self._came.wait()
                except TimeoutError:
                    continue

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.at_once += 1
        self.at_once_most = max(self.at_once_most, self.at_once)
        try:
            body = await request.read()
            behaviour = self.plan.pop(0) if self.plan else self.otherwise
            if json.loads(body)["contest_id"] in self.refused_contests:
                behaviour = 503
            self.calls.append(ReceivedCall(request.path, dict(request.headers), body, behaviour))
            self._came.set()
            check_signature(self.secret, request.headers, body)
            return await self._behaved(request, behaviour)
        finally:
            self.at_once -= 1

    async def _behaved(self, request: web.Request, behaviour: Behaviour) -> web.StreamResponse:
        if isinstance(behaviour, int):
            headers = {} if self.retry_after is None else {"Retry-After": self.retry_after}
            return web.Response(status=behaviour, headers=headers)
        if behaviour == "redirect":
            return web.Response(status=307, headers={"Location": f"http://127.0.0.1:{self.port}/elsewhere"})
        if behaviour == "slow":
            await asyncio.sleep(SLOW_S)
            return web.Response(status=200)
        if behaviour == "chatty":
            return await _chatter(request)
        if behaviour == "hang":
            await asyncio.sleep(DEADLINE_S)
        if request.transport is not None:
            request.transport.abort()
        return web.Response()


def check_signature(secret: str, headers: Mapping[str, str], body: bytes) -> None:
    """Token and signature are those of somebody who knows the secret."""
    assert hmac.compare_digest(headers["Webhook-Token"], secret)
    parts = dict(part.split("=", 1) for part in headers["Webhook-Signature"].split(","))
    expected = hmac.new(secret.encode(), parts["t"].encode() + b"." + body, sha256).hexdigest()
    assert hmac.compare_digest(parts["v1"], expected)


async def _chatter(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(status=200)
    await response.prepare(request)
    while True:
        await response.write(b"x" * 64 * 1024)


@asynccontextmanager
async def receiving(secret: str = SECRET) -> AsyncIterator[Receiver]:
    """A receiver for the length of the block."""
    receiver = Receiver(secret)
    await receiver.come()
    try:
        yield receiver
    finally:
        await receiver.die()
