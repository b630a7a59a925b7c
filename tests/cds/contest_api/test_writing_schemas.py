"""What is written obeys the JSON schemas of the specification: what breaks them is refused, or comes out right.

For every type a whole object is written; then, for every constraint that the schemas put on it, one that breaks it.
"""

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import cache
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from tests.cds.contest_api.live_contest_setup import (
    CONTEST,
    CONTEST_ID,
    Play,
    archive,
    below,
    data_of,
    moment,
    picture,
    submission,
)
from tests.cds.contest_api.real_contests import needs_schemas
from tests.cds.contest_api.schema_checks import SCHEMA_OF_TYPE, decoded, schemas
from tests.cds.contest_api.serving import Json

pytestmark = pytest.mark.asyncio(loop_scope="session")

WRONG_TYPES: tuple[Json, ...] = ("text", 7, 1.5, True, {}, [], ["x", 7])

WRONG_TEXTS = (
    "",
    "!",
    "0001-01-01T00:00:00.000Z",
    "3000-01-01T00:00:00.000Z",
    "2031-05-17T08:00:00.000+23:59",
    "2031-05-17T08:00:00.000-20:00",
    "2031-05-17 08:00:00",
    "-1:00:00.000",
    "1:00",
    "#12345",
    "x" * 37,
)
"""For every pattern, beside what the right text is made into."""

CONSTRAINTS_MIN = 12
"""Fewer broken objects of a type than these would mean that the constraints were not found."""


class Written(msgspec.Struct, frozen=True):
    """How an object of a type is written whole: by whom, where; a path that ends in an id is PUT, else it is POSTed."""

    who: str
    path: str
    body: Mapping[str, Any]

    @property
    def method(self) -> str:
        """PUT for what names its id."""
        return "PUT" if "id" in self.body else "POST"


def _file(content: bytes, name: str, mime: str) -> list[dict[str, Any]]:
    return [{"data": data_of(content), "filename": name, "mime": mime}]


IMAGE = _file(picture(8, 8), "picture.png", "image/png")
ZIP = _file(archive(), "archive.zip", "application/zip")
STREAM = [{"href": "https://camera.example/1", "filename": "stream.m3u8", "mime": "application/vnd.apple.mpegurl"}]
PLACE = {"latitude": 50.5, "longitude": 10}
COMMAND = {"command": "run", "args": "-x {files}", "version": "1", "version_command": "run --version"}

WHOLE: dict[str, Written] = {
    "contest": Written(
        "chief",
        "",
        {
            **CONTEST,
            "formal_name": "The Live Contest",
            "scoreboard_thaw_time": moment(360),
            "main_scoreboard_group_id": "main",
            "banner": IMAGE,
            "logo": IMAGE,
            "location": PLACE,
        },
    ),
    "judgement-types": Written(
        "chief",
        "judgement-types/TLE",
        {"id": "TLE", "name": "Slow", "penalty": True, "solved": False, "simplified_judgement_type_id": "RE"},
    ),
    "languages": Written(
        "chief",
        "languages/kotlin",
        {
            "id": "kotlin",
            "name": "Kotlin",
            "entry_point_required": True,
            "entry_point_name": "Main class",
            "extensions": ["kt", "kts"],
            "compiler": COMMAND,
            "runner": COMMAND,
        },
    ),
    "problems": Written(
        "chief",
        "problems/cherries",
        {
            "id": "cherries",
            "uuid": "01234567-89ab-cdef-0123-456789ABCDEF",
            "label": "C",
            "name": "Cherries",
            "ordinal": 2,
            "rgb": "#f00",
            "color": "red",
            "time_limit": 1.5,
            "memory_limit": 256,
            "output_limit": 8,
            "code_limit": 128,
            "test_data_count": 3,
            "max_score": 100,
            "package": ZIP,
            "statement": _file(b"%PDF-1.4 cherries", "cherries.pdf", "application/pdf"),
            "attachments": _file(b"1\n", "sample.in", "text/plain"),
        },
    ),
    "groups": Written(
        "chief",
        "groups/west",
        {"id": "west", "icpc_id": "17", "name": "West", "type": "site", "location": PLACE},
    ),
    "organizations": Written(
        "chief",
        "organizations/west",
        {
            "id": "west",
            "icpc_id": "17",
            "name": "West",
            "formal_name": "University of the West",
            "country": "NLD",
            "country_flag": IMAGE,
            "country_subdivision": "NL-GR",
            "country_subdivision_flag": IMAGE,
            "url": "https://west.example",
            "twitter_hashtag": "#west",
            "twitter_account": "@west",
            "location": PLACE,
            "logo": IMAGE,
        },
    ),
    "teams": Written(
        "chief",
        "teams/t9",
        {
            "id": "t9",
            "icpc_id": "9",
            "name": "Iota",
            "label": "9",
            "display_name": "Iota of the North",
            "organization_id": "north",
            "group_ids": ["main", "guests"],
            "location": {"x": 1, "y": 2.5, "rotation": 90},
            "photo": IMAGE,
            "video": STREAM,
            "backup": ZIP,
            "key_log": _file(b"keys\n", "keys.txt", "text/plain"),
            "tool_data": _file(b"tools\n", "tools.txt", "text/plain"),
            "desktop": STREAM,
            "webcam": STREAM,
            "audio": STREAM,
            "primary_rgb": "#ff0000",
            "primary_color": "red",
            "secondary_rgb": "#0F0",
            "secondary_color": "green",
        },
    ),
    "persons": Written(
        "chief",
        "persons/dora",
        {
            "id": "dora",
            "icpc_id": "4",
            "name": "Dora",
            "email": "dora@north.example",
            "sex": "female",
            "roles": [{"type": "contestant", "team_id": "t1", "title": "Captain"}],
            "photo": IMAGE,
        },
    ),
    "accounts": Written(
        "chief",
        "accounts/dora",
        {
            "id": "dora",
            "username": "dora",
            "password": "the password of dora",
            "name": "Dora",
            "type": "team",
            "ip": "10.0.0.9",
            "team_id": "t1",
            "person_id": "ada",
        },
    ),
    "submissions": Written(
        "chief",
        "submissions",
        {
            "language_id": "java",
            "problem_id": "apples",
            "team_id": "t1",
            "time": moment(30),
            "contest_time": "0:30:00.000",
            "entry_point": "Main",
            "files": ZIP,
            "reaction": STREAM,
            "account_id": "team-one",
        },
    ),
    "judgements": Written(
        "judge",
        "judgements",
        {
            "submission_id": "1",
            "judgement_type_id": "AC",
            "score": 1.5,
            "current": True,
            "start_time": moment(61),
            "end_time": moment(62),
            "max_run_time": 0.125,
        },
    ),
    "runs": Written(
        "judge",
        "runs/r1",
        {
            "id": "r1",
            "judgement_id": "pending",
            "ordinal": 1,
            "judgement_type_id": "AC",
            "time": moment(61),
            "run_time": 0.125,
            "score": 1.5,
        },
    ),
    "clarifications": Written(
        "chief",
        "clarifications",
        {
            "reply_to_id": "question",
            "problem_id": "apples",
            "text": "They are.",
            "time": moment(30),
            "contest_time": "0:30:00.000",
            "to_team_ids": ["t1", "t2"],
            "to_group_ids": ["main", "guests"],
        },
    ),
    "awards": Written("chief", "awards/best", {"id": "best", "citation": "The best", "team_ids": ["t1", "t2"]}),
    "commentary": Written(
        "analyst",
        "commentary",
        {
            "message": "Alpha leads",
            "tags": ["submission", "accepted"],
            "team_ids": ["t1", "t2"],
            "problem_ids": ["apples", "bridges"],
            "submission_ids": ["1", "2"],
        },
    ),
}
"""Type → one that says everything that a client may say."""

WITH_OTHERS: dict[str, tuple[tuple[str, Mapping[str, Any]], ...]] = {
    "contest": (
        ("start_time", {"countdown_pause_time": "0:10:00.000"}),
        ("penalty_time", {"penalty_time": None}),
    ),
    "languages": (("entry_point_name", {"entry_point_name": None}),),
    "accounts": (("team_id", {"team_id": None}),),
}
"""Constraints between properties: what is named, and what is set to break them."""


@cache
def validator(schema: str) -> Draft202012Validator:
    """A schema as it stands: everything that it requires, an administrator is shown."""
    resources = ((contents["$id"], Resource.from_contents(contents)) for contents in schemas().values())
    registry: Registry[Any] = Registry().with_resources(resources)
    return Draft202012Validator(schemas()[schema], registry=registry)


def assert_valid(type_name: str, written: bytes, what: str) -> None:
    """The object is as the schema of its type says."""
    errors = [error.message[:300] for error in validator(SCHEMA_OF_TYPE[type_name]).iter_errors(decoded(written))]
    assert not errors, (what, errors)


def resolved(schema: Json) -> Json:
    """A schema that is not a reference; `#/name` is of common.json, where alone it is used."""
    while "$ref" in schema:
        file, _, name = schema["$ref"].partition("#/")
        schema = schemas()[file.partition(".")[0] or "common"][name]
    return schema


def spoilt(schema: Json, value: Json) -> Iterator[Json]:
    """Values that break the constraints of a schema, one after the other."""
    schema = resolved(schema)
    for branch in (*schema.get("oneOf", ()), *schema.get("anyOf", ()), *schema.get("allOf", ())):
        yield from spoilt(branch, value)
    if "type" in schema:
        yield from (wrong for wrong in WRONG_TYPES if type(wrong) is not type(value))
    if "pattern" in schema and isinstance(value, str):
        yield from (*WRONG_TEXTS, value + "!", " " + value, value + "\n", value[:-1])
    if "enum" in schema:
        yield from ("nonsense", 7)
    if "minimum" in schema:
        yield schema["minimum"] - 1
    if "maximum" in schema:
        yield schema["maximum"] + 1
    if "multipleOf" in schema:
        yield from (value + float(schema["multipleOf"]) / 8, 0.12345, 1e-7)
    if isinstance(value, list) and value:
        if schema.get("uniqueItems"):
            yield [*value, value[0]]
        if "minItems" in schema:
            yield []
        yield from ([wrong, *value[1:]] for wrong in spoilt(schema.get("items", {}), value[0]))
    if isinstance(value, dict):
        yield from spoilt_members(schema, value)


def spoilt_members(schema: Json, value: dict[str, Json]) -> Iterator[Json]:
    """Objects one member of which breaks a constraint, is missing, or is not known."""
    for part in (schema, schema.get("then", {})):
        for name in part.get("required", ()):
            yield {each: member for each, member in value.items() if each != name}
        for name, of_member in part.get("properties", {}).items():
            if name in value:
                yield from ({**value, name: wrong} for wrong in spoilt(of_member, value[name]))
    yield {**value, "surprise": 1}


def broken_objects(type_name: str) -> Iterator[tuple[str, dict[str, Json]]]:
    """What breaks the schema of a type, each with the property that does."""
    schema, whole = schemas()[SCHEMA_OF_TYPE[type_name]], dict(WHOLE[type_name].body)
    for name, of_member in schema["properties"].items():
        if name in whole:
            yield from ((name, {**whole, name: wrong}) for wrong in spoilt(of_member, whole[name]))
    for part in (schema, *(each.get("then", {}) for each in (schema, *schema.get("allOf", ())))):
        for name in part.get("required", ()):
            if name in whole:
                yield name, {each: value for each, value in whole.items() if each != name}
    for name, changed in WITH_OTHERS.get(type_name, ()):
        yield name, {**whole, **changed}
    yield "surprise", {**whole, "surprise": 1}


async def furnish(play: Play) -> None:
    """What the whole objects name: two submissions, a pending judgement and a question."""
    for _ in range(2):
        await play.post("chief", "submissions", submission(team_id="t1", time=moment(20)))
    await play.put("judge", "judgements/pending", {"id": "pending", "submission_id": "2", "start_time": moment(21)}, 201)
    question = {"id": "question", "from_team_id": "t1", "text": "Are apples round?", "time": moment(22)}
    await play.put("chief", "clarifications/question", question, 201)


@needs_schemas
@pytest.mark.parametrize("type_name", WHOLE)
async def test_what_breaks_a_schema_is_refused_or_comes_out_right(waiting: Play, type_name: str) -> None:
    """400 and the name of the property, or an object as the schema says; so everything there is stays valid."""
    play, written = waiting, WHOLE[type_name]
    await furnish(play)
    if type_name != "contest":
        await play.at(60)
    made = await play.ask(written.who, written.method, written.path, written.body)
    assert made.status in (200, 201), made.body
    assert_valid(type_name, made.body, "whole")
    refused = 0
    for name, body in broken_objects(type_name):
        refused += await _is_refused(play, type_name, written.method, name, body)
        if written.method == "PUT" and name != "id":
            refused += await _is_refused(play, type_name, "PATCH", name, {name: body.get(name)})
    assert refused >= CONSTRAINTS_MIN
    for each in await play.caller("chief").lines(below("event-feed")):
        notification = msgspec.json.decode(each, type=dict[str, msgspec.Raw])
        of_type, data = json.loads(notification["type"]), bytes(notification["data"])
        if data != b"null":
            assert_valid(of_type, data, each.decode()[:200])


async def _is_refused(play: Play, type_name: str, method: str, name: str, body: Mapping[str, Json]) -> bool:
    written = WHOLE[type_name]
    answer = await play.caller(written.who).ask(method, below(written.path), json=body)
    what = f"{method} {type_name} {name}: {str(body.get(name))[:200]}"
    if answer.status in (200, 201, 204):
        after = answer if answer.body else await play.caller(written.who).get(below(written.path))
        assert_valid(type_name, after.body, what)
        return False
    # A right id is that of the URL; one of another form is another one.
    assert answer.status == 400 or (name == "id" and answer.status == 409), (what, answer.status, answer.body)
    assert name in answer.json["message"], (what, answer.body)
    return True
