"""The rules for what is written: each table names properties that are there, each row refuses, nothing else does."""

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.commands.decision import Refused
from cds.commands.object_rules import (
    MULTIPLES_OF_A_MILLISECOND,
    NOT_EMPTY,
    PATTERNS,
    PENALTY_TIME_DEFAULT,
    RANGES,
    REQUIRED_WHEN,
    UNIQUE_LISTS,
    filled_in,
    refuse_unruly,
    refuse_unwritable_time,
)
from projections.contest import ContestState
from schemas.object_types import OBJECT_TYPES, TYPE_OF_STRUCTURE
from schemas.objects import (
    Account,
    Commentary,
    ContestObject,
    JudgementType,
    Language,
    Organization,
    Person,
    Problem,
    Run,
    Team,
)
from schemas.properties import FileReference, TeamLocation
from tests.builders import CONTEST, moment, small_contest
from tests.cds.commands.playing import assert_refused, bare

PROBLEM = Problem(id="p", label="P", name="P", ordinal=1, test_data_count=1)
RUN = Run(id="r", judgement_id="j1", ordinal=1, judgement_type_id="AC", time=moment("1:00:00.000"))
TEAM = Team(id="t", name="T", label="T")
LANGUAGE = Language(id="java", name="Java", entry_point_required=True, extensions=["java"])
COMMENT = Commentary(id="k", time=moment("0:00:00.000"), contest_time="0:00:00.000", message="x", tags=[])
PICTURE = FileReference(filename="x.png", mime="image/png", width=1, height=1)
WITHOUT_PENALTY_TIME = msgspec.structs.replace(CONTEST, penalty_time=None)

UNRULY: tuple[tuple[ContestObject, str], ...] = (
    (WITHOUT_PENALTY_TIME, "penalty_time"),
    (msgspec.structs.replace(CONTEST, start_time="0001-01-01T00:00:00.000Z"), "start_time"),
    (msgspec.structs.replace(CONTEST, scoreboard_thaw_time="3000-01-01T00:00:00.000Z"), "scoreboard_thaw_time"),
    (JudgementType(id="WA", name="Wrong", solved=False), "penalty"),
    (LANGUAGE, "entry_point_name"),
    (msgspec.structs.replace(LANGUAGE, entry_point_name="Main class", extensions=["a", "b", "a"]), "extensions"),
    (msgspec.structs.replace(PROBLEM, uuid="x"), "uuid"),
    (msgspec.structs.replace(PROBLEM, rgb="#fff\n"), "rgb"),
    (msgspec.structs.replace(PROBLEM, time_limit=0.0001), "time_limit"),
    (Organization(id="o", name="O", country="NLD\n"), "country"),
    (Organization(id="o", name="O", country_subdivision="NL-"), "country_subdivision"),
    (Organization(id="o", name="O", logo=[PICTURE, PICTURE]), "logo"),
    (msgspec.structs.replace(TEAM, group_ids=["main", "main"]), "group_ids"),
    (msgspec.structs.replace(TEAM, location=TeamLocation(x=0, y=0, rotation=360.5)), "location"),
    (msgspec.structs.replace(TEAM, secondary_rgb="red"), "secondary_rgb"),
    (Person(id="p", name="P", roles=[]), "roles"),
    (Account(id="a", username="a", type="Admin"), "type"),
    (msgspec.structs.replace(RUN, run_time=0.12345), "run_time"),
    (msgspec.structs.replace(RUN, time="2026-01-01T00:00:00.000+23:59"), "time"),
    (msgspec.structs.replace(COMMENT, tags=["x", "x"]), "tags"),
    (msgspec.structs.replace(COMMENT, submission_ids=["s1", "s1"]), "submission_ids"),
)


def refuse(instance: ContestObject, before: ContestObject | None = None) -> None:
    """The rules for an object in the contest of the builders."""
    refuse_unruly(bare(), TYPE_OF_STRUCTURE[type(instance)], instance, before)


def _named(table: Iterable[tuple[str, Iterable[str]]]) -> list[tuple[str, str]]:
    return [(name, property) for name, properties in table for property in properties]


def test_every_table_names_properties_that_are_there() -> None:
    named = [
        *(row for table in (PATTERNS, RANGES) for row in _named(table.items())),
        *(row for table in (UNIQUE_LISTS, NOT_EMPTY, MULTIPLES_OF_A_MILLISECOND) for row in _named(table.items())),
        *((name, demand.property) for name, demand in REQUIRED_WHEN.items()),
    ]
    for name, property in named:
        row = OBJECT_TYPES[name]
        assert property in (*row.properties, *row.nested_properties), (name, property)


@pytest.mark.parametrize(("instance", "property"), UNRULY)
def test_what_breaks_a_rule_is_refused_by_the_name_of_the_property(instance: ContestObject, property: str) -> None:
    with pytest.raises(Refused) as raised:
        refuse(instance)
    assert_refused(raised, "invalid", property)
    assert property in raised.value.reason


@pytest.mark.parametrize(("instance", "property"), UNRULY)
def test_what_came_from_elsewhere_unruly_can_be_changed_elsewise(instance: ContestObject, property: str) -> None:
    """Everything else of an imported object may be written; another wrong value of the same property may not."""
    refuse(instance, instance)
    name = next((each for each in ("name", "username", "message", "score") if hasattr(instance, each)), None)
    assert name is not None
    changed: Any = 2 if name == "score" else "another"
    refuse(msgspec.structs.replace(instance, **{name: changed}), instance)


def test_one_wrong_value_does_not_excuse_another() -> None:
    before = msgspec.structs.replace(PROBLEM, uuid="x")
    for changed in ({"uuid": "y"}, {"time_limit": 0.0001}):
        with pytest.raises(Refused):
            refuse(msgspec.structs.replace(before, **changed), before)


def test_the_whole_contest_of_the_builders_keeps_the_rules() -> None:
    state = ContestState()
    for change in small_contest():
        if change.instance is not None and change.type in OBJECT_TYPES:
            refuse_unruly(state, OBJECT_TYPES[change.type], change.instance)
        state.apply(state.position + 1, change.type, change.id, change.instance)


@given(st.integers(min_value=0, max_value=10**12))
def test_every_multiple_of_a_millisecond_is_taken(milliseconds: int) -> None:
    refuse(msgspec.structs.replace(RUN, run_time=milliseconds / 1000))


@given(st.integers(min_value=0, max_value=10**9), st.integers(min_value=1, max_value=999))
def test_no_part_of_a_millisecond_is_taken(milliseconds: int, microseconds: int) -> None:
    with pytest.raises(Refused):
        refuse(msgspec.structs.replace(RUN, run_time=(milliseconds * 1000 + microseconds) / 1_000_000))


@pytest.mark.parametrize("number", [0, 5, 10**400, 0.0, -0.0, 1e16, 1e22, 1e308])
def test_large_and_whole_numbers_are_multiples(number: float) -> None:
    refuse(msgspec.structs.replace(PROBLEM, time_limit=number))


@pytest.mark.parametrize("rotation", [0, 360, 0.0, 359.999])
def test_the_ends_of_a_range_are_in_it(rotation: float) -> None:
    refuse(msgspec.structs.replace(TEAM, location=TeamLocation(x=-1, y=1e9, rotation=rotation)))


@pytest.mark.parametrize("time", ["1000-01-01T00:00:00.000Z", "2999-12-31T23:59:59.999-19:59"])
def test_the_edges_of_what_can_be_written_as_a_time_are_taken(time: str) -> None:
    refuse_unwritable_time("time", time)
    refuse(msgspec.structs.replace(RUN, time=time))


@pytest.mark.parametrize("time", ["0999-12-31T23:59:59.999Z", "3000-01-01T00:00:00.000Z", "2026-01-01T00:00:00+20:00"])
def test_what_is_beyond_them_is_refused(time: str) -> None:
    with pytest.raises(Refused) as raised:
        refuse_unwritable_time("time", time)
    assert_refused(raised, "invalid", "time")


@pytest.mark.parametrize("account_type", ["team", "admin", "balloon-runner", "cds_2"])
def test_types_of_accounts_are_open(account_type: str) -> None:
    refuse(Account(id="a", username="a", type=account_type, team_id="t1"))


def test_nothing_is_demanded_where_nothing_rests_on_it() -> None:
    state = bare(scoreboard_type="score", penalty_time=None)
    refuse_unruly(state, OBJECT_TYPES["judgement-types"], JudgementType(id="WA", name="Wrong", solved=False))
    refuse(msgspec.structs.replace(WITHOUT_PENALTY_TIME, scoreboard_type="score"))
    refuse(msgspec.structs.replace(LANGUAGE, entry_point_required=False))


@pytest.mark.parametrize(
    ("draft", "usual"),
    [
        (WITHOUT_PENALTY_TIME, {"penalty_time": PENALTY_TIME_DEFAULT}),
        (CONTEST, {}),
        (LANGUAGE, {"entry_point_name": "Main class"}),
        (msgspec.structs.replace(LANGUAGE, id="python3"), {"entry_point_name": "Main file"}),
        (JudgementType(id="WA", name="Wrong", solved=False), {"penalty": True}),
        (JudgementType(id="CE", name="Compile Error", solved=False), {"penalty": False}),
        (JudgementType(id="AC", name="Accepted", solved=True), {"penalty": False}),
        (TEAM, {}),
    ],
)
def test_what_is_filled_in_keeps_the_rules(draft: ContestObject, usual: dict[str, str | bool]) -> None:
    """And nothing is filled in where it was lacking before, in an object that came from elsewhere."""
    row = TYPE_OF_STRUCTURE[type(draft)]
    found = {name: msgspec.json.decode(value) for name, value in filled_in(bare(), row, draft, None).items()}
    assert found == usual
    refuse(msgspec.structs.replace(draft, **found))
    assert filled_in(bare(), row, draft, draft) == {}
