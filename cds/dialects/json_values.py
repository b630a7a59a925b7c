"""JSON text of others, read strictly: no duplicate keys, no NaN, valid UTF-8, bounded nesting.

This module knows JSON. It must not know what the values mean.
"""

import json
from collections.abc import Iterator
from typing import TypeAlias

import msgspec
import orjson

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
JsonObject: TypeAlias = dict[str, JsonValue]

DEPTH_MAX = 64
"""How deep arrays and objects may be nested; the format itself needs five levels."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Unreadable(Exception):
    """The bytes are not the text they ought to be. `line` counts from 1 within these bytes, None where unknown."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


class Element(msgspec.Struct, frozen=True):
    """A member of an array with the line on which it starts."""

    line: int | None
    value: JsonValue


def decode_json(text: bytes) -> JsonValue:
    """The value of a JSON text. Raises Unreadable."""
    stripped = text.removeprefix(_BYTE_ORDER_MARK).strip()
    try:
        value: JsonValue = orjson.loads(stripped)
    except orjson.JSONDecodeError as error:
        raise Unreadable(f"is not JSON: {error.msg} (column {error.colno})", _line(text, stripped, error)) from error
    _check_depth(stripped, value)
    # A text that the value alone reproduces byte for byte cannot hold a key twice; only others are read again.
    if orjson.dumps(value) != stripped:
        _check_duplicate_keys(stripped)
    return value


def decode_json_array(text: bytes) -> list[Element]:
    """The members of a JSON array, each with its line. Raises Unreadable."""
    body = text.removeprefix(_BYTE_ORDER_MARK)
    try:
        members = msgspec.json.decode(body, type=list[msgspec.Raw])
    except (msgspec.DecodeError, RecursionError):
        value = decode_json(text)
        if not isinstance(value, list):
            raise Unreadable(f"holds {_kind(value)} where an array is expected", 1) from None
        raise Unreadable("is not a JSON array") from None
    return list(_elements(body, members))


def _elements(body: bytes, members: list[msgspec.Raw]) -> Iterator[Element]:
    line, position = 1, 0
    for member in members:
        text = bytes(member)
        start = body.index(text, position)
        line += body.count(b"\n", position, start)
        try:
            value = decode_json(text)
        except Unreadable as error:
            raise Unreadable(error.message, line + (error.line or 1) - 1) from error
        yield Element(line, value)
        position = start + len(text)
        line += text.count(b"\n")


def _check_depth(text: bytes, value: JsonValue) -> None:
    if text.count(b"[") + text.count(b"{") <= DEPTH_MAX:
        return
    level: list[JsonValue] = [value]
    for _ in range(DEPTH_MAX):
        level = [member for container in level for member in _members(container)]
        if not level:
            return
    raise Unreadable(f"is nested deeper than {DEPTH_MAX} levels")


def _members(value: JsonValue) -> list[JsonValue]:
    if isinstance(value, dict):
        return [member for member in value.values() if isinstance(member, dict | list)]
    if isinstance(value, list):
        return [member for member in value if isinstance(member, dict | list)]
    return []


def _check_duplicate_keys(text: bytes) -> None:
    json.loads(text, object_pairs_hook=_without_duplicates, parse_int=str, parse_float=str)


def _without_duplicates(pairs: list[tuple[str, JsonValue]]) -> JsonObject:
    properties = dict(pairs)
    if len(properties) != len(pairs):
        keys = [key for key, _ in pairs]
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise Unreadable(f"has the key {repeated!r} twice in one object")
    return properties


def _line(text: bytes, stripped: bytes, error: orjson.JSONDecodeError) -> int:
    return text[: text.find(stripped)].count(b"\n") + int(error.lineno)


def _kind(value: JsonValue) -> str:
    return "an object" if isinstance(value, dict) else "a single value"
