"""The routes of the ContestWebServer API: those of its table, below `/cms/{contest_id}` and at the root.

The router, the check of phases and the description of the API read the same rows (CMS ContestWebServer API, 2 and
4.10). This module must not know what the handlers do.
"""

from collections.abc import Mapping
from functools import partial

from aiohttp import web
from aiohttp.typedefs import Handler as HttpHandler

from cds.cms_api.doorway import BASE, PARAMETER, Area, Handler, OpenRoute, ReadForm, Route, answer, answer_anybody
from cds.cms_api.forms import form_of
from cds.cms_api.login import LOGIN_FORM_BYTES_MAX, post_login
from cds.cms_api.results import get_submission, get_submission_details
from cds.cms_api.starting import post_start
from cds.cms_api.statements import get_statement
from cds.cms_api.submission_list import get_submission_list
from cds.cms_api.submitting import post_submission, submitted_form
from cds.cms_api.tasks import get_task_list
from cds.contest_api.routes import ONE_SEGMENT, SLASH, expect
from cds.openapi.cms_endpoints import CMS_API
from cds.openapi.operations import Operation

BELOW = BASE.replace("{contest_id}", f"{{contest_id:{ONE_SEGMENT}}}")

OPEN_HANDLERS = {"cms_login": post_login}
HANDLERS: Mapping[str, Handler] = {
    "cms_task_list": get_task_list,
    "cms_submit": post_submission,
    "cms_submission_list": get_submission_list,
    "cms_statement": get_statement,
    "cms_submission": get_submission,
    "cms_submission_details": get_submission_details,
    "cms_start": post_start,
}
"""Who answers, by the name of the operation."""

FORMS: Mapping[str, ReadForm] = {
    "cms_submit": submitted_form,
    "cms_start": partial(form_of, limit_bytes=LOGIN_FORM_BYTES_MAX),
}
"""How forms are read that may hold overrides."""

NOTED_BY_HANDLER = frozenset({"cms_submit", "cms_start"})
REPEATABLE = frozenset({"cms_submit"})

ENDS: Mapping[str, str] = {"cms_statement": r"{slash:(?:\x2f.*)?}"}
"""What may follow a path and is ignored: elsewhere a slash, behind a statement's language whatever clients like."""


def cms_api_routes(root_contest_id: str | None) -> list[web.AbstractRouteDef]:
    """All routes, those at the root too where a contest is served there; to be registered behind all other routes."""
    below = _mounted(BELOW, None)
    return below if root_contest_id is None else [*below, *_mounted("", root_contest_id)]


def _mounted(base: str, contest_id: str | None) -> list[web.AbstractRouteDef]:
    return [_route(base, operation, _handler(operation, contest_id)) for operation in CMS_API.operations]


def _handler(operation: Operation, contest_id: str | None) -> HttpHandler:
    """Who answers an operation in the contest of that id, or (None) in that of the path. Raises KeyError for nobody."""
    name = operation.identifier
    if name in OPEN_HANDLERS:
        open_route = OpenRoute(operation=operation, handler=OPEN_HANDLERS[name])
        return partial(answer_anybody, route=open_route, contest_id=contest_id)
    route = Route(
        operation=operation,
        handler=HANDLERS[name],
        area=Area.API if operation.path.startswith(f"{BASE}/api/") else Area.TASKS,
        read_form=FORMS.get(name),
        notes_itself=name in NOTED_BY_HANDLER,
        repeatable=name in REPEATABLE,
    )
    return partial(answer, route=route, contest_id=contest_id)


def _route(base: str, operation: Operation, handler: HttpHandler) -> web.RouteDef:
    path = PARAMETER.sub(lambda found: f"{{{found[1]}:{ONE_SEGMENT}}}", operation.path.removeprefix(BASE))
    pattern = base + path + ENDS.get(operation.identifier, SLASH)
    if operation.verb == "get":
        return web.get(pattern, handler, expect_handler=expect)  # HEAD comes with it
    return web.route(operation.verb.upper(), pattern, handler, expect_handler=expect)
