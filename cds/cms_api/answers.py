"""Answers and refusals of the ContestWebServer API, in its words (CMS ContestWebServer API, 1.2 and 4.3).

This module must not know which endpoint answers.
"""

from http import HTTPStatus

import msgspec
from aiohttp import hdrs, web

from cds.contest_api.errors import Failure

AUTHORIZATION = "X-CMS-Authorization"
"""The header that brings a token."""

JSON_TYPE = "application/json; charset=utf-8"
"""The very value that clients of CMS get (1.2)."""

NOT_LOGGED_IN = "An authenticated user is required"
NOT_OPEN = "The contest is not open"
WRONG_PHASE = "Wrong contest phase"
LOGIN_FAILED = "Login failed"
NOT_FOUND = "Not found"
TASK_NOT_FOUND = "Task not found"


def json_answer(value: object, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    """A structure, or what JSON can hold, as an answer that nobody keeps."""
    headers = {hdrs.CONTENT_TYPE: JSON_TYPE, hdrs.CACHE_CONTROL: "no-store", hdrs.VARY: AUTHORIZATION}
    return web.Response(status=status, body=msgspec.json.encode(value), headers=headers)


def forbidden(sentence: str) -> Failure:
    """403."""
    return Failure(HTTPStatus.FORBIDDEN, sentence)


def not_found(sentence: str = NOT_FOUND) -> Failure:
    """404: it does not exist, or belongs to somebody else, which must look the same."""
    return Failure(HTTPStatus.NOT_FOUND, sentence)


def unprocessable(subject: str, details: str) -> Failure:
    """422: what was handed in cannot be taken; `details` says why (2.3 and 2.12)."""
    return Failure(HTTPStatus.UNPROCESSABLE_ENTITY, subject, details={"details": details})
