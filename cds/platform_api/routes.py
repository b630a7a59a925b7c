"""The routes of the sync API, at the root of the server (requirements-000, 1.1 and 3.12): those of its table.

This module must not know what the handlers do.
"""

from collections.abc import Mapping

from aiohttp import web
from aiohttp.typedefs import Handler

from cds.contest_api.table_routes import table_routes
from cds.openapi.platform_endpoints import PLATFORM_API
from cds.platform_api.handlers import (
    get_contests_of_platform,
    get_history,
    get_platforms,
    post_sync,
    post_sync_of_all,
)

HANDLERS: Mapping[str, Handler] = {
    "sync_all_platforms": post_sync_of_all,
    "sync_platform": post_sync,
    "list_platforms": get_platforms,
    "get_platform_history": get_history,
    "list_contests_of_platform": get_contests_of_platform,
}


def platform_api_routes() -> list[web.AbstractRouteDef]:
    """All routes of the sync API."""
    return table_routes(PLATFORM_API, HANDLERS)
