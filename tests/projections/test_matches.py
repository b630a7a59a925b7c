"""The fold of matches, and what is read off it: phases, what is due, leaderboards, points."""

from typing import Any

import msgspec
import pytest

from projections.match_standings import (
    leaderboard_of,
    next_due_ms,
    open_match,
    phase_of,
    points_of,
    published_leaderboard_of,
)
from projections.matches import Matches
from schemas.matches import MATCH, PARTY, PROJECT, Match, Party, Project, event_id

START_MS, END_MS = 1_000_000, 2_000_000


def token_of(party: Party) -> str:
    """A token that everybody could guess."""
    return f"{party.match} {party.id} {party.generation}"


def match(number: int = 1, **changes: Any) -> Match:
    """A usual match."""
    usual = Match(
        id=f"loc-{number}",
        title=f"Match {number}",
        slug=f"match-{number}",
        short_description="s",
        long_description="l",
        start_ms=START_MS,
        end_ms=END_MS,
        min_members=1,
        max_members=3,
        visible=True,
    )
    return msgspec.structs.replace(usual, **changes)


def party(number: int, *members: str, of: int = 1, **changes: Any) -> Party:
    """A party of a match."""
    usual = Party(id=f"p{number}", match=f"loc-{of}", members=members)
    return msgspec.structs.replace(usual, **changes)


def folded(*changes: Match | Party | Project, state: Matches | None = None) -> Matches:
    """A state in which these have come about, one after the other."""
    state = Matches(token_of) if state is None else state
    for change in changes:
        if isinstance(change, Match):
            put(state, MATCH, change.id, change)
        elif isinstance(change, Party):
            put(state, PARTY, event_id(change.match, change.id), change)
        else:
            put(state, PROJECT, event_id(change.match, change.party), change)
    return state


def put(state: Matches, event_type: str, identifier: str, change: msgspec.Struct | None) -> None:
    """Apply one event."""
    state.apply(state.position + 1, event_type, identifier, None if change is None else msgspec.json.encode(change))


def test_a_party_that_is_gone_is_nobodys_and_its_number_never_comes_back() -> None:
    state = folded(match(), party(1, "a"), party(2, "b"))
    put(state, PARTY, "loc-1/p2", None)
    assert state.parties_of("loc-1") == [party(1, "a")]
    assert state.party_of("loc-1", "b") is None
    assert state.of_user("b") == []
    assert state.of_token("loc-1 p2 0") is None
    assert state.next_party_number("loc-1") == 3


def test_parties_come_by_number_and_not_by_name() -> None:
    state = folded(match(), *(party(number, f"u{number}") for number in (10, 2, 1)))
    assert [each.number for each in state.parties_of("loc-1")] == [1, 2, 10]


@pytest.mark.parametrize("new_first", [False, True])
def test_who_changes_the_party_in_one_append_is_in_the_new_one(new_first: bool) -> None:
    """In whatever order the two are told."""
    state = folded(match(), party(1, "a", "b"))
    changes = [party(1, "a"), party(2, "b")]
    folded(*(reversed(changes) if new_first else changes), state=state)
    assert state.party_of("loc-1", "b") == party(2, "b")
    assert state.party_of("loc-1", "a") == party(1, "a")


def test_a_token_counts_in_its_generation() -> None:
    state = folded(match(), party(1, "a"), party(1, "a", generation=1))
    assert state.of_token("loc-1 p1 0") is None
    assert state.of_token("loc-1 p1 1") == party(1, "a", generation=1)


def test_a_slug_is_of_who_has_it_now() -> None:
    state = folded(match(), match(slug="new"), match(2, slug="match-1"))
    assert state.of_slug("new") == match(slug="new")
    assert state.of_slug("match-1") == match(2, slug="match-1")


@pytest.mark.parametrize(
    ("event_type", "data"),
    [
        ("x-other", b"{}"),
        (MATCH, None),
        (PROJECT, None),
        (MATCH, b'{"id":"loc-1"}'),
        (PARTY, b'{"id":"p1","match":"loc-1","members":["a"],"colour":"red"}'),
        (PROJECT, b"[]"),
    ],
)
def test_what_cannot_be_read_changes_nothing(event_type: str, data: bytes | None) -> None:
    state = folded(match(), party(1, "a"))
    with pytest.raises(msgspec.DecodeError):
        state.apply(3, event_type, "loc-1/p1", data)
    assert state.position == 2
    assert state.find("loc-1") == match()
    assert state.party_of("loc-1", "a") == party(1, "a")


def test_the_phase_is_the_clocks_and_never_before_what_is_written_down() -> None:
    phases = [phase_of(match(), now_ms) for now_ms in (START_MS - 1, START_MS, END_MS - 1, END_MS)]
    assert phases == ["preparation", "match", "match", "evaluation"]
    assert phase_of(match(started=True), 0) == "match"
    assert phase_of(match(started=True, ended=True), 0) == "evaluation"


def test_what_is_due_next_is_the_first_start_or_end_that_is_not_written_down() -> None:
    assert next_due_ms(folded()) is None
    state = folded(match(), match(2, start_ms=START_MS + 5))
    assert next_due_ms(state) == START_MS
    folded(match(started=True), state=state)
    assert next_due_ms(state) == START_MS + 5
    folded(match(2, start_ms=START_MS + 5, started=True, ended=True), state=state)
    assert next_due_ms(state) == END_MS
    folded(match(started=True, ended=True), state=state)
    assert next_due_ms(state) is None


def test_hidden_and_deleted_matches_are_not_open() -> None:
    state = folded(match(), match(2, visible=False), match(3, deleted_ms=5))
    assert [open_match(state, f"match-{number}") is not None for number in (1, 2, 3, 4)] == [True, False, False, False]


def test_a_leaderboard_goes_by_position_and_then_by_number() -> None:
    state = folded(
        match(),
        *(
            party(number, f"u{number}", participating=True, position=position)
            for number, position in ((1, None), (2, 2), (3, 1), (4, 2), (5, None))
        ),
        party(6, "u6", position=1),
    )
    assert [each.number for each in leaderboard_of(state, "loc-1")] == [3, 2, 4, 1, 5]


@pytest.mark.parametrize(
    ("changes", "now_ms", "shown"),
    [
        ({"published": True}, END_MS, True),
        ({"published": True}, END_MS - 1, False),
        ({}, END_MS, False),
    ],
)
def test_a_leaderboard_is_shown_when_it_is_published_and_the_match_is_over(
    changes: dict[str, Any], now_ms: int, shown: bool
) -> None:
    placed = match(**changes)
    state = folded(placed, party(1, "a", participating=True, position=1))
    assert bool(published_leaderboard_of(state, placed, now_ms)) == shown
    assert points_of(state, "a", now_ms) == shown


def test_points_are_those_of_all_published_leaderboards() -> None:
    """N - p + 1 for each member, none below zero, none for who has no position or takes no part."""
    state = folded(
        match(published=True),
        party(1, "a", "b", participating=True, position=1),
        party(2, "c", participating=True, position=3),
        party(3, "d", participating=True),
        party(4, "e", participating=True, position=9),
        party(5, "f", position=1),
        match(2, published=True),
        party(1, "c", of=2, participating=True, position=1),
        match(3, published=True, visible=False),
        party(1, "c", of=3, participating=True, position=1),
        match(4, published=True, deleted_ms=1),
        party(1, "c", of=4, participating=True, position=1),
    )
    points = {user: points_of(state, user, END_MS) for user in "abcdefg"}
    assert points == {"a": 4, "b": 4, "c": 3, "d": 0, "e": 0, "f": 0, "g": 0}
