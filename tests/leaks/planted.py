"""Leaks that are put into a server on purpose: one answer in which something hangs on how much is in the log.

What is planted is put around the whole application, where every answer passes but those that are followed. This module
must not know who looks for it.
"""

import gzip
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec
import pytest
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from cds import application
from cds.contest_api.middleware import errors_as_json
from cds.contest_api.ready_response import ReadyResponse
from cds.contest_api.service import service_of


class Spoiled(msgspec.Struct):
    """An answer on its way out."""

    status: int
    headers: dict[str, str]
    body: bytes


class Plant(msgspec.Struct, frozen=True):
    """Which answers tell something, by method, part of the path and status; and how they do.

    `spoil` is given how many events there are of the contest.
    """

    name: str
    method: str
    path: str
    spoil: Callable[[Spoiled, int], None]
    status: int = 200

    def concerns(self, request: web.Request, response: web.StreamResponse) -> bool:
        """Whether this answer is one of them."""
        return request.method == self.method and self.path in request.path_qs and response.status == self.status


class Planting:
    """What is planted now; nothing at first."""

    def __init__(self) -> None:
        """Nothing."""
        self._plant: Plant | None = None

    @contextmanager
    def planted(self, plant: Plant) -> Iterator[None]:
        """Plant something for the length of the block."""
        self._plant = plant
        try:
            yield
        finally:
            self._plant = None

    @web.middleware
    async def around(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """In the place of the application's own middleware, which it calls."""
        response = await errors_as_json(request, handler)
        if self._plant is None or not self._plant.concerns(request, response):
            return response
        spoiled = _taken(response)
        self._plant.spoil(spoiled, sum(contest.position for contest in service_of(request).contests))
        return web.Response(status=spoiled.status, headers=spoiled.headers, body=spoiled.body)

    def put_in(self, patch: pytest.MonkeyPatch) -> None:
        """Servers that are made from now on have it in them."""
        patch.setattr(application, "errors_as_json", self.around)


def _taken(response: web.StreamResponse) -> Spoiled:
    if isinstance(response, ReadyResponse):
        head, body = response._pieces
        lines = (line.partition(": ") for line in head.decode().splitlines()[1:])
        headers = {name: value for name, _, value in lines if name != hdrs.CONTENT_LENGTH}
        packed = headers.pop(hdrs.CONTENT_ENCODING, None) is not None
        return Spoiled(response.status, headers, gzip.decompress(body) if packed else body)
    assert isinstance(response, web.Response)
    content = response.body if isinstance(response.body, bytes) else b""
    return Spoiled(response.status, dict(response.headers) | {hdrs.CONTENT_LENGTH: str(len(content))}, content)
