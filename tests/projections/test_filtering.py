"""Filters: against a plain search through what the viewer is shown, for every role, property and value."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.filtering import candidates, filters_of, matching
from projections.visibility import role_view
from schemas.object_types import OBJECT_TYPES
from schemas.viewers import ROLES, Role
from tests.builders import READERS, Played, Reader, small_contest
from tests.histories import History, histories

TYPES = [name for name, row in OBJECT_TYPES.items() if row.filter_properties]
VALUES = (
    "",
    "t1",
    "t2",
    "a",
    "b",
    "s1",
    "s3",
    "j1",
    "AC",
    "WA",
    "NO",
    "main",
    "cpp",
    "uni",
    "p3",
    "question",
    "nobody",
)


def filtered(played: Played, reader: Reader, name: str, parameters: list[tuple[str, str]]) -> list[bytes]:
    """What the server answers."""
    row = OBJECT_TYPES[name]
    filters = filters_of(reader.role, row, parameters)
    audience = played.audiences[reader.role]
    shown = (
        data
        for identifier in candidates(played.state, row, filters)
        if (data := audience.object((name, identifier), reader.team_id)) is not None
    )
    return list(matching(row, filters, shown))


def searched(played: Played, reader: Reader, name: str, parameters: list[tuple[str, str]]) -> list[bytes]:
    """The shown objects whose JSON has the wanted values; absent, null and the empty value are alike."""
    return [
        data
        for data in played.shown(reader).get(name, {}).values()
        if all((json.loads(data).get(property) or "") == value for property, value in parameters)
    ]


@given(histories(), st.data())
def test_filters_find_what_a_search_finds(history: History, data: st.DataObject) -> None:
    """One filter or several, ANDed, also on what is shown simplified or stripped."""
    played = Played(history.changes)
    name = data.draw(st.sampled_from(TYPES))
    for reader in READERS:
        offered = role_view(reader.role).types[name].properties
        usable = [property for property in OBJECT_TYPES[name].filter_properties if property in offered]
        if usable:
            pairs = st.tuples(st.sampled_from(usable), st.sampled_from(VALUES))
            parameters = data.draw(st.lists(pairs, min_size=1, max_size=2))
            assert filtered(played, reader, name, parameters) == searched(played, reader, name, parameters)


def test_an_empty_value_matches_null_and_absent() -> None:
    """Contest API, "Filtering": `?team_id=` finds submissions of nobody, for those who see them."""
    played = Played(small_contest())
    found = filtered(played, Reader("admin"), "submissions", [("team_id", "")])
    assert [json.loads(data)["id"] for data in found] == ["s4"]
    assert filtered(played, Reader("public"), "submissions", [("team_id", "")]) == []


def test_a_filter_sees_the_simplified_judgement_type() -> None:
    """The public cannot find out by filters what is hidden behind a simplified judgement."""
    played = Played(small_contest())
    for reader, property, value, expected in (
        (Reader("public"), "judgement_type_id", "WA", []),
        (Reader("public"), "simplified_judgement_type_id", "NO", ["j2"]),
        (Reader("judge"), "judgement_type_id", "WA", ["j2", "j3"]),
        (Reader("team", "t2"), "judgement_type_id", "WA", ["j2"]),
        (Reader("team", "t1"), "judgement_type_id", "WA", []),
    ):
        found = filtered(played, reader, "judgements", [(property, value)])
        assert [json.loads(data)["id"] for data in found] == expected, (reader, property)


@pytest.mark.parametrize("role", ROLES)
def test_filters_on_what_the_role_does_not_see_are_ignored(role: Role) -> None:
    """Unknown properties, lists, `id`, and properties that are not offered: as if they were not there."""
    row = OBJECT_TYPES["submissions"]
    parameters = [("id", "s1"), ("strict", "1"), ("contest_time", "0"), ("account_id", "account-t1")]
    offered = role in ("staff", "admin")
    assert filters_of(role, row, parameters) == ([("account_id", "account-t1")] if offered else [])


def test_candidates_stand_in_the_order_of_the_collection() -> None:
    """The index of references may know them in another order."""
    played = Played(small_contest())
    row = OBJECT_TYPES["submissions"]
    found = list(candidates(played.state, row, [("problem_id", "b")]))
    assert found == ["s2", "s3"]
    assert list(candidates(played.state, row, [("problem_id", None)])) == ["s1", "s2", "s3", "s4"]
