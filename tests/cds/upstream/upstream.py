"""A contest server on loopback that says what a test has it say, and fails as it is told to.

This module knows how an upstream behaves, well or badly. It must not know who follows it.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import msgspec
from aiohttp import hdrs, web

from tests.cds.dialects.feeds import Plain

PATH = "/api/contests/up"


def line(type_name: str, data: object, *, token: str | None = None, identifier: str | None = None) -> bytes:
    """A notification as today's version writes it."""
    said: Plain = {"type": type_name, "id": identifier, "data": data}
    if isinstance(data, dict) and identifier is None and type_name not in ("contest", "state"):
        said["id"] = data["id"]
    if token is not None:
        said["token"] = token
    return json.dumps(said).encode()


def with_tokens(lines: Iterable[bytes], kind: str = "k") -> list[bytes]:
    """The lines, each with a token of its own; those of another kind are tokens of another log."""
    return [msgspec.json.encode({**msgspec.json.decode(each), "token": f"{kind}{n}"}) for n, each in enumerate(lines)]


def event_lines(lines: Iterable[bytes]) -> list[bytes]:
    """The lines as 2020-03 has them: `op`, and an id of the event by which to resume."""
    events = []
    for number, each in enumerate(lines):
        said = msgspec.json.decode(each)
        data = said["data"] if said["data"] is not None else {"id": said["id"]}
        operation = "delete" if said["data"] is None else "create"
        events.append(msgspec.json.encode({"type": said["type"], "id": f"e{number}", "op": operation, "data": data}))
    return events


class Upstream:
    """What it says and how it fails; all of it may be changed while it is being followed."""

    def __init__(self, lines: Iterable[bytes] = ()) -> None:
        """It stays connected and resumes by tokens, until it is told otherwise."""
        self.lines = list(lines)
        self.files: dict[str, bytes] = {}
        self.validators = True
        """Whether it says of files which they are, and gives only those that have changed."""
        self.unchanged: list[str] = []
        """Files that it was asked for and that had not changed."""
        self.content_type = "application/octet-stream"
        """What it says that files are."""
        self.redirects: dict[str, str] = {}
        """Where it sends those on who ask for a path."""
        self.stays = True
        """Whether the answer goes on when everything has been said."""
        self.knows_stream_parameter = True
        self.scrambles = False
        """Whether its second line says every time how often it has been asked."""
        self.resumes = True
        """Whether it goes on behind a token, instead of beginning from its beginning."""
        self.refusals: deque[int] = deque()
        """Statuses of the next answers to the feed that are none."""
        self.cuts: deque[int] = deque()
        """After how many bytes the next answers break off."""
        self.pauses: deque[int] = deque()
        """After how many lines the next answers stop for `pause_s`, with nothing said."""
        self.pauses_at: int | None = None
        """The line before which every answer stops for `pause_s`."""
        self.answer_lines: int | None = None
        """How many lines an answer tells before it ends, as well as if it were all."""
        self.pause_s = 1.0
        self.pace: str | None = None
        """How many times as fast as in reality its contest goes on, as it tells of it."""
        self.servers: str | None = None
        """Whom it names: itself, and those whom it follows."""
        self.login: str | None = None
        """The Authorization header that it demands."""
        self.asked: list[dict[str, str]] = []
        """The queries of all requests for the feed."""
        self.fetched: list[str] = []
        self.logins: list[str | None] = []
        """The Authorization headers of all requests."""
        self.file_status = 404
        """How it answers for a file that it does not have."""
        self.port = 0
        self._news = asyncio.Event()

    @property
    def url(self) -> str:
        """The URL of its contest."""
        return f"http://127.0.0.1:{self.port}{PATH}"

    def say(self, *lines: bytes) -> None:
        """Go on."""
        self.lines += lines
        self._wake()

    def replace(self, lines: Iterable[bytes]) -> None:
        """Be another from now on; who listens is let go of."""
        self.lines = list(lines)
        self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    def _start(self, request: web.Request) -> int | None:
        wanted = request.query.get("since_token") or request.query.get("since_id")
        if wanted is None or not self.resumes:
            return 0
        for index, each in enumerate(self.lines):
            try:
                said = json.loads(each)
            except ValueError:
                continue
            if wanted in (said.get("token"), said.get("id") if "op" in said else None):
                return index + 1
        return None

    @property
    def _said(self) -> list[bytes]:
        if not self.scrambles:
            return self.lines
        said = json.loads(self.lines[1]) | {"x-asked": len(self.asked)}
        return [self.lines[0], json.dumps(said).encode(), *self.lines[2:]]

    def _status(self, request: web.Request) -> int | None:
        if self.login is not None and request.headers.get(hdrs.AUTHORIZATION) != self.login:
            return 401
        return self.refusals.popleft() if self.refusals else None

    async def _begin(self, response: web.StreamResponse, start: int) -> int:
        """Tell what an answer tells before it ends too early or pauses; where it goes on."""
        ends = self.pauses_at if self.answer_lines is None else start + self.answer_lines
        if ends is None or start > ends:
            return start
        await response.write(b"".join(each + b"\n" for each in self._said[start:ends]))
        await asyncio.sleep(self.pause_s if self.answer_lines is None else 0.0)
        return ends

    async def feed(self, request: web.Request) -> web.StreamResponse:
        """GET of the event feed."""
        self.asked.append(dict(request.query))
        self.logins.append(request.headers.get(hdrs.AUTHORIZATION))
        start, status = self._start(request), self._status(request)
        if status is not None or start is None:
            return web.json_response({"message": "not now, or not from there"}, status=status or 400)
        said = {"Contest-Pace": self.pace, "Contest-Sources": self.servers}
        response = web.StreamResponse(headers={name: value for name, value in said.items() if value is not None})
        await response.prepare(request)
        room = self.cuts.popleft() if self.cuts else None
        ends = not self.stays or (self.knows_stream_parameter and request.query.get("stream") == "false")
        history = self.lines
        start = await self._begin(response, start)
        while self.answer_lines is None:
            news = self._news
            data = b"".join(each + b"\n" for each in self._said[start:])
            start = len(self.lines)
            if room is not None and len(data) >= room:
                await response.write(data[:room])
                await asyncio.sleep(0.02)
                self._abort(request)
                return response
            if self.pauses and data:
                first = b"".join(each + b"\n" for each in self.lines[: self.pauses.popleft()])
                await response.write(first)
                await asyncio.sleep(self.pause_s)
                data = data[len(first) :]
            if data:
                await response.write(data)
            if ends:
                return response
            await news.wait()
            if self.lines is not history:
                self._abort(request)
                return response
        return response

    async def file(self, request: web.Request) -> web.Response:
        """GET of anything else."""
        self.fetched.append(request.path)
        self.logins.append(request.headers.get(hdrs.AUTHORIZATION))
        if request.path in self.redirects:
            raise web.HTTPFound(self.redirects[request.path])
        content = self.files.get(request.path)
        if content is None:
            return web.Response(status=self.file_status)
        headers = {hdrs.ETAG: f'"{hash(content)}"'} if self.validators else {}
        if self.validators and request.headers.get(hdrs.IF_NONE_MATCH) == headers[hdrs.ETAG]:
            self.unchanged.append(request.path)
            return web.Response(status=304, headers=headers)
        return web.Response(body=content, content_type=self.content_type, headers=headers)

    @staticmethod
    def _abort(request: web.Request) -> None:
        if request.transport is not None:
            request.transport.abort()


@asynccontextmanager
async def serving(upstream: Upstream, port: int = 0) -> AsyncIterator[Upstream]:
    """The upstream on loopback for the length of the block."""
    application = web.Application()
    application.router.add_get(f"{PATH}/event-feed", upstream.feed)
    application.router.add_get("/{path:.*}", upstream.file)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    upstream.port = runner.addresses[0][1]
    try:
        yield upstream
    finally:
        await runner.cleanup()
