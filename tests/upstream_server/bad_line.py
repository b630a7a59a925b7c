"""A bad line between a client and a contest server: all passes through it, and the event feed meets every fault.

So what befalls a recording can befall a real server's feed too. This module must not know what passes.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import hdrs, web

from tests.upstream_server.delivery import Delivery
from tests.upstream_server.faults import Fate, Faults
from tests.upstream_server.recording import place_of

KEPT_LINES = 5
PASSED_HEADERS = (hdrs.AUTHORIZATION, hdrs.ACCEPT, hdrs.IF_NONE_MATCH)
FEED = "/event-feed"


class BadLine:
    """Between whoever connects to its port, and the server at `root`."""

    def __init__(self, root: str, faults: Faults) -> None:
        """`root` is where the server is, without a slash at its end; it may be changed."""
        self.root = root
        self.fate = Fate(faults)
        self.port = 0
        self.lines = 0
        """The lines of feeds that have come through."""
        self._earlier: list[bytes] = []
        self._session: aiohttp.ClientSession | None = None

    def url(self, contest_id: str) -> str:
        """The URL of a contest behind it."""
        return f"http://127.0.0.1:{self.port}/api/contests/{contest_id}"

    async def _pass(self, request: web.Request) -> web.StreamResponse:
        if self._session is None:
            raise RuntimeError("nothing passes yet")
        headers = {name: request.headers[name] for name in PASSED_HEADERS if name in request.headers}
        is_feed = request.path.endswith(FEED)
        if is_feed:
            to_resume = bool({"since_token", "since_id"} & request.query.keys())
            status = self.fate.asked(to_resume=to_resume)
            if status is not None:
                return web.json_response({"message": "the line is bad"}, status=status)
        try:
            async with self._session.get(f"{self.root}{request.raw_path}", headers=headers) as answer:
                if is_feed and answer.status == 200:
                    return await self._pass_feed(request, answer)
                body = await answer.read()
        except aiohttp.ClientError:
            return web.json_response({"message": "there is nobody behind it"}, status=502)
        kept = {name: answer.headers[name] for name in (hdrs.CONTENT_TYPE,) if name in answer.headers}
        return web.Response(status=answer.status, body=body, headers=kept)

    async def _pass_feed(self, request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
        delivery = Delivery(request, self.fate)
        await delivery.begin()
        begun = b""
        try:
            async for piece in answer.content.iter_any():
                *lines, begun = (begun + piece).split(b"\n")
                for line in lines:
                    if not await self._pass_line(delivery, line):
                        return delivery.response
                await delivery.flush()
        except aiohttp.ClientError:
            await delivery.break_off()
        except ConnectionError:
            self.fate.happened["left"] += 1
        return delivery.response

    async def _pass_line(self, delivery: Delivery, line: bytes) -> bool:
        if not line:
            await delivery.blank()
            return True
        if not await delivery.line(self.lines, line, place_of(line), self._earlier):
            return False
        self.lines += 1
        self._earlier = [*self._earlier[1 - KEPT_LINES :], line]
        return True

    @asynccontextmanager
    async def open(self) -> AsyncIterator["BadLine"]:
        """Let pass, for the length of the block."""
        application = web.Application()
        application.router.add_get("/{path:.*}", self._pass)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port).start()
        self.port = runner.addresses[0][1]
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5)
        async with aiohttp.ClientSession(timeout=timeout) as self._session:
            try:
                yield self
            finally:
                await runner.cleanup()
