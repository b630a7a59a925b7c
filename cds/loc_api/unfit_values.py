"""Bodies that are JSON and yet not what all readers take alike: which of their properties hold such a value.

A text with NUL or half of a surrogate pair, or a number beyond 64 bits, is refused with the name of its property, and
does no harm where nobody asks for the property. This module must not know any endpoint.
"""

import json
from collections.abc import Mapping

import msgspec

from cds.contest_api.bodies import DEPTH_MAX, INTEGER_MAX, parse_object
from cds.contest_api.errors import Failure

INTEGER_DIGITS_MAX = 20
"""Integers with more characters are beyond 64 bits; to read them as numbers takes quadratic time."""

VALUE = "value"


class Parts(msgspec.Struct, frozen=True):
    """The properties of a body: `fit` as JSON texts; `unfit` by something of the same kind that is refused too."""

    fit: Mapping[str, msgspec.Raw]
    unfit: Mapping[str, object]


def parts_of(body: bytes) -> Parts:
    """The properties of a body. Raises ValueError where it is no JSON object, or is nested too deeply."""
    try:
        value = json.loads(body.decode(), parse_int=_integer, parse_constant=_constant, object_pairs_hook=_unambiguous)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(value, dict) or _is_deeper(value, DEPTH_MAX):
        raise ValueError("no JSON object, or nested too deeply")
    fit: dict[str, msgspec.Raw] = {}
    unfit: dict[str, object] = {}
    for name, member in value.items():
        try:
            fit[name] = parse_object(json.dumps({VALUE: member}).encode())[VALUE]
        except Failure:
            unfit[name] = _stand_in(member)
    return Parts(fit, unfit)


def _stand_in(member: object) -> object:
    """A value of the same kind, which is no good for any argument of that kind."""
    if isinstance(member, str):
        return "\0"
    return type(member)() if isinstance(member, list | dict) else INTEGER_MAX


def _is_deeper(value: object, levels: int) -> bool:
    level = [value]
    for _ in range(levels):
        level = [inner for each in level for inner in _members(each)]
    return any(isinstance(each, dict | list) for each in level)


def _members(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _integer(digits: str) -> int:
    return int(digits) if len(digits) <= INTEGER_DIGITS_MAX else INTEGER_MAX + 1


def _constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def _unambiguous(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a property is given twice")
    return members
