"""Examples for the document: what a small contest would send and get, valid under the schemas.

Of a type or property that is not in the table an example is made of its schema. This module must not know methods or
paths.
"""

from collections.abc import Iterable, Mapping

from cds.openapi.json_schemas import Json, Schema

PLACE = "#/components/schemas/"
MOMENT = "2031-05-17T09:30:00.000Z"
ARCHIVE = "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=="
"""An empty zip archive in base64; a real one holds the sources."""

PARTS: Mapping[str, Json] = {
    "Time": MOMENT,
    "RelativeTime": "1:30:00.000",
    "Identifier": "x1",
    "NewIdentifier": "x1",
    "UploadedFile": {"data": ARCHIVE, "filename": "files.zip", "mime": "application/zip"},
    "FileReference": {
        "href": "contests/wf2031/submissions/187/files/files.zip",
        "filename": "files.zip",
        "hash": "76cdb2bad9582d23c1f6f4d868218d6c",
        "mime": "application/zip",
    },
}
"""What stands for a named schema."""

OBJECTS: Mapping[str, Mapping[str, Json]] = {
    "contest": {
        "id": "wf2031",
        "name": "World Finals 2031",
        "start_time": "2031-05-17T08:00:00.000Z",
        "duration": "5:00:00.000",
        "scoreboard_freeze_duration": "1:00:00.000",
        "scoreboard_type": "pass-fail",
        "penalty_time": "0:20:00.000",
    },
    "judgement-types": {"id": "WA", "name": "Wrong Answer", "penalty": True, "solved": False},
    "languages": {"id": "cpp", "name": "C++", "entry_point_required": False, "extensions": ["cc", "cpp"]},
    "problems": {
        "id": "asteroids",
        "label": "A",
        "name": "Asteroid Rangers",
        "ordinal": 1,
        "rgb": "#00f",
        "color": "blue",
        "time_limit": 2,
        "test_data_count": 10,
    },
    "groups": {"id": "main", "name": "Main Site"},
    "organizations": {"id": "north", "name": "University of the North", "country": "NOR"},
    "teams": {"id": "t1", "label": "1", "name": "Alpha", "organization_id": "north", "group_ids": ["main"]},
    "persons": {"id": "ada", "name": "Ada Lund", "roles": [{"type": "contestant", "team_id": "t1"}]},
    "accounts": {"id": "team1", "username": "team1", "type": "team", "team_id": "t1"},
    "state": {"started": "2031-05-17T08:00:00.000Z", "frozen": None, "ended": None},
    "submissions": {"id": "187", "language_id": "cpp", "problem_id": "asteroids", "team_id": "t1"},
    "judgements": {"id": "j1", "submission_id": "187", "judgement_type_id": "WA", "start_time": MOMENT},
    "runs": {"id": "r1", "judgement_id": "j1", "ordinal": 1, "judgement_type_id": "WA", "run_time": 0.5},
    "clarifications": {"id": "c1", "problem_id": "asteroids", "text": "May the input be empty?"},
    "awards": {"id": "best-name", "citation": "Best team name", "team_ids": ["t1"]},
    "commentary": {"id": "k1", "message": "Alpha takes the lead.", "tags": ["lead"], "team_ids": ["t1"]},
}

CHANGES: Mapping[str, Mapping[str, Json]] = {
    "contest": {"name": "World Finals", "scoreboard_freeze_duration": "0:30:00.000"},
    "teams": {"display_name": "Alpha (North)"},
    "accounts": {"password": "a new password"},
    "judgements": {"judgement_type_id": "WA"},
    "state": {"thawed": "now"},
}
"""What a PATCH might say, where it is more than another name."""

REFUSED_TOGETHER: Mapping[str, tuple[str, ...]] = {"submissions": ("team_id",)}
"""What most of those who may write a type are better off leaving out, as the server knows it."""

WORD = "text"


def answer_example(type_name: str, schema: Schema, known: Mapping[str, Schema]) -> Json:
    """An object as it might be answered."""
    named = OBJECTS.get(type_name, {})
    return {
        name: named[name] if name in named else _example(property, known)
        for name, property in _properties(schema).items()
        if name in named or name in _required(schema)
    }


def request_example(type_name: str, schema: Schema, known: Mapping[str, Schema], *, change: bool = False) -> Json:
    """What might be sent: whole, or a change of something."""
    properties, required = _properties(schema), _required(schema)
    named = OBJECTS.get(type_name, {})
    if change:
        chosen = {name: value for name, value in CHANGES.get(type_name, {}).items() if name in properties}
        return chosen or {name: value for name, value in named.items() if name in properties and name != "id"}
    left_out = REFUSED_TOGETHER.get(type_name, ())
    return {
        name: named[name] if name in named else _example(property, known)
        for name, property in properties.items()
        if name in required or (name in named and name not in left_out)
    }


def example_of(schema: Schema, known: Mapping[str, Schema]) -> Json:
    """An example made of a schema alone."""
    return _example(schema, known)


def _example(schema: Schema, known: Mapping[str, Schema]) -> Json:
    place = schema.get("$ref")
    if isinstance(place, str):
        name = place.removeprefix(PLACE)
        return PARTS[name] if name in PARTS else _example(known[name], known)
    for alternatives in (schema.get("anyOf"), schema.get("allOf")):
        if isinstance(alternatives, list):
            return _example(alternatives[0], known)
    choices = schema.get("enum")
    if isinstance(choices, list):
        first: Json = choices[0]
        return first
    return _of_kind(schema, known)


def _of_kind(schema: Schema, known: Mapping[str, Schema]) -> Json:
    kinds = schema.get("type")
    kind = kinds[0] if isinstance(kinds, list) else kinds
    members = schema.get("prefixItems")
    if isinstance(members, list):
        return [_example(member, known) for member in members]
    if kind == "array":
        items = schema.get("items")
        return [_example(items, known)] if isinstance(items, Mapping) else []
    if kind == "object":
        required = _required(schema)
        return {name: _example(inner, known) for name, inner in _properties(schema).items() if name in required}
    simple: Mapping[str, Json] = {"integer": 1, "number": 1, "boolean": True, "null": None}
    return simple.get(str(kind), WORD)


def _properties(schema: Schema) -> Mapping[str, Schema]:
    properties = schema.get("properties", {})
    if not isinstance(properties, Mapping):
        return {}
    return {name: property for name, property in properties.items() if isinstance(property, Mapping)}


def _required(schema: Schema) -> Iterable[str]:
    required = schema.get("required", [])
    return [name for name in required if isinstance(name, str)] if isinstance(required, list) else []
