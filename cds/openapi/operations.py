"""What an operation is in the document: who may, its parameters, its body, its answers and refusals.

This module knows headers and status codes of the whole API; it must not know any object type.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from cds.cms_api.answers import AUTHORIZATION
from cds.commands.participation import Phase
from cds.commands.permissions import Method
from cds.openapi.error_bodies import JSON_TYPE, FormName, refusal
from cds.openapi.headers import headers_of
from cds.openapi.json_schemas import Json, Schema, reference
from schemas.viewers import Role

FILTER_NOTE = "Only objects with this value; an empty value means those without one."

Verb = Literal["get", "post", "put", "patch", "delete"]
LoginName = Literal["basic", "bearer", "cms"]

LOGINS: Mapping[str, Schema] = {
    "basic": {"type": "http", "scheme": "basic"},
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "cms": {"type": "apiKey", "in": "header", "name": AUTHORIZATION},
}
"""The ways to log in, as the document holds them."""


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One method at one path.

    `roles` None: everybody. `answers` are the successes by status; `refusals` the codes of errors beside those that
    every request may meet. `capabilities` are those of the specification, one of which the caller has to have.
    `needs_login` None: as the method and the roles tell. `at_root`: the path begins at the root of the server, not at
    the base of the Contest API. `form`: that of its errors, `forms` those of some, by code. `head`: whether HEAD is
    offered with GET. `logins` are the ways to log in. `phases`: those of a contest in which it is answered, where that
    is not all (CMS).
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
    needs_login: bool | None = None
    at_root: bool = False
    form: FormName = "contest"
    forms: Mapping[int, FormName] = {}
    head: bool = True
    logins: tuple[LoginName, ...] = ("basic", "bearer")
    phases: tuple[Phase, ...] = ()

    def as_json(self, root_servers: Sequence[str] = ("/",)) -> Schema:
        """The operation object of the document; `root_servers` are the URLs of the root of the server."""
        told: dict[str, Json] = {
            "operationId": self.identifier,
            "tags": [self.tag],
            "summary": self.summary,
            "description": self.description,
            "parameters": list(self.parameters),
            "requestBody": self.body,
            "callbacks": self.callbacks,
            "responses": {**self.answers, **{str(code): refusal(form, code) for form, code in self.refused_in_form}},
            "security": [*([] if self._login_needed else [{}]), *self._logins],
            "servers": [{"url": url} for url in root_servers] if self.at_root else [],
            "x-roles": None if self.roles is None else list(self.roles),
            "x-capabilities": list(self.capabilities),
            "x-phases": [int(phase) for phase in self.phases],
        }
        return {name: value for name, value in told.items() if value not in (None, "", [])}

    @property
    def _logins(self) -> list[Schema]:
        return [{name: []} for name in self.logins]

    @property
    def _login_needed(self) -> bool:
        if self.needs_login is not None:
            return self.needs_login
        return self.verb != "get" or (self.roles is not None and "public" not in self.roles)

    @property
    def refused_in_form(self) -> list[tuple[FormName, int]]:
        """The same codes as `refused`, each behind the form in which it is told."""
        return [(self.forms.get(code, self.form), code) for code in self.refused]

    @property
    def refused(self) -> list[int]:
        """The codes of all errors that a request may meet."""
        if self.form in OF_ALL_OF_FORM:
            return sorted({*OF_ALL_OF_FORM[self.form], *self.refusals})
        of_writing = OF_WRITING if self.verb != "get" else ()
        of_bodies = OF_BODIES if self.body is not None else ()
        return sorted({*OF_EVERYTHING, *of_writing, *of_bodies, *self.refusals})


OF_EVERYTHING = (400, 401, 404, 429, 500, 503)
OF_WRITING = (403, 409)
OF_BODIES = (408, 413)

OF_ALL_OF_FORM: Mapping[FormName, tuple[int, ...]] = {"cms": (400, 403, 404, 500, 503), "jsend error": (400, 500, 503)}
"""In place of all these, by form: CMS has codes of its own for who has not logged in, and for bodies that are wrong; in
the League of Code each endpoint says its own."""

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
    "strict": {
        "name": "strict",
        "in": "query",
        "description": "`1`: nothing beyond the specification. Answers are without `ext`, bodies must not have it, and "
        "objects that are written keep the one that they have. Tokens of strict and other feeds do not mix.",
        "schema": {"type": "string", "enum": ["1", "0"], "default": "0"},
    },
    "at": {
        "name": "at",
        "in": "query",
        "description": "As it was then: just after the line of a token of the caller's own feed, at a time, or at a "
        "contest time (measured by the start as it is known now; of a contest that was not recorded as it happened, by "
        "what the log says of times). What the caller may see now decides who is let in, the contest then decides what "
        "there was to see.",
        "schema": {"type": "string"},
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
    return {"description": description, "headers": headers_of(headers), "content": {JSON_TYPE: media}}


def answered_as(media: Mapping[str, Schema], description: str, *, headers: Sequence[str] = ()) -> Schema:
    """A success with a body of another type."""
    return {"description": description, "headers": headers_of(headers), "content": media}


def answered_without_body(description: str, *, headers: Sequence[str] = ()) -> Schema:
    """A success without a body."""
    return {"description": description, "headers": headers_of(headers)}


def sent(schema: Schema, example: Json, **others: Schema) -> Schema:
    """A JSON body of a request."""
    return {"required": True, "content": {JSON_TYPE: {"schema": schema, "example": example}, **others}}


def verb_of(method: Method) -> Verb:
    """A method as the document spells it."""
    verbs: Mapping[Method, Verb] = {"POST": "post", "PUT": "put", "PATCH": "patch", "DELETE": "delete"}
    return verbs[method]


NOT_MODIFIED = answered_without_body("The client has it already.", headers=("ETag", "Cache-Control"))
