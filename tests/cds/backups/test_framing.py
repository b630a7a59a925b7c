"""Rows as bytes: what goes in comes out, and anything else is said to be unreadable, never misread."""

import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.backups import framing
from cds.backups.framing import GZIP, LABEL, SegmentWriter, Unreadable, frames, unpacked
from cds.backups.pieces import lines_of, pieces
from eventstore.chain import GENESIS, Origin, chain_values
from eventstore.store import Event, Head, NewEvent

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
new_events = st.lists(st.builds(NewEvent, type=texts, id=texts, data=st.none() | st.binary(max_size=20)), min_size=1)


def chained(stream: str, events: list[NewEvent]) -> list[Event]:
    """Rows of a stream from its beginning."""
    origin = Origin(stream=stream, recorded_at_us=-5, actor="å", cause="", version=1)
    return [
        Event(
            stream=stream,
            position=position,
            type=event.type,
            id=event.id,
            data=event.data,
            recorded_at_us=-5,
            actor="å",
            cause="",
            version=1,
            chain=chain,
        )
        for position, (event, chain) in enumerate(zip(events, chain_values(GENESIS, events, origin), strict=True), 1)
    ]


def written(streams: dict[str, list[Event]]) -> list[bytes]:
    """The files that rows come to."""
    files, writer = [], SegmentWriter()
    for stream, events in streams.items():
        base, rest = GENESIS, events
        while rest:
            count = writer.add(stream, base, rest)
            base = Head(position=rest[count - 1].position, chain=rest[count - 1].chain)
            rest = rest[count:]
            if writer.full:
                files.append(writer.packed())
                writer = SegmentWriter()
    return [*files, writer.packed()]


@given(streams=st.dictionaries(texts, new_events, max_size=3), segment_bytes=st.integers(1, 500))
def test_what_goes_in_comes_out(streams: dict[str, list[NewEvent]], segment_bytes: int) -> None:
    rows = {stream: chained(stream, events) for stream, events in streams.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(framing, "SEGMENT_BYTES", segment_bytes)
        files = written(rows)
    found = [event for file in files for frame in frames(file) for event in frame.run.events]
    assert found == [event for events in rows.values() for event in events]


@given(events=new_events, at=st.integers(0), change=st.integers(1, 255), cut=st.booleans())
def test_whatever_is_changed_is_noticed(events: list[NewEvent], at: int, change: int, cut: bool) -> None:
    """Also where it is packed again, as by somebody who wants it to be believed."""
    (packed,) = written({"s": chained("s", events)})
    content = bytearray(unpacked(packed, 10_000_000))
    at %= len(content)
    if cut:
        del content[at:]
    else:
        content[at] ^= change
    packer = zlib.compressobj(wbits=GZIP)
    changed = packer.compress(bytes(content)) + packer.flush()
    try:
        found = [event for frame in frames(changed) for event in frame.run.events]
    except Unreadable:
        return
    # What is left is a beginning that says so by its length, or stands behind another place than its stream's end.
    assert len(found) < len(events) or next(frames(changed)).base != GENESIS or found[0].stream != "s"


@given(junk=st.binary(max_size=200))
def test_junk_is_unreadable(junk: bytes) -> None:
    packer = zlib.compressobj(wbits=GZIP)
    for content in (junk, packer.compress(LABEL + junk) + packer.flush()):
        with suppress(Unreadable):
            assert list(frames(content)) == []


def test_what_unpacks_to_too_much_is_not_unpacked() -> None:
    packer = zlib.compressobj(wbits=GZIP)
    bomb = packer.compress(bytes(50_000_000)) + packer.flush()
    with pytest.raises(Unreadable, match="more than can be"):
        unpacked(bomb, 1_000_000)


@given(lines=st.lists(texts.filter(lambda text: "\n" not in text), max_size=30))
def test_pieces_hold_all_lines(lines: list[str]) -> None:
    made = list(pieces(lines))
    assert [line for piece in made for line in lines_of(piece.packed(), piece.name)] == lines


def test_a_changed_line_leaves_most_pieces_as_they_are() -> None:
    lines = [f'{{"id":"{number}"}}' for number in range(20_000)]
    before = {piece.name for piece in pieces(lines)}
    lines[9_000:9_001] = ["another", "and one more"]
    after = {piece.name for piece in pieces(lines)}
    assert len(before) > 20
    assert len(after - before) <= 2
