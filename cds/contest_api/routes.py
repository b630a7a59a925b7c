"""The routes of the Contest API: a loop over table one, and the few endpoints that are no collections.

This module must not know what the handlers do.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from http import HTTPStatus
from typing import NamedTuple

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from cds.commands.permissions import METHODS, OFFERED, Method
from cds.contest_api.contest_writing import (
    get_settings,
    patch_contest,
    patch_settings,
    patch_state,
    post_contest,
    put_contest,
)
from cds.contest_api.errors import Failure, error_response
from cds.contest_api.event_feed import get_event_feed
from cds.contest_api.files import get_file
from cds.contest_api.metadata import get_access, get_account, get_api_information
from cds.contest_api.objects import get_collection, get_contests, get_object
from cds.contest_api.openapi import get_documentation, get_openapi_document
from cds.contest_api.paths import ContestPathsDefinition
from cds.contest_api.scoreboard import get_scoreboard
from cds.contest_api.webhooks import delete_webhook, get_webhook, get_webhooks, patch_webhook, post_webhook
from cds.contest_api.writing import refuse_method, write_object
from schemas.object_types import OBJECT_TYPES, ObjectType

SLASH = "{slash:/?}"
"""Every path is answered with and without a slash at its end."""

ONE_SEGMENT = r"[^\x2f]+"
"""Any text up to the next slash. The router's own pattern leaves out braces, which an id may hold; and a slash is
written so because the places of a path are counted by slashes."""

CONTEST = f"/contests/{{contest_id:{ONE_SEGMENT}}}"
WEBHOOK = f"/webhooks/{{id:{ONE_SEGMENT}}}"


class Route(NamedTuple):
    """A method, a path below the prefix, and what answers it."""

    method: str
    path: str
    handler: Handler


def contest_api_routes(prefix: str) -> list[web.AbstractRouteDef]:
    """All routes of the API below a prefix without a slash at its end, such as `/api`."""
    of_contests = [
        *_get(f"{CONTEST}/access", get_access),
        *_get(f"{CONTEST}/account", get_account),
        *_get(f"{CONTEST}/scoreboard", get_scoreboard),
        *_get(f"{CONTEST}/event-feed", get_event_feed),
        *_get(f"{CONTEST}/x-settings", get_settings),
        *_write(f"{CONTEST}/x-settings", {"PATCH": patch_settings}),
        *(route for row in OBJECT_TYPES.values() for route in _of_type(row)),
    ]
    others = [
        *_get("", get_api_information),
        *_get("/openapi.json", partial(get_openapi_document, prefix=prefix)),
        *_get("/docs", partial(get_documentation, prefix=prefix)),
        *_get("/contests", get_contests),
        *_write("/contests", {"POST": post_contest}),
        *_get("/webhooks", get_webhooks),
        *_write("/webhooks", {"POST": post_webhook}),
        *_get(WEBHOOK, get_webhook),
        *_write(WEBHOOK, {"PATCH": patch_webhook, "DELETE": delete_webhook}),
    ]
    return [ContestPathsDefinition(prefix + CONTEST, _defined(prefix, of_contests)), *_defined(prefix, others)]


def _defined(prefix: str, routes: Sequence[Route]) -> list[web.RouteDef]:
    return [web.route(route.method, prefix + route.path, route.handler, expect_handler=expect) for route in routes]


def _of_type(row: ObjectType) -> list[Route]:
    """Collection, object and files of one type. Every method has its route: what is not offered says so there."""
    write = partial(write_object, row=row)
    offered = [method for method in METHODS if method in OFFERED[row.name]]
    if row.name == "contest":
        one = CONTEST
        of_contest: dict[Method, Handler] = {"PUT": put_contest, "PATCH": patch_contest, "DELETE": write}
        routes = [*_get(one, partial(get_object, row=row)), *_write(one, of_contest)]
    elif row.singleton:
        one = f"{CONTEST}/{row.endpoint}"
        routes = [*_get(one, partial(get_object, row=row)), *_write(one, {"PATCH": patch_state})]
    else:
        collection = f"{CONTEST}/{row.endpoint}"
        one = f"{collection}/{{id:{ONE_SEGMENT}}}"
        routes = [
            *_get(collection, partial(get_collection, row=row)),
            *_get(one, partial(get_object, row=row)),
            *_write(collection, {method: write for method in offered if method == "POST"}),
            *_write(one, {method: write for method in offered if method != "POST"}),
        ]
    for file_property in row.file_properties:
        download = partial(get_file, row=row, file_property=file_property)
        routes += [
            *_get(f"{one}/{file_property.property}", download),
            *_get(f"{one}/{file_property.property}/{{filename:{ONE_SEGMENT}}}", download),
        ]
    return routes


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
    return error_response(Failure(HTTPStatus.EXPECTATION_FAILED, "only 100-continue can be expected of this server"))
