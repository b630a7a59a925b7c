"""What a row of the table of the League of Code API is: an endpoint with everything that is told about it once.

The router, the reader of arguments, the decision who may, and the description read the same rows. This module must
not know any endpoint.
"""

from collections.abc import Awaitable, Callable, Mapping
from enum import Enum
from http import HTTPStatus
from typing import Any

import msgspec

from cds.loc_api.answers import Answer
from cds.loc_api.arguments import Arguments
from cds.loc_api.call import Call
from cds.loc_api.field_checks import Checks, Comparison, nothing_else
from cds.openapi.json_schemas import Json

Handler = Callable[[Call[Any]], Awaitable[Answer]]
"""What answers; of the arguments of its row, so that only the row knows the type."""

MISSING = "Field was missing in request"

SEED_ENDPOINTS = 44
"""How many endpoints the seed has."""

NO_CHECKS: Checks = {}


class Auth(Enum):
    """Who may ask."""

    OPEN = "open"
    """Anybody, and a token is not looked at."""

    OPTIONAL = "optional"
    """Anybody; a token that is brought has to be good."""

    HOLDER = "holder"
    """Whoever has logged in, also with an account of the server."""

    USER = "user"
    """A user of the platform."""

    ADMIN = "admin"
    """Who has logged in and is an administrator."""

    @property
    def needs_token(self) -> bool:
        """Whether nobody is answered without one."""
        return self not in (Auth.OPEN, Auth.OPTIONAL)


class Way(msgspec.Struct, frozen=True):
    """A method and a path by which an endpoint is asked."""

    method: str
    path: str


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint. `number` is that of requirements-003, section 2; the first of the `ways` is the seed's own. Whatever
    has a number beyond SEED_ENDPOINTS is an extension of ours.

    `codes` are those that the table of the seed, or a resolution of ours, has for it, beside those of tokens (1.6).
    `errors` are those of the codes below 500 that are told as errors, with a sentence; all others are failures, which
    say of each argument what is wrong.
    `missing` is said of an argument that is not there, `failing` (None: nothing particular) where the database cannot
    do what is wanted; `gone` is the answer to the token of a user who is there no more (section 4).
    """

    number: int
    ways: tuple[Way, ...]
    name: str
    auth: Auth
    arguments: type[Arguments]
    about: str
    codes: tuple[int, ...]
    errors: tuple[int, ...] = ()
    missing: str = MISSING
    failing: str | None = None
    gone: HTTPStatus = HTTPStatus.UNAUTHORIZED
    checks: Checks = NO_CHECKS
    comparison: Comparison = nothing_else
    example: Mapping[str, Json] = {}


def ways(method: str, path: str, *twins: str) -> tuple[Way, ...]:
    """The way of the seed, and twins of it: another method at the same path, or a method and a path."""
    others = (twin.partition(" ") for twin in twins)
    return (Way(method, path), *(Way(other, elsewhere or path) for other, _, elsewhere in others))
