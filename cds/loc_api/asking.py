"""What a request to the League of Code API asks: JSON in the body of any method, and in queries what is no secret.

All that is wrong with the arguments is said at once (requirements-003, 1.2, 1.7, 4 and 6.19). This module must not
know any endpoint, nor what the arguments mean.
"""

import asyncio
import re
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus

import msgspec
from aiohttp import hdrs, web

from cds.contest_api.bodies import parsed_object, read_body
from cds.contest_api.errors import Failure
from cds.contest_api.held_bodies import FREE_BYTES
from cds.loc_api.answers import fail
from cds.loc_api.arguments import ALIASES, Arguments
from cds.loc_api.dates import Instant, read_date
from cds.loc_api.field_checks import EMPTY, NOT_VALID
from cds.loc_api.rows import Row
from cds.loc_api.unfit_values import Parts, parts_of

BODY_BYTES_MAX = FREE_BYTES
"""What is not counted as held for anybody: the bodies of GET are let go by nobody."""

WRITTEN_BYTES_MAX = 512 * 1024
"""Where long descriptions are written: each character may take six bytes."""

WRITING = frozenset({hdrs.METH_PUT, hdrs.METH_POST})

ASKED_IN_QUERY = frozenset({"page", "match", "user", "party"})
"""What may stand in a query where something is read: no secret (4)."""

TOKEN = "token"  # noqa: S105 - the name of an argument

INVALID_TYPE = "Invalid type"
NO_PAGE = "Not a valid page number"
MALFORMED = {"body": "Malformed JSON"}
UNREADABLE = {"body": "Broken in its framing or coding"}

PAGE = "page"
NULL = b"null"

NO_PARTS = Parts({}, {})

_PAGE_NUMBER = re.compile(r"-?[0-9]{1,18}", re.ASCII)


class Sent(msgspec.Struct, frozen=True):
    """What came with a request, as JSON texts by name: in the body, and in the query. The body counts for more.

    `unfit`: what no argument can be of what stands in the body (see `Parts`).
    """

    body: Mapping[str, msgspec.Raw]
    query: Mapping[str, str]
    unfit: Mapping[str, object] = {}


async def sent_with(request: web.Request, row: Row) -> Sent:
    """What came with a request to an endpoint. Raises Failure (400 and what `read_body` raises).

    Where something is read the query counts, also with a twin that takes the same with another method.
    """
    body = await _body(request)
    reads = row.ways[0].method == hdrs.METH_GET
    query = {name: value for name, value in request.query.items() if name in ASKED_IN_QUERY} if reads else {}
    parts = await _parsed(body) if body.strip() else NO_PARTS
    return Sent(parts.fit, query, parts.unfit)


async def _body(request: web.Request) -> bytes:
    try:
        return await read_body(request, WRITTEN_BYTES_MAX if request.method in WRITING else BODY_BYTES_MAX)
    except Failure as failure:
        if failure.status != HTTPStatus.BAD_REQUEST:
            raise
        raise fail(HTTPStatus.BAD_REQUEST, UNREADABLE) from None


async def _parsed(body: bytes) -> Parts:
    try:
        return Parts(await parsed_object(body), {})
    except Failure as failure:
        if failure.status != HTTPStatus.BAD_REQUEST:
            raise
    try:
        return await asyncio.to_thread(parts_of, body)
    except ValueError:
        raise fail(HTTPStatus.BAD_REQUEST, MALFORMED) from None


def token_in(sent: Sent, authorization: str | None) -> str | None:
    """The JWT that came, in the body or as a bearer token in that header. Raises Failure (400) for one that is no text.

    In a query none is looked for, since queries are written down on their way (4). An empty one is none.
    """
    raw = sent.body.get(TOKEN)
    if TOKEN in sent.unfit:
        raise fail(HTTPStatus.BAD_REQUEST, {TOKEN: NOT_VALID if isinstance(sent.unfit[TOKEN], str) else INVALID_TYPE})
    if raw is not None and bytes(raw) != NULL:
        try:
            token = msgspec.json.decode(raw, type=str)
        except msgspec.ValidationError:
            raise fail(HTTPStatus.BAD_REQUEST, {TOKEN: INVALID_TYPE}) from None
        if token:
            return token
    scheme, _, credentials = (authorization or "").partition(" ")
    return (credentials.strip() or None) if scheme.lower() == "bearer" else None


def arguments_of(sent: Sent, row: Row) -> Arguments:
    """The arguments of an endpoint. Raises Failure (400) with all that is wrong with them."""
    given: dict[str, object] = {}
    wrong: dict[str, str] = {}
    fields = _fields(row.arguments)
    for name, field in fields.items():
        try:
            found = _value(sent, name, field, row)
        except _Unfit as unfit:
            wrong[name] = str(unfit)
            continue
        if found is not None:
            given[name] = found
        elif field.required:
            wrong[name] = row.missing
    wrong |= _unfitting(given, row)
    if wrong:
        raise fail(HTTPStatus.BAD_REQUEST, wrong)
    return row.arguments(**{fields[name].name: value for name, value in given.items()})


@cache
def _fields(structure: type[Arguments]) -> Mapping[str, msgspec.structs.FieldInfo]:
    """The arguments of a structure by their names on the wire."""
    return {field.encode_name: field for field in msgspec.structs.fields(structure)}


class _Unfit(Exception):
    """A value is not what it should be; the text says so to the client."""


def _value(sent: Sent, name: str, field: msgspec.structs.FieldInfo, row: Row) -> object:
    """The value of an argument, None where there is none, as null in a body is. Raises _Unfit."""
    for spelled in (name, *(alias for alias, meant in ALIASES.items() if meant == name)):
        if spelled in sent.unfit:
            raise _Unfit(_said_of_unfit(sent.unfit[spelled], name, field, row))
        raw = sent.body.get(spelled)
        if raw is not None and bytes(raw) != NULL:
            return _converted(msgspec.json.decode(raw), name, field)
    asked = sent.query.get(name)
    if asked is None:
        return None
    if name != PAGE:
        return _converted(asked, name, field)
    if not _PAGE_NUMBER.fullmatch(asked):
        raise _Unfit(NO_PAGE)
    return _converted(int(asked), name, field)


def _converted(value: object, name: str, field: msgspec.structs.FieldInfo) -> object:
    try:
        return msgspec.convert(value, field.type, dec_hook=_instant)
    except msgspec.ValidationError as error:
        said = str(error)
        if said.startswith(EMPTY):
            raise _Unfit(EMPTY) from None
        beyond = "<=" in said or ">=" in said or said.startswith(NOT_VALID)
        invalid = NO_PAGE if name == PAGE else NOT_VALID
        raise _Unfit(invalid if beyond else INVALID_TYPE) from None


def _said_of_unfit(stand_in: object, name: str, field: msgspec.structs.FieldInfo, row: Row) -> str:
    """What is said of a value that no argument can be, by what is said of one like it."""
    try:
        converted = _converted(stand_in, name, field)
    except _Unfit as unfit:
        return str(unfit)
    check = row.checks.get(name)
    return (check(converted) if check is not None and isinstance(converted, str) else None) or NOT_VALID


def _instant(kind: type, value: object) -> object:
    """A date. Raises ValueError, and TypeError for what is no text."""
    if kind is not Instant or not isinstance(value, str):
        raise TypeError(INVALID_TYPE)
    if not value.strip():
        raise ValueError(EMPTY)
    try:
        return Instant(read_date(value))
    except ValueError:
        raise ValueError(NOT_VALID) from None


def _unfitting(given: Mapping[str, object], row: Row) -> Mapping[str, str]:
    """What is wrong with arguments of the right type, by name."""
    wrong: dict[str, str] = dict(row.comparison(given))
    for name, check in row.checks.items():
        value = given.get(name)
        said = check(value) if isinstance(value, str) else None
        if said is not None:
            wrong[name] = said
    return wrong
