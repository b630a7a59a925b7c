"""The errors of all operations as the document holds them: by code, and by the form in which an API tells them.

Bodies are read off the forms themselves (cds/error_forms.py). This module must not know any operation.
"""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Literal

import msgspec

from cds.error_forms import (
    JSEND_DATA,
    NO_DETAILS,
    Complaint,
    Detail,
    Form,
    cms_form,
    contest_api_form,
    jsend_form,
    plain_form,
    sync_form,
)
from cds.openapi.headers import headers_of
from cds.openapi.json_schemas import Json, Schema, reference
from schemas.metadata import ErrorBody

JSON_TYPE = "application/json"

FormName = Literal["contest", "sync", "plain", "cms", "jsend", "jsend fail", "jsend error"]

Details = Mapping[str, Detail]


class Refusal(msgspec.Struct, frozen=True):
    """An error that several operations answer with. `details` are those of its example."""

    name: str
    description: str
    headers: tuple[str, ...] = ()
    details: Details = NO_DETAILS


NO_OWN: Mapping[int, Refusal] = {}
NOT_DESCRIBED: Mapping[str, Schema] = {}

OF_SUBMISSIONS = Refusal(
    "Unprocessable",
    "What is handed in cannot be taken; `details` says why.",
    details={"details": "The file has more than 100000 bytes."},
)
OF_ARGUMENTS = Refusal(
    "BadRequest",
    "Something in the request is wrong; `data` says of each argument what.",
    details={JSEND_DATA: {"match": "Field was missing in request"}},
)


CHALLENGED = ("WWW-Authenticate",)

FAIL: Mapping[str, Details] = {"JsendFail": OF_ARGUMENTS.details}
ERROR: Mapping[str, Details] = {"JsendError": NO_DETAILS}
JSEND_CONSTANT = frozenset({"status"})
JSEND_DESCRIBED: Mapping[str, Schema] = {
    JSEND_DATA: {
        "type": ["object", "string"],
        "description": "What is wrong, by argument; of a sign-up that clashes, one sentence.",
        "additionalProperties": {"type": "string"},
    }
}


def _said_of(argument: str, sentence: str) -> Details:
    return {JSEND_DATA: {argument: sentence}}


class FormOfErrors(msgspec.Struct, frozen=True, kw_only=True):
    """A form: what stands before the names of its errors, the form itself, its bodies by the names of their schemas.

    A body is told by the details that lead to it. `optional`: properties that not all bodies of a schema have;
    `constant`: those that are the same in all; `described`: those of which a body does not tell the type. `own`: errors
    that mean something else than elsewhere.
    """

    prefix: str
    form: Form
    bodies: Mapping[str, Details]
    optional: frozenset[str] = frozenset()
    constant: frozenset[str] = frozenset()
    described: Mapping[str, Schema] = NOT_DESCRIBED
    own: Mapping[int, Refusal] = NO_OWN


FORMS: Mapping[FormName, FormOfErrors] = {
    "contest": FormOfErrors(prefix="", form=contest_api_form, bodies={ErrorBody.__name__: NO_DETAILS}),
    "sync": FormOfErrors(
        prefix="Sync", form=sync_form, bodies={"SyncErrorBody": NO_DETAILS}, optional=frozenset({"error"})
    ),
    "plain": FormOfErrors(prefix="Plain", form=plain_form, bodies={"PlainErrorBody": NO_DETAILS}),
    "cms": FormOfErrors(
        prefix="Cms",
        form=cms_form,
        bodies={"CmsErrorBody": OF_SUBMISSIONS.details},
        optional=frozenset({"details"}),
        own={
            403: Refusal("Forbidden", "No login, or a wrong one; or the contest is in another phase."),
            422: OF_SUBMISSIONS,
        },
    ),
    "jsend": FormOfErrors(
        prefix="Jsend",
        form=jsend_form,
        bodies={**FAIL, **ERROR},
        constant=JSEND_CONSTANT,
        described=JSEND_DESCRIBED,
        own={401: Refusal("Unauthorized", "No token, or one that does not count.", CHALLENGED)},
    ),
    "jsend fail": FormOfErrors(
        prefix="JsendFail",
        form=jsend_form,
        bodies=FAIL,
        constant=JSEND_CONSTANT,
        described=JSEND_DESCRIBED,
        own={
            400: OF_ARGUMENTS,
            401: Refusal(
                "Unauthorized", "Wrong credentials.", CHALLENGED, _said_of("username", "Check field for errors")
            ),
            403: Refusal(
                "Forbidden", "Not to this caller, or not now.", details=_said_of("match", "Match not finished")
            ),
            404: Refusal(
                "NotFound", "It does not exist, or nobody may know.", details=_said_of("match", "Match not found")
            ),
            409: Refusal(
                "Conflict", "It clashes with what is there.", details=_said_of("match", "Match was already deleted")
            ),
        },
    ),
    "jsend error": FormOfErrors(
        prefix="JsendError",
        form=jsend_form,
        bodies=ERROR,
        constant=JSEND_CONSTANT,
        described=JSEND_DESCRIBED,
        own={
            401: Refusal("Unauthorized", "A token that does not count.", CHALLENGED),
            404: Refusal("NotFound", "Who or what was meant is not there."),
            500: Refusal("ServerError", "The token is none at all, or the server failed to answer."),
        },
    ),
}


REFUSALS: Mapping[int, Refusal] = {
    400: Refusal("BadRequest", "Something in the request is wrong; the message names the property or parameter."),
    401: Refusal("Unauthorized", "No login where one is needed, or wrong credentials.", ("WWW-Authenticate",)),
    403: Refusal("Forbidden", "This account may not do that, or not now."),
    404: Refusal("NotFound", "It does not exist, or is not visible to this caller, which look alike."),
    408: Refusal("RequestTimeout", "The body took too long to arrive."),
    409: Refusal("Conflict", "It clashes with what is there: another id, another object of that name, a reference."),
    412: Refusal("PreconditionFailed", "The object is not as If-Match or If-None-Match says."),
    413: Refusal("TooLarge", "The body is larger than this endpoint takes."),
    416: Refusal("RangeNotSatisfiable", "The file has no such part.", ("Content-Range",)),
    422: Refusal("KeyUsedBefore", "The Idempotency-Key came before with another request."),
    429: Refusal(
        "TooManyRequests", "Too many requests: failed logins, or more than is allowed here.", ("Retry-After",)
    ),
    500: Refusal("ServerError", "The server failed to answer."),
    503: Refusal("Unavailable", "The server is starting, busy, or without its database.", ("Retry-After",)),
}


def refusal(form: FormName, code: int) -> Schema:
    """An error, as an operation names it."""
    return {"$ref": f"#/components/responses/{FORMS[form].prefix}{_refusal_of(FORMS[form], code).name}"}


def refusal_components(used: Iterable[tuple[FormName, int]]) -> Schema:
    """The errors that operations name, by form and code, as the document holds them."""
    wanted = set(used)
    return {
        FORMS[form].prefix + each.name: _component(FORMS[form], code, each)
        for form in FORMS
        for code in REFUSALS
        for each in [_refusal_of(FORMS[form], code)]
        if (form, code) in wanted
    }


def error_schemas() -> dict[str, Schema]:
    """The schemas of the bodies of all forms but that of the Contest API, which has a structure."""
    return {
        name: _schema(of, details)
        for of in FORMS.values()
        for name, details in of.bodies.items()
        if name != ErrorBody.__name__
    }


def _refusal_of(of: FormOfErrors, code: int) -> Refusal:
    return of.own.get(code, REFUSALS[code])


def _component(of: FormOfErrors, code: int, each: Refusal) -> Schema:
    body = _body(of, code, each.description, each.details)
    # The code stands in the body where the form has it.
    fixed = {name: {"const": value} for name, value in body.items() if value == code}
    whole = _any_body(of)
    schema: Schema = {"allOf": [whole, {"properties": fixed}]} if fixed else whole
    return {
        "description": each.description,
        "headers": headers_of(each.headers),
        "content": {JSON_TYPE: {"schema": schema, "example": body}},
    }


def _any_body(of: FormOfErrors) -> Schema:
    bodies = [reference(name) for name in of.bodies]
    return bodies[0] if len(bodies) == 1 else {"anyOf": bodies}


def _schema(of: FormOfErrors, details: Details) -> Schema:
    body = _body(of, HTTPStatus.BAD_REQUEST, "what is wrong", details)
    properties: dict[str, Json] = {name: _property(of, name, value) for name, value in body.items()}
    required = [name for name in properties if name not in of.optional]
    return {"type": "object", "description": "What is wrong.", "properties": properties, "required": required}


def _property(of: FormOfErrors, name: str, value: Json) -> Schema:
    if name in of.constant:
        return {"const": value}
    return of.described.get(name, {"type": "integer" if isinstance(value, int) else "string"})


def _body(of: FormOfErrors, code: int, message: str, details: Details) -> dict[str, Json]:
    return dict(of.form(Complaint(status=HTTPStatus(code), message=message, details=details)))
