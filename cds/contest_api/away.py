"""How an answer says that the database is away: what it holds was so when the database last answered.

This module must not know what is answered.
"""

from collections.abc import Callable

from aiohttp import web

WARNING = "Warning"
STALE = '110 contest-data-server "Response is Stale"'
"""The header of an answer from memory that nobody could compare with the log (RFC 7234, section 5.5.1)."""

STALE_VIEW = web.RequestKey("stale view", bool)
"""Marks a request that is answered out of a view to which more may have been told than has come here."""

IS_DATABASE_THERE: web.AppKey[Callable[[], bool]] = web.AppKey("is database there")
"""Tells whether the database answered a moment ago; an application without one has none that could be away."""


def is_away(request: web.BaseRequest) -> bool:
    """Whether what is answered now may have changed without this process having been told."""
    if not isinstance(request, web.Request):
        return False
    if STALE_VIEW in request:
        return True
    is_there = request.app.get(IS_DATABASE_THERE)
    return is_there is not None and not is_there()
