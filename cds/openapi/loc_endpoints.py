"""The League of Code API (seed 003) as a table: of it its routes are made, and its part of the document.

Everything is read off the rows by which requests are read and answered, and off the shapes that answers are held to.
Bodies with GET mean nothing in OpenAPI: what may stand in a query is told as such, and the twins with POST have the
bodies. This module must not know how anything is answered.
"""

from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from aiohttp import hdrs

from cds.loc_api.answered_shapes import (
    DATA,
    DATE,
    INVITATION,
    INVITING_PARTY,
    MATCH,
    MATCH_DETAILS,
    MEMBERS,
    PARTY,
    PLACED_PARTY,
    PROFILE,
    PROJECT,
    SLUG,
)
from cds.loc_api.information import DESCRIPTION, VERSIONS, ServerInformation
from cds.loc_api.rows import Auth, Row, Way
from cds.loc_api.table import INFORMATION_PATH, ROWS
from cds.openapi.api_tables import ApiTable, schemas_of
from cds.openapi.error_bodies import FormName
from cds.openapi.json_schemas import Json, Schema, reference
from cds.openapi.loc_arguments import arguments_elsewhere, arguments_in_body, arguments_in_query
from cds.openapi.operations import LoginName, Operation, Verb, answered
from schemas.viewers import Role

INFORMATION = "league information"
ACCOUNT = "league account"
MATCHES = "league matches"
PARTIES = "league parties"
USERS = "league users"
ADMINISTRATION = "league administration"

TAGS: Mapping[str, str] = {
    INFORMATION: "The League of Code: users, matches, parties and projects, over the same log as the Contest API. A "
    "match is the contest `loc-<n>` there. Not part of the Contest API: the paths begin at the root of the server, and "
    "answers are JSend, `success` with `data`; `fail` with what is wrong in `data`, by argument; `error` with a "
    "`message`.\n\n"
    "A token comes with the login, and is sent as `Authorization: Bearer`, or as `token` in the body. Arguments are "
    "JSON in the body. GET takes such a body too, but nobody has to send one: what is no secret may stand in the "
    "query, and every GET that wants a token, or a code, has a twin with POST, which takes the query too. The body "
    "counts for more than the query; what is `null` is not given; what stands in it besides is ignored. HEAD is "
    "offered with what everybody may read. Dates are in UTC.",
    ACCOUNT: "Signing up, logging in and out, one's own profile, passwords.",
    MATCHES: "Matches, who takes part in them, and the projects.",
    PARTIES: "With whom one takes part.",
    USERS: "What everybody may see of others, and following them.",
    ADMINISTRATION: "For administrators: matches, leaderboards, and who is banned.",
}

TAG_OF: Mapping[str, str] = {
    "account": ACCOUNT,
    "match": MATCHES,
    "matches": MATCHES,
    "parties": PARTIES,
    "users": USERS,
    "admin": ADMINISTRATION,
}
"""By the part of the path behind the version."""

VERBS: Mapping[str, Verb] = {
    hdrs.METH_GET: "get",
    hdrs.METH_POST: "post",
    hdrs.METH_PUT: "put",
    hdrs.METH_DELETE: "delete",
}

NO_STORE = ("Cache-Control",)
BEARER: tuple[LoginName, ...] = ("bearer",)
ADMIN: tuple[Role, ...] = ("admin",)

OF_BODIES = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
"""Bodies are read with every method."""

OF_TOKENS = (HTTPStatus.UNAUTHORIZED, HTTPStatus.INTERNAL_SERVER_ERROR)


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    """What the document says of who may ask. `needs_login` and `roles` are those of an operation."""

    needs_login: bool
    logins: tuple[LoginName, ...] = BEARER
    roles: tuple[Role, ...] | None = None
    refusals: tuple[HTTPStatus, ...] = OF_TOKENS
    about: str = ""


ASKING: Mapping[Auth, Asking] = {
    Auth.OPEN: Asking(needs_login=False, logins=(), refusals=()),
    Auth.OPTIONAL: Asking(needs_login=False, about="A token that is brought has to be good."),
    Auth.HOLDER: Asking(needs_login=True, about="Also with an account of the server."),
    Auth.USER: Asking(needs_login=True, about="For users; an account of the server is none."),
    Auth.ADMIN: Asking(needs_login=True, roles=ADMIN, refusals=(*OF_TOKENS, HTTPStatus.FORBIDDEN)),
}

SHAPES: Mapping[str, Schema] = {
    "LeagueDate": DATE,
    "LeagueMatch": MATCH,
    "LeagueMatchDetails": MATCH_DETAILS,
    "LeagueMatchSlug": SLUG,
    "LeagueParty": PARTY,
    "LeaguePartyInviting": INVITING_PARTY,
    "LeaguePartyPlaced": PLACED_PARTY,
    "LeagueInvitation": INVITATION,
    "LeagueMembers": MEMBERS,
    "LeagueProfile": PROFILE,
    "LeagueProject": PROJECT,
}
"""The shapes of answers that stand in the document under a name."""

OF_SERVER = (
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
"""What is told as an error, with a sentence, by every endpoint."""

FORMS_OF_401: Mapping[Auth, FormName] = {Auth.OPEN: "jsend fail", Auth.OPTIONAL: "jsend error"}
"""Who needs no token is not told that it is missing; all others are told that in one form, and what is wrong with a
token in the other."""


def operations_of(row: Row) -> list[Operation]:
    """The operations of an endpoint: one for each of its ways, in their order."""
    return [_operation(row, way, number) for number, way in enumerate(row.ways)]


def _operation(row: Row, way: Way, number: int) -> Operation:
    asking = ASKING[row.auth]
    reads = way.method == hdrs.METH_GET
    return Operation(
        verb=VERBS[way.method],
        path=way.path,
        identifier=_identifier(row, way, number),
        tag=TAG_OF[way.path.split("/")[2]],
        summary=row.about,
        description=" ".join(filter(None, (asking.about, arguments_elsewhere(row) if reads else ""))),
        roles=asking.roles,
        parameters=arguments_in_query(row) if reads else (),
        body=None if reads else arguments_in_body(row),
        answers={str(int(code)): _success(row) for code in row.codes if code < HTTPStatus.BAD_REQUEST},
        refusals=_refusals(row, asking),
        needs_login=asking.needs_login,
        at_root=True,
        form="jsend error",
        forms=_forms(row),
        # Where a token matters, a GET may change something.
        head=row.auth is Auth.OPEN,
        logins=asking.logins,
    )


def _identifier(row: Row, way: Way, number: int) -> str:
    """The name of the row; that of a twin has its method and path besides."""
    words = way.path.replace("-", "_").split("/")[2:]
    return "_".join(("loc", row.name, *((way.method.lower(), *words) if number else ())))


def _refusals(row: Row, asking: Asking) -> tuple[int, ...]:
    of_row = (code for code in row.codes if code >= HTTPStatus.BAD_REQUEST)
    return tuple(sorted({int(code) for code in (*of_row, *asking.refusals, *OF_BODIES)}))


def _forms(row: Row) -> Mapping[int, FormName]:
    """The forms of those refusals that are no errors."""
    errors = {*row.errors, *OF_SERVER, *([HTTPStatus.FORBIDDEN] if row.auth is Auth.ADMIN else ())}
    failures: dict[int, FormName] = {int(code): "jsend fail" for code in (HTTPStatus.BAD_REQUEST, *row.codes)}
    told: dict[int, FormName] = {code: form for code, form in failures.items() if code not in errors}
    return told | {int(HTTPStatus.UNAUTHORIZED): FORMS_OF_401.get(row.auth, "jsend")}


def _success(row: Row) -> Schema:
    """A success; what it brings is nowhere kept."""
    properties: Schema = {"status": {"const": "success"}, "data": _named(DATA[row.name])}
    shape: Schema = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return answered(shape, "Done; what there is to tell stands in `data`.", headers=NO_STORE)


def _named(value: Json) -> Json:
    """The same with references in the places of the shapes that have names."""
    if isinstance(value, Mapping):
        name = next((name for name, shape in SHAPES.items() if shape == value), None)
        return _inside(value) if name is None else reference(name)
    return [_named(inner) for inner in value] if isinstance(value, list | tuple) else value


def _inside(shape: Schema) -> Schema:
    return {name: _named(inner) for name, inner in shape.items()}


INFORMATION_OPERATION = Operation(
    verb="get",
    path=INFORMATION_PATH,
    identifier="loc_get_information",
    tag=INFORMATION,
    summary="What this server is",
    description="No JSend.",
    answers={
        "200": answered(
            reference(ServerInformation.__name__),
            "The versions of this API, and of the program.",
            headers=NO_STORE,
            example={"api": list(VERSIONS), "description": DESCRIPTION, "version": "1.0.0"},
        )
    },
    needs_login=False,
    at_root=True,
    form="jsend error",
    logins=(),
)

LOC_API = ApiTable(
    tags=TAGS,
    operations=(INFORMATION_OPERATION, *(operation for row in ROWS for operation in operations_of(row))),
    schemas={**schemas_of(ServerInformation), **{name: _inside(shape) for name, shape in SHAPES.items()}},
)
