"""Bodies of requests: read within limits of size and time, and taken as one strict JSON object.

Strict means that everybody who reads the text must come to the same object, and that a row of the log can hold it.
This module knows HTTP bodies and JSON. It must not know which endpoint is asked, nor what the properties mean.
"""

import asyncio
import json
import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import TypeAlias

import msgspec
import orjson
from aiohttp import ClientPayloadError, hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from cds.contest_api.errors import Failure, bad_request
from cds.contest_api.held_bodies import FREE_BYTES, HELD_BODIES

BODY_READ_S_MAX = 60.0
"""A body that takes longer to arrive is given up: whoever sends a byte a second holds a connection for nothing."""

DEPTH_MAX = 32
"""How deep arrays and objects may be nested, the outermost object counted; the format itself needs five levels."""

MEMBERS_MAX = 200_000
"""Commas and brackets in one body: bounds the time that many tiny values take. Base64 has none of them."""

PARSED_ASIDE_FROM_BYTES = 128 * 1024
"""Larger bodies are parsed beside the event loop."""

QUOTED_CHARACTERS_MAX = 40
"""As much of a property name is repeated in an error."""

INTEGER_MIN, INTEGER_MAX = -(2**63), 2**63 - 1
_INTEGER_CHARACTERS_MAX = len(str(INTEGER_MIN))
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_CLOSE: dict[str, str] = {hdrs.CONNECTION: "close"}


class _Integer(str):
    """The digits of an integer: reading them as a number takes quadratic time."""

    __slots__ = ()


class _Pairs:
    """The members of an object in their order, keys that come twice included."""

    __slots__ = ("pairs",)

    def __init__(self, pairs: "list[tuple[str, _Node]]") -> None:
        self.pairs = pairs


_Scalar: TypeAlias = "_Integer | str | bool | None"
_Node: TypeAlias = "_Pairs | list[_Node] | _Scalar"

_decoder = json.JSONDecoder(object_pairs_hook=_Pairs, parse_int=_Integer, parse_float=lambda _: None)
"""Keeps what the other readers drop. Floats are None: that they are finite has been seen before."""


class _NotPlain(Exception):
    """A body has to be looked at more closely."""


_properties_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])


async def read_body(request: web.Request, limit_bytes: int) -> bytes:
    """The body of a request, unpacked where it is sent compressed. At most `limit_bytes` of it are ever held.

    Raises Failure: 413 when it is larger, 408 when it takes longer than BODY_READ_S_MAX, 400 when its framing or
    compression is broken; 503 while too much is held for others. Raises ConnectionError when the client has gone.
    """
    if (request.content_length or 0) > limit_bytes:
        raise _too_large(limit_bytes)
    if request.content.is_eof() and request.content.exception() is None:
        # All of it came with the headers: there is nothing to wait for.
        body = request.content.read_nowait()
        if len(body) > limit_bytes:
            raise _too_large(limit_bytes)
        if len(body) > FREE_BYTES:
            request.app[HELD_BODIES].take(request, len(body))
        return body
    held, pieces = request.app[HELD_BODIES], bytearray()
    try:
        async with asyncio.timeout(BODY_READ_S_MAX):
            while chunk := await request.content.readany():
                pieces += chunk
                if len(pieces) > limit_bytes:
                    raise _too_large(limit_bytes)
                held.take(request, len(chunk))
    except TimeoutError as error:
        message = f"the request body did not arrive within {BODY_READ_S_MAX:g} seconds"
        raise Failure(HTTPStatus.REQUEST_TIMEOUT, message, _CLOSE) from error
    except (HttpProcessingError, ClientPayloadError, web.RequestPayloadError) as error:
        raise Failure(HTTPStatus.BAD_REQUEST, "the request body is broken in its framing or coding", _CLOSE) from error
    return bytes(pieces)


async def parsed_object(body: bytes) -> dict[str, msgspec.Raw]:
    """As parse_object; large bodies are parsed beside the event loop. Raises Failure (400)."""
    if len(body) < PARSED_ASIDE_FROM_BYTES:
        return parse_object(body)
    return await asyncio.to_thread(parse_object, body)


def parse_object(body: bytes) -> dict[str, msgspec.Raw]:
    """The properties of a body that is one JSON object, each as the JSON text that stands for it.

    An explicit null stays the text `null`. Raises Failure (400), saying what is wrong and where: no object, invalid
    UTF-8 or JSON, a key twice in one object, an integer beyond 64 bits, a number that is not finite, a NUL or half
    of a surrogate pair in a text, nesting beyond DEPTH_MAX, more than MEMBERS_MAX members.
    """
    _check_count(body)
    value = _decoded(body)
    if not isinstance(value, dict):
        raise bad_request(f"the request body must be a JSON object, not {_kind(value)}")
    try:
        if not _is_plain(body, value):
            _check_values(_decoder.decode(body.decode()))
        return _properties_decoder.decode(body)
    except RecursionError as error:
        raise _too_deep() from error
    except ValueError as error:
        raise bad_request("the request body is not JSON that all readers take alike") from error


def _is_plain(body: bytes, value: object) -> bool:
    """Whether nothing in the body could be among what `_check_values` looks for: a look that costs a tenth of that.

    `value` is what the body was read as. Where nothing is escaped, NUL and halves of pairs cannot be written, and each
    text has its two quotes: a name that came twice was read once, and its quotes are left over.
    """
    if b"\\" in body:
        return False
    try:
        return body.count(b'"') == 2 * _count_texts(value, DEPTH_MAX)
    except _NotPlain:
        return False


def _count_texts(value: object, levels: int) -> int:
    """How many texts there are in a value, names included. Raises _NotPlain for a large number, or more levels."""
    if isinstance(value, str):
        return 1
    if isinstance(value, dict | list):
        if not levels:
            raise _NotPlain
        members = value.values() if isinstance(value, dict) else value
        names = len(value) if isinstance(value, dict) else 0
        return names + sum([_count_texts(member, levels - 1) for member in members])
    if isinstance(value, int | float) and not abs(value) <= INTEGER_MAX:
        raise _NotPlain  # also a float, which an integer beyond 64 bits is read as
    return 0


def _check_count(body: bytes) -> None:
    if len(body) > MEMBERS_MAX and sum(map(body.count, (b",", b"[", b"{"))) > MEMBERS_MAX:
        raise bad_request(f"the request body has more than {MEMBERS_MAX} commas and brackets")


def _decoded(body: bytes) -> object:
    if not body.strip():
        raise bad_request("the request body is empty; it must be a JSON object")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if error.msg.startswith("depth limit"):
            raise _too_deep() from error
        place = f"line {error.lineno}, column {error.colno}"
        raise bad_request(f"the request body is not valid JSON: {error.msg} ({place})") from error


def _check_values(root: _Node) -> None:
    """Look at every value, level by level, so that no depth of nesting can exhaust the stack."""
    level: list[tuple[str, _Node]] = [("", root)]
    for _ in range(DEPTH_MAX):
        level = [member for path, node in level for member in _members(path, node)]
    for path, node in level:
        if isinstance(node, _Pairs | list):
            raise _too_deep()
        _check_scalar(path, node)


def _members(path: str, node: _Node) -> Iterator[tuple[str, _Node]]:
    """The members of a value with their paths. Raises Failure for a fault of the value itself."""
    if isinstance(node, _Pairs):
        yield from _properties(path, node.pairs)
    elif isinstance(node, list):
        yield from ((f"{path}[{index}]", member) for index, member in enumerate(node))
    else:
        _check_scalar(path, node)


def _check_scalar(path: str, node: _Scalar) -> None:
    if isinstance(node, _Integer):
        _check_integer(path, node)
    elif isinstance(node, str) and "\0" in node:
        raise bad_request(f"the property {path} holds the character NUL")


def _properties(path: str, pairs: list[tuple[str, _Node]]) -> Iterator[tuple[str, _Node]]:
    seen: set[str] = set()
    for name, member in pairs:
        inner = f"{path}.{_shown(name)}" if path else _shown(name)
        if "\0" in name:
            raise bad_request(f"the name of the property {inner} holds the character NUL")
        if name in seen:
            raise bad_request(f"the property {inner} is given twice")
        seen.add(name)
        yield inner, member


def _check_integer(path: str, digits: str) -> None:
    if len(digits) > _INTEGER_CHARACTERS_MAX or not INTEGER_MIN <= int(digits) <= INTEGER_MAX:
        raise bad_request(f"the property {path} is an integer beyond 64 bits")


def _shown(name: str) -> str:
    if len(name) <= QUOTED_CHARACTERS_MAX and _PLAIN_NAME.fullmatch(name):
        return name
    return json.dumps(name if len(name) <= QUOTED_CHARACTERS_MAX else f"{name[:QUOTED_CHARACTERS_MAX]}…")


def _kind(value: object) -> str:
    if value is None:
        return "null"
    kinds = {list: "an array", str: "a text", bool: "a boolean"}
    return kinds.get(type(value), "a number")


def _too_deep() -> Failure:
    return bad_request(f"the request body is nested deeper than {DEPTH_MAX} levels")


def _too_large(limit_bytes: int) -> Failure:
    message = f"the request body is too large; at most {limit_bytes} bytes are accepted here"
    return Failure(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message, _CLOSE)
