"""What is written obeys the JSON schemas of the specification: what breaks them is refused, or comes out right.

For every type a whole object is written; then, for every constraint that the schemas put on it, one that breaks it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from tests.cds.contest_api.live_contest_setup import CONTEST_ID, Play, below, moment
from tests.cds.contest_api.real_contests import needs_schemas
from tests.cds.contest_api.schema_checks import SCHEMA_OF_TYPE, decoded, schemas
from tests.cds.contest_api.serving import Json
from tests.cds.contest_api.whole_objects import WHOLE, furnish

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


WITH_OTHERS: dict[str, tuple[tuple[str, Mapping[str, Any]], ...]] = {
    "contest": (
        ("start_time", {"countdown_pause_time": "0:10:00.000"}),
        ("penalty_time", {"penalty_time": None}),
    ),
    "languages": (("entry_point_name", {"entry_point_name": None}),),
    "accounts": (("team_id", {"team_id": None}),),
}
"""Constraints between properties: what is named, and what is set to break them."""


STATUSES = {"id": (400, 409), "start_time": (400, 403), "scoreboard_thaw_time": (400, 403)}
"""How it is refused where not by 400 alone: an id that is not that of the URL clashes with it, and a contest may not
start or thaw at every moment."""

TIME_OF_A_YEAR_ONE = "0001-01-01T00:00:00.000Z"
QUESTION = {"text": "x", "time": moment(30)}
JUDGEMENT = {"submission_id": "1", "start_time": moment(30)}

WRONG: tuple[tuple[str, str, str, str, Mapping[str, Json]], ...] = (
    ("chief", "PATCH", "problems/apples", "uuid", {"uuid": "x"}),
    ("chief", "PATCH", "problems/apples", "time_limit", {"time_limit": 0.1234567}),
    ("chief", "PATCH", "problems/apples", "rgb", {"rgb": "#ff0000\n"}),
    ("chief", "PATCH", "organizations/north", "country", {"country": "NLD\n"}),
    ("chief", "PATCH", "organizations/north", "country_subdivision", {"country_subdivision": "NL-grrr"}),
    ("chief", "PATCH", "teams/t1", "location", {"location": {"x": 0, "y": 0, "rotation": 400}}),
    ("chief", "PATCH", "teams/t1", "location", {"location": {"x": 0, "y": 0, "rotation": -0.5}}),
    ("chief", "PATCH", "teams/t1", "group_ids", {"group_ids": ["main", "main"]}),
    ("chief", "PATCH", "persons/ada", "roles", {"roles": []}),
    ("chief", "PATCH", "languages/cpp", "extensions", {"extensions": ["cc", "cc"]}),
    ("chief", "PATCH", "languages/cpp", "entry_point_name", {"entry_point_required": True}),
    ("chief", "PATCH", "languages/java", "entry_point_name", {"entry_point_name": None}),
    ("chief", "PATCH", "judgement-types/WA", "penalty", {"penalty": None}),
    ("chief", "PATCH", "", "penalty_time", {"penalty_time": None}),
    ("chief", "PATCH", "accounts/judge", "type", {"type": "Judge"}),
    ("chief", "PATCH", "accounts/judge", "type", {"type": " judge"}),
    ("chief", "PATCH", "accounts/judge", "type", {"type": ""}),
    ("chief", "PATCH", "accounts/team-one", "team_id", {"team_id": None}),
    ("chief", "POST", "awards", "team_ids", {"citation": "Best", "team_ids": ["t1", "t1"]}),
    ("chief", "POST", "clarifications", "time", {**QUESTION, "time": TIME_OF_A_YEAR_ONE}),
    ("chief", "POST", "clarifications", "time", {**QUESTION, "time": "2031-05-17T08:00:00.000+23:59"}),
    ("chief", "POST", "clarifications", "to_team_ids", {**QUESTION, "to_team_ids": ["t1", "t2", "t1"]}),
    ("judge", "POST", "clarifications", "to_group_ids", {"text": "x", "to_group_ids": ["main", "main"]}),
    ("analyst", "POST", "commentary", "tags", {"message": "x", "tags": ["a", "a"]}),
    ("analyst", "POST", "commentary", "team_ids", {"message": "x", "tags": [], "team_ids": ["t1", "t1"]}),
    ("analyst", "POST", "commentary", "problem_ids", {"message": "x", "problem_ids": ["apples", "apples"]}),
    ("analyst", "POST", "commentary", "submission_ids", {"message": "x", "submission_ids": ["1", "1"]}),
    ("judge", "POST", "judgements", "start_time", {**JUDGEMENT, "start_time": TIME_OF_A_YEAR_ONE}),
    ("judge", "POST", "judgements", "max_run_time", {**JUDGEMENT, "judgement_type_id": "AC", "max_run_time": 0.12345}),
)
"""Who writes what where, and the property that is wrong."""


@cache
def validator(schema: str) -> Draft202012Validator:
    """A schema as it stands: everything that it requires, an administrator is shown."""
    resources = ((contents["$id"], Resource.from_contents(contents)) for contents in schemas().values())
    registry: Registry[Any] = Registry().with_resources(resources)
    return Draft202012Validator(schemas()[schema], registry=registry)


def assert_valid(type_name: str, instance: Json, what: str) -> None:
    """The object is as the schema of its type says."""
    errors = [error.message[:300] for error in validator(SCHEMA_OF_TYPE[type_name]).iter_errors(instance)]
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
    for keyword, spoil in SPOIL.items():
        if keyword in schema:
            yield from spoil(schema[keyword], value)
    if isinstance(value, list) and value:
        yield from ([wrong, *value[1:]] for wrong in spoilt(schema.get("items", {}), value[0]))
    if isinstance(value, dict):
        yield from spoilt_members(schema, value)


SPOIL: dict[str, Callable[[Json, Json], Iterable[Json]]] = {
    "type": lambda _, value: (wrong for wrong in WRONG_TYPES if type(wrong) is not type(value)),
    "pattern": lambda _, text: (*WRONG_TEXTS, f"{text}!", f" {text}", f"{text}\n", text[:-1]),
    "enum": lambda _values, _value: ("nonsense", 7),
    "minimum": lambda lowest, _: (lowest - 1,),
    "maximum": lambda highest, _: (highest + 1,),
    "multipleOf": lambda unit, value: (value + float(unit) / 8, 0.12345, 1e-7),
    "uniqueItems": lambda _, members: ([*members, members[0]],),
    "minItems": lambda _least, _members: ([],),
}
"""Keyword → what it and the right value make wrong."""


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


@pytest.mark.parametrize(("who", "method", "path", "name", "body"), WRONG)
async def test_what_the_format_forbids_is_refused(
    refusing: Play, who: str, method: str, path: str, name: str, body: Mapping[str, Json]
) -> None:
    await refusing.refused(who, method, path, body, 400, names=name)


@pytest.mark.parametrize("time", [TIME_OF_A_YEAR_ONE, "3000-01-01T00:00:00Z", "2031-05-17T08:00:00+23:59"])
async def test_no_moment_of_a_contest_is_one_that_cannot_be_written(waiting: Play, time: str) -> None:
    for path, name in (("", "start_time"), ("", "scoreboard_thaw_time"), ("state", "started"), ("state", "frozen")):
        body = {name: time} if path else {"id": CONTEST_ID, name: time}
        await waiting.refused("chief", "PATCH", path, body, 400, names=name)


async def test_a_run_time_of_more_than_milliseconds_is_refused_and_not_rounded(live: Play) -> None:
    pending = await live.judged(await live.submitted(), None)
    run = {"judgement_id": pending, "ordinal": 1, "judgement_type_id": "AC", "time": moment(60)}
    for wrong in (0.12345, 1e-9, 1.0005):
        await live.refused("judge", "POST", "runs", {**run, "run_time": wrong}, 400, names="run_time")
    made = await live.post("judge", "runs", {**run, "run_time": 0.123})
    assert made["run_time"] == 0.123


async def test_a_contest_of_few_words_gets_the_usual_penalty_time(waiting: Play) -> None:
    """And the same words once more change nothing. A contest with scores has none."""
    root = waiting.caller("root")
    body = {"id": "new", "name": "New", "duration": "5:00:00.000", "scoreboard_type": "pass-fail"}
    for status in (201, 200):
        answer = await root.ask("PUT", "contests/new", json=body)
        assert (answer.status, answer.json) == (status, {**body, "penalty_time": "0:20:00.000"})
    posted = await root.ask(
        "POST", "contests", json={"name": "New", "duration": "5:00:00.000", "scoreboard_type": "score"}
    )
    assert posted.status == 201
    assert "penalty_time" not in posted.json
    scoring = f"contests/{posted.json['id']}"
    answer = await root.ask("PATCH", scoring, json={"id": posted.json["id"], "scoreboard_type": "pass-fail"})
    assert (answer.status, "penalty_time" in answer.json["message"]) == (400, True)
    made = await root.ask("PUT", f"{scoring}/judgement-types/WA", json={"id": "WA", "name": "Wrong", "solved": False})
    assert made.json == {"id": "WA", "name": "Wrong", "solved": False}


@pytest.mark.parametrize(
    ("type_name", "body", "filled_in"),
    [
        ("judgement-types", {"id": "OK", "name": "Fine", "solved": True}, {"penalty": False}),
        ("judgement-types", {"id": "TLE", "name": "Slow", "solved": False}, {"penalty": True}),
        ("judgement-types", {"id": "JE", "name": "Judging Error", "solved": False}, {"penalty": False}),
        ("judgement-types", {"id": "CTL", "name": "Compiler Slow", "solved": False}, {"penalty": False}),
        ("languages", {"id": "kotlin", "entry_point_required": True}, {"entry_point_name": "Main class"}),
        ("languages", {"id": "java17", "entry_point_required": True}, {"entry_point_name": "Main class"}),
        ("languages", {"id": "javascript", "entry_point_required": True}, {"entry_point_name": "Main file"}),
        ("languages", {"id": "c", "entry_point_required": False}, {}),
    ],
)
async def test_what_is_required_and_not_said_is_the_usual(
    waiting: Play, type_name: str, body: dict[str, Json], filled_in: dict[str, Json]
) -> None:
    if type_name == "languages":
        body = {"name": body["id"], "extensions": ["x"], **body}
    path = f"{type_name}/{body['id']}"
    for status in (201, 200):
        assert await waiting.put("chief", path, body, status) == {**body, **filled_in}


@needs_schemas
@pytest.mark.parametrize("type_name", WHOLE)
async def test_what_breaks_a_schema_is_refused_or_comes_out_right(waiting: Play, type_name: str) -> None:
    """400 and the name of the property, or an object as the schema says; so everything there is stays valid."""
    play, written, whole = waiting, WHOLE[type_name], WHOLE[type_name].body
    await furnish(play)
    if type_name != "contest":
        await play.at(60)
    made = await play.ask(written.who, written.method, written.path, written.body)
    assert made.status in (200, 201), made.body
    assert_valid(type_name, decoded(made.body), "whole")
    refused = 0
    for name, body in broken_objects(type_name):
        refused += await _is_refused(play, type_name, written.method, name, body)
        if written.method == "PUT" and name != "id":
            refused += await _is_refused(play, type_name, "PATCH", name, {"id": whole["id"], name: body.get(name)})
    assert refused >= CONSTRAINTS_MIN
    for line in await play.caller("chief").lines(below("event-feed")):
        notification = decoded(line)
        if notification["data"] is not None:
            assert_valid(notification["type"], notification["data"], line.decode()[:200])


async def _is_refused(play: Play, type_name: str, method: str, name: str, body: Mapping[str, Json]) -> bool:
    written = WHOLE[type_name]
    answer = await play.caller(written.who).ask(method, below(written.path), json=body)
    what = f"{method} {type_name} {name}: {str(body.get(name))[:200]}"
    if answer.status in (200, 201, 204):
        after = answer if answer.body else await play.caller(written.who).get(below(written.path))
        assert_valid(type_name, decoded(after.body), what)
        return False
    assert answer.status in STATUSES.get(name, (400,)), (what, answer.status, answer.body)
    assert name in answer.json["message"], (what, answer.body)
    return True
