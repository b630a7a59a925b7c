"""Which properties of two objects differ, and what of a contest is compared at all.

A property that is null and one that is absent are the same, and so are one moment written in two ways and one set of
ids in two orders. Addresses of files are bound to a server; files are compared by what they hold. This module must not
know which objects belong together.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import cast

import msgspec
from msgspec import UNSET

from projections.comparison_pairs import Aliases
from projections.comparison_results import PropertyDifference
from schemas.object_types import OBJECT_TYPES, TYPE_OF_ENDPOINT, ObjectType, marks
from schemas.objects import ContestObject
from schemas.properties import FileReference, Files, References, RelativeTime, Time
from schemas.times import parse_relative_time_ms, parse_time_ms

Scope = Mapping[str, Sequence[str]]
"""Type → the properties of it that are compared. What is not there is left out, objects and all."""

WHOLE: Scope = {
    name: tuple(property for property in row.properties if property != "id") for name, row in OBJECT_TYPES.items()
}
"""Everything but ids: by them, or in spite of them, objects have been found to be the same."""

MEASURED = ("judgements", "runs")
"""What differs whenever a second system judges by itself: it comes to the same verdict in its own time and numbering.

The verdicts of submissions are compared all the same.
"""

FILES = tuple(f"{name}.{each.property}" for name, row in OBJECT_TYPES.items() for each in row.file_properties)
"""Every property that names files: left out where a side is a feed or a second system, which tells of files alone."""

_NOTHING = b"null"
_SHOWN_OF_FILES = ("filename", "mime", "hash", "width", "height", "tag")
_MAY_BE_UNKNOWN = ("hash", "width", "height")


class UnknownProperty(ValueError):
    """What is to be left out is no type, or no property of the type."""


def without(scope: Scope, left_out: Iterable[str]) -> Scope:
    """The scope without these types (`TYPE`) and properties (`TYPE.PROPERTY`). Raises UnknownProperty."""
    narrowed = dict(scope)
    for each in left_out:
        type_name, dot, property = each.partition(".")
        row = OBJECT_TYPES.get(type_name) or TYPE_OF_ENDPOINT.get(type_name)
        if row is None:
            raise UnknownProperty(f"{each[:80]!r}: there is no type {type_name[:40]!r}")
        if property == "id":
            raise UnknownProperty(f"{each[:80]!r}: objects are found by their ids, which are not compared")
        if dot and property not in row.properties:
            raise UnknownProperty(f"{each[:80]!r}: {row.name} have no property {property[:40]!r}")
        if not dot:
            narrowed.pop(row.name, None)
        elif row.name in narrowed:
            narrowed[row.name] = tuple(name for name in narrowed[row.name] if name != property)
    return narrowed


def left_out_of(scope: Scope) -> tuple[str, ...]:
    """The types and properties that a scope leaves out, in the order of table one."""
    return tuple(
        found
        for type_name, properties in WHOLE.items()
        for found in (
            (f"{type_name}.{property}" for property in properties if property not in scope[type_name])
            if type_name in scope
            else (type_name,)
        )
    )


def differences(
    row: ObjectType, properties: Iterable[str], a: ContestObject, b: ContestObject, aliases: Aliases
) -> Iterator[tuple[str, msgspec.Raw, msgspec.Raw]]:
    """The properties that differ between two objects of a type, with both values as JSON.

    `aliases`: what `b` names by other ids than `a`.
    """
    marked = _marks_of(row.structure)
    for property in properties:
        mine, other = getattr(a, property), getattr(b, property)
        if mine == other and not aliases.get(_target(marked, property)):
            continue
        if not _same(marked.get(property), mine, other, aliases):
            yield property, _shown(mine), _shown(other)


def property_differences(
    row: ObjectType,
    properties: Sequence[str],
    pairs: Mapping[str, str],
    sides: tuple[Mapping[str, ContestObject], Mapping[str, ContestObject]],
    aliases: Aliases,
) -> Iterator[PropertyDifference]:
    """All differences between the objects of a type that are the same (`pairs`: id of `a`, id of `b`)."""
    side_a, side_b = sides
    renamed = any(aliases.get(reference.target) for reference in row.references)
    for identifier, other_id in pairs.items():
        a, b = side_a[identifier], side_b[other_id]
        if a == b and not renamed:
            continue
        for property, mine, other in differences(row, properties, a, b, aliases):
            yield PropertyDifference(
                type=row.name,
                id=identifier or row.name,
                other_id=None if other_id == identifier else other_id,
                property=property,
                a=mine,
                b=other,
            )


Mark = References | Files | Time | RelativeTime


@cache
def _marks_of(structure: type[msgspec.Struct]) -> Mapping[str, Mark]:
    return {name: mark for name, mark, _ in marks(structure)}


def _target(marked: Mapping[str, Mark], property: str) -> str:
    """The type that a property names, empty where it names none."""
    mark = marked.get(property)
    return mark.target if isinstance(mark, References) else ""


def _same(mark: Mark | None, a: object, b: object, aliases: Aliases) -> bool:
    if a in (None, UNSET) or b in (None, UNSET):
        return a in (None, UNSET) and b in (None, UNSET)
    if isinstance(mark, Files):
        return _same_files(cast("list[FileReference]", a), cast("list[FileReference]", b))
    if isinstance(mark, References):
        return _ids(a, {}) == _ids(b, aliases.get(mark.target, {}))
    return _comparable(mark, a) == _comparable(mark, b)


def _ids(value: object, renamed: Mapping[str, str]) -> object:
    if isinstance(value, list):
        return sorted(renamed.get(each, each) for each in value)
    return renamed.get(value, value) if isinstance(value, str) else value


def _comparable(mark: Mark | None, value: object) -> object:
    """A value in a form in which equal ones are equal."""
    if isinstance(value, str) and isinstance(mark, Time | RelativeTime):
        return _milliseconds(mark, value)
    if isinstance(value, list):
        return [_comparable(mark, each) for each in value]
    if isinstance(value, msgspec.Struct):
        marked = _marks_of(type(value))
        return {
            name: _comparable(marked.get(name), getattr(value, name))
            for name in value.__struct_fields__
            if getattr(value, name) is not None
        }
    return value


def _milliseconds(mark: Time | RelativeTime, text: str) -> object:
    try:
        return parse_time_ms(text) if isinstance(mark, Time) else parse_relative_time_ms(text)
    except ValueError:
        return text


def _same_files(a: Sequence[FileReference], b: Sequence[FileReference]) -> bool:
    """Whether two lists name the same files: by what both sides know of each."""
    if len(a) != len(b):
        return False
    in_order = (sorted(each, key=lambda file: (file.filename, file.hash or "")) for each in (a, b))
    return all(_same_file(mine, other) for mine, other in zip(*in_order, strict=True))


def _same_file(a: FileReference, b: FileReference) -> bool:
    known = all(
        getattr(a, name) == getattr(b, name) or None in (getattr(a, name), getattr(b, name)) for name in _MAY_BE_UNKNOWN
    )
    return known and (a.filename, a.mime, a.tag or []) == (b.filename, b.mime, b.tag or [])


def _shown(value: object) -> msgspec.Raw:
    if value in (None, UNSET):
        return msgspec.Raw(_NOTHING)
    if isinstance(value, list) and value and isinstance(value[0], FileReference):
        value = [{name: getattr(each, name) for name in _SHOWN_OF_FILES if getattr(each, name)} for each in value]
    return msgspec.Raw(msgspec.json.encode(value))
