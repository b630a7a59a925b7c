"""Cross-origin access: every answer may be read by pages from anywhere (Contest API, "HTTP headers").

This module must not know which answer it is.
"""

from http import HTTPStatus

from aiohttp import hdrs, web

from cds.contest_api.away import STALE, WARNING, is_away

METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
REQUEST_HEADERS = (
    "Authorization, X-CMS-Authorization, Content-Type, If-Match, If-None-Match, If-Modified-Since, Idempotency-Key, "
    "Last-Event-ID"
)
RESPONSE_HEADERS = "ETag, Location, Retry-After, X-Request-ID, Warning"
PREFLIGHT_MAX_AGE_S = 86_400

MARKS = {
    hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: "*",
    hdrs.ACCESS_CONTROL_EXPOSE_HEADERS: RESPONSE_HEADERS,
    hdrs.SERVER: "contest-data-server",
    "X-Content-Type-Options": "nosniff",
}
"""The headers that stand on every answer: no browser takes it for another type, and nobody learns our versions."""


def preflight_response() -> web.Response:
    """The answer to OPTIONS, the same for every path; no route has that method."""
    return web.Response(
        status=HTTPStatus.NO_CONTENT,
        headers={
            hdrs.ACCESS_CONTROL_ALLOW_METHODS: METHODS,
            hdrs.ACCESS_CONTROL_ALLOW_HEADERS: REQUEST_HEADERS,
            hdrs.ACCESS_CONTROL_MAX_AGE: str(PREFLIGHT_MAX_AGE_S),
        },
    )


async def mark_response(request: web.Request, response: web.StreamResponse) -> None:
    """Put them on every response, streams and errors included, before it is sent."""
    response.headers.update(MARKS)
    if is_away(request):
        response.headers[WARNING] = STALE
