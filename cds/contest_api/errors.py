"""Failures on the wire: every one is JSON with `code` and `message` (Contest API, "Success, Failure, …").

This module must not know which endpoint failed.
"""

from http import HTTPStatus

import msgspec
import structlog
from aiohttp import hdrs, web

from cds.operations.request_marks import REQUEST_ID_HEADER, request_id_of
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
        """Answer and close. Raises ConnectionError when nobody is there any more, or an answer has been begun."""
        if isinstance(exc, ConnectionError) and (request.transport is None or request.transport.is_closing()):
            raise exc
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has been begun, so there is no place for an error")
        if status == HTTPStatus.INTERNAL_SERVER_ERROR:
            log.error("request_failed", exc_info=exc, request_id=request_id_of(request))
            failure = Failure(HTTPStatus.INTERNAL_SERVER_ERROR, "the server failed to answer this")
        else:
            reason = (message or HTTPStatus(status).phrase).partition("\n")[0].rstrip(".: ")[:REASON_CHARACTERS_MAX]
            log.info("request_unreadable", reason=reason)
            failure = Failure(HTTPStatus(status), f"the request cannot be read: {reason}")
        failure.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = "*"
        failure.headers[REQUEST_ID_HEADER] = request_id_of(request)
        response = error_response(failure)
        response.force_close()
        return response
