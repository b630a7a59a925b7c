"""The headers of answers, as the document holds them.

This module must not know any operation.
"""

from collections.abc import Mapping, Sequence

from cds.openapi.json_schemas import Schema

HEADERS: Mapping[str, Schema] = {
    "ETag": {
        "description": "Tag of exactly these bytes for exactly this viewer; for If-None-Match and If-Match.",
        "schema": {"type": "string"},
    },
    "Location": {"description": "Where the new object is.", "required": True, "schema": {"type": "string"}},
    "Cache-Control": {
        "description": "`private` for whoever logged in.",
        "required": True,
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "Seconds to wait before another try.",
        "required": True,
        "schema": {"type": "integer", "minimum": 0},
    },
    "Content-Range": {"description": "How long the file is.", "required": True, "schema": {"type": "string"}},
    "WWW-Authenticate": {"description": "How to log in.", "required": True, "schema": {"type": "string"}},
    "Access-Control-Allow-Origin": {
        "description": "Pages from anywhere may read the answer.",
        "required": True,
        "schema": {"const": "*"},
    },
}
"""By the name under which they stand in the document, which is their own."""


def headers_of(names: Sequence[str]) -> Schema:
    """The headers of an answer: these, and those that every answer has."""
    everywhere = ("Access-Control-Allow-Origin",)
    return {name: {"$ref": f"#/components/headers/{name}"} for name in (*names, *everywhere)}
