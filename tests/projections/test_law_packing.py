"""Law 10, the pure half: what is packed and unpacked goes on as what was never packed, byte for byte."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections import feed_lines, packed_audience, packed_state
from projections.packed_audience import UnpackedAudience
from projections.packed_state import OBJECTS, REMAINDER, UnpackedState
from projections.packing import Part, Unpackable
from projections.told_lines import BEGINNING, Telling, next_tellings
from schemas.viewers import ROLES, Role
from tests.builders import READERS, Played, small_contest
from tests.effort import DEAR
from tests.histories import History, histories
from tests.projections.test_law_replay import everything, shown

SMALL = {
    feed_lines: {"SEGMENT_LINES_MAX": 5},
    packed_state: {"OBJECTS_PER_PART": 2, "REFERENCES_PER_PART": 3},
    packed_audience: {
        "SEGMENTS_PER_PART": 2,
        "SHOWN_PER_PART": 2,
        "OWN_PER_PART": 2,
        "TEAM_LINES_PER_PART": 3,
        "BEHIND_PER_PART": 2,
    },
}
"""Sizes with which a small history gives every kind of part several times."""


def reborn(played: Played, *, decode: int) -> Played:
    """The same contest out of its parts; of what may be decoded later, so many pieces are decoded at once."""
    again = Played(roles=())
    unpacked = UnpackedState()
    for part in list(packed_state.packed_state(played.state)):
        unpacked.take(part)
    again.state, again.chains = unpacked.state(), list(played.chains)
    audiences: list[UnpackedAudience] = []
    for role, audience in played.audiences.items():
        restored = UnpackedAudience(role, again.tokens, unpacked)
        for part in list(packed_audience.packed_audience(audience, played.state)):
            restored.take(part)
        again.audiences[role] = restored.audience()
        again._feeds[role] = restored.audience().feed_lines
        audiences.append(restored)
    for _ in range(decode):
        if not (unpacked.decode_some() or any(each.decode_some() for each in audiences)):
            break
    return again


def in_order(played: Played) -> bytes:
    """All that a state holds; its versions are looked up and never listed, so their order is nobody's."""
    versions = played.state.versions
    played.state.versions = dict(sorted(versions.items()))
    try:
        return everything(played.state)
    finally:
        played.state.versions = versions


@DEAR
@given(histories(), st.lists(st.integers(0, 1_000), min_size=1, max_size=2), st.sampled_from([0, 3, 10_000]))
def test_what_was_unpacked_goes_on_as_what_was_never_packed(history: History, cuts: list[int], decode: int) -> None:
    """Packed and unpacked at some positions: the state, what every role is shown, every feed, every token."""
    with pytest.MonkeyPatch.context() as patch:
        for module, sizes in SMALL.items():
            for name, size in sizes.items():
                patch.setattr(module, name, size)
        whole, played, begun = Played(history.changes), Played(), 0
        for cut in sorted(history.base + cut % (len(history.changes) - history.base + 1) for cut in cuts):
            played.play(history.changes[begun:cut])
            played, begun = reborn(played, decode=decode), cut
        played.play(history.changes[begun:])
        for role in ROLES:
            assert shown(played.audiences[role]) == shown(whole.audiences[role])
            assert played.audiences[role].changes == whole.audiences[role].changes
            assert tellings(played, role) == tellings(whole, role)
        for reader in READERS:
            assert played.feed(reader) == whole.feed(reader)
            assert played.shown(reader) == whole.shown(reader)
        assert in_order(played) == in_order(whole)
        assert played.state.released_awards == whole.state.released_awards
        assert {name: list(ids) for name, ids in played.state.extended.items()} == {
            name: list(ids) for name, ids in whole.state.extended.items()
        }


def tellings(played: Played, role: Role) -> list[Telling]:
    """All that edges are told of an audience: its lines, and what a feed does not tell."""
    lines, found = played.audiences[role].feed_lines, list[Telling]()
    while more := list(next_tellings(lines, found[-1].stand if found else BEGINNING, 1_000)):
        found += more
    return found


def test_where_objects_stand_among_others_is_packed_too() -> None:
    """Of which a feed says nothing, so that edges would list them in another order."""
    played = Played(small_contest())
    expected = {role: tellings(played, role) for role in ROLES}
    told = [line.behind for telling in expected["public"] for line in telling.told.lines]
    assert any(behind is not None for behind in told), "it is about something"
    again = reborn(played, decode=0)
    assert {role: tellings(again, role) for role in ROLES} == expected


def test_parts_that_a_contest_going_on_leaves_alone_are_the_same_bytes() -> None:
    """So they need not be written again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packed_state, "OBJECTS_PER_PART", 2)
        patch.setattr(feed_lines, "SEGMENT_LINES_MAX", 2)
        played = Played(small_contest()[:-1], roles=("public",))
        before = parts(played)
        played.play(small_contest()[-1:])
        after = parts(played)
    assert len(set(before) & set(after)) > len(before) // 2
    assert before != after


def test_a_part_that_is_none_is_refused() -> None:
    """Of a kind or type that there is not, or of bytes that were never packed, at once or when they are asked for."""
    state = UnpackedState()
    for part in (Part("nothing", "", b""), Part(OBJECTS, "nothing", b""), Part(REMAINDER, "", b"\xc1")):
        with pytest.raises(Unpackable):
            state.take(part)
    with pytest.raises(Unpackable, match="missing"):
        state.state()
    for part in packed_state.packed_state(Played(small_contest(), roles=()).state):
        state.take(Part(OBJECTS, part.of, msgspec.msgpack.encode((b"123", []))) if part.of == "teams" else part)
    with pytest.raises(Unpackable, match="objects teams"):
        state.state().objects["teams"]


def parts(played: Played) -> list[bytes]:
    """The bytes of every part."""
    of_state = packed_state.packed_state(played.state)
    of_audience = packed_audience.packed_audience(played.audiences["public"], played.state)
    return [part.content for part in (*of_state, *of_audience)]


def test_every_process_packs_the_same_bytes() -> None:
    """In whatever order it came to know the types: whoever verifies compares bytes."""
    state = Played(small_contest()).state
    packed = list(packed_state.packed_state(state))
    state.extended = dict(reversed(state.extended.items()))
    assert list(packed_state.packed_state(state)) == packed
