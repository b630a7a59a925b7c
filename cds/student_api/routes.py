"""The routes of students, below the prefix of the Contest API (requirements-001, 1.1): those of their table.

This module must not know what the handlers do.
"""

from collections.abc import Mapping

from aiohttp import web
from aiohttp.typedefs import Handler

from cds.contest_api.table_routes import table_routes
from cds.openapi.student_endpoints import STUDENT_API
from cds.student_api.handlers import (
    delete_student,
    get_student,
    get_students,
    post_students,
    put_student,
    sync_handle,
)

HANDLERS: Mapping[str, Handler] = {
    "sync_handle": sync_handle,
    "post_handle_sync": sync_handle,
    "list_students": get_students,
    "post_students": post_students,
    "get_student": get_student,
    "put_student": put_student,
    "delete_student": delete_student,
}


def student_api_routes(prefix: str) -> list[web.AbstractRouteDef]:
    """All routes below a prefix without a slash at its end. A sync is asked for with GET or POST, never with HEAD."""
    return table_routes(STUDENT_API, HANDLERS, prefix)
