"""A server that does what a play needs and no more, and misbehaves when it is asked to.

It keeps bodies as they come and knows no contest rule but these: ids are given by it, a contest takes its duration,
and teams send nothing when it is over.
"""

import json
import time
from base64 import b64decode
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from schemas.times import parse_relative_time_ms

Plain = dict[str, Any]


class Stage:
    """The contest on the server; `faults` holds for each fault the paths of POSTs on which it befalls the next one."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Plain]] = {"contests": {}}
        self.state: Plain = {}
        self.requests: list[tuple[str, str, str]] = []
        self.answered: dict[str, tuple[int, Plain]] = {}
        self.busy: set[str] = set()
        self.cut: set[str] = set()
        self.refused: dict[str, int] = {}
        self.began_s = 0.0
        self.grace_s = 0.0
        """So long after the end teams may still send: what comes late because the machine is busy."""

    @property
    def over(self) -> bool:
        return self._over_since(0.0)

    def _over_since(self, for_s: float) -> bool:
        (contest,) = self.objects["contests"].values()
        return bool(self.began_s) and time.monotonic() > (
            self.began_s + parse_relative_time_ms(contest["duration"]) / 1000 + for_s
        )

    def of(self, endpoint: str) -> dict[str, Plain]:
        return self.objects.setdefault(endpoint, {})

    async def handle(self, request: web.Request) -> web.Response:
        user = b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode().partition(":")[0]
        self.requests.append((request.method, request.path, user))
        _, _, contest_id, *rest = request.path.removeprefix("/api").split("/")
        body: Plain = json.loads(await request.read() or b"{}")
        if rest == ["state"]:
            return self._state(request.method, body)
        if request.method == "POST":
            return self._post(request, rest[0], user, body)
        if rest[:1] == ["account"]:
            return _said(200, {"id": user})
        if rest[:1] == ["scoreboard"]:
            return _said(200, {"rows": [{"rank": 1, "team_id": "team01", "score": {"num_solved": 2}}]})
        endpoint, identifier = (rest[0], rest[1]) if rest else ("contests", contest_id)
        return self._one(request.method, endpoint, identifier, body)

    def _one(self, method: str, endpoint: str, identifier: str, body: Plain) -> web.Response:
        if method == "PUT":
            self.of(endpoint)[identifier] = body
        elif identifier not in self.of(endpoint):
            return _said(404, {"code": 404, "message": f"{endpoint} {identifier} not found"})
        self.of(endpoint)[identifier] |= {"id": identifier, **body}
        return _said(200, self.of(endpoint)[identifier])

    def _state(self, method: str, body: Plain) -> web.Response:
        if method == "PATCH":
            if any(name in self.state for name in body):
                return _said(403, {"code": 403, "message": "set already"})
            self.state |= body
            if "started" in body:
                self.began_s = time.monotonic()
        ended = {"ended": "2031-05-17T15:00:00.000Z"} if self.over else {}
        return _said(200, dict.fromkeys(self.state, "2031-05-17T10:00:00.000Z") | ended)

    def _post(self, request: web.Request, endpoint: str, user: str, body: Plain) -> web.Response:
        if endpoint in self.busy:
            self.busy.remove(endpoint)
            return _said(503, {"code": 503, "message": "busy"}, {"Retry-After": "1"})
        if endpoint in self.refused:
            return _said(self.refused[endpoint], {"code": self.refused[endpoint], "message": "not\nthis one"})
        if endpoint == "submissions" and self._over_since(self.grace_s):
            return _said(403, {"code": 403, "message": "the contest is over"})
        key = request.headers["Idempotency-Key"]
        if key not in self.answered:
            identifier = f"{endpoint}-{len(self.of(endpoint)) + 1}"
            self.of(endpoint)[identifier] = {**body, "id": identifier, "by": user}
            self.answered[key] = (201, self.of(endpoint)[identifier])
        if endpoint in self.cut:
            self.cut.remove(endpoint)
            assert request.transport is not None
            request.transport.abort()
        return _said(*self.answered[key])


def _said(status: int, body: Plain, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(status=status, body=json.dumps(body).encode(), content_type="application/json", headers=headers)


@asynccontextmanager
async def staged(*, busy: Iterable[str] = (), cut: Iterable[str] = ()) -> AsyncIterator[tuple[Stage, str]]:
    """A stage, and the address of its API."""
    stage = Stage()
    stage.busy.update(busy)
    stage.cut.update(cut)
    application = web.Application(client_max_size=1 << 24)
    application.router.add_route("*", "/api/{rest:.*}", stage.handle)
    async with TestServer(application) as server:
        yield stage, str(server.make_url("/api"))
