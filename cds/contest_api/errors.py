"""Failures on the wire: every one is JSON, in the form of the API to which the path belongs.

This module must not know which endpoint failed.
"""

from collections.abc import Mapping
from http import HTTPStatus

import msgspec
import structlog
from aiohttp import hdrs, web
from aiohttp.http_exceptions import LineTooLong

from cds.configuration import API_PREFIX
from cds.error_forms import CONTENT_TYPES, NO_DETAILS, Complaint, Detail, Form, contest_api_form, form_of
from cds.operations.request_marks import REQUEST_ID_HEADER, request_id_of

RETRY_AFTER_S = 1
REASON_CHARACTERS_MAX = 80
"""As much of a parser's complaint is repeated to the client; it quotes what was sent."""

CHALLENGE = 'Basic realm="contest data server", charset="UTF-8"'

BEARER_CHALLENGE = 'Bearer realm="contest data server", error="invalid_token"'
"""To who brought a bearer token that is good for nothing (RFC 6750, section 3)."""

API_PREFIXES = web.AppKey("API prefixes", tuple[str, ...])
"""The paths under which an application serves the API, where they are not the usual one alone."""

CMS_AT_ROOT = web.AppKey("CMS at root", bool)
"""Whether an application serves a contest at its root, as CMS does."""

log = structlog.get_logger(__name__)


class Failure(Exception):
    """A request that is answered with an error. `message` is for the client, one clear sentence."""

    def __init__(
        self,
        status: HTTPStatus,
        message: str,
        headers: dict[str, str] | None = None,
        *,
        details: Mapping[str, Detail] = NO_DETAILS,
        clients_fault: bool = False,
    ) -> None:
        """A failure with its HTTP status; `headers` go with the answer, and `details` into its body.

        `clients_fault`: it is the client's although the status, which an API demands, says that it is the server's.
        """
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers or {}
        self.details = details
        self.clients_fault = clients_fault


def not_found(what: str) -> Failure:
    """404: the object does not exist, or is not visible to this viewer, which must look the same."""
    return Failure(HTTPStatus.NOT_FOUND, f"{what} not found")


def bad_request(message: str) -> Failure:
    """400."""
    return Failure(HTTPStatus.BAD_REQUEST, message)


def unauthorized(message: str) -> Failure:
    """401 with a challenge."""
    return Failure(HTTPStatus.UNAUTHORIZED, message, {hdrs.WWW_AUTHENTICATE: CHALLENGE})


def bad_token(message: str) -> Failure:
    """401 for a bearer token that is good for nothing."""
    return Failure(HTTPStatus.UNAUTHORIZED, message, {hdrs.WWW_AUTHENTICATE: BEARER_CHALLENGE})


def form_for(request: web.Request) -> Form:
    """The form of errors that belongs to what was asked for."""
    prefixes = request.app.get(API_PREFIXES, (API_PREFIX,))
    return form_of(request.path, prefixes, cms_at_root=request.app.get(CMS_AT_ROOT, False))


def error_response(failure: Failure, form: Form = contest_api_form) -> web.Response:
    """The answer to a failure."""
    complaint = Complaint(status=failure.status, message=failure.message, details=failure.details)
    return web.Response(
        status=failure.status,
        body=msgspec.json.encode(form(complaint)),
        headers={
            **failure.headers,
            hdrs.CACHE_CONTROL: "no-store",
            hdrs.CONTENT_TYPE: CONTENT_TYPES.get(form, "application/json"),
        },
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
        response = error_response(failure, form_of(_path_begun(exc) or request.path))
        response.force_close()
        return response


def _path_begun(error: BaseException | None) -> str | None:
    """The path of a request that is too long, as far as it tells the API; of other unreadable ones nothing is known."""
    begun = error.args[0] if isinstance(error, LineTooLong) else None
    return begun.decode("latin-1").partition("?")[0] if isinstance(begun, bytes | bytearray) else None
