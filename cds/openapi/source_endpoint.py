"""The operation that tells how it stands with the upstreams of a contest, and the schemas of its answer.

They are read off the structures of a status. This module must not know any other endpoint.
"""

from collections.abc import Mapping
from typing import cast

import msgspec

from cds.contest_api.source_status import SOURCE_SEEN_BY
from cds.openapi.json_schemas import Json, Schema, reference
from cds.openapi.operations import NOT_MODIFIED, Operation, answered, in_path, parameter
from cds.openapi.type_endpoints import CONTEST
from cds.upstream.status import SourceStatus

TAGS: Mapping[str, str] = {
    "x-source": "Where the contest is followed from (not part of the Contest API).",
}

NOTE = (
    "One entry for the upstream of the contest and for that of each second system, whichever process follows it; none "
    "for a contest that is not followed. Warnings are what was odd in what the upstream said: numbered, all counted, "
    "the last 200 shown, each with its line (a position in the stream in which everything is kept as it was said). "
    "`waiting_references` are objects that name what has not come yet. Times are microseconds since 1970."
)


def source_operations() -> list[Operation]:
    """Asking how it stands."""
    path = f"{CONTEST}/x-source"
    entries: Schema = {"type": "array", "items": reference(SourceStatus.__name__)}
    return [
        Operation(
            verb="get",
            path=path,
            identifier="get_sources",
            tag="x-source",
            summary="How it stands with the upstreams of the contest",
            description=NOTE,
            roles=SOURCE_SEEN_BY,
            parameters=(*in_path(path), parameter("If-None-Match")),
            answers={"200": answered(entries, "Every upstream.", example=[_example()]), "304": NOT_MODIFIED},
        )
    ]


def source_schemas() -> dict[str, Schema]:
    """The structures of a status by name."""
    _, components = msgspec.json.schema_components([SourceStatus], ref_template="#/components/schemas/{name}")
    return cast("dict[str, Schema]", components)


def _example() -> Json:
    return {
        "contest_id": "finals",
        "shadow": None,
        "url": "http://primary.example.com/api/contests/finals",
        "state": "following",
        "since_us": 1_933_142_400_000_000,
        "updated_us": 1_933_146_000_000_000,
        "position": 8_655,
        "lines": 8_651,
        "events": 8_649,
        "token": {"present": True, "position": 8_655},
        "warnings": {
            "count": 1,
            "last": [
                {
                    "number": 1,
                    "line": 140,
                    "type": "teams",
                    "id": "12",
                    "property": "label",
                    "text": "is absent, filled with the id",
                }
            ],
        },
        "waiting_references": {
            "count": 1,
            "first": [{"type": "judgements", "id": "901", "awaits_type": "submissions", "awaits_id": "900"}],
        },
        "files": {"fetched": 117, "pending": 2, "failed": 0},
        "refused": [],
        "lag_s": 0.004,
        "last_heard_us": 1_933_145_999_000_000,
        "outages": 1,
        "last_error": "the connection was cut",
    }
