"""Bringing a value to the type of its property: text, numbers, times, ids, lists and parts, by what table one says.

A coercer takes a foreign value and gives ours, or raises Unfit. This module knows types of properties; what a
particular property needs beyond its type is in `repairs`.
"""

import math
import re
from collections.abc import Callable
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import UnsetType

from cds.dialects.drafts import Draft, Unfit
from cds.dialects.json_values import JsonValue
from cds.dialects.results import quoted
from schemas.extensions import Extension, ExtensionPart
from schemas.properties import NUMBER_MAX, Files, References, RelativeTime, Time
from schemas.times import canonical_relative_time, canonical_time

Coercer = Callable[[Draft, str, JsonValue], JsonValue]
"""Takes the draft, the name of the property (dotted for parts) and the value; raises Unfit."""

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?([eE][+-]?[0-9]{1,3})?")
_BOOLEANS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def text(draft: Draft, name: str, value: JsonValue) -> JsonValue:
    """Text; numbers are read as text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unfit(f"is not text but {quoted(value)}")
    draft.warn(name, f"the number {value} is read as text")
    return str(value)


def integer(draft: Draft, name: str, value: JsonValue) -> JsonValue:
    """A whole number; text that is one is read as such."""
    result = number(draft, name, value)
    if isinstance(result, float) and result.is_integer():
        result = int(result)
    if not isinstance(result, int) or abs(result) > NUMBER_MAX:
        raise Unfit(f"is not a whole number but {quoted(value)}")
    return result


def number(draft: Draft, name: str, value: JsonValue) -> JsonValue:
    """A finite number; text that is one is read as such."""
    if isinstance(value, str):
        plain = value.strip()
        if not _NUMBER.fullmatch(plain):
            raise Unfit(f"is not a number but {quoted(value)}")
        if not draft.context.text_only:
            draft.warn(name, f"the text {quoted(value)} is read as a number")
        value = int(plain) if _INTEGER.fullmatch(plain) else float(plain)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Unfit(f"is not a number but {quoted(value)}")
    if abs(value) > NUMBER_MAX:
        raise Unfit(f"is too large: {quoted(value)}")
    return value


def boolean(draft: Draft, name: str, value: JsonValue) -> JsonValue:
    """True or false; the words and 0 and 1 are read as such."""
    if isinstance(value, bool):
        return value
    word = str(value).lower() if isinstance(value, str | int) else ""
    if word not in _BOOLEANS:
        raise Unfit(f"is neither true nor false but {quoted(value)}")
    if not draft.context.text_only:
        draft.warn(name, f"{quoted(value)} is read as {str(_BOOLEANS[word]).lower()}")
    return _BOOLEANS[word]


def time(draft: Draft, name: str, value: JsonValue) -> JsonValue:  # noqa: ARG001 - every coercer is called alike
    """A TIME in our one spelling."""
    if not isinstance(value, str):
        raise Unfit(f"is not a time but {quoted(value)}")
    try:
        return canonical_time(value)
    except (ValueError, OverflowError):
        raise Unfit(f"is not a time (yyyy-mm-ddThh:mm:ss.sss+hh:mm) but {quoted(value)}") from None


def relative_time(draft: Draft, name: str, value: JsonValue) -> JsonValue:  # noqa: ARG001 - as time
    """A RELTIME in our one spelling."""
    if not isinstance(value, str):
        raise Unfit(f"is not a relative time but {quoted(value)}")
    try:
        return canonical_relative_time(value)
    except ValueError:
        raise Unfit(f"is not a relative time (h:mm:ss.sss) but {quoted(value)}") from None


def reference(draft: Draft, name: str, value: JsonValue) -> JsonValue:  # noqa: ARG001 - as time
    """The id of another object; numbers are ids of the same digits, an empty text names nothing."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, bool) or not isinstance(value, int):
        raise Unfit(f"is not an id but {quoted(value)}")
    return str(value)


def distinct_list(member: Coercer) -> Coercer:
    """A list without repetitions of members that `member` coerces; a single value is a list of one."""

    def coerce(draft: Draft, name: str, value: JsonValue) -> JsonValue:
        members = value if isinstance(value, list) else [value]
        coerced = [member(draft, name, each) for each in members if each is not None]
        distinct: list[JsonValue] = []
        for each in coerced:
            if each is not None and each not in distinct:
                distinct.append(each)
        if len(distinct) != len(coerced):
            draft.warn(name, "names something twice or emptily, kept once")
        return distinct

    return coerce


def parts(structure: type[msgspec.Struct]) -> Coercer:
    """A part of an object (a location, a command) with coercers of its own."""
    coercers = coercers_of(structure)
    required = [field.name for field in msgspec.structs.fields(structure) if field.required]

    def coerce(draft: Draft, name: str, value: JsonValue) -> JsonValue:
        if not isinstance(value, dict):
            raise Unfit(f"is not an object but {quoted(value)}")
        part: dict[str, JsonValue] = {}
        for key, each in value.items():
            if each is None:
                continue
            if key not in coercers:
                draft.warn(f"{name}.{key}", "is not known to the format, left out")
                continue
            try:
                coerced = coercers[key](draft, f"{name}.{key}", each)
            except Unfit as unfit:
                raise Unfit(f"has a {key} that {unfit}") from None
            if coerced is not None:
                part[key] = coerced
        absent = next((key for key in required if key not in part), None)
        if absent is not None:
            raise Unfit(f"has no {absent}")
        return part

    return coerce


def extension(structure: type[Extension]) -> Coercer:
    """The property `ext`: what a namespace says is taken whole or left out; nothing at all is no property."""
    parts_of = {field.name: _part_of(field) for field in msgspec.structs.fields(structure)}
    coercers = {name: parts(part) for name, part in parts_of.items()}

    def coerce(draft: Draft, name: str, value: JsonValue) -> JsonValue:
        if not isinstance(value, dict):
            raise Unfit(f"is not an object but {quoted(value)}")
        kept: dict[str, JsonValue] = {}
        for namespace, each in value.items():
            place = f"{name}.{namespace}"
            if each is None:
                continue
            if namespace not in coercers:
                draft.warn(place, "is not known here, left out")
                continue
            try:
                part = coercers[namespace](draft, place, each)
                msgspec.convert(part, parts_of[namespace])
            except (Unfit, msgspec.ValidationError) as unfit:
                draft.warn(place, f"does not fit ({unfit}), left out")
            else:
                kept[namespace] = part
        return kept or None

    return coerce


def _part_of(field: msgspec.structs.FieldInfo) -> type[ExtensionPart]:
    (part,) = (member for member in _union_members(field.type) if issubclass(member, ExtensionPart))
    structure: type[ExtensionPart] = part
    return structure


def list_of(member: Coercer) -> Coercer:
    """A list of parts, in order."""

    def coerce(draft: Draft, name: str, value: JsonValue) -> JsonValue:
        members = value if isinstance(value, list) else [value]
        return [member(draft, name, each) for each in members if each is not None]

    return coerce


def coercers_of(structure: type[msgspec.Struct]) -> dict[str, Coercer]:
    """The coercer of every property of a structure but its files, which `files` translates."""
    coercers = {name: _coercer(hint) for name, hint in get_type_hints(structure, include_extras=True).items()}
    return {name: coercer for name, coercer in coercers.items() if coercer is not None}


_MARKED: dict[type, Coercer] = {Time: time, RelativeTime: relative_time}
_PLAIN: dict[object, Coercer] = {str: text, bool: boolean, int: integer, float: number}


def _coercer(hint: Any) -> Coercer | None:
    members = _union_members(hint)
    if {_bare(member) for member in members} == {int, float}:
        return number
    (member,) = members
    if get_origin(member) is Annotated:
        return _marked_coercer(*get_args(member))
    if get_origin(member) is list:
        (item,) = get_args(member)
        # Files are marked as a list, so a member of a list always has a coercer.
        return list_of(parts(item)) if _is_structure(item) else distinct_list(_coercer(item) or text)
    if _is_structure(member) and issubclass(member, Extension):
        return extension(member)
    if _is_structure(member):
        return parts(member)
    return _PLAIN.get(member, text)


def _marked_coercer(base: Any, *marks: Any) -> Coercer | None:
    for mark in marks:
        if isinstance(mark, Files):
            return None
        if isinstance(mark, References):
            return distinct_list(reference) if get_origin(base) is list else reference
        if type(mark) in _MARKED:
            return _MARKED[type(mark)]
    return _coercer(base)


def _union_members(hint: Any) -> tuple[Any, ...]:
    if get_origin(hint) in (Union, UnionType):
        return tuple(member for member in get_args(hint) if member not in (type(None), UnsetType))
    return (hint,)


def _bare(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def _is_structure(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, msgspec.Struct)
