"""What an event has changed, property by property."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from projections.past_changes import PropertyChange, property_changes

SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.text(alphabet="ab", max_size=2))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.text(alphabet="xyz", min_size=1, max_size=1), inner, max_size=3)
    ),
    max_leaves=6,
)
OBJECTS = st.dictionaries(st.text(alphabet="abc", min_size=1, max_size=1), VALUES, max_size=3)


def encoded(value: object) -> bytes:
    """As JSON."""
    return json.dumps(value).encode()


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1, "b": 2}, {"b": 3, "c": 4}, [("a", 1, UNSET), ("b", 2, 3), ("c", UNSET, 4)]),
        (None, {"a": {"b": 1}}, [("a", UNSET, {"b": 1})]),
        ({"a": []}, None, [("a", [], UNSET)]),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, [("a.c", 2, 3)]),
        ({"a": None}, {"a": {"b": 1}}, [("a", None, {"b": 1})]),
        ({"a": {"b": {}}}, {"a": {}}, [("a.b", {}, UNSET)]),
        ({"a": 1}, {"a": True}, [("a", 1, True)]),
        ({"a": [1, 2]}, {"a": [2, 1]}, [("a", [1, 2], [2, 1])]),
        ([1], [2], [("", [1], [2])]),
        (None, None, []),
    ],
)
def test_every_property_that_differs_is_named(
    before: Any, after: Any, expected: list[tuple[str, object, object]]
) -> None:
    found = property_changes(*(None if each is None else encoded(each) for each in (before, after)))
    assert found == [PropertyChange(*each) for each in expected]


@given(OBJECTS, OBJECTS)
def test_the_changes_lead_from_what_was_to_what_is(before: dict[str, Any], after: dict[str, Any]) -> None:
    made = json.loads(encoded(before))
    for change in property_changes(encoded(before), encoded(after)):
        *above, last = change.path.split(".")
        place = made
        for name in above:
            place = place[name]
        assert place.get(last, UNSET) == change.old
        if change.new is UNSET:
            del place[last]
        else:
            place[last] = change.new
    assert made == after
