"""The routes of the Contest API: a loop over table one, and the few endpoints that are no collections.

This module must not know what the handlers do.
"""

from collections.abc import Awaitable, Iterator, Mapping, Sequence
from functools import cache, partial
from http import HTTPStatus
from typing import NamedTuple, Protocol

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from cds.commands.permissions import METHODS, OFFERED, Method
from cds.contest_api.comparison import get_comparison
from cds.contest_api.contest_writing import (
    delete_contest,
    get_settings,
    patch_contest,
    patch_settings,
    patch_state,
    post_contest,
    put_contest,
)
from cds.contest_api.edges import get_lines, get_viewer
from cds.contest_api.errors import Failure, error_response, form_for
from cds.contest_api.event_feed import get_event_feed
from cds.contest_api.files import get_file
from cds.contest_api.metadata import get_access, get_account, get_api_information
from cds.contest_api.objects import get_collection, get_contests, get_object
from cds.contest_api.openapi import get_documentation, get_openapi_document
from cds.contest_api.paths import ContestPathsDefinition
from cds.contest_api.scoreboard import get_scoreboard
from cds.contest_api.signed_head import get_head
from cds.contest_api.source_status import get_sources
from cds.contest_api.webhooks import delete_webhook, get_webhook, get_webhooks, patch_webhook, post_webhook
from cds.contest_api.writing import refuse_in_version, refuse_method, write_object
from projections.served_versions import ServedVersion
from schemas.object_types import OBJECT_TYPES, ObjectType

SLASH = "{slash:/?}"
"""Every path is answered with and without a slash at its end."""

ONE_SEGMENT = r"[^\x2f]+"
"""Any text up to the next slash. The router's own pattern leaves out braces, which an id may hold; and a slash is
written so because the places of a path are counted by slashes."""

CONTEST = f"/contests/{{contest_id:{ONE_SEGMENT}}}"
WEBHOOK = f"/webhooks/{{id:{ONE_SEGMENT}}}"


class Reading(Protocol):
    """What answers a GET in any version of the API, in our own unless it is told."""

    def __call__(self, request: web.Request, /, *, version: ServedVersion = ...) -> Awaitable[web.StreamResponse]:
        """The answer."""
        ...


class Route(NamedTuple):
    """A method, a path below the prefix, and what answers it."""

    method: str
    path: str
    handler: Handler


_OF_EDGES = (
    Route(hdrs.METH_ANY, f"{CONTEST}/x-viewer{SLASH}", get_viewer),
    Route(hdrs.METH_ANY, f"{CONTEST}/x-lines{SLASH}", get_lines),
)
"""With any method, so that none tells that there is something."""


@cache
def contest_api_routes(prefix: str, *, for_edges: bool = False) -> tuple[web.AbstractRouteDef, ...]:
    """All routes of the API below a prefix without a slash at its end, such as `/api`; with what edges alone ask."""
    of_contests = [
        *_get(f"{CONTEST}/access", get_access),
        *_get(f"{CONTEST}/account", get_account),
        *_get(f"{CONTEST}/scoreboard", get_scoreboard),
        *_get(f"{CONTEST}/event-feed", get_event_feed),
        *_get(f"{CONTEST}/x-comparison", get_comparison),
        *_get(f"{CONTEST}/x-settings", get_settings),
        *_get(f"{CONTEST}/x-source", get_sources),
        *_write(f"{CONTEST}/x-settings", {"PATCH": patch_settings}),
        *(route for row in OBJECT_TYPES.values() for route in _of_type(row)),
        *(_OF_EDGES if for_edges else ()),
    ]
    others = [
        *_get("", get_api_information),
        *_get("/openapi.json", partial(get_openapi_document, prefix=prefix)),
        *_get("/docs", partial(get_documentation, prefix=prefix)),
        *_get("/contests", get_contests),
        *_write("/contests", {"POST": post_contest}),
        *_get("/x-head", get_head),
        *_get("/webhooks", get_webhooks),
        *_write("/webhooks", {"POST": post_webhook}),
        *_get(WEBHOOK, get_webhook),
        *_write(WEBHOOK, {"PATCH": patch_webhook, "DELETE": delete_webhook}),
    ]
    return ContestPathsDefinition(prefix + CONTEST, _defined(prefix, of_contests)), *_defined(prefix, others)


@cache
def version_routes(our_prefix: str, version: ServedVersion) -> tuple[web.AbstractRouteDef, ...]:
    """All routes of a version of the API, below its name and a prefix of our own such as `/api`; it is for reading."""
    prefix = f"{our_prefix}/{version.name}"
    refuse = partial(refuse_in_version, prefix=prefix, our_prefix=our_prefix)

    def read(path: str, reading: Reading) -> list[Route]:
        return [
            *_get(path, partial(reading, version=version)),
            *(Route(method, path + SLASH, refuse) for method in METHODS),
        ]

    of_contests = [
        *read(f"{CONTEST}/access", get_access),
        *read(f"{CONTEST}/account", get_account),
        *read(f"{CONTEST}/scoreboard", get_scoreboard),
        *read(f"{CONTEST}/event-feed", get_event_feed),
        *(route for name in version.types for path, get in _readable(OBJECT_TYPES[name]) for route in read(path, get)),
    ]
    others = [*read("", get_api_information), *read("/contests", get_contests)]
    return ContestPathsDefinition(prefix + CONTEST, _defined(prefix, of_contests)), *_defined(prefix, others)


def _defined(prefix: str, routes: Sequence[Route]) -> list[web.RouteDef]:
    return [web.route(route.method, prefix + route.path, route.handler, expect_handler=expect) for route in routes]


def _of_type(row: ObjectType) -> Iterator[Route]:
    """Collection, object and files of one type. Every method has its route: what is not offered says so there."""
    writable = _writable(row)
    for path, get in _readable(row):
        yield from _get(path, get)
        if path in writable:
            yield from _write(path, writable[path])


def _writable(row: ObjectType) -> dict[str, dict[Method, Handler]]:
    """What answers the methods of writing, by the paths of one type that have them."""
    write = partial(write_object, row=row)
    offered = [method for method in METHODS if method in OFFERED[row.name]]
    collection, one = paths_of(row)
    if row.name == "contest":
        return {one: {"PUT": put_contest, "PATCH": patch_contest, "DELETE": delete_contest}}
    if row.singleton:
        return {one: {"PATCH": patch_state}}
    return {
        collection: {method: write for method in offered if method == "POST"},
        one: {method: write for method in offered if method != "POST"},
    }


def _readable(row: ObjectType) -> Iterator[tuple[str, Reading]]:
    """The paths of one type that can be read, with what answers them."""
    collection, one = paths_of(row)
    if not row.singleton:
        yield collection, partial(get_collection, row=row)
    yield one, partial(get_object, row=row)
    for file_property in row.file_properties:
        download = partial(get_file, row=row, file_property=file_property)
        yield f"{one}/{file_property.property}", download
        yield f"{one}/{file_property.property}/{{filename:{ONE_SEGMENT}}}", download


def paths_of(row: ObjectType) -> tuple[str, str]:
    """The path of all objects of a type, and that of one."""
    if row.name == "contest":
        return "/contests", CONTEST
    collection = f"{CONTEST}/{row.endpoint}"
    return collection, collection if row.singleton else f"{collection}/{{id:{ONE_SEGMENT}}}"


def _get(path: str, handler: Handler) -> list[Route]:
    return [Route(hdrs.METH_GET, path + SLASH, handler)]  # HEAD comes with it


def _write(path: str, handlers: Mapping[Method, Handler]) -> list[Route]:
    """Every method of writing has a route: where a path does not have it, a login is still asked for first."""
    refuse = partial(refuse_method, offered=tuple(handlers))
    return [Route(method, path + SLASH, handlers.get(method, refuse)) for method in METHODS]


async def expect(request: web.Request) -> web.StreamResponse | None:
    """Answer `Expect: 100-continue`; nothing else can be expected of this server."""
    if request.headers.get(hdrs.EXPECT, "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # What was written does not belong to the answer.
        request.writer.output_size = 0
        return None
    failure = Failure(HTTPStatus.EXPECTATION_FAILED, "only 100-continue can be expected of this server")
    return error_response(failure, form_for(request))
