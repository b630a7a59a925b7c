"""What an edge does with a request: what it has a view of it answers, writes go to the core, all else is relayed.

This module must not know how any of it is done.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus

import msgspec
from aiohttp import hdrs, web

from cds.configuration import API_PREFIX, Configuration
from cds.contest_api.cross_origin import preflight_response
from cds.contest_api.errors import Failure
from cds.contest_api.routes import CONTEST, ONE_SEGMENT, SLASH, expect, paths_of
from cds.contest_api.service import READING, client_at
from cds.edge.core import Core, is_of_cms
from cds.edge.event_feed import EdgeFeeds
from cds.edge.files import EdgeFiles
from cds.edge.objects import collection, one_object
from cds.edge.scoreboard import EdgeScoreboards
from cds.edge.served import Served, Views
from cds.edge.viewers import EdgeViewers
from cds.edge.writing import Writing
from cds.relay.addressing import contest_path
from cds.relay.event_feed import EventFeeds
from cds.relay.limits import ASKED_AT_ONCE_MAX, SLOT_S_MAX
from cds.relay.passing_on import PassingOn
from cds.relay.requests import RelayRequests
from cds.relay.scoreboard_stream import ScoreboardStreams
from cds.relay.slots import NoSlot, Slots
from cds.relay.upstream import Asker, Upstream
from schemas.object_types import OBJECT_TYPES, ObjectType

ECHOED = frozenset({hdrs.METH_TRACE, hdrs.METH_CONNECT})
"""What a proxy before the core may answer with all that it was sent, or take for a way to somewhere else."""

FromView = Callable[[web.Request, Served], Awaitable[web.StreamResponse | None]]
"""Answers out of a view; None where the core has to."""


class RelayParts(msgspec.Struct, frozen=True, kw_only=True):
    """The parts that answer what an edge has no view of."""

    feeds: EventFeeds
    scoreboards: ScoreboardStreams
    passing_on: PassingOn
    upstream: Upstream


class EdgeParts(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of an edge, as the composition root has put them together."""

    core: Core
    viewers: EdgeViewers
    views: Views
    feeds: EdgeFeeds
    scoreboards: EdgeScoreboards
    files: EdgeFiles
    writing: Writing


class EdgeRequests(RelayRequests):
    """The handlers of an edge."""

    def __init__(self, relay: RelayParts, edge: EdgeParts, configuration: Configuration) -> None:
        """Requests that are answered out of views where there are any."""
        super().__init__(relay.feeds, relay.scoreboards, relay.passing_on, configuration, relay.upstream)
        self._edge = edge
        self._asking = Slots(ASKED_AT_ONCE_MAX, SLOT_S_MAX)
        """For questions about contests of which nothing is known: anybody can make up their names."""

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """The routes of what an edge has views of: all of table one, the scoreboard and the feed."""
        contest = API_PREFIX + CONTEST
        self._add(router, f"{contest}/scoreboard", self._edge.scoreboards.answer)
        for row in OBJECT_TYPES.values():
            every, one = (API_PREFIX + path for path in paths_of(row))
            if not row.singleton:
                self._add(router, every, partial(_collection, row=row))
            self._add(router, one, partial(one_object, row=row))
            for file in row.file_properties:
                answer = partial(self._file, row=row, property_name=file.property)
                self._add(router, f"{one}/{file.property}", answer)
                self._add(router, f"{one}/{file.property}/{{filename:{ONE_SEGMENT}}}", answer)

    def _add(self, router: web.UrlDispatcher, path: str, from_view: FromView) -> None:
        router.add_get(path + SLASH, partial(self._viewed, from_view), expect_handler=expect)

    async def get_event_feed(self, request: web.Request) -> web.StreamResponse:
        """A feed: out of a view, or as a relay has it."""
        served = None if "version" in request.match_info else await self._edge.views.of(request)
        if served is None:
            return await super().get_event_feed(request)
        return await self._edge.feeds.answer(request, served)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Everything else."""
        if request.method == hdrs.METH_OPTIONS:
            return preflight_response()
        if request.method in ECHOED:
            raise Failure(HTTPStatus.METHOD_NOT_ALLOWED, f"{request.method} is not for any path here")
        if request.method not in READING:
            self._asker(request)
            return await self._edge.writing.answer(request, client_at(request, self._configuration).address)
        return await super().answer(request)

    def _asker(self, request: web.Request) -> Asker:
        """For whom a request is passed on: the core believes us what address the client has. Raises Failure (508)."""
        super()._asker(request)
        return self._edge.core.asker(request)

    async def _reader(self, request: web.Request, asker: Asker) -> Asker:
        """Who is answered alone where the address may say who it is, or whether he is let in."""
        return self._edge.core.asker_by_address(request) if await self._hangs_on_address(request) else asker

    async def _hangs_on_address(self, request: web.Request) -> bool:
        """As the core says of that contest; everywhere in CMS's API, where a contest may have it so."""
        if is_of_cms(request.path):
            return True
        viewers, about = self._edge.viewers, contest_path(request.rel_url.raw_path)
        if about is None:
            # A page and what belongs to it is the same for everybody.
            return API_PREFIX in request.path and viewers.hangs_on_address_anywhere(request)
        if viewers.know_some_of((about.contest_id,)):
            return await viewers.hangs_on_address(request, about.contest_id)
        try:
            async with self._asking.taken():
                return await viewers.hangs_on_address(request, about.contest_id)
        except NoSlot:
            return True

    async def _viewed(self, from_view: FromView, request: web.Request) -> web.StreamResponse:
        self._asker(request)
        served = await self._edge.views.of(request)
        response = None if served is None else await from_view(request, served)
        return await super().answer(request) if response is None else response

    async def _file(
        self, request: web.Request, served: Served, row: ObjectType, property_name: str
    ) -> web.StreamResponse | None:
        if hdrs.RANGE in request.headers:
            return None
        asker = await self._reader(request, self._asker(request))
        return await self._edge.files.answer(request, served, row, property_name, asker)


async def _collection(request: web.Request, served: Served, row: ObjectType) -> web.StreamResponse | None:
    return await collection(request, served, row)
