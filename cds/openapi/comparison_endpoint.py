"""The operation that compares a contest with another, and the schemas of its answer.

They are read off the structures of the comparison. This module must not know any other endpoint.
"""

from collections.abc import Mapping
from typing import cast

import msgspec

from cds.contest_api.comparison import COMPARISON_SEEN_BY
from cds.openapi.json_schemas import Json, Schema, reference
from cds.openapi.operations import NOT_MODIFIED, Operation, answered, in_path, parameter, query
from cds.openapi.type_endpoints import CONTEST
from projections.comparison_results import Comparison

TAGS: Mapping[str, str] = {
    "x-comparison": "The contest beside a second system's judging of it (not part of the Contest API).",
}

NOTE = (
    "The other side is a second system whose judging was imported or followed beside the contest, or another contest "
    "of this server. What a role is not shown elsewhere is not compared. Against a second system judgements, runs "
    "and files are not compared one by one, since it makes them itself; verdicts are, and both scoreboards and the "
    "awards that would follow from them. Lists are cut off, and say how long they are. With `Accept: text/html` a page."
)

TEXT: Schema = {"schema": {"type": "string"}}


def comparison_operations() -> list[Operation]:
    """Asking for a comparison."""
    path = f"{CONTEST}/x-comparison"
    body = answered(reference(Comparison.__name__), "All differences.", example=_example())
    content = body["content"]
    media = {**content, "text/html": TEXT} if isinstance(content, Mapping) else {}
    return [
        Operation(
            verb="get",
            path=path,
            identifier="get_comparison",
            tag="x-comparison",
            summary="What a second system judges otherwise",
            description=NOTE,
            roles=COMPARISON_SEEN_BY,
            parameters=(
                *in_path(path),
                query("with", {"type": "string"}, "The name of the second system; needed where there are several."),
                query("with-contest", {"type": "string"}, "Another contest of this server, in its place."),
                query("ignore", {"type": "string"}, "Types and properties to leave out, separated by commas."),
                parameter("If-None-Match"),
            ),
            answers={"200": {**body, "content": media}, "304": NOT_MODIFIED},
            refusals=(400,),
        )
    ]


def comparison_schemas() -> dict[str, Schema]:
    """The structures of a comparison by name."""
    _, components = msgspec.json.schema_components([Comparison], ref_template="#/components/schemas/{name}")
    return cast("dict[str, Schema]", components)


def _example() -> Json:
    nothing: Json = {"count": 0, "shown": []}
    judged: Json = {"id": "187", "verdict": "AC", "solved": True, "href": "contests/finals/submissions/187"}
    differing: Json = {
        "team_id": "12",
        "problem_id": "azulejos",
        "language_id": "cpp",
        "contest_time": "2:03:45.000",
        "a": judged,
        "b": {"id": "187", "verdict": "WA", "solved": False},
        "matters": True,
    }
    return {
        "a": "finals",
        "b": "second-judging",
        "equal": False,
        "left_out": ["judgements", "runs"],
        "matched": {"by_id": 2246, "by_content": 0},
        "mattering": 1,
        "verdicts": [{"a": "AC", "b": "AC", "count": 573}, {"a": "AC", "b": "WA", "count": 1}],
        "submissions": {"count": 1, "shown": [differing]},
        "missing": [],
        "properties": nothing,
        "scoreboard": {"teams": 117, "ranks": 0, "cells": 0, "rows": nothing},
        "awards": nothing,
        "computed_awards": nothing,
    }
