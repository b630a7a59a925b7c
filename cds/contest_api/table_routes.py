"""Routes of a table of operations: whatever API it is of, what is documented is what is routed.

This module must not know any API.
"""

import re
from collections.abc import Mapping

from aiohttp import web
from aiohttp.typedefs import Handler

from cds.contest_api.routes import ONE_SEGMENT, SLASH
from cds.openapi.api_tables import ApiTable

_PARAMETER = re.compile(r"\{(\w+)\}")


def table_routes(api: ApiTable, handlers: Mapping[str, Handler], prefix: str = "") -> list[web.AbstractRouteDef]:
    """A route for each operation, answered by the handler of that name; each path also with a slash at its end.

    `prefix` has no slash at its end. Raises KeyError for an operation without a handler.
    """
    routes: list[web.AbstractRouteDef] = []
    for operation in api.operations:
        path = prefix + _PARAMETER.sub(lambda found: f"{{{found[1]}:{ONE_SEGMENT}}}", operation.path) + SLASH
        handler = handlers[operation.identifier]
        if operation.verb == "get":
            routes.append(web.get(path, handler, allow_head=operation.head))
        else:
            routes.append(web.route(operation.verb.upper(), path, handler))
    return routes
