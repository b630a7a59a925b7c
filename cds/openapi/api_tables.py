"""What an API beside the Contest API is: a table of everything that can be asked of it, and the schemas of its answers.

The router and the document are both made of the table, so that neither can have what the other has not. This module
must not know any API.
"""

from collections.abc import Mapping, Sequence
from typing import cast

import msgspec

from cds.openapi.json_schemas import Json, Schema
from cds.openapi.operations import Operation


class ApiTable(msgspec.Struct, frozen=True, kw_only=True):
    """An API. Of two paths of which one is more particular (`all`, `{platform}`) its operations come first."""

    tags: Mapping[str, str]
    operations: Sequence[Operation]
    schemas: Mapping[str, Schema]


def schemas_of(*structures: type[msgspec.Struct]) -> dict[str, Schema]:
    """The schemas of structures and of those that they are made of, by name."""
    _, components = msgspec.json.schema_components(structures, ref_template="#/components/schemas/{name}")
    return cast("dict[str, Schema]", components)


def in_path_as(name: str, description: str, example: str) -> Schema:
    """A parameter in a path: any text without a slash."""
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": {"type": "string", "minLength": 1},
        "example": example,
    }


def body_of(properties: Mapping[str, Schema], example: Json, *, required: Sequence[str] = ()) -> Schema:
    """The schema of a JSON body with these properties and an example; what it holds besides is ignored."""
    schema: dict[str, Json] = {"type": "object", "properties": properties, "additionalProperties": True}
    if required:
        schema["required"] = list(required)
    return {"schema": schema, "example": example}
