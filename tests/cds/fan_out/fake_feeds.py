"""Lines of a feed that say nothing but their number, and a connection that takes bytes when it is told to.

This module must not know how lines are delivered.
"""

import asyncio
import zlib
from collections.abc import Iterable

from projections.feed_lines import ALL_TYPES_MASK, DraftLine, FeedLines
from projections.tokens import TokenMaker, sequence_of
from tests.builders import KEY

CHAIN = bytes(32)
TAG = b"t" * 12


class Feed:
    """The lines of a feed as they come, one position after the other."""

    def __init__(self) -> None:
        self.lines = FeedLines(TokenMaker(KEY))
        self.position = 0

    def add(
        self, count: int = 1, *, type_number: int = 0, team_id: str | None = None, replaced_for: Iterable[str] = ()
    ) -> None:
        """Let lines come, for all but some or for one team alone."""
        for _ in range(count):
            self.position += 1
            body = b'{"n":%d,"token":"' % self.position
            line = DraftLine(self.position, 0, type_number, body)
            if team_id is None:
                self.lines.draft(line, CHAIN, tuple(replaced_for))
            else:
                self.lines.draft_for_team(team_id, line, CHAIN)
        self.lines.flush()

    def sequence(self, position: int) -> int:
        """The place of the line at a position."""
        return sequence_of(position, 0)

    def expected(self, after: int, types_mask: int = ALL_TYPES_MASK, team_id: str | None = None) -> bytes:
        """All that a reader gets behind a place."""
        found = b""
        while (chunk := self.lines.after(after, TAG, types_mask, team_id)) is not None:
            found += chunk.data
            after = chunk.sequence
        return found


def unzipped(data: bytes, *, whole: bool) -> bytes:
    """What an ordinary decoder for one member makes of a stream; `whole`: it must have come to its proper end."""
    decoder = zlib.decompressobj(zlib.MAX_WBITS | 16)
    found = decoder.decompress(data)
    assert decoder.eof == whole
    assert decoder.unused_data == b""
    return found


class Connection(asyncio.Transport):
    """A connection whose other side takes what it is told to take; there is no socket behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.given = bytearray()
        self.output_size = 0
        self.waiting_bytes = self.most_waiting_bytes = 0
        self.taken_at_once_bytes = 0
        """What the other side still takes without being told to."""
        self.closing = False
        self.high = 64 * 1024
        self.room = asyncio.Event()
        self.room.set()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take bytes into the buffer."""
        assert not self.closing, "nothing may be written to a connection that was given up"
        self.given += data
        at_once = min(self.taken_at_once_bytes, len(data))
        self.taken_at_once_bytes -= at_once
        self.waiting_bytes += len(data) - at_once
        self.most_waiting_bytes = max(self.most_waiting_bytes, self.waiting_bytes)
        if self.waiting_bytes > self.high:
            self.room.clear()

    def take(self, count: int | None = None) -> None:
        """The other side takes so many bytes, or all."""
        self.waiting_bytes = 0 if count is None else max(self.waiting_bytes - count, 0)
        if self.waiting_bytes <= self.high:
            self.room.set()

    def get_write_buffer_size(self) -> int:
        return self.waiting_bytes

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.high = self.high if high is None else high

    def is_closing(self) -> bool:
        return self.closing

    def abort(self) -> None:
        self.closing = True
        self.room.set()

    async def drain(self) -> None:
        """Come back when there is room. Raises ConnectionResetError when the connection is gone."""
        await self.room.wait()
        if self.closing:
            raise ConnectionResetError
