"""The body of one call: consecutive notifications of one contest, as many as fit, cut out of ready feed lines.

The notifications are the very bytes of the feed's lines, tokens included. This module must not know who is called.
"""

from typing import Protocol

import msgspec

from projections.feed_lines import Chunk
from projections.tokens import INDEX_BITS, Place, TokenMaker, sequence_of
from projections.webhooks import NOTHING_MASK, Registration

NOTIFICATIONS_MAX = 500
BATCH_BYTES_MAX = 256 * 1024
"""The limits of one call; a notification that is larger goes alone."""


class Lines(Protocol):
    """The lines of one role's feed, as `projections.feed_lines` has them."""

    def after(self, sequence: int, tag: bytes, types_mask: int, team_id: str | None = None) -> Chunk | None:
        """Some lines after a place, None when there are none."""
        ...


class Batch(msgspec.Struct, frozen=True):
    """What is sent at once, the place of its last notification, and where to go on when it was taken."""

    body: bytes
    count: int
    place: Place
    sequence: int


class Found(msgspec.Struct, frozen=True):
    """Where to look on, and what comes before that; None when there was nothing for this webhook in between."""

    sequence: int
    batch: Batch | None


class _Token(msgspec.Struct):
    """The one property of a notification that is looked at."""

    token: str


_token_decoder = msgspec.json.Decoder(_Token)


class Reader(msgspec.Struct, frozen=True):
    """Reads the lines of one view of one contest; `view` is the name that its tokens are bound to."""

    contest_id: str
    lines: Lines
    tokens: TokenMaker
    view: str

    def look(self, registration: Registration, sequence: int, up_to: int) -> Found:
        """Look behind a place for what a webhook is to be told, at one stretch of lines.

        Nothing of what was written behind the position `up_to` is looked at. There is nothing any more when the place
        has not moved.
        """
        position = position_of(sequence)
        if position >= up_to:
            return Found(sequence, None)
        stretch = registration.stretch(self.contest_id, position)
        end = end_of(up_to if stretch.until is None else min(stretch.until, up_to))
        if stretch.types_mask == NOTHING_MASK:
            return Found(end, None)
        tag = self.tokens.tag(self.view, stretch.types_mask)
        chunk = self.lines.after(sequence, tag, stretch.types_mask)
        if chunk is None:
            return Found(sequence, None)
        batch = self._batch(chunk, stretch.types_mask, end)
        return Found(min(chunk.sequence, end) if batch is None else sequence, batch)

    def _batch(self, chunk: Chunk, types_mask: int, end: int) -> Batch | None:
        """As many lines of a chunk as go into one call, none behind `end`."""
        lines = bytes(chunk.data).split(b"\n")[:-1]
        taken = _fitting(lines)
        place = None if not taken else self._place(taken[-1], types_mask)
        while place is not None and place.sequence > end:
            # Another choice of endpoints may hold for these lines.
            taken.pop()
            place = None if not taken else self._place(taken[-1], types_mask)
        if place is None:
            return None
        body = b'{"contest_id":%s,"notifications":[%s]}' % (msgspec.json.encode(self.contest_id), b",".join(taken))
        sequence = min(chunk.sequence, end) if len(taken) == len(lines) else place.sequence
        return Batch(body, len(taken), place, sequence)

    def _place(self, line: bytes, types_mask: int) -> Place:
        return self.tokens.read(_token_decoder.decode(line).token, self.view, types_mask)


def position_of(sequence: int) -> int:
    """The last position of which nothing can be left behind this place."""
    return ((sequence + 1) >> INDEX_BITS) - 1


def end_of(position: int) -> int:
    """The place behind everything that the event at a position has brought."""
    return sequence_of(position + 1, 0) - 1


def _fitting(lines: list[bytes]) -> list[bytes]:
    taken: list[bytes] = []
    size_bytes = 0
    for line in lines[:NOTIFICATIONS_MAX]:
        size_bytes += len(line) + 1
        if taken and size_bytes > BATCH_BYTES_MAX:
            break
        taken.append(line)
    return taken
