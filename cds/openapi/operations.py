"""What an operation is in the document: who may, its parameters, its body, its answers and refusals.

This module knows headers and status codes of the whole API; it must not know any object type.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from cds.commands.permissions import Method
from cds.openapi.json_schemas import Json, Schema, reference
from schemas.viewers import Role

JSON_TYPE = "application/json"
FILTER_NOTE = "Only objects with this value; an empty value means those without one."

Verb = Literal["get", "post", "put", "patch", "delete"]


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One method at one path.

    `roles` None: everybody. `answers` are the successes by status; `refusals` the codes of errors beside those that
    every request may meet. `capabilities` are those of the specification, one of which the caller has to have.
    """

    verb: Verb
    path: str
    identifier: str
    tag: str
    summary: str
    description: str = ""
    roles: tuple[Role, ...] | None = None
    capabilities: tuple[str, ...] = ()
    parameters: tuple[Schema, ...] = ()
    body: Schema | None = None
    callbacks: Schema | None = None
    answers: Mapping[str, Schema]
    refusals: tuple[int, ...] = ()

    def as_json(self) -> Schema:
        """The operation object of the document."""
        told: dict[str, Json] = {
            "operationId": self.identifier,
            "tags": [self.tag],
            "summary": self.summary,
            "description": self.description,
            "parameters": list(self.parameters),
            "requestBody": self.body,
            "callbacks": self.callbacks,
            "responses": {**self.answers, **{str(code): refusal(code) for code in self._refusals}},
            "security": [{"basic": []}] if self._needs_login else [{}, {"basic": []}],
            "x-roles": None if self.roles is None else list(self.roles),
            "x-capabilities": list(self.capabilities),
        }
        return {name: value for name, value in told.items() if value not in (None, "", [])}

    @property
    def _needs_login(self) -> bool:
        return self.verb != "get" or (self.roles is not None and "public" not in self.roles)

    @property
    def _refusals(self) -> list[int]:
        of_writing = OF_WRITING if self.verb != "get" else ()
        of_bodies = OF_BODIES if self.body is not None else ()
        return sorted({*OF_EVERYTHING, *of_writing, *of_bodies, *self.refusals})


class Refusal(msgspec.Struct, frozen=True):
    """An error that several operations answer with."""

    name: str
    description: str
    headers: tuple[str, ...] = ()


REFUSALS: Mapping[int, Refusal] = {
    400: Refusal("BadRequest", "Something in the request is wrong; the message names the property or parameter."),
    401: Refusal("Unauthorized", "No login where one is needed, or wrong credentials.", ("WWW-Authenticate",)),
    403: Refusal("Forbidden", "This account may not do that, or not now."),
    404: Refusal("NotFound", "It does not exist, or is not visible to this caller, which look alike."),
    408: Refusal("RequestTimeout", "The body took too long to arrive."),
    409: Refusal("Conflict", "It clashes with what is there: another id, another object of that name, a reference."),
    412: Refusal("PreconditionFailed", "The object is not as If-Match or If-None-Match says."),
    413: Refusal("TooLarge", "The body is larger than this endpoint takes."),
    422: Refusal("KeyUsedBefore", "The Idempotency-Key came before with another request."),
    429: Refusal("TooManyRequests", "Too many failed logins.", ("Retry-After",)),
    500: Refusal("ServerError", "The server failed to answer."),
    503: Refusal("Unavailable", "The server is starting, busy, or without its database.", ("Retry-After",)),
}

OF_EVERYTHING = (400, 401, 404, 429, 500, 503)
OF_WRITING = (403, 409)
OF_BODIES = (408, 413)

HEADERS: Mapping[str, Schema] = {
    "ETag": {
        "description": "Tag of exactly these bytes for exactly this viewer; for If-None-Match and If-Match.",
        "schema": {"type": "string"},
    },
    "Location": {"description": "Where the new object is.", "required": True, "schema": {"type": "string"}},
    "Cache-Control": {
        "description": "`private` for whoever logged in.",
        "required": True,
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "Seconds to wait before another try.",
        "required": True,
        "schema": {"type": "integer", "minimum": 0},
    },
    "WWW-Authenticate": {"description": "How to log in.", "required": True, "schema": {"type": "string"}},
    "Access-Control-Allow-Origin": {
        "description": "Pages from anywhere may read the answer.",
        "required": True,
        "schema": {"const": "*"},
    },
}

PARAMETERS: Mapping[str, Schema] = {
    "contest_id": {"name": "contest_id", "in": "path", "required": True, "schema": reference("Identifier")},
    "id": {"name": "id", "in": "path", "required": True, "schema": reference("Identifier")},
    "filename": {"name": "filename", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}},
    "If-None-Match": {
        "name": "If-None-Match",
        "in": "header",
        "description": "ETags that the client has; when it is one of them, the answer is 304 without a body.",
        "schema": {"type": "string"},
    },
    "If-Match": {
        "name": "If-Match",
        "in": "header",
        "description": "ETags of which the object must have one, or `*`: it must exist.",
        "schema": {"type": "string", "pattern": '^(\\*|"[!#-~]*"(, ?"[!#-~]*")*)$'},
    },
    "If-None-Match-any": {
        "name": "If-None-Match",
        "in": "header",
        "description": "`*`: the object must not exist yet.",
        "schema": {"const": "*"},
    },
    "Idempotency-Key": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "A text of the client's choice. The same request under the same key is carried out once, and "
        "answered with what it made.",
        "schema": {"type": "string", "pattern": "^[ -~]{1,255}$"},
    },
}
"""By the name under which they stand in the document."""


def parameter(name: str) -> Schema:
    """A parameter that stands in the document under a name."""
    return {"$ref": f"#/components/parameters/{name}"}


def query(name: str, schema: Schema, description: str) -> Schema:
    """A parameter in the query; none has to be there."""
    return {"name": name, "in": "query", "description": description, "schema": schema}


def filtering(names: Sequence[str]) -> tuple[Schema, ...]:
    """Filters on ID properties."""
    return tuple(query(name, {"type": "string"}, FILTER_NOTE) for name in names)


def in_path(path: str) -> tuple[Schema, ...]:
    """The parameters that a path holds."""
    return tuple(parameter(name) for name in ("contest_id", "id", "filename") if f"{{{name}}}" in path)


def answered(
    schema: Schema, description: str, *, headers: Sequence[str] = ("ETag", "Cache-Control"), example: Json = None
) -> Schema:
    """A success with a JSON body."""
    media: dict[str, Json] = {"schema": schema}
    if example is not None:
        media["example"] = example
    return {"description": description, "headers": _headers(headers), "content": {JSON_TYPE: media}}


def answered_as(media: Mapping[str, Schema], description: str, *, headers: Sequence[str] = ()) -> Schema:
    """A success with a body of another type."""
    return {"description": description, "headers": _headers(headers), "content": media}


def answered_without_body(description: str, *, headers: Sequence[str] = ()) -> Schema:
    """A success without a body."""
    return {"description": description, "headers": _headers(headers)}


def sent(schema: Schema, example: Json, **others: Schema) -> Schema:
    """A JSON body of a request."""
    return {"required": True, "content": {JSON_TYPE: {"schema": schema, "example": example}, **others}}


def refusal(code: int) -> Schema:
    """An error, as an operation names it."""
    return {"$ref": f"#/components/responses/{REFUSALS[code].name}"}


def refusal_components() -> Schema:
    """All errors, as the document holds them."""
    return {
        each.name: {
            "description": each.description,
            "headers": _headers(each.headers),
            "content": {
                JSON_TYPE: {
                    "schema": {
                        "allOf": [reference("ErrorBody"), {"properties": {"code": {"const": code}}}],
                    },
                    "example": {"code": code, "message": each.description},
                }
            },
        }
        for code, each in REFUSALS.items()
    }


def verb_of(method: Method) -> Verb:
    """A method as the document spells it."""
    verbs: Mapping[Method, Verb] = {"POST": "post", "PUT": "put", "PATCH": "patch", "DELETE": "delete"}
    return verbs[method]


def _headers(names: Sequence[str]) -> Schema:
    everywhere = ("Access-Control-Allow-Origin",)
    return {name: {"$ref": f"#/components/headers/{name}"} for name in (*names, *everywhere)}


NOT_MODIFIED = answered_without_body("The client has it already.", headers=("ETag", "Cache-Control"))
