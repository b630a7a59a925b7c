"""Lines of another server as a relay keeps them: cut anywhere, found by their tokens, the same bytes at any age."""

import json
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.fan_out.framing import as_events, token_of_line
from cds.relay import relayed_lines
from cds.relay.line_cutting import LineCutter, LineTooLong
from cds.relay.relayed_lines import RelayedLines
from projections.feed_lines import ALL_TYPES_MASK, SEGMENT_LINES_MAX

TAG = b"whoever it is"


def line_of(number: int) -> bytes:
    """A line that says its number, of a length of its own."""
    return json.dumps({"id": str(number), "data": "é" * (number % 7), "token": f"token {number}"}).encode()


def filled(count: int) -> RelayedLines:
    """So many lines, that have come in pieces."""
    lines = RelayedLines()
    for start in range(0, count, 37):
        lines.add([line_of(number) for number in range(start, min(start + 37, count))])
    return lines


def read(lines: RelayedLines, after: int, until: int | None = None) -> list[bytes]:
    """All lines behind a place."""
    content = b""
    while (stretch := lines.stretch_after(after, until)) is not None:
        piece = lines.bytes_of(stretch, TAG, ALL_TYPES_MASK, None)
        assert len(piece) == lines.size_of(stretch)
        assert stretch.whole == (piece.count(b"\n") == SEGMENT_LINES_MAX)
        assert stretch.after == after
        content, after = content + piece, stretch.end
    return content.splitlines()


LONG = 2 * SEGMENT_LINES_MAX + 345
MANY = filled(LONG)
EXPECTED = [line_of(number) for number in range(LONG)]


@given(after=st.integers(0, LONG + 1), until=st.none() | st.integers(0, LONG + 1))
def test_lines_behind_any_place_are_those_that_came(after: int, until: int | None) -> None:
    """Also out of segments that have been compressed, and up to a place that is not the end."""
    assert read(MANY, after, until) == EXPECTED[after:until]


@pytest.mark.parametrize("count", [0, 1, 36, SEGMENT_LINES_MAX - 1, SEGMENT_LINES_MAX, SEGMENT_LINES_MAX + 1, LONG])
def test_the_ends_of_segments_make_no_difference(count: int) -> None:
    lines = filled(count)
    assert lines.last_sequence == count
    assert read(lines, 0) == EXPECTED[:count]
    assert lines.size_after(0) == sum(len(line) + 1 for line in EXPECTED[:count])
    assert lines.last_token == (f"token {count - 1}" if count else None)


def test_every_token_is_found_at_its_line() -> None:
    """In segments of every age."""
    for number in range(LONG):
        assert MANY.sequence(f"token {number}") == number + 1


@given(st.text())
def test_a_token_that_is_none_is_not_found(text: str) -> None:
    assert MANY.sequence(text) is None or text.startswith("token ")


def test_tokens_of_the_same_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if all tokens had one hash: still each is found at its own line."""
    monkeypatch.setattr(relayed_lines, "hash", lambda _: 1 << 40, raising=False)
    lines = filled(SEGMENT_LINES_MAX + 5)
    for number in (0, 1, 500, SEGMENT_LINES_MAX - 1, SEGMENT_LINES_MAX, SEGMENT_LINES_MAX + 4):
        assert lines.sequence(f"token {number}") == number + 1
    assert lines.sequence("token x") is None


def test_old_lines_take_little_memory() -> None:
    """What is said again and again is kept in a fraction of its size, and the index takes twelve bytes a line."""
    lines = RelayedLines()
    sizes = []
    for start in range(0, 5 * SEGMENT_LINES_MAX, SEGMENT_LINES_MAX):
        numbers = range(start, start + SEGMENT_LINES_MAX)
        lines.add([b'{"data":"%s","token":"%d"}' % (b"the same words " * 20, number) for number in numbers])
        sizes.append(lines.size_bytes)
    grown = [later - earlier for earlier, later in pairwise(sizes[1:])]
    assert max(grown) < SEGMENT_LINES_MAX * (12 + 20)


def test_a_line_without_a_token_is_none() -> None:
    with pytest.raises(msgspec.DecodeError):
        RelayedLines().add([b'{"type":"teams","id":"1","data":null}'])


@pytest.mark.parametrize(
    "line",
    [
        b'{"type":"teams","id":"1","data":null,"token":"abc"}',
        b'{"token":"abc","type":"teams","id":"1","data":{"a":1}}',
        b'{"token":"abc","type":"teams","data":{"token":"other"}}',
        b'{"token": "abc", "type": "teams", "data": {"name": "\\"token\\":\\"x"}}',
        b'{"type":"teams","data":{"name":"\\"token\\":\\"x"},"token":"abc"}',
        b'{"type":"teams", "token" : "abc" }',
        b'{"type":"teams","token":"a\\u0062c"}',
    ],
)
def test_the_token_of_a_line_is_found_however_it_is_written(line: bytes) -> None:
    """Ours stands at the end; other servers put it where they like."""
    assert token_of_line(line) == b"abc"
    assert as_events(line + b"\n").startswith(b"id: abc\ndata: ")


@given(
    lines=st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]))),
    cuts=st.lists(st.integers(0, 400)),
    rest=st.binary(max_size=5).filter(lambda rest: b"\n" not in rest),
)
def test_lines_are_cut_the_same_wherever_pieces_end(lines: list[str], cuts: list[int], rest: bytes) -> None:
    """Also in the middle of a character; signs of life are left out, and what has no end does not count."""
    content = b"".join(line.encode() + b"\n" for line in lines) + rest
    places = sorted({0, len(content), *(min(cut, len(content)) for cut in cuts)})
    cutter = LineCutter()
    found = [line for start, stop in pairwise(places) for line in cutter.lines(content[start:stop])]
    assert found == [line.encode() for line in lines if line]


def test_a_line_that_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cds.relay.line_cutting.LINE_BYTES_MAX", 100)
    cutter = LineCutter()
    cutter.lines(b"x" * 60)
    with pytest.raises(LineTooLong):
        cutter.lines(b"x" * 60)
