"""Failures on the wire: every one is JSON with `code` and `message` (Contest API, "Success, Failure, …").

This module must not know which endpoint failed.
"""

from http import HTTPStatus

import msgspec
import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from cds.contest_api.cross_origin import preflight_response
from eventstore.store import StoreUnavailable
from schemas.metadata import ErrorBody

RETRY_AFTER_S = 1
REASON_CHARACTERS_MAX = 80
"""As much of a parser's complaint is repeated to the client; it quotes what was sent."""

CHALLENGE = 'Basic realm="contest data server", charset="UTF-8"'

log = structlog.get_logger(__name__)


class Failure(Exception):
    """A request that is answered with an error. `message` is for the client, one clear sentence."""

    def __init__(self, status: HTTPStatus, message: str, headers: dict[str, str] | None = None) -> None:
        """A failure with its HTTP status; `headers` go with the answer."""
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers or {}


def not_found(what: str) -> Failure:
    """404: the object does not exist, or is not visible to this viewer, which must look the same."""
    return Failure(HTTPStatus.NOT_FOUND, f"{what} not found")


def bad_request(message: str) -> Failure:
    """400."""
    return Failure(HTTPStatus.BAD_REQUEST, message)


def unauthorized(message: str) -> Failure:
    """401 with a challenge."""
    return Failure(HTTPStatus.UNAUTHORIZED, message, {hdrs.WWW_AUTHENTICATE: CHALLENGE})


def error_response(failure: Failure) -> web.Response:
    """The answer to a failure."""
    return web.Response(
        status=failure.status,
        body=msgspec.json.encode(ErrorBody(code=int(failure.status), message=failure.message)),
        content_type="application/json",
        headers={**failure.headers, hdrs.CACHE_CONTROL: "no-store"},
    )


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever goes wrong below into the error form, unknown routes and methods included."""
    try:
        return await handler(request)
    except Failure as failure:
        return error_response(failure)
    except web.HTTPException as exception:
        if request.method == hdrs.METH_OPTIONS:
            return preflight_response()
        if exception.status < HTTPStatus.BAD_REQUEST:
            raise
        return error_response(_of_http_exception(request, exception))
    except StoreUnavailable:
        log.warning("database_unavailable", path=request.path)
        return error_response(
            Failure(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "the database is away; try again",
                {hdrs.RETRY_AFTER: str(RETRY_AFTER_S)},
            )
        )
    except (ConnectionError, TimeoutError):
        raise
    except Exception:
        # The one place that catches everything: the client gets the error form, the log gets the traceback.
        log.exception("request_failed", method=request.method, path=request.path)
        return error_response(Failure(HTTPStatus.INTERNAL_SERVER_ERROR, "the server failed to answer this"))


class ErrorsAsJson(web.RequestHandler):
    """The protocol of a connection: what is no HTTP request at all is answered in the error form too.

    Such a request never reaches the middlewares.
    """

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer and close. Raises ConnectionError when an answer has been begun already."""
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has been begun, so there is no place for an error")
        if status == HTTPStatus.INTERNAL_SERVER_ERROR:
            log.error("request_failed", exc_info=exc)
            failure = Failure(HTTPStatus.INTERNAL_SERVER_ERROR, "the server failed to answer this")
        else:
            reason = (message or HTTPStatus(status).phrase).partition("\n")[0].rstrip(".: ")[:REASON_CHARACTERS_MAX]
            log.info("request_unreadable", reason=reason)
            failure = Failure(HTTPStatus(status), f"the request cannot be read: {reason}")
        failure.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = "*"
        response = error_response(failure)
        response.force_close()
        return response


def _of_http_exception(request: web.Request, exception: web.HTTPException) -> Failure:
    status = HTTPStatus(exception.status)
    headers = {name: value for name, value in exception.headers.items() if name in (hdrs.ALLOW, hdrs.RETRY_AFTER)}
    messages = {
        HTTPStatus.NOT_FOUND: f"there is nothing at {request.path}",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{request.method} is not allowed at {request.path}",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the request body is too large",
    }
    return Failure(status, messages.get(status, exception.reason), headers)
