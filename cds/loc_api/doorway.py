"""Every request to the League of Code API goes through here: what is asked, who asks, then the handler of its row.

This module must not know any endpoint.
"""

from collections.abc import Mapping
from http import HTTPStatus

import structlog
from aiohttp import hdrs, web

from cds.committing import Contended
from cds.contest_api.errors import RETRY_AFTER_S, Failure
from cds.contest_api.service import client_at, service_of
from cds.loc_api.answers import error, success_response
from cds.loc_api.arguments import Arguments
from cds.loc_api.asking import arguments_of, sent_with, token_in
from cds.loc_api.authorization import caller_of, require_allowed, viewer_of_caller
from cds.loc_api.call import Call
from cds.loc_api.rows import Auth, Handler, Row
from cds.operations.request_marks import marks_of
from eventstore.store import StoreUnavailable

CHALLENGE: Mapping[str, str] = {hdrs.WWW_AUTHENTICATE: 'Bearer realm="contest data server"'}

log = structlog.get_logger(__name__)


async def answer(request: web.Request, row: Row, handler: Handler) -> web.StreamResponse:
    """What the endpoint of a row answers. Raises Failure.

    Whoever may not ask is told that, whatever is wrong with the arguments.
    """
    try:
        return await _answer(request, row, handler)
    except Failure as failure:
        if failure.status == HTTPStatus.UNAUTHORIZED:
            # A client that is not logged in is told how to be (RFC 9110, 15.5.2).
            failure.headers.update(CHALLENGE)
        raise


async def _answer(request: web.Request, row: Row, handler: Handler) -> web.StreamResponse:
    service = service_of(request)
    sent = await sent_with(request, row)
    token = None if row.auth is Auth.OPEN else token_in(sent, request.headers.get(hdrs.AUTHORIZATION))
    now_ms = service.circumstances.now_us() // 1_000
    try:
        caller = await caller_of(service, token, row, now_ms=now_ms)
        if caller is not None:
            marks_of(request).viewer = viewer_of_caller(caller)
        require_allowed(caller, row)
        call: Call[Arguments] = Call(
            arguments=arguments_of(sent, row),
            caller=caller,
            service=service,
            now_ms=now_ms,
            address=client_at(request, service).address,
        )
        return success_response(await handler(call))
    except (StoreUnavailable, Contended) as away:
        raise _failing(row, away) from away


def _failing(row: Row, away: StoreUnavailable | Contended) -> Failure:
    """The documented answer where the database cannot do what was wanted, or the one that any API has."""
    log.warning("loc_request_failed", endpoint=row.name, reason=str(away))
    again: dict[str, str] = {hdrs.RETRY_AFTER: str(RETRY_AFTER_S)}
    if row.failing is not None:
        return error(HTTPStatus.INTERNAL_SERVER_ERROR, row.failing, again)
    return error(HTTPStatus.SERVICE_UNAVAILABLE, "the database is away; try again", again)
