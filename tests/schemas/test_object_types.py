"""Table one: complete, in the order in which a contest is built up, and agreeing with the specification."""

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given

from schemas.object_types import (
    OBJECT_TYPES,
    SINGLETON_ID,
    TYPE_OF_ENDPOINT,
    TYPE_OF_STRUCTURE,
    TYPE_ORDER,
    object_key,
    referenced_ids,
)
from schemas.objects import Contest, State
from tests.builders import clarification, person, small_contest, state, team
from tests.histories import History, histories
from tests.strategies import filled

JSON_SCHEMAS = Path(__file__).resolve().parents[2].parent / "shared" / "json-schema"

NOTIFICATION_TYPES = (
    *("contest", "judgement-types", "languages", "problems", "groups", "organizations", "teams", "persons"),
    *("accounts", "state", "submissions", "judgements", "runs", "clarifications", "awards", "commentary"),
)
"""Contest API, "Notification format": the values of `type`."""

SCHEMA_FILES = {
    "judgement-types": "judgement-type",
    "commentary": "commentary",
    "state": "state",
    "contest": "contest",
}


def test_the_types_are_those_of_the_notifications() -> None:
    assert sorted(OBJECT_TYPES) == sorted(NOTIFICATION_TYPES)
    assert {row.endpoint for row in OBJECT_TYPES.values()} == {*NOTIFICATION_TYPES, "contests"} - {"contest"}
    assert set(TYPE_OF_ENDPOINT) == {row.endpoint for row in OBJECT_TYPES.values()}
    assert [TYPE_OF_STRUCTURE[row.structure] for row in OBJECT_TYPES.values()] == list(OBJECT_TYPES.values())


@pytest.mark.parametrize("name", OBJECT_TYPES)
def test_the_properties_are_those_of_the_official_schema(name: str) -> None:
    """None too many; none missing but those that older versions of the format had."""
    if not JSON_SCHEMAS.is_dir():
        pytest.skip("the official JSON schemas are not beside this checkout (../shared/json-schema)")
    file = SCHEMA_FILES.get(name, name.removesuffix("s"))
    schema = json.loads((JSON_SCHEMAS / f"{file}.json").read_text(encoding="utf-8"))
    written_in_schema = set(schema["properties"])
    assert set(OBJECT_TYPES[name].properties) - written_in_schema <= ADDED.get(name, set())
    assert written_in_schema - set(OBJECT_TYPES[name].properties) <= NOT_KEPT.get(name, set())


ADDED: dict[str, set[str]] = {name: {"ext"} for name in ("contest", "problems", "teams", "accounts", "submissions")}
NOT_KEPT: dict[str, set[str]] = {"accounts": {"password"}}
"""A password is never in the log; its hash is kept beside it."""


def test_what_is_named_stands_before_what_names_it() -> None:
    """But for the contest, which names its main group and stands first all the same."""
    for row in OBJECT_TYPES.values():
        for reference in row.references:
            assert TYPE_ORDER[reference.target] <= TYPE_ORDER[row.name] or row.name == "contest", (row.name, reference)
    assert next(iter(OBJECT_TYPES)) == "contest"


def test_properties_that_shape_views_exist() -> None:
    for row in OBJECT_TYPES.values():
        assert set(row.shapes_views) <= set(row.properties)


def test_filters_are_on_ids_and_never_on_id_itself() -> None:
    """Contest API, "Filtering": properties of type ID and `ID ?`, no lists."""
    filters = {name: row.filter_properties for name, row in OBJECT_TYPES.items() if row.filter_properties}
    assert filters == {
        "contest": ("main_scoreboard_group_id",),
        "judgement-types": ("simplified_judgement_type_id",),
        "teams": ("organization_id",),
        "accounts": ("team_id", "person_id"),
        "submissions": ("language_id", "problem_id", "team_id", "account_id"),
        "judgements": ("submission_id", "judgement_type_id", "simplified_judgement_type_id"),
        "runs": ("judgement_id", "judgement_type_id"),
        "clarifications": ("from_team_id", "reply_to_id", "problem_id"),
        "commentary": ("source_id",),
    }


def test_references_reach_into_lists_of_objects() -> None:
    """A person names teams through its roles; a clarification through a list and through a single id."""
    roles = OBJECT_TYPES["persons"].references
    assert [(reference.path, reference.target) for reference in roles] == [(("roles", "team_id"), "teams")]
    assert referenced_ids(roles[0], person("p", "coach", "t7")) == ("t7",)
    assert referenced_ids(roles[0], person("p", "staff", None)) == ()
    to_teams = next(r for r in OBJECT_TYPES["clarifications"].references if r.property == "to_team_ids")
    assert referenced_ids(to_teams, clarification("c", to_teams=["t1", "t2"])) == ("t1", "t2")
    assert referenced_ids(to_teams, clarification("c")) == ()


def test_keys_of_objects() -> None:
    """An object that exists once stands under the empty id; the contest does so although it has one."""
    assert object_key(OBJECT_TYPES["state"], state()) == SINGLETON_ID
    assert object_key(OBJECT_TYPES["teams"], team("t1", None)) == "t1"
    assert [change.id for change in small_contest() if isinstance(change.instance, Contest | State)] == [
        SINGLETON_ID
    ] * 4


@pytest.mark.parametrize("row", OBJECT_TYPES.values(), ids=list(OBJECT_TYPES))
def test_every_type_can_be_filled_encoded_and_read_again(row: object) -> None:
    """An object with every property that names nothing survives the log."""
    structures = {change.type: change.instance for change in small_contest() if change.instance is not None}
    for instance in structures.values():
        whole = filled(instance)
        assert msgspec.json.decode(msgspec.json.encode(whole), type=type(whole)) == whole


@given(histories())
def test_every_object_survives_the_log(history: History) -> None:
    """What is decoded from the bytes of the log equals what was encoded, and encodes to the same bytes."""
    for change in history.changes:
        if change.instance is not None:
            data = msgspec.json.encode(change.instance)
            read = msgspec.json.decode(data, type=type(change.instance))
            assert read == change.instance
            assert msgspec.json.encode(read) == data
