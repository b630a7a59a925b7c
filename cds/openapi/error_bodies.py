"""The errors of all operations as the document holds them: by code, and by the form in which an API tells them.

Bodies are read off the forms themselves (cds/error_forms.py). This module must not know any operation.
"""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Literal

import msgspec

from cds.error_forms import NO_DETAILS, Complaint, Detail, Form, cms_form, contest_api_form, plain_form, sync_form
from cds.openapi.headers import headers_of
from cds.openapi.json_schemas import Json, Schema, reference
from schemas.metadata import ErrorBody

JSON_TYPE = "application/json"

FormName = Literal["contest", "sync", "plain", "cms"]


class Refusal(msgspec.Struct, frozen=True):
    """An error that several operations answer with. `details` are those of its example."""

    name: str
    description: str
    headers: tuple[str, ...] = ()
    details: Mapping[str, Detail] = NO_DETAILS


NO_OWN: Mapping[int, Refusal] = {}

OF_SUBMISSIONS = Refusal(
    "Unprocessable",
    "What is handed in cannot be taken; `details` says why.",
    details={"details": "The file has more than 100000 bytes."},
)


class FormOfErrors(msgspec.Struct, frozen=True, kw_only=True):
    """A form: what stands before the names of its errors, the schema of its bodies, and the form itself.

    `optional`: properties that not all of its bodies have. `own`: errors that mean something else than elsewhere.
    """

    prefix: str
    schema: str
    form: Form
    optional: frozenset[str] = frozenset()
    own: Mapping[int, Refusal] = NO_OWN


FORMS: Mapping[FormName, FormOfErrors] = {
    "contest": FormOfErrors(prefix="", schema=ErrorBody.__name__, form=contest_api_form),
    "sync": FormOfErrors(prefix="Sync", schema="SyncErrorBody", form=sync_form, optional=frozenset({"error"})),
    "plain": FormOfErrors(prefix="Plain", schema="PlainErrorBody", form=plain_form),
    "cms": FormOfErrors(
        prefix="Cms",
        schema="CmsErrorBody",
        form=cms_form,
        optional=frozenset({"details"}),
        own={
            403: Refusal("Forbidden", "No login, or a wrong one; or the contest is in another phase."),
            422: OF_SUBMISSIONS,
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
    return {of.schema: _schema(of) for of in FORMS.values() if of.schema != ErrorBody.__name__}


def _refusal_of(of: FormOfErrors, code: int) -> Refusal:
    return of.own.get(code, REFUSALS[code])


def _component(of: FormOfErrors, code: int, each: Refusal) -> Schema:
    body = _body(of, code, each.description, each.details)
    # The code stands in the body where the form has it.
    fixed = {name: {"const": value} for name, value in body.items() if value == code}
    schema: Schema = {"allOf": [reference(of.schema), {"properties": fixed}]} if fixed else reference(of.schema)
    return {
        "description": each.description,
        "headers": headers_of(each.headers),
        "content": {JSON_TYPE: {"schema": schema, "example": body}},
    }


def _schema(of: FormOfErrors) -> Schema:
    details = {name: value for each in of.own.values() for name, value in each.details.items()}
    body = _body(of, HTTPStatus.BAD_REQUEST, "what is wrong", details)
    properties: dict[str, Json] = {
        name: {"type": "integer" if isinstance(value, int) else "string"} for name, value in body.items()
    }
    required = [name for name in properties if name not in of.optional]
    return {"type": "object", "description": "What is wrong.", "properties": properties, "required": required}


def _body(of: FormOfErrors, code: int, message: str, details: Mapping[str, Detail]) -> dict[str, Json]:
    return dict(of.form(Complaint(status=HTTPStatus(code), message=message, details=details)))
