"""Reading a document that is known by its form alone: objects, arrays, and references within it.

This module must not know what stands in a document.
"""

from collections.abc import Mapping, Sequence

from cds.openapi.json_schemas import Json, Schema


def mapping(value: Json) -> Schema:
    """A value that must be an object. Raises TypeError."""
    if not isinstance(value, Mapping):
        raise TypeError(f"not an object: {value!r:.80}")
    return value


def listed(value: Json) -> Sequence[Json]:
    """A value that must be an array. Raises TypeError."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise TypeError(f"not an array: {value!r:.80}")
    return value


def texts(value: Json) -> list[str]:
    """A value that must be an array of texts."""
    return [str(each) for each in listed(value)]


def resolved(document: Schema, schema: Schema) -> Schema:
    """What a reference within the document stands for; anything else is itself."""
    place = schema.get("$ref")
    if not isinstance(place, str):
        return schema
    found: Json = document
    for step in place.removeprefix("#/").split("/"):
        found = mapping(found)[step]
    return mapping(found)
