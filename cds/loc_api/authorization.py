"""Who may ask: the decision about the token of a request (requirements-003, 1.6 and 4), as a table.

This module must not know any endpoint, nor how a token is made.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec

from cds.bearer_tokens import BearerRefused, Fault
from cds.contest_api.errors import Failure
from cds.loc_api.answers import error, fail
from cds.loc_api.call import Caller
from cds.loc_api.rows import Auth, Row
from schemas.viewers import Viewer

if TYPE_CHECKING:
    from cds.contest_api.service import Service

TOKEN_MISSING = {"token": "Request was missing the 'token' attribute"}
NOT_LOGGED_IN = "User not logged in"
NO_USER = "User was not found"
NO_ADMINISTRATOR = "You are not an administrator"


class Said(msgspec.Struct, frozen=True):
    """What is said of a token that is good for nothing."""

    status: HTTPStatus
    message: str


NOT_THERE = {
    HTTPStatus.NOT_FOUND: Said(HTTPStatus.NOT_FOUND, NO_USER),
    HTTPStatus.UNAUTHORIZED: Said(HTTPStatus.UNAUTHORIZED, NOT_LOGGED_IN),
}
"""What is said to a user who is not there any more, by what the endpoint has for that."""

EXPIRED = Said(HTTPStatus.UNAUTHORIZED, "JWT was expired")

SAID: Mapping[Fault, Said] = {
    "malformed": Said(HTTPStatus.INTERNAL_SERVER_ERROR, "JWT coding error"),
    "not valid": Said(HTTPStatus.UNAUTHORIZED, "JWT was not valid"),
    "expired": EXPIRED,
    "revoked": EXPIRED,
}
"""By what is wrong, but of a user who is not there any more."""


async def caller_of(service: "Service", token: str | None, row: Row, *, now_ms: int) -> Caller | None:
    """Whose token came, where the endpoint looks at it; None: nobody's. Raises Failure (401, 404, 500)."""
    if row.auth is Auth.OPEN:
        return None
    if token is None:
        if row.auth is Auth.OPTIONAL:
            return None
        raise fail(HTTPStatus.UNAUTHORIZED, TOKEN_MISSING)
    try:
        return await service.users.caller(token, now_ms=now_ms)
    except BearerRefused as refused:
        raise _refusal(SAID.get(refused.fault, NOT_THERE[row.gone])) from None


def require_allowed(caller: Caller | None, row: Row) -> None:
    """Raises Failure (401, 403, 404) where the endpoint is not for this caller."""
    if caller is None:
        return
    if row.auth is Auth.USER and caller.user_id is None:
        raise _refusal(NOT_THERE[row.gone])
    if row.auth is Auth.ADMIN and not caller.is_admin:
        raise error(HTTPStatus.FORBIDDEN, NO_ADMINISTRATOR)


def viewer_of_caller(caller: Caller) -> Viewer:
    """What the log of requests may know of a caller: the id of a user, but not the name."""
    return Viewer(
        role="admin" if caller.is_admin else "public",
        server_username=caller.username if caller.user_id is None else None,
        user_id=caller.user_id,
        user_is_admin=caller.is_admin and caller.user_id is not None,
    )


def _refusal(said: Said) -> Failure:
    """A 500 is demanded for what is no token at all, which is nobody's fault but the client's (section 4)."""
    return Failure(said.status, said.message, clients_fault=True)
