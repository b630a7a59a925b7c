"""Rows of the log as bytes: the form of the files in `rows/`. Pure.

A file is gzip. Inside stands LABEL, then run after run: rows of one stream that follow each other. A run begins with
RUN (the length of the stream's name, the position before its first row, the number of rows, the chain value before
them) and the name in UTF-8. A row is ROW (when it was recorded in microseconds, version, the lengths of type, id, actor
and cause, the length of data, or -1 where it is null, and the chain value) and then type, id, actor, cause and data.
All numbers are big-endian. This module must not know where files lie.
"""

import zlib
from collections.abc import Iterator, Sequence
from struct import Struct, error

import msgspec

from eventstore.chain import ChainBroken, verify_chain
from eventstore.limits import EVENT_DATA_BYTES_MAX
from eventstore.restoring import Run
from eventstore.store import Event, Head

LABEL = b"contest-data-server rows 1\n"
RUN = Struct(">IqI32s")
ROW = Struct(">qqIIIIq32s")

SEGMENT_BYTES = 4 * 1024 * 1024
"""A file is closed when it holds so much, before compression."""

SEGMENT_BYTES_MAX = SEGMENT_BYTES + EVENT_DATA_BYTES_MAX + 1024 * 1024
"""What a file can come to by its last row; nothing that unpacks to more is read."""

COMPRESSION = 3
GZIP = 16 + zlib.MAX_WBITS

NO_DATA = -1


class Unreadable(Exception):
    """Bytes that are not of this form; the text says why."""


class Frame(msgspec.Struct, frozen=True):
    """A run as it stands in a file: rows behind `base`, which is where their stream ended before them."""

    run: Run
    base: Head


class SegmentWriter:
    """Rows on their way into one file."""

    def __init__(self) -> None:
        """Empty."""
        self._frames: list[bytes] = [LABEL]
        self.size_bytes = len(LABEL)
        self.rows = 0

    @property
    def full(self) -> bool:
        """Whether nothing more should go in."""
        return self.size_bytes >= SEGMENT_BYTES

    def add(self, stream: str, base: Head, events: Sequence[Event]) -> int:
        """Add rows of a stream behind `base`, as many as there is room for; how many those were (at least one)."""
        frames: list[bytes] = []
        size_bytes = self.size_bytes
        for event in events:
            frame = _row(event)
            frames.append(frame)
            size_bytes += len(frame)
            if size_bytes >= SEGMENT_BYTES:
                break
        name = stream.encode()
        head = RUN.pack(len(name), base.position, len(frames), base.chain) + name
        self._frames += (head, *frames)
        self.size_bytes = size_bytes + len(head)
        self.rows += len(frames)
        return len(frames)

    def packed(self) -> bytes:
        """The bytes of the file."""
        packer = zlib.compressobj(COMPRESSION, zlib.DEFLATED, GZIP)
        return packer.compress(b"".join(self._frames)) + packer.flush()


def frames(packed: bytes) -> Iterator[Frame]:
    """The runs of a file, each of which follows from its base. Raises Unreadable."""
    content = unpacked(packed, SEGMENT_BYTES_MAX)
    if not content.startswith(LABEL):
        raise Unreadable("it does not begin like rows of a log, or is of another version of this program")
    offset = len(LABEL)
    try:
        while offset < len(content):
            frame, offset = _frame(content, offset)
            verify_chain(frame.run.stream, frame.base, frame.run.events)
            yield frame
    except (error, UnicodeDecodeError, IndexError) as failure:
        raise Unreadable(f"it cannot be read behind byte {offset} ({failure})") from failure
    except ChainBroken as broken:
        raise Unreadable(str(broken)) from broken


def unpacked(packed: bytes, bytes_max: int) -> bytes:
    """What a gzip file holds. Raises Unreadable when that is damaged, incomplete, or more than `bytes_max`."""
    unpacker = zlib.decompressobj(GZIP)
    try:
        content = unpacker.decompress(packed, bytes_max)
    except zlib.error as failure:
        raise Unreadable(f"it cannot be unpacked ({failure})") from failure
    if not unpacker.eof or unpacker.unused_data:
        raise Unreadable("it is incomplete, too long, or more than can be")
    return content


def _row(event: Event) -> bytes:
    type_, id_, actor, cause = event.type.encode(), event.id.encode(), event.actor.encode(), event.cause.encode()
    data = event.data
    head = ROW.pack(
        event.recorded_at_us,
        event.version,
        len(type_),
        len(id_),
        len(actor),
        len(cause),
        NO_DATA if data is None else len(data),
        event.chain,
    )
    return b"".join((head, type_, id_, actor, cause, data or b""))


def _frame(content: bytes, offset: int) -> tuple[Frame, int]:
    """The run at an offset, and the offset behind it."""
    name_length, base_position, count, base_chain = RUN.unpack_from(content, offset)
    name, offset = _taken(content, offset + RUN.size, name_length)
    stream = name.decode()
    events = []
    for position in range(base_position + 1, base_position + count + 1):
        recorded_at_us, version, type_length, id_length, actor_length, cause_length, data_length, chain = (
            ROW.unpack_from(content, offset)
        )
        type_, offset = _taken(content, offset + ROW.size, type_length)
        id_, offset = _taken(content, offset, id_length)
        actor, offset = _taken(content, offset, actor_length)
        cause, offset = _taken(content, offset, cause_length)
        data, offset = (None, offset) if data_length == NO_DATA else _taken(content, offset, data_length)
        events.append(
            Event(
                stream=stream,
                position=position,
                type=type_.decode(),
                id=id_.decode(),
                data=data,
                recorded_at_us=recorded_at_us,
                actor=actor.decode(),
                cause=cause.decode(),
                version=version,
                chain=chain,
            )
        )
    if not events:
        raise IndexError("a run without rows")
    return Frame(Run(stream, events), Head(position=base_position, chain=base_chain)), offset


def _taken(content: bytes, offset: int, length: int) -> tuple[bytes, int]:
    """So many bytes at an offset, and the offset behind them. Raises IndexError where there are fewer."""
    end = offset + length
    if not offset <= end <= len(content):
        raise IndexError("the end of the file lies in the middle of a row")
    return content[offset:end], end
