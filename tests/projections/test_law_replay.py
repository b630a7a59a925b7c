"""Law 2: what is rebuilt from the log is what was in memory, byte for byte, however the log is cut into pages.

The live contest takes every change as the object that a command made and publishes at once; the replay decodes the
bytes that the log holds, page by page.
"""

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.commands.decision import ObjectChange
from projections import feed_lines
from projections.audience import Audience
from projections.contest import ContestState
from schemas.object_types import OBJECT_TYPES
from schemas.viewers import ROLES
from tests.builders import READERS, Played, encoded, types_mask
from tests.effort import DEAR
from tests.histories import History, histories
from tests.independent_fold import notifications

Row = tuple[str, str, bytes | None]
SEGMENT_SIZES = (1, 2, 3, 10, 1_000)

DECODERS = {name: msgspec.json.Decoder(row.structure) for name, row in OBJECT_TYPES.items()}


def written(changes: list[ObjectChange]) -> list[Row]:
    """The rows that the log holds."""
    return [(change.type, change.id, encoded(change.instance)) for change in changes]


def read(rows: list[Row]) -> list[ObjectChange]:
    """The changes that rows of the log speak of."""
    return [
        ObjectChange(name, identifier, None if data is None else DECODERS[name].decode(data))
        for name, identifier, data in rows
    ]


def everything(state: ContestState) -> bytes:
    """All that a state holds, in its order."""
    named_by = {
        (name, identifier): list(state.referrers.of((name, identifier)))
        for name, members in state.objects.items()
        for identifier in members
    }
    collections = [(name, list(members.items())) for name, members in state.objects.items()]
    frozen = None if state.awards_at_freeze is None else list(state.awards_at_freeze.items())
    times = list(state.submission_times_ms.items())
    extended = {name: list(members) for name, members in sorted(state.extended.items())}
    parts = (state.position, collections, list(state.versions.items()), state.timeline, times, frozen, extended)
    return msgspec.json.encode((*parts, list(named_by.items())))


def shown(audience: Audience) -> bytes:
    """All that an audience shows, in common and to owners. Who owns nothing any more is as who never did."""
    own = {team: sorted(members.items()) for team, members in sorted(audience.shown_to_owner.items()) if members}
    common = [(name, sorted(members.items())) for name, members in audience.shown.items()]
    return repr((common, own)).encode()


def pages(rows: list[Row], cuts: list[int]) -> list[list[Row]]:
    """The rows cut at some places."""
    places = [0, *sorted({cut % (len(rows) + 1) for cut in cuts}), len(rows)]
    return [rows[start:end] for start, end in pairwise(places)]


CUTS = st.lists(st.integers(0, 1_000), max_size=5)


@DEAR
@given(histories(), CUTS)
def test_replay_equals_live_byte_for_byte(history: History, cuts: list[int]) -> None:
    """State, versions, times, what every role is shown, and every feed with its tokens."""
    live, replayed = Played(), Played()
    for change in history.changes:
        live.play([change])
    for page in pages(written(history.changes), cuts):
        replayed.play(read(page))
    assert everything(replayed.state) == everything(live.state)
    assert replayed.chains == live.chains
    for role in ROLES:
        assert shown(replayed.audiences[role]) == shown(live.audiences[role])
    for reader in READERS:
        assert replayed.feed(reader) == live.feed(reader)


@DEAR
@given(histories())
def test_an_audience_without_a_feed_holds_what_one_with_a_feed_does(history: History) -> None:
    """`Audience.of_state` shows common and own views alike, down to what is hidden from an owner."""
    played = Played(history.changes)
    for role in ROLES:
        assert shown(Audience.of_state(role, played.state)) == shown(played.audiences[role])


@DEAR
@given(histories(), st.sampled_from(SEGMENT_SIZES), CUTS, st.data())
def test_a_feed_is_the_same_however_it_is_kept_and_cut(
    history: History, lines_max: int, cuts: list[int], data: st.DataObject
) -> None:
    """Small segments and large ones, read while they grow or afterwards, from any place, limited or not."""
    whole = Played(history.changes)
    mask = types_mask(*data.draw(st.lists(st.sampled_from(list(OBJECT_TYPES)), max_size=3)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feed_lines, "SEGMENT_LINES_MAX", lines_max)
        cut_up = Played()
        grown, places = dict.fromkeys(READERS, b""), dict.fromkeys(READERS, 0)
        for page in pages(written(history.changes), cuts):
            cut_up.play(read(page))
            for reader in READERS:
                grown[reader] += cut_up.feed(reader, places[reader], mask)
                places[reader] = cut_up.last_sequence(reader)
        for reader in READERS:
            expected = whole.feed(reader, mask=mask)
            assert grown[reader] == expected
            assert cut_up.feed(reader, mask=mask) == expected
            lines = expected.splitlines(keepends=True)
            if lines:
                number = data.draw(st.integers(0, len(lines) - 1))
                place = cut_up.resume(reader, notifications(lines[number])[0]["token"], mask)
                assert cut_up.feed(reader, place, mask) == b"".join(lines[number + 1 :])
