"""A server on loopback that stands in for one host of a platform: it counts what it is asked, and may misbehave.

What it answers is the matter of the platform (the modules beside this one). This module must not know who asks.
"""

import asyncio
import json
from collections.abc import Mapping
from typing import TypeAlias

import msgspec
from aiohttp import web

from tests.platform_servers.faults import Answer, FaultName, Faults, delayed, spoiled

JsonValue: TypeAlias = "Mapping[str, JsonValue] | list[JsonValue] | str | int | float | bool | None"
Row: TypeAlias = dict[str, "JsonValue"]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One request. `time_s` is of the clock of the loop."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    time_s: float


class PlatformServer:
    """One host. Subclasses answer; everything may be changed while somebody asks."""

    def __init__(self) -> None:
        """It does not listen yet."""
        self.asked: list[Asked] = []
        """All requests, the oldest first."""
        self.port = 0
        self.interval_s = 0.0
        """Requests that begin sooner after one that was answered are refused for that; 0: never."""
        self.slow_s = 1.0
        """By how much an answer is late that is slow."""
        self.retry_after_s: str | None = None
        """The header Retry-After of answers that say to come later."""
        self.delay_s = 0.0
        """By how much every answer is late."""
        self.concurrent = self.concurrent_max = 0
        self._faults = Faults()
        self._answered_s = float("-inf")
        self._runner: web.AppRunner | None = None
        self._closing = asyncio.Event()

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def paths(self) -> list[str]:
        """The paths of all requests."""
        return [asked.path for asked in self.asked]

    def misbehave(self, name: FaultName, *, path: str = "/", after: int = 0, times: int | None = None) -> None:
        """Let `times` requests (None: all) whose path begins with `path` go wrong, after `after` that do not."""
        self._faults.add(name, path, after, times)

    def behave(self) -> None:
        """Answer as a good server again."""
        self._faults.clear()

    def times_gone_wrong(self, name: FaultName) -> int:
        """How many requests have gone wrong like this."""
        return self._faults.happened[name]

    async def rise(self) -> None:
        """Listen, on the same port as before."""
        self._closing = asyncio.Event()
        application = web.Application(client_max_size=1024 * 1024)
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()
        self.port = self._runner.addresses[0][1]

    async def die(self) -> None:
        """Be gone: whoever comes is turned away."""
        runner, self._runner = self._runner, None
        self._closing.set()
        if runner is not None:
            await runner.cleanup()

    def answer(self, asked: Asked) -> Answer:
        """What a good server answers."""
        raise NotImplementedError

    def limit_answer(self) -> Answer:
        """What it answers to one who asks too often."""
        headers = {} if self.retry_after_s is None else {"Retry-After": self.retry_after_s}
        return Answer(status=429, body=b"Too Many Requests", content_type="text/plain", headers=headers)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        now_s = asyncio.get_running_loop().time()
        asked = Asked(
            method=request.method,
            path=request.path,
            query=dict(request.query),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.read(),
            time_s=now_s,
        )
        self.asked.append(asked)
        self.concurrent += 1
        self.concurrent_max = max(self.concurrent_max, self.concurrent)
        try:
            answer = self._fated(asked, request.path_qs, now_s)
            await delayed(answer, self._closing)
            return await _delivered(request, answer)
        finally:
            self.concurrent -= 1

    def _fated(self, asked: Asked, path: str, now_s: float) -> Answer:
        name = self._faults.next(asked.path)
        if name is None and now_s - self._answered_s < self.interval_s:
            return self.limit_answer()
        self._answered_s = now_s
        answer = self.answer(asked)
        if self.delay_s and not answer.delay_s:
            answer = msgspec.structs.replace(answer, delay_s=self.delay_s)
        if name is None:
            return answer
        return spoiled(answer, name, path=path, slow_s=self.slow_s, retry_after_s=self.retry_after_s)


def said(value: JsonValue, status: int = 200) -> Answer:
    """An answer in JSON."""
    return Answer(status=status, body=json.dumps(value).encode())


def page(text: str, status: int = 200) -> Answer:
    """An answer in HTML."""
    return Answer(status=status, body=text.encode(), content_type="text/html")


def nothing_here() -> Answer:
    """The answer to a path that is not known."""
    return page("<!DOCTYPE html><html><head><title>404</title></head><body></body></html>", 404)


def whole_number(text: str | None, usual: int) -> int:
    """A number of a query; what is none is the usual one."""
    return int(text) if text is not None and text.isdigit() else usual


async def _delivered(request: web.Request, answer: Answer) -> web.StreamResponse:
    transport = request.transport
    if answer.transport == "closed":
        if transport is not None:
            transport.close()
        return web.Response()
    if answer.transport == "whole":
        return web.Response(
            status=answer.status, body=answer.body, content_type=answer.content_type, headers=answer.headers
        )
    response = web.StreamResponse(status=answer.status, headers={"Content-Length": str(len(answer.body))})
    await response.prepare(request)
    await response.write(answer.body[: len(answer.body) // 2])
    if transport is not None:
        transport.close()
    return response
