"""The forms of errors on the wire: each API that is served has its own, chosen by the path.

A table, so that no endpoint and no platform has to know. This module must not know what went wrong, nor any endpoint.
"""

import re
from collections.abc import Callable, Mapping
from http import HTTPStatus

import msgspec

from cds.configuration import API_PREFIX
from schemas.metadata import ErrorBody

Detail = str | int | bool | None | tuple[str, ...] | Mapping[str, str]
Body = Mapping[str, Detail]

NO_DETAILS: Mapping[str, Detail] = {}


class Complaint(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to say: `message` is one clear sentence, `details` are more properties of the body."""

    status: HTTPStatus
    message: str
    details: Mapping[str, Detail] = NO_DETAILS


Form = Callable[[Complaint], Body]


def contest_api_form(complaint: Complaint) -> Body:
    """`code` and `message` (Contest API, "Success, Failure, and HTTP Responses")."""
    body = ErrorBody(code=int(complaint.status), message=complaint.message)
    return {**msgspec.structs.asdict(body), **complaint.details}


SENTENCES_OF_SYNC = {HTTPStatus.UNAUTHORIZED: "Unauthorized", HTTPStatus.FORBIDDEN: "Forbidden resource"}
"""What the sync API says whatever the reason (requirements-000, 1.6 and 1.7)."""

WITHOUT_PHRASE = frozenset({*SENTENCES_OF_SYNC, HTTPStatus.INTERNAL_SERVER_ERROR})
"""Whose bodies have exactly two keys (requirements-000, 1.6 to 1.8)."""

PHRASES_OF_SYNC = {HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "Payload Too Large"}
"""Where its framework says something else than Python's table."""


def sync_form(complaint: Complaint) -> Body:
    """`statusCode`, `message` and mostly `error`, the phrase of the status (requirements-000, 1.6 to 1.10)."""
    status = complaint.status
    body: Body = {"statusCode": int(status), "message": SENTENCES_OF_SYNC.get(status, complaint.message)}
    if status in WITHOUT_PHRASE:
        return body
    return {**body, **complaint.details, "error": PHRASES_OF_SYNC.get(status, status.phrase)}


def plain_form(complaint: Complaint) -> Body:
    """`error` with the sentence, and the details (requirements-001, 1.6 and 1.7)."""
    return {"error": complaint.message, **complaint.details}


def cms_form(complaint: Complaint) -> Body:
    """As `plain_form`; its `Content-Type` names the coding (CMS ContestWebServer API, 1.2)."""
    return plain_form(complaint)


JSEND_DATA = "data"
"""The detail of a complaint that is the caller's fault: the `data` of a JSend failure."""


def jsend_form(complaint: Complaint) -> Body:
    """`fail` with what is wrong of what was sent, where that is known, else `error` (requirements-003, 1.1)."""
    if JSEND_DATA in complaint.details:
        return {"status": "fail", JSEND_DATA: complaint.details[JSEND_DATA]}
    return {"status": "error", "message": complaint.message}


CMS_PREFIX = "/cms"

FORMS_BELOW_ROOT: Mapping[str, Form] = {
    "/contests/sync": sync_form,
    CMS_PREFIX: cms_form,
    "/v1": jsend_form,
    "/info": jsend_form,
}
"""By path from the root."""

FORMS_BELOW_API: Mapping[str, Form] = {"/codeforces": plain_form, "/students": plain_form}
"""By path below each path under which the API is served."""


CMS_AT_ROOT = re.compile(
    r"/(?:start|tasks(?:/.*)?|api/(?:login|task_list"
    r"|(?!(?:contests|webhooks|codeforces|students|access)/).+/(?:submit|submission_list)))/?"
)
"""What else belongs to the ContestWebServer API where a contest is served at the root."""

CONTENT_TYPES: Mapping[Form, str] = {cms_form: "application/json; charset=utf-8"}
"""By form, where it is not plain JSON."""


def form_of(path: str, prefixes: tuple[str, ...] = (API_PREFIX,), *, cms_at_root: bool = False) -> Form:
    """The form in which an error at a path is told; `prefixes` are the paths under which the API is served.

    `cms_at_root`: a contest is served at the root as CMS does.
    """
    if cms_at_root and CMS_AT_ROOT.fullmatch(path):
        return cms_form
    for begin, form in FORMS_BELOW_ROOT.items():
        if _is_below(path, begin):
            return form
    for prefix in prefixes:
        for begin, form in FORMS_BELOW_API.items():
            if _is_below(path, prefix + begin):
                return form
    return contest_api_form


def _is_below(path: str, begin: str) -> bool:
    return path == begin or path.startswith(f"{begin}/")
