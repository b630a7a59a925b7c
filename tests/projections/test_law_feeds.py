"""Law 1: folding a feed, from its start or from any token, gives what GET gives, for every reader.

The feeds are folded by tests/independent_fold.py from the very bytes that go over the wire.
"""

import json
from functools import lru_cache
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from projections.audience import Audience, encode
from projections.feed_lines import ALL_TYPES_MASK
from projections.tokens import TOKEN_CHARACTERS, TokenRefused
from projections.visibility import role_view
from schemas.object_types import OBJECT_TYPES, SINGLETON_ID
from schemas.viewers import ROLES
from tests.builders import READERS, Played, Reader, shown_by, small_contest, types_mask
from tests.effort import DEAR
from tests.histories import History, histories
from tests.independent_fold import Collections, fold, notifications

TYPE_CHOICES = st.lists(st.sampled_from(list(OBJECT_TYPES)), min_size=1, max_size=5, unique=True)


@lru_cache(maxsize=20_000)
def parsed(data: bytes) -> Any:
    """An encoded object as plain JSON."""
    return json.loads(data)


def collections(shown: dict[str, dict[str, bytes]]) -> Collections:
    """What GET gives, in the shape of a fold."""
    return {
        name: {None if identifier == SINGLETON_ID else identifier: parsed(data) for identifier, data in members.items()}
        for name, members in shown.items()
    }


def of_types(folded: Collections, names: list[str]) -> Collections:
    """The collections of some types."""
    return {name: members for name, members in folded.items() if name in names}


def viewed(played: Played, reader: Reader) -> dict[str, dict[str, bytes]]:
    """What table two says that a reader sees, computed object by object without an audience."""
    view = role_view(reader.role)
    found = {
        name: {
            identifier: encode(shown)
            for identifier, instance in members.items()
            if (shown := view.of(played.state, reader.team_id, name, instance)) is not None
        }
        for name, members in played.state.objects.items()
    }
    return {name: members for name, members in found.items() if members}


def of_what_exists(played: Played, reader: Reader) -> dict[str, dict[str, bytes]]:
    """What GET gives, without awards of the freeze that the jury has taken back since."""
    existing = {
        name: {identifier: data for identifier, data in members.items() if identifier in played.state.objects[name]}
        for name, members in played.shown(reader).items()
    }
    return {name: members for name, members in existing.items() if members}


def tokens(feed: bytes) -> list[str]:
    """The token of every line."""
    return [notification["token"] for notification in notifications(feed)]


@DEAR
@given(histories())
def test_the_fold_of_every_feed_equals_get_after_every_event(history: History) -> None:
    """No reader's fold is ever behind, ahead or beside what GET answers."""
    played = Played()
    folded: dict[Reader, Collections] = {reader: {} for reader in READERS}
    places = dict.fromkeys(READERS, 0)
    for number, change in enumerate(history.changes):
        played.play([change])
        for reader in READERS:
            fold(played.feed(reader, places[reader]), folded[reader])
            places[reader] = played.last_sequence(reader)
            if number >= history.base:
                assert folded[reader] == collections(played.shown(reader)), reader


@DEAR
@given(histories())
def test_get_shows_what_table_two_says(history: History) -> None:
    """What audiences keep is what a look at the whole state through the table gives, at every event."""
    played = Played(history.changes[: history.base])
    for change in history.changes[history.base :]:
        played.play([change])
        for reader in READERS:
            assert of_what_exists(played, reader) == viewed(played, reader), reader


@DEAR
@given(histories())
def test_an_audience_made_late_equals_one_that_was_there_all_the_time(history: History) -> None:
    """`Audience.of_state` and the replay of the log come to the same bytes."""
    played = Played(history.changes)
    late = {role: Audience.of_state(role, played.state) for role in ROLES}
    for reader in READERS:
        assert shown_by(late[reader.role], played.state, reader) == played.shown(reader), reader


@DEAR
@given(histories(), st.data())
def test_every_token_resumes_exactly(history: History, data: st.DataObject) -> None:
    """Behind any token come the bytes that follow its line, and folding them over the state there gives GET."""
    played = Played(history.changes)
    for reader in READERS:
        feed = played.feed(reader)
        lines = feed.splitlines(keepends=True)
        number = data.draw(st.integers(0, len(lines) - 1))
        token = notifications(lines[number])[0]["token"]
        resumed = played.feed(reader, played.resume(reader, token))
        assert resumed == b"".join(lines[number + 1 :])
        at_the_token = fold(b"".join(lines[: number + 1]))
        assert fold(resumed, at_the_token) == collections(played.shown(reader))


@DEAR
@given(histories())
def test_tokens_are_unique_of_one_length_and_in_ascending_order(history: History) -> None:
    """No line of a reader's feed has the token of another, and the places behind the tokens ascend."""
    played = Played(history.changes)
    for reader in READERS:
        found = tokens(played.feed(reader))
        assert len(set(found)) == len(found)
        assert {len(token) for token in found} == {TOKEN_CHARACTERS}
        sequences = [played.resume(reader, token) for token in found]
        assert all(earlier < later for earlier, later in pairwise(sequences))


@DEAR
@given(histories(), TYPE_CHOICES)
def test_a_feed_of_some_types_equals_the_filtered_fold(history: History, names: list[str]) -> None:
    """`types=a,b` gives the lines of these types, the others left out and nothing else changed."""
    played = Played(history.changes)
    mask = types_mask(*names)
    for reader in READERS:
        limited = notifications(played.feed(reader, mask=mask))
        whole = [n for n in notifications(played.feed(reader)) if n["type"] in names]
        assert [n | {"token": ""} for n in limited] == [n | {"token": ""} for n in whole]
        assert fold(limited) == of_types(collections(played.shown(reader)), names)


@DEAR
@given(histories(), st.data())
def test_a_feed_of_fewer_types_resumes_where_a_wider_one_stopped(history: History, data: st.DataObject) -> None:
    """The token of an unlimited feed serves a limited one; the other way round something would be missed."""
    played = Played(history.changes)
    reader = data.draw(st.sampled_from(READERS))
    mask = types_mask(*data.draw(TYPE_CHOICES))
    wide, narrow = tokens(played.feed(reader)), tokens(played.feed(reader, mask=mask))
    token = data.draw(st.sampled_from(wide))
    place = played.resume(reader, token, mask)
    event("resumed with fewer types")
    assert notifications(played.feed(reader, place, mask)) == [
        notification
        for notification in notifications(played.feed(reader, mask=mask))
        if played.resume(reader, notification["token"], mask) > place
    ]
    for refused in narrow[:1]:
        with pytest.raises(TokenRefused):
            played.resume(reader, refused, ALL_TYPES_MASK)


@DEAR
@given(histories(), st.data())
def test_a_token_of_another_view_is_refused(history: History, data: st.DataObject) -> None:
    """Nobody resumes with a token that was handed to a reader who sees otherwise, or of another log or key."""
    played = Played(history.changes)
    mine, other = data.draw(st.lists(st.sampled_from(READERS), min_size=2, max_size=2, unique=True))
    token = data.draw(st.sampled_from(tokens(played.feed(mine))))
    assert played.resume(mine, token) > 0
    elsewhere = Played(history.changes, stream="contest:other", roles=(mine.role,))
    rekeyed = Played(history.changes, key=bytes(32), roles=(mine.role,))
    for judge, reader in ((played, other), (elsewhere, mine), (rekeyed, mine)):
        with pytest.raises(TokenRefused):
            judge.resume(reader, token)


@DEAR
@given(st.data())
def test_a_token_altered_in_any_character_is_refused(data: st.DataObject) -> None:
    """Every single character of a token counts, whatever stands in its place."""
    played = Played(small_contest(), roles=("public",))
    token = data.draw(st.sampled_from(tokens(played.feed(READERS[0]))))
    for place in range(TOKEN_CHARACTERS):
        others = [character for character in "ABYZabyz0189-_=+/ é\0." if character != token[place]]
        character = data.draw(st.sampled_from(others))
        with pytest.raises(TokenRefused):
            played.resume(READERS[0], token[:place] + character + token[place + 1 :])


@DEAR
@given(histories(), st.data())
def test_a_log_with_another_past_refuses_the_token(history: History, data: st.DataObject) -> None:
    """A database restored from an older backup can never make a client skip silently."""
    played = Played(history.changes, roles=("public",))
    reader = READERS[0]
    token = tokens(played.feed(reader))[-1]
    place = played.tokens.read(token, played.view_name(reader), ALL_TYPES_MASK)
    shorter = Played(history.changes[: place.position - 1], roles=("public",))
    with pytest.raises(TokenRefused):
        shorter.resume(reader, token)
    forgotten = data.draw(st.integers(0, place.position - 1))
    changes = [change for number, change in enumerate(history.changes) if number != forgotten]
    other = Played(chains=[bytes(32), *Played(changes, roles=()).chains], roles=("public",))
    other.state.position = len(changes)
    other.chains = Played(changes, roles=()).chains
    with pytest.raises(TokenRefused):
        other.resume(reader, token)
