"""Answers and refusals of the League of Code API: JSend (requirements-003, 1.1 and 1.5).

This module must not know which endpoint answers.
"""

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import TypeVar

import msgspec
from aiohttp import hdrs, web

from cds.contest_api.errors import Failure
from cds.error_forms import JSEND_DATA

JSON_TYPE = "application/json"

T = TypeVar("T")


class Answer(msgspec.Struct, frozen=True):
    """A success: what stands in `data`, and the status."""

    data: object
    status: HTTPStatus = HTTPStatus.OK


class Success(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a success."""

    status: str = "success"
    data: object


class Page(msgspec.Struct, frozen=True):
    """A page of a list (1.5); there is always a first page, which may be empty."""

    page: int
    pages: int
    list: Sequence[object]


def page_of(things: Sequence[T], page: int, size: int, shown: Callable[[T], object]) -> Answer:
    """The page of that number, from 1, of a list in pages of `size`; behind the last one there is nothing (3.1)."""
    begin = (page - 1) * size
    pages = max(1, -(-len(things) // size))
    return Answer(Page(page=page, pages=pages, list=[shown(thing) for thing in things[begin : begin + size]]))


def fail(status: HTTPStatus, data: Mapping[str, str] | str) -> Failure:
    """A refusal because of what was sent: `data` says for each argument what is wrong, or is a sentence (6.12)."""
    sentence = data if isinstance(data, str) else "; ".join(f"{name}: {text}" for name, text in data.items())
    return Failure(status, sentence, details={JSEND_DATA: data})


def error(status: HTTPStatus, message: str, headers: dict[str, str] | None = None) -> Failure:
    """A refusal for another reason, in one sentence."""
    return Failure(status, message, headers)


def success_response(answer: Answer) -> web.Response:
    """The answer on the wire, which nobody may keep: it may be the caller's alone."""
    return json_response(Success(data=answer.data), answer.status)


def json_response(body: object, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    """A body as it is."""
    headers = {hdrs.CONTENT_TYPE: JSON_TYPE, hdrs.CACHE_CONTROL: "no-store"}
    return web.Response(status=status, body=msgspec.json.encode(body), headers=headers)
