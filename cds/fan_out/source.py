"""Where the bytes of one kind of client come from: the lines of an audience, cut, limited, adapted and framed.

This module must not know who is connected.
"""

import asyncio
from typing import Protocol

import msgspec

from cds.fan_out.blocks import Block, block_of
from cds.fan_out.framing import Framed, Framing
from cds.fan_out.kept_blocks import KeptBlocks
from projections.feed_lines import Stretch

WORTH_A_THREAD_BYTES = 32 * 1024
"""Lines of so many bytes take longer to compress than a thread takes to be asked."""


class Lines(Protocol):
    """The lines of one audience, as far as their delivery is concerned: FeedLines, or those of another server."""

    @property
    def last_sequence(self) -> int:
        """The place of the last line."""
        ...

    @property
    def abandoned(self) -> bool:
        """See FeedLines."""
        ...

    def stretch_after(self, sequence: int, until: int | None = None) -> Stretch | None:
        """See FeedLines."""
        ...

    def bytes_of(self, stretch: Stretch, tag: bytes, types_mask: int, team_id: str | None) -> bytes:
        """See FeedLines."""
        ...

    def size_of(self, stretch: Stretch) -> int:
        """See FeedLines."""
        ...

    def size_after(self, sequence: int) -> int:
        """See FeedLines."""
        ...


class Selection(msgspec.Struct, frozen=True):
    """Which lines, under which tag, in which framing. Clients with the same selection get the same bytes."""

    tag: bytes
    types_mask: int
    team_id: str | None
    framing: Framing


class Source:
    """The blocks of one selection of the lines of an audience."""

    def __init__(self, lines: Lines, selection: Selection, kept: KeptBlocks) -> None:
        """A source of all there is and will be in `lines`; what many may want is kept in `kept`."""
        self.lines = lines
        self.selection = selection
        self._kept = kept

    def kept_block(self, stretch: Stretch) -> Block | None:
        """The block of a stretch, if somebody has wanted the same lately."""
        return self._kept.get(self._key(stretch)) if stretch.whole else None

    def block(self, stretch: Stretch) -> Block:
        """The block of a stretch; kept when it is a whole closed segment."""
        return self._kept_if_whole(stretch, self.selection.framing.of_lines(self._lines(stretch)))

    async def block_beside(self, stretch: Stretch) -> Block:
        """The same, framed in a thread, once for all who wait for it together."""
        key = self._key(stretch)
        making = self._kept.making.get(key)
        if making is None:
            work = asyncio.to_thread(self.selection.framing.of_lines, self._lines(stretch))
            making = self._kept.making[key] = asyncio.create_task(work, name="frame lines")
            making.add_done_callback(lambda _: self._kept.making.pop(key, None))
        return self._kept_if_whole(stretch, await asyncio.shield(making))

    def is_work(self, stretch: Stretch) -> bool:
        """Whether making the block of a stretch takes so long that it is better done beside the event loop."""
        return self.selection.framing.compressed and self.lines.size_of(stretch) > WORTH_A_THREAD_BYTES

    def _lines(self, stretch: Stretch) -> bytes:
        selection = self.selection
        return self.lines.bytes_of(stretch, selection.tag, selection.types_mask, selection.team_id)

    def _kept_if_whole(self, stretch: Stretch, framed: Framed) -> Block:
        block = block_of(stretch.after, stretch.end, framed)
        if stretch.whole:
            self._kept.keep(self._key(stretch), block)
        return block

    def _key(self, stretch: Stretch) -> tuple[Selection, int, int]:
        return self.selection, stretch.after, stretch.end
