"""Lines out of bytes, however these are cut."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from cds.upstream.lines import LineSplitter

TEXTS = st.lists(st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs", "Zs", "Cc"]), max_size=6))


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """The bytes, cut at these places."""
    places = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    return [data[begin:end] for begin, end in pairwise(places)]


@given(texts=TEXTS, cuts=st.lists(st.integers(0, 60)))
def test_lines_do_not_depend_on_where_the_pieces_are_cut(texts: list[str], cuts: list[int]) -> None:
    """Also in the middle of a character; empty lines are none."""
    data = "".join(f"{text}\n" for text in texts).encode()
    splitter = LineSplitter()
    found = [line for piece in pieces(data, cuts) for line in splitter.take(piece)]
    assert found == [text.strip().encode() for text in texts if text.strip()]
    assert splitter.is_between_lines


@given(texts=TEXTS, lost=st.integers(1, 20))
def test_what_a_broken_connection_leaves_behind_is_no_line(texts: list[str], lost: int) -> None:
    """Only what an end of line has confirmed counts."""
    data = "".join(f"{text}\n" for text in texts).encode()
    kept = data[: max(len(data) - lost, 0)]
    splitter = LineSplitter()
    found = splitter.take(kept)
    whole = kept[: kept.rfind(b"\n") + 1].split(b"\n")
    assert found == [each.strip() for each in whole if each.strip()]


def test_a_line_that_is_too_long_is_only_counted() -> None:
    """The lines around it are there."""
    splitter = LineSplitter(line_bytes_max=10)
    assert splitter.take(b"one\n" + b"x" * 6) == [b"one"]
    assert splitter.take(b"x" * 6) == []
    assert splitter.take(b"yy\ntwo\n") == [14, b"two"]


def test_an_empty_line_is_a_sign_of_life() -> None:
    """Until something comes behind it."""
    splitter = LineSplitter()

    def rested_after(data: bytes) -> bool:
        splitter.take(data)
        return splitter.rested

    assert [rested_after(data) for data in (b"a\n", b"\n", b"b")] == [False, True, False]


def test_a_whole_object_without_its_end_of_line_counts_when_the_answer_has_properly_ended() -> None:
    """Half of one never does."""
    splitter = LineSplitter()
    splitter.take(b'{"type":"teams"')
    assert splitter.rest() == []
    splitter.take(b"}")
    assert splitter.rest() == [b'{"type":"teams"}']
