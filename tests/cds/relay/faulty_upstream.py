"""A server whose one feed goes wrong in every way that a feed can, as it is told to.

It speaks as much of the Contest API as a relay needs, and writes tokens as no server of ours does. This module must
not know what a relay makes of it.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Literal

import msgspec
from aiohttp import web

from cds.contest_api.metadata import PROVIDER_NAME
from cds.fan_out.waiting import is_set_within

FEED = "contests/x/event-feed"
TEAMS = "contests/x/teams"

Fault = Literal["cut", "short", "unavailable", "silent", "limited"]
"""What goes wrong with an answer: the connection breaks after some bytes; it ends properly after some lines; 503; no
byte comes any more after some lines; 429."""


REFUSALS: dict[Fault, int] = {"unavailable": 503, "limited": 429}
KEEP_ALIVE_S = 0.05
SILENCE_S = 5.0
"""Longer than anybody waits."""


class Trouble(msgspec.Struct, frozen=True):
    """A fault of one answer; `after` counts bytes or lines."""

    fault: Fault
    after: int = 0


class FaultyUpstream:
    """Lines that can be added to, and troubles that answers have, one after the other."""

    def __init__(self, count: int) -> None:
        """So many lines, and no trouble."""
        self.lines: list[bytes] = []
        self.troubles: deque[Trouble] = deque()
        self.statuses: dict[str, int] = {}
        self.asked: list[dict[str, str]] = []
        """The query of every request for the feed."""
        self.heads: list[Mapping[str, str]] = []
        """The headers of every request for the feed."""
        self.lets_in = True
        """Whether anybody may see anything but the feed; who may not is told 401."""
        self.streaming = 0
        self.hangs = False
        """Whether it takes requests for the feed and says nothing, not even that it will answer."""
        self.provider = PROVIDER_NAME
        self.root = ""
        self._changed = asyncio.Event()
        self.add(count)

    def add(self, count: int = 1) -> None:
        """Let lines come. They hold characters of several bytes, and the token stands where it likes."""
        for _ in range(count):
            number = len(self.lines)
            said = {
                "type": "teams",
                "token": f"{number}/ü",
                "id": f"t{number % 5}",
                "data": {"name": f"Tëam ☃ {number}"},
            }
            self.lines.append(json.dumps(said, ensure_ascii=False).encode())
        self._tell()

    def restore(self, count: int) -> None:
        """Have no more than the first lines any more, and then others: the log is another one."""
        self.lines = [line.replace("ü".encode(), b"restored") for line in self.lines[:count]]
        self._tell()

    def token(self, number: int) -> str:
        """The token of a line, empty where there is none."""
        token: str = json.loads(self.lines[number]).get("token", "")
        return token

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """The feed behind a token."""
        self.asked.append(dict(request.query))
        self.heads.append(request.headers)
        if self.hangs:
            await asyncio.sleep(SILENCE_S)
        token = request.query.get("since_token")
        refused = self.statuses.get(request.headers.get("Authorization", ""))
        if refused is not None:
            return web.json_response({"code": refused, "message": "as told"}, status=refused)
        tokens = [self.token(number) for number in range(len(self.lines))]
        if token is not None and token not in tokens:
            return web.json_response({"code": 400, "message": "no such token"}, status=400)
        if self.troubles and self.troubles[0].fault in REFUSALS:
            return web.Response(status=REFUSALS[self.troubles.popleft().fault])
        response = web.StreamResponse()
        await response.prepare(request)
        self.streaming += 1
        try:
            stays = request.query.get("stream") != "false"
            await self._send(request, response, 0 if token is None else tokens.index(token) + 1, stays=stays)
        except ConnectionError:
            pass
        finally:
            self.streaming -= 1
        return response

    async def _send(self, request: web.Request, response: web.StreamResponse, at: int, *, stays: bool) -> None:
        """Send what there is, and what comes; each time the next trouble is had."""
        while True:
            changed, lines, at = self._changed, self.lines[at:], len(self.lines)
            if self.troubles:
                await self._send_badly(request, response, lines)
                return
            await response.write(b"".join(line + b"\n" for line in lines))
            if not stays:
                return
            await response.write(b"\n")
            while not await is_set_within(changed, KEEP_ALIVE_S):
                await response.write(b"\n")

    async def _send_badly(self, request: web.Request, response: web.StreamResponse, lines: list[bytes]) -> None:
        if self.troubles[0].fault in REFUSALS:
            # It is for the next answer; this one ends.
            return
        trouble = self.troubles.popleft()
        if trouble.fault == "cut":
            await response.write(b"".join(line + b"\n" for line in lines)[: trouble.after])
            await asyncio.sleep(0.005)
            assert request.transport is not None
            request.transport.abort()
            return
        await response.write(b"".join(line + b"\n" for line in lines[: trouble.after]))
        if trouble.fault == "silent":
            await asyncio.sleep(SILENCE_S)

    def _tell(self) -> None:
        told, self._changed = self._changed, asyncio.Event()
        told.set()

    async def teams(self, _request: web.Request) -> web.Response:
        """All teams, with a mark by which they are known again."""
        if not self.lets_in:
            return web.json_response({"code": 401, "message": "as told"}, status=401)
        return web.json_response([], headers={"ETag": '"teams"'})

    async def page(self, _request: web.Request) -> web.Response:
        """What is for people."""
        return web.Response(text="<!doctype html><title>Contests</title>", content_type="text/html")

    async def information(self, _request: web.Request) -> web.Response:
        """Who provides the API."""
        return web.json_response({"version": "draft", "provider": {"name": self.provider}})


@asynccontextmanager
async def faulty_upstream(count: int, port: int = 0) -> AsyncIterator[FaultyUpstream]:
    """A faulty server with so many lines, for the length of the block."""
    upstream = FaultyUpstream(count)
    application = web.Application()
    application.router.add_get("/api", upstream.information)
    application.router.add_get("/page/api", upstream.page)
    application.router.add_get(f"/api/{FEED}", upstream.answer)
    application.router.add_get(f"/api/{TEAMS}", upstream.teams)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    upstream.root = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield upstream
    finally:
        await runner.cleanup()
