"""The operation that gives a signed head, and the schemas of its answer, read off its structures.

This module must not know any other endpoint.
"""

from collections.abc import Mapping
from typing import cast

import msgspec

from cds.contest_api.signed_head import HEAD_SEEN_BY, ShownHead
from cds.openapi.json_schemas import Json, Schema, reference
from cds.openapi.operations import NOT_MODIFIED, Operation, answered, parameter

TAGS: Mapping[str, str] = {
    "x-head": "Where the log ends, signed (not part of the Contest API). For accounts of the server itself.",
}

NOTE = (
    "Every stream of the log with its last position and the chain value there, signed with Ed25519. `text` is what "
    "`cds head` prints: put aside, on paper or elsewhere, it shows later that nothing before it was changed "
    "(`cds verify --against`)."
)


def head_operations() -> list[Operation]:
    """Asking for it."""
    return [
        Operation(
            verb="get",
            path="/x-head",
            identifier="get_head",
            tag="x-head",
            summary="Where the log ends now, signed",
            description=NOTE,
            roles=HEAD_SEEN_BY,
            parameters=(parameter("If-None-Match"),),
            answers={
                "200": answered(reference(ShownHead.__name__), "The head.", example=_example()),
                "304": NOT_MODIFIED,
            },
            refusals=(403,),
        )
    ]


def head_schemas() -> dict[str, Schema]:
    """The structures of a head by name."""
    _, components = msgspec.json.schema_components([ShownHead], ref_template="#/components/schemas/{name}")
    return cast("dict[str, Schema]", components)


def _example() -> Json:
    return {
        "time_s": 1_933_146_000,
        "streams": [{"name": "contest:finals", "position": 8_655, "chain": "71ea970a" * 8}],
        "public_key": "e71b1a1b" * 8,
        "signature": "db2653c2" * 16,
        "text": "contest data server head 1\ntime 2031-04-05T13:00:00Z\n8655 71ea970a … contest:finals\n",
    }
