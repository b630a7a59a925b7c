"""JSON Schema (2020-12) of the annotations that structures are made of: marks, constraints, nested structures.

An annotation means one thing in an answer and a little more in a request, where null stands for absent. This module
must not know any object type.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from operator import or_
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import UnsetType

from cds.commands.object_rules import TIME
from cds.uploads import UploadedFile
from schemas.identifiers import ID_CHARACTERS_MAX
from schemas.properties import FileReference, Files, References, RelativeTime, Time

Json: TypeAlias = "Mapping[str, Json] | Sequence[Json] | str | int | float | bool | None"
Schema: TypeAlias = Mapping[str, Json]

Use = Literal["answer", "request"]
"""What a schema is for."""

NULL: Schema = {"type": "null"}
PLAIN: dict[object, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}

ID_PATTERN = "^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,34}[A-Za-z0-9_-])?$"
RELATIVE_TIME_PATTERN = r"^-?([1-9][0-9]*)?[0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]{3})?$"
KEPT_ID_CHARACTERS_MAX = 255
"""Ids of other systems may break the rule for IDs, and are kept (cds.dialects.identifiers)."""

PROPERTY_TYPES: dict[str, Schema] = {
    "NewIdentifier": {
        "type": "string",
        "pattern": ID_PATTERN,
        "maxLength": ID_CHARACTERS_MAX,
        "description": "ID: 1 to 36 letters, digits, `_`, `-` and `.`; not first `-` or `.`, not last `.`.",
    },
    "Identifier": {
        "type": "string",
        "minLength": 1,
        "maxLength": KEPT_ID_CHARACTERS_MAX,
        "description": "ID of an object that exists: as NewIdentifier, but those of imported contests may be freer.",
    },
    "Time": {
        "type": "string",
        "pattern": f"^{TIME.expression}$",
        "description": "TIME: `yyyy-mm-ddThh:mm:ss.sss` and `Z` or an offset from UTC.",
    },
    "RelativeTime": {
        "type": "string",
        "pattern": RELATIVE_TIME_PATTERN,
        "description": "RELTIME: `h:mm:ss.sss`, with `-` in front before the start.",
    },
}
"""What the marks of single texts mean (JSON Format, "JSON property types")."""


def reference(name: str) -> Schema:
    """A schema that stands in the document under a name."""
    return {"$ref": f"#/components/schemas/{name}"}


def nullable(schema: Schema) -> Schema:
    """The same, or null."""
    kind = schema.get("type")
    if isinstance(kind, str) and "enum" not in schema:
        return {**schema, "type": [kind, "null"]}
    return {"anyOf": [schema, NULL]}


def schema_of(hint: Any, use: Use) -> Schema:
    """The schema of an annotation."""
    if get_origin(hint) in (Union, UnionType):
        members = get_args(hint)
        schema = _merged([schema_of(member, use) for member in members if member not in (NoneType, UnsetType)])
        written_out = UnsetType in members or use == "request"
        return nullable(schema) if NoneType in members and written_out else schema
    if get_origin(hint) is Annotated:
        base, *marks = get_args(hint)
        return _constrained(schema_of(base, use), marks, use)
    if get_origin(hint) in (list, tuple):
        return _array(hint, use)
    if get_origin(hint) is Literal:
        return {"type": "string", "enum": list(get_args(hint))}
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return reference(component_name(hint, use))
    if hint not in PLAIN:
        raise TypeError(f"no JSON schema is known for {hint!r}")
    return {"type": PLAIN[hint]}


def object_schema(
    structure: type[msgspec.Struct], use: Use, *, names: Iterable[str] | None = None, required: Iterable[str] = ()
) -> Schema:
    """The schema of a structure: its properties, or those of the given `names`, of which some are required.

    A request may hold nothing else; answers may come to hold more (Contest API, "Extensibility"). Null is no value of
    a property that is required.
    """
    hints = get_type_hints(structure, include_extras=True)
    required = tuple(required)
    always_there = required_properties(structure)
    properties: dict[str, Schema] = {}
    for name in hints if names is None else names:
        hint = _without_null(hints[name]) if name in required and use == "request" else hints[name]
        schema = schema_of(hint, use)
        # What has no default is written out in answers, also when it is null.
        written_out = use == "answer" and name in always_there and NoneType in get_args(hint)
        properties[name] = nullable(schema) if written_out else schema
    whole: dict[str, Json] = {"type": "object", "properties": properties}
    if required:
        whole["required"] = list(required)
    if use == "request":
        whole["additionalProperties"] = False
    return whole


def component_name(structure: type[msgspec.Struct], use: Use) -> str:
    """The name under which a structure stands in the document; what is sent differs from what is answered."""
    if structure is FileReference and use == "request":
        return UploadedFile.__name__
    return structure.__name__ if use == "answer" else f"{structure.__name__}Sent"


def structures_in(structure: type[msgspec.Struct]) -> list[type[msgspec.Struct]]:
    """The structures that the properties of one are made of, and those in them; files are not among them."""
    found: dict[type[msgspec.Struct], None] = {}
    for hint in get_type_hints(structure, include_extras=True).values():
        for inner in _structures(hint):
            if inner is not FileReference:
                found[inner] = None
                found.update(dict.fromkeys(structures_in(inner)))
    return list(found)


def required_properties(structure: type[msgspec.Struct]) -> tuple[str, ...]:
    """The properties without a default."""
    return tuple(field.name for field in msgspec.structs.fields(structure) if field.required)


def _array(hint: Any, use: Use) -> Schema:
    members = get_args(hint)
    if get_origin(hint) is list or members[-1] is ...:
        return {"type": "array", "items": schema_of(members[0], use)}
    each = [schema_of(member, use) for member in members]
    alike = all(schema == each[0] for schema in each)
    kept: Schema = {"items": each[0]} if alike else {"prefixItems": each}
    return {"type": "array", **kept, "minItems": len(each), "maxItems": len(each)}


def _structures(hint: Any) -> Iterable[type[msgspec.Struct]]:
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        yield hint
    for argument in get_args(hint):
        yield from _structures(argument)


def _without_null(hint: Any) -> Any:
    if get_origin(hint) not in (Union, UnionType):
        return hint
    return reduce(or_, (member for member in get_args(hint) if member is not NoneType))


def _merged(schemas: Sequence[Schema]) -> Schema:
    """Alternatives as one schema; integers are numbers."""
    numbers = [schema for schema in schemas if schema.get("type") in ("integer", "number")]
    others = [schema for schema in schemas if schema not in numbers]
    if len(numbers) > 1:
        numbers = [next(schema for schema in numbers if schema.get("type") == "number")]
    alternatives = [*numbers, *others]
    return alternatives[0] if len(alternatives) == 1 else {"anyOf": alternatives}


def _constrained(schema: Schema, marks: Iterable[object], use: Use) -> Schema:
    for mark in marks:
        match mark:
            case msgspec.Meta():
                schema = {**schema, **_limits(mark, is_array=schema.get("type") == "array")}
            case Time():
                schema = reference("Time")
            case RelativeTime():
                schema = reference("RelativeTime")
            case References():
                schema = _references(schema, mark)
            case Files():
                schema = _files(mark, use)
            case _:
                raise TypeError(f"no JSON schema is known for the mark {mark!r}")
    return schema


def _limits(mark: msgspec.Meta, *, is_array: bool) -> Schema:
    """What a mark says of a value, in the words of JSON Schema; the length of a list has words of its own."""
    shortest, longest = ("minItems", "maxItems") if is_array else ("minLength", "maxLength")
    limits: dict[str, Json] = {
        "description": mark.description,
        "pattern": mark.pattern,
        "minimum": mark.ge,
        "maximum": mark.le,
        shortest: mark.min_length,
        longest: mark.max_length,
        **(mark.extra_json_schema or {}),
    }
    return {name: limit for name, limit in limits.items() if limit is not None}


def _references(schema: Schema, mark: References) -> Schema:
    one = {**reference("Identifier"), "x-references": mark.target}
    return {"type": "array", "items": one} if schema.get("type") == "array" else one


def _files(mark: Files, use: Use) -> Schema:
    if use == "request":
        return {"type": "array", "items": reference(UploadedFile.__name__)}
    demands: dict[str, Json] = {}
    if mark.mimes:
        demands["properties"] = {"mime": {"enum": list(mark.mimes)}}
    file = reference(FileReference.__name__)
    return {"type": "array", "items": {"allOf": [file, demands]} if demands else file}
