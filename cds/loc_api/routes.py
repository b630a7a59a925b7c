"""The routes of the League of Code API: those of its table, each with and without a slash at its end.

This module must not know what the handlers do.
"""

from collections.abc import Iterator, Mapping
from functools import partial

from aiohttp import web
from aiohttp.typedefs import Handler as HttpHandler

from cds.contest_api.routes import SLASH, expect
from cds.loc_api.doorway import answer
from cds.loc_api.information import get_information
from cds.loc_api.rows import Handler, Row
from cds.loc_api.table import ROWS
from cds.openapi.loc_endpoints import INFORMATION_OPERATION, operations_of
from cds.openapi.operations import Operation


def loc_api_routes(handlers: Mapping[str, Handler]) -> list[web.AbstractRouteDef]:
    """All routes; `handlers` by the name of the row. Raises KeyError for a row without one."""
    return [
        _route(INFORMATION_OPERATION, get_information),
        *(route for row in ROWS for route in _routes(row, handlers[row.name])),
    ]


def _routes(row: Row, handler: Handler) -> Iterator[web.RouteDef]:
    """Those of an endpoint: one for each operation of the document."""
    answered = partial(answer, row=row, handler=handler)
    return (_route(operation, answered) for operation in operations_of(row))


def _route(operation: Operation, handler: HttpHandler) -> web.RouteDef:
    path = f"{operation.path}{SLASH}"
    if operation.verb == "get":
        return web.get(path, handler, allow_head=operation.head, expect_handler=expect)
    return web.route(operation.verb.upper(), path, handler, expect_handler=expect)
