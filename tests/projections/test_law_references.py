"""Law 4, the part about references and `access`: no view is left dangling and no property is unannounced.

What names what is written down here once more, by hand, so that a mark forgotten in table one is found.
"""

import json
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from functools import cache
from typing import Any

import pytest
from hypothesis import given

from projections.access import NOWHERE, Extended, access_of, extensions_shown
from projections.served_versions import DRAFT, ServedVersion
from schemas.viewers import ROLES, Role
from tests.builders import READERS, Played, Reader, small_contest
from tests.effort import DEAR
from tests.expected_references import REFERENCES
from tests.histories import History, histories
from tests.independent_fold import Collections, fold_one, notifications

EXTENDING = ("create", "rewrite", "rewrite", "extend", "extend", "extend", "delete", "advance_state", "submit")
"""Moves after which there are extensions, and some are gone or hidden."""

References = dict[str, dict[str, str]]


def named(type_name: str, data: dict[str, Any], references: References = REFERENCES) -> Iterator[tuple[str, str]]:
    """What an object as it is shown names: type and id."""
    for path, target in references.get(type_name, {}).items():
        first, _, rest = path.partition(".")
        value = data.get(first)
        members = value if isinstance(value, list) else [value]
        for member in members:
            identifier = member.get(rest) if isinstance(member, dict) else member
            if identifier is not None:
                yield target, identifier


def left_dangling(
    collections: Collections, notification: dict[str, Any], references: References = REFERENCES
) -> list[str]:
    """What a line that was just folded leaves pointing at nothing."""
    name, identifier, data = notification["type"], notification["id"], notification["data"]
    if data is not None:
        missing = [(at, i) for at, i in named(name, data, references) if i not in collections.get(at, {})]
        return [f"{name} {identifier} names {at} {i}" for at, i in missing]
    return [
        f"{other} {member['id']} still names {name} {identifier}"
        for other, members in collections.items()
        for member in members.values()
        if (name, identifier) in named(other, member, references)
    ]


def first_dangling(played: Played, reader: Reader, references: References = REFERENCES) -> list[str]:
    """The first line of a feed that leaves a reference to nothing behind it, with what it leaves."""
    collections: Collections = {}
    for notification in notifications(played.feed(reader)):
        fold_one(collections, notification)
        if left := left_dangling(collections, notification, references):
            return [*left, json.dumps(notification)]
    return []


Listed = Mapping[str, AbstractSet[str]]
"""Properties by type."""


def listed(role: Role, version: ServedVersion = DRAFT, extended: Extended = NOWHERE) -> Listed:
    """What `access` announces, by type. It is asked about every line of every feed, and there are few answers."""
    return _listed(role, version, frozenset((name, frozenset(namespaces)) for name, namespaces in extended.items()))


@cache
def _listed(role: Role, version: ServedVersion, extended: AbstractSet[tuple[str, AbstractSet[str]]]) -> Listed:
    access = access_of(role, version, dict(extended))
    return {endpoint.type: frozenset(endpoint.properties) for endpoint in access.endpoints}


def listed_now(played: Played, reader: Reader, version: ServedVersion = DRAFT) -> Listed:
    """What `access` announces to a reader while the contest is as it was played."""
    return listed(reader.role, version, extensions_shown(reader.role, played.state, reader.team_id))


def shown_properties(data: dict[str, Any]) -> Iterator[str]:
    """The properties of an object, and those of objects in it."""
    for name, value in data.items():
        yield name
        if isinstance(value, dict):
            yield from (f"{name}.{part}" for part in shown_properties(value))


@DEAR
@given(histories())
def test_no_line_of_any_feed_leaves_a_dangling_reference(history: History) -> None:
    """A client that stops reading behind any line holds objects that name only what it holds."""
    played = Played(history.changes)
    for reader in READERS:
        assert first_dangling(played, reader) == [], reader


@DEAR
@given(histories())
def test_no_answer_holds_a_property_that_access_does_not_list(history: History) -> None:
    """Every property of every line of every feed is announced, for every role, when the line is told."""
    played, places = Played(), dict.fromkeys(READERS, 0)
    for change in history.changes:
        played.play([change])
        for reader in READERS:
            announced = listed_now(played, reader)
            for notification in notifications(played.feed(reader, places[reader])):
                shown = set(shown_properties(notification["data"] or {}))
                assert shown <= announced.get(notification["type"], frozenset()), (reader, notification)
            places[reader] = played.last_sequence(reader)


@DEAR
@given(histories(EXTENDING))
def test_extensions_are_listed_exactly_where_they_are_shown(history: History) -> None:
    """What `access` lists of extensions is there to be seen, and what is to be seen is listed."""
    played = Played(history.changes)
    for reader in READERS:
        there = {
            (name, path)
            for name, members in played.shown(reader).items()
            for data in members.values()
            for path in shown_properties(json.loads(data))
            if path == "ext" or (path.startswith("ext.") and path.count(".") == 1)
        }
        named = {
            (name, path)
            for name, paths in listed_now(played, reader).items()
            for path in paths
            if path == "ext" or (path.startswith("ext.") and path.count(".") == 1)
        }
        assert there == named, reader


def test_a_contest_without_extensions_lists_none() -> None:
    """As it always was: access is the same as if there were no such thing."""
    played = Played(small_contest())
    for reader in READERS:
        assert not [p for paths in listed_now(played, reader).values() for p in paths if p.split(".")[0] == "ext"]


@pytest.mark.parametrize("role", ROLES)
def test_access_is_referentially_closed(role: Role) -> None:
    """A property that names objects is announced only with the endpoint of those objects, and their id."""
    announced = listed(role)
    for type_name, properties in announced.items():
        for path, target in REFERENCES.get(type_name, {}).items():
            if path.partition(".")[0] in properties:
                assert "id" in announced.get(target, set()), (type_name, path)


@pytest.mark.parametrize("role", ROLES)
def test_everything_announced_is_there_for_somebody(role: Role) -> None:
    """An endpoint that `access` lists is not always empty: the small contest shows an object of each."""
    played = Played(small_contest(), roles=(role,))
    readers = [reader for reader in READERS if reader.role == role]
    for type_name in listed(role):
        assert any(type_name in played.shown(reader) for reader in readers), type_name


def test_the_probe_finds_a_dangling_line() -> None:
    """A line that names nothing, and one that takes away what is named, are both found."""
    collections: Collections = {"teams": {"t": {"id": "t"}}, "awards": {"w": {"id": "w", "team_ids": ["t"]}}}
    assert left_dangling(collections, {"type": "awards", "id": "w", "data": {"id": "w", "team_ids": ["u"]}})
    assert left_dangling(collections, {"type": "teams", "id": "t", "data": None})
    assert not left_dangling(collections, {"type": "groups", "id": "g", "data": None})
