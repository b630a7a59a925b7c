"""A contest server on loopback that says what was recorded, at the pace and with the faults that a test chooses.

Feed, collections, files, access; with or without tokens, with or without a login. This module must not know who asks.
"""

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import hdrs, web

from tests.upstream_server.delivery import Delivery
from tests.upstream_server.faults import NONE, Fate, Faults
from tests.upstream_server.recording import SINGLETONS, Objects, Recording, place_of

KEEP_ALIVE_S = 0.5
SEALING_S = 0.1

Login = tuple[str, str]


class UpstreamServer:
    """What it says and how it fails; all of it may be changed while somebody listens."""

    def __init__(self, recording: Recording, faults: Faults = NONE, *, login: Login | None = None) -> None:
        """It has said everything that was recorded, and stays connected for more."""
        self.fate = Fate(faults)
        self.said = len(recording.lines)
        """How many lines of the recording have been said by now."""
        self.stays = True
        """Whether the answer of a feed goes on when everything has been said."""
        self.keep_alive_s = KEEP_ALIVE_S
        self.port = 0
        self.asked: list[dict[str, str]] = []
        """The queries of all requests for the feed."""
        self.fetched: list[str] = []
        """The paths of all requests for files."""
        self.strangers = 0
        """Requests without the right login."""
        self._recording = recording
        self._places = _places(recording)
        self._login = login
        self._news = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._open: set[Delivery] = set()
        self._folded: tuple[Recording, int] | None = None
        self._now: Objects = {}

    @property
    def url(self) -> str:
        """The URL of its contest."""
        return f"http://127.0.0.1:{self.port}/api/contests/{self._recording.contest_id}"

    @property
    def recording(self) -> Recording:
        """What it has to say."""
        return self._recording

    def say(self, count: int) -> None:
        """Have said so many lines of the recording, at least."""
        self.said = min(max(self.said, count), len(self._recording.lines))
        self._wake()

    async def say_on(self, lines: int, pause_s: float) -> None:
        """Say the rest, so many lines at a time."""
        while self.said < len(self._recording.lines):
            self.say(self.said + lines)
            await asyncio.sleep(pause_s)

    async def become(self, recording: Recording, said: int | None = None) -> None:
        """Be one that was restored with another history, of which so much is said; other places are not known to it."""
        await self.die()
        self._recording, self._places = recording, _places(recording)
        self.said = len(recording.lines) if said is None else said
        await self.rise()

    async def rise(self) -> None:
        """Listen, on the same port as before."""
        self._runner = web.AppRunner(self._application(), shutdown_timeout=SEALING_S)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()
        self.port = self._runner.addresses[0][1]

    async def die(self) -> None:
        """Be gone at once, as a killed process is: whoever listens is cut off, whoever comes is turned away."""
        runner, self._runner = self._runner, None
        if runner is None:
            return
        for site in list(runner.sites):
            await site.stop()
        for delivery in list(self._open):
            await delivery.break_off()
        self._wake()
        await runner.cleanup()

    def _application(self) -> web.Application:
        contest = "/api/contests/{contest_id}"
        application = web.Application(middlewares=[self._check])
        application.router.add_get("/api", self._information)
        application.router.add_get("/api/contests", self._contests)
        application.router.add_get(contest, self._contest)
        application.router.add_get(f"{contest}/event-feed", self._feed)
        application.router.add_get(f"{contest}/access", self._access)
        application.router.add_get(f"{contest}/{{type}}", self._collection)
        application.router.add_get("/api/{path:.*}", self._file)
        return application

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    @web.middleware
    async def _check(self, request: web.Request, handler: Any) -> web.StreamResponse:
        expected = None if self._login is None else b64encode(":".join(self._login).encode()).decode()
        if expected is not None and request.headers.get(hdrs.AUTHORIZATION) != f"Basic {expected}":
            self.strangers += 1
            return _refusal(401, "who are you?")
        response: web.StreamResponse = await handler(request)
        return response

    async def _feed(self, request: web.Request) -> web.StreamResponse:
        query = dict(request.query)
        self.asked.append(query)
        resume = query.get("since_token") or query.get("since_id")
        status = self.fate.asked(to_resume=resume is not None and self._recording.resumes)
        if status is not None:
            return _refusal(status, "not like this" if status == 400 else "not now")
        start = self._start(resume)
        if start is None:
            return _refusal(400, "this place is not of this feed")
        delivery = Delivery(request, self.fate)
        self._open.add(delivery)
        try:
            await delivery.begin()
            await self._tell(delivery, start, ends=not self.stays or query.get("stream") == "false")
        except ConnectionError:
            self.fate.happened["left"] += 1
        finally:
            self._open.discard(delivery)
        return delivery.response

    def _start(self, resume: str | None) -> int | None:
        if resume is None or not self._recording.resumes:
            return 0
        index = self._recording.places.get(resume)
        if index is None or index > self.said:
            return None
        return max(index - self.fate.faults.overlap, 0)

    async def _tell(self, delivery: Delivery, start: int, *, ends: bool) -> None:
        recording, index = self._recording, start
        while self._recording is recording and self._runner is not None:
            news = self._news
            while index < self.said:
                place = self._places[index]
                earlier = () if place is None else [each for each in recording.lines[max(index - 5, 0) : index] if each]
                if not await delivery.line(index, recording.lines[index], place, earlier):
                    return
                index += 1
            await delivery.flush()
            if ends:
                return
            try:
                async with asyncio.timeout(self.keep_alive_s):
                    await news.wait()
            except TimeoutError:
                await delivery.blank()
        await delivery.break_off()

    async def _information(self, _request: web.Request) -> web.Response:
        return web.json_response({"version": "2022-07", "provider": {"name": "recording", "version": "1.0.0"}})

    async def _contests(self, _request: web.Request) -> web.Response:
        return web.json_response(list(self._objects("contest").values()))

    async def _contest(self, request: web.Request) -> web.Response:
        found = self._objects("contest") if self._is_ours(request) else {}
        return web.json_response(found[""]) if found else _refusal(404, "no such contest")

    async def _access(self, request: web.Request) -> web.Response:
        if not self._is_ours(request):
            return _refusal(404, "no such contest")
        objects = self._standing()
        endpoints = [
            {"type": name, "properties": sorted({key for each in members.values() for key in each})}
            for name, members in objects.items()
            if members
        ]
        return web.json_response({"capabilities": [], "endpoints": endpoints})

    async def _collection(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["type"]
        objects = self._standing() if self._is_ours(request) else {}
        if name not in objects:
            return await self._file(request)
        members = objects[name]
        if name in SINGLETONS:
            return web.json_response(members.get("", {}))
        return web.json_response(list(members.values()))

    async def _file(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix("/api/")
        self.fetched.append(path)
        file = self._recording.files.get(path)
        if file is not None:
            return web.Response(body=file.content, content_type=file.mime)
        collection, _, identifier = path.removeprefix(f"contests/{self._recording.contest_id}/").partition("/")
        found = self._objects(collection).get(identifier)
        return _refusal(404, "no such thing") if found is None else web.json_response(found)

    def _objects(self, name: str) -> dict[str, Any]:
        return self._standing().get(name, {})

    def _standing(self) -> Objects:
        """Everything as it stands now, worked out once."""
        folded = (self._recording, self.said)
        if self._folded is None or self._folded[0] is not self._recording or self._folded[1] != self.said:
            self._folded, self._now = folded, self._recording.objects(self.said)
        return self._now

    def _is_ours(self, request: web.Request) -> bool:
        return request.match_info["contest_id"] == self._recording.contest_id


@asynccontextmanager
async def serving_upstream(
    recording: Recording, faults: Faults = NONE, *, login: Login | None = None
) -> AsyncIterator[UpstreamServer]:
    """The server for the length of the block, on a port of its own."""
    server = UpstreamServer(recording, faults, login=login)
    await server.rise()
    try:
        yield server
    finally:
        await server.die()


def _places(recording: Recording) -> list[str | None]:
    return [place_of(line) for line in recording.lines]


def _refusal(status: int, message: str) -> web.Response:
    return web.json_response({"code": status, "message": message}, status=status, dumps=json.dumps)
