"""Lines of a feed as ready bytes: segments, chunks, the lines that one team gets in place of the common ones."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections import feed_lines
from projections.feed_lines import ALL_TYPES_MASK, DraftLine, FeedLines
from projections.tokens import TokenMaker, sequence_of
from tests.builders import KEY

CHAIN = bytes(32)
TAG = b"t" * 12
TEAMS = ("t1", "t2", "t3")


def draft(position: int, index: int = 0, type_number: int = 0) -> DraftLine:
    return DraftLine(position, index, type_number, b'{"n":"%d.%d","token":"' % (position, index))


def bodies(data: bytes | None) -> list[bytes]:
    """The lines without their tokens."""
    return [line.split(b'"')[3] for line in (data or b"").splitlines()]


def whole(lines: FeedLines, team_id: str | None = None, mask: int = ALL_TYPES_MASK, after: int = 0) -> list[bytes]:
    """All that a reader gets, chunk by chunk."""
    found: list[bytes] = []
    while (chunk := lines.after(after, TAG, mask, team_id)) is not None:
        assert chunk.sequence > after
        found += bodies(chunk.data)
        after = chunk.sequence
    return found


def test_nothing_is_there_before_it_is_flushed() -> None:
    lines = FeedLines(TokenMaker(KEY))
    lines.draft(draft(1), CHAIN)
    assert lines.after(0, TAG) is None
    lines.flush()
    assert whole(lines) == [b"1.0"]
    lines.flush()
    assert whole(lines) == [b"1.0"]


def test_a_line_is_a_notification_with_a_token_that_ends_in_the_tag() -> None:
    lines = FeedLines(TokenMaker(KEY))
    lines.draft(draft(1), CHAIN)
    lines.flush()
    chunk = lines.after(0, TAG)
    assert chunk is not None
    assert chunk.data.startswith(b'{"n":"1.0","token":"')
    assert chunk.data.endswith(TAG + b'"}\n')
    assert b"\0" not in chunk.data
    assert lines.after(chunk.sequence, TAG) is None


def test_a_team_gets_its_own_line_or_the_common_one_never_both() -> None:
    """A common line that is replaced for two teams, of which one gets its own and the other none."""
    lines = FeedLines(TokenMaker(KEY))
    lines.draft(draft(1), CHAIN)
    lines.draft(draft(2), CHAIN, replaced_for=("t1", "t2"))
    lines.draft_for_team("t1", draft(2, 7), CHAIN)
    lines.draft(draft(3), CHAIN)
    lines.flush()
    assert whole(lines) == whole(lines, "t3") == [b"1.0", b"2.0", b"3.0"]
    assert whole(lines, "t1") == [b"1.0", b"2.7", b"3.0"]
    assert whole(lines, "t2") == [b"1.0", b"3.0"]


def test_a_line_for_one_team_alone_wakes_the_others_with_nothing() -> None:
    """They move on to the same place, with no bytes."""
    lines = FeedLines(TokenMaker(KEY))
    lines.draft_for_team("t1", draft(1), CHAIN)
    lines.flush()
    chunk = lines.after(0, TAG, team_id="t2")
    assert chunk is not None
    assert (chunk.data, chunk.sequence) == (b"", sequence_of(1, 0))
    assert whole(lines, "t1") == [b"1.0"]


def test_types_leave_lines_out() -> None:
    lines = FeedLines(TokenMaker(KEY))
    for position, type_number in enumerate((0, 1, 2, 1), start=1):
        lines.draft(draft(position, type_number=type_number), CHAIN)
    lines.draft_for_team("t1", draft(5, type_number=1), CHAIN)
    lines.flush()
    assert whole(lines, mask=0b010) == [b"2.0", b"4.0"]
    assert whole(lines, "t1", mask=0b010) == [b"2.0", b"4.0", b"5.0"]
    assert whole(lines, mask=0b1000) == []


def test_a_stretch_ends_where_it_is_told_to() -> None:
    """Within a segment, at its end, and where nothing has come yet; only whole closed segments are called so."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feed_lines, "SEGMENT_LINES_MAX", 3)
        lines = FeedLines(TokenMaker(KEY))
        for position in range(1, 6):
            lines.draft(draft(position), CHAIN)
        lines.flush()
    found = {}
    for until in range(1, 6):
        stretch = lines.stretch_after(0, sequence_of(until, 0))
        assert stretch is not None
        found[until] = (bodies(lines.bytes_of(stretch, TAG)), stretch.whole)
    first = [b"1.0", b"2.0", b"3.0"]
    assert found == {
        1: (first[:1], False),
        2: (first[:2], False),
        3: (first, False),
        4: (first, True),
        5: (first, True),
    }
    assert lines.stretch_after(sequence_of(3, 0), sequence_of(3, 0)) is None
    open_end = lines.stretch_after(sequence_of(3, 0))
    assert open_end is not None
    assert (bodies(lines.bytes_of(open_end, TAG)), open_end.whole) == ([b"4.0", b"5.0"], False)
    assert lines.size_after(0) > lines.size_after(sequence_of(2, 0)) > lines.size_after(sequence_of(4, 0)) > 0
    assert lines.size_after(sequence_of(5, 0)) == 0


LINES = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from([None, *TEAMS]),
        st.sets(st.sampled_from(TEAMS)),
        st.booleans(),
    ),
    max_size=25,
)


@given(LINES, st.sampled_from([1, 2, 3, 100]), st.integers(0, 7), st.data())
def test_every_reader_gets_exactly_its_lines_in_order(
    drafts: list[tuple[int, str | None, set[str], bool]], lines_max: int, mask: int, data: st.DataObject
) -> None:
    """Against a list per reader: whatever the segments, from any place on, with any types."""
    lines = FeedLines(TokenMaker(KEY))
    expected: dict[str | None, list[tuple[int, bytes]]] = {reader: [] for reader in (None, *TEAMS)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feed_lines, "SEGMENT_LINES_MAX", lines_max)
        for position, (type_number, team_id, replaced_for, flush) in enumerate(drafts, start=1):
            line = draft(position, type_number=type_number)
            getting = {team_id} if team_id else {None, *TEAMS} - replaced_for
            if team_id:
                lines.draft_for_team(team_id, line, CHAIN)
            else:
                lines.draft(line, CHAIN, tuple(sorted(replaced_for)))
            for reader in getting:
                if mask >> type_number & 1:
                    expected[reader].append((sequence_of(position, 0), b"%d.0" % position))
            if flush:
                lines.flush()
        lines.flush()
        after = sequence_of(data.draw(st.integers(0, len(drafts))), 0)
        for reader, wanted in expected.items():
            assert whole(lines, reader, mask) == [body for _, body in wanted]
            assert whole(lines, reader, mask, after) == [body for sequence, body in wanted if sequence > after]
    assert all(one[0] < other[0] for wanted in expected.values() for one, other in pairwise(wanted))
