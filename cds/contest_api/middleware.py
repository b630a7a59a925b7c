"""What stands around every handler: failures of any kind become answers in the error form.

This module must not know which endpoint failed.
"""

from http import HTTPStatus

import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from cds.contest_api.cross_origin import preflight_response
from cds.contest_api.errors import RETRY_AFTER_S, Failure, error_response, form_for
from cds.contest_api.held_bodies import HELD_BODIES
from cds.contest_api.service import contest_at, viewer_of
from cds.decoding import UnreadableEvent
from cds.error_forms import jsend_form
from cds.operations.request_marks import marks_of
from eventstore.store import NotWritable, StoreUnavailable

TAKES_NOTHING = "the database takes nothing now, so nothing was written; try again"
"""Its disk is full, or it is read-only."""

UNREADABLE = "the log of this holds something that this program cannot read; its own log names it"
"""The client is not told where: how long a log is may say what is hidden from them."""

UNREADABLE_RETRY_AFTER_S = 60
"""Somebody has to start the program that has written it."""

log = structlog.get_logger(__name__)


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever goes wrong below into the error form of the API, unknown routes and methods included."""
    marks_of(request).led_to = request.match_info
    try:
        return await handler(request)
    except Failure as failure:
        return _refusal(request, failure)
    except web.HTTPException as exception:
        if request.method == hdrs.METH_OPTIONS:
            return preflight_response()
        if exception.status < HTTPStatus.BAD_REQUEST:
            raise
        return _refusal(request, await _without_route(request, exception))
    except (StoreUnavailable, UnreadableEvent) as reason:
        return _unavailable(request, reason)
    except (ConnectionError, TimeoutError):
        raise
    except Exception:
        # The one place that catches everything: the client gets the error form, the log gets the traceback.
        log.exception(
            "request_failed", method=request.method, path=request.path, request_id=marks_of(request).request_id
        )
        return error_response(
            Failure(HTTPStatus.INTERNAL_SERVER_ERROR, "the server failed to answer this"), form_for(request)
        )
    finally:
        if request.method != hdrs.METH_GET:
            request.app[HELD_BODIES].release(request)


def _unavailable(request: web.Request, reason: StoreUnavailable | UnreadableEvent) -> web.Response:
    """What cannot be done now, through no fault of the client."""
    if isinstance(reason, UnreadableEvent):
        log.error("event_unreadable", path=request.path, reason=str(reason))
        told, retry_after_s = UNREADABLE, UNREADABLE_RETRY_AFTER_S
    else:
        log.warning("database_unavailable", path=request.path, reason=str(reason))
        told = TAKES_NOTHING if isinstance(reason, NotWritable) else "the database is away; try again"
        retry_after_s = RETRY_AFTER_S
    failure = Failure(HTTPStatus.SERVICE_UNAVAILABLE, told, {hdrs.RETRY_AFTER: str(retry_after_s)})
    return error_response(failure, form_for(request))


def _refusal(request: web.Request, failure: Failure) -> web.Response:
    """The answer to a failure. Behind a body that cannot be read to its end no request can follow: it says so."""
    marks_of(request).clients_fault = failure.clients_fault
    response = error_response(failure, form_for(request))
    if request.content.exception() is not None:
        response.force_close()
        # Nobody is to try to read what is left of it, and fail, and tell of that as of an error of ours.
        request.content.feed_eof()
    return response


async def _without_route(request: web.Request, exception: web.HTTPException) -> Failure:
    """What to answer where the router has nothing: wrong credentials come first, where an API takes them everywhere.

    In the League of Code API each endpoint has its own way with tokens, and none takes passwords.
    """
    if exception.status not in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED) or form_for(request) is jsend_form:
        return _of_http_exception(request, exception)
    try:
        await viewer_of(request, contest_at(request))
    except Failure as failure:
        return failure
    return _of_http_exception(request, exception)


def _of_http_exception(request: web.Request, exception: web.HTTPException) -> Failure:
    status = HTTPStatus(exception.status)
    headers = {name: value for name, value in exception.headers.items() if name in (hdrs.ALLOW, hdrs.RETRY_AFTER)}
    messages = {
        HTTPStatus.NOT_FOUND: f"there is nothing at {request.path}",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{request.method} is not allowed at {request.path}",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the request body is too large",
    }
    return Failure(status, messages.get(status, exception.reason), headers)
