"""Blocks: lines as ready bytes, with the places between which they stand; the last ones of a channel.

This module must not know who gets a block, nor how it is made.
"""

from collections import OrderedDict

import msgspec

from cds.fan_out.framing import Framed, Tally


class Block(msgspec.Struct, frozen=True, gc=False):
    """All lines after one place, up to and with another, ready for one kind of client. `wire` may be empty."""

    after: int
    end: int
    wire: bytes
    tally: Tally


def block_of(after: int, end: int, framed: Framed) -> Block:
    """A block of framed lines."""
    return Block(after, end, framed.wire, framed.tally)


class Ring:
    """The last blocks of a channel, bounded by number and bytes; the last one is kept whatever its size."""

    def __init__(self, blocks_max: int, bytes_max: int) -> None:
        """No blocks yet."""
        self._blocks: OrderedDict[int, Block] = OrderedDict()
        self._blocks_max = blocks_max
        self._bytes_max = bytes_max
        self._bytes = 0

    def add(self, block: Block) -> None:
        """Keep a block; the oldest go."""
        self._blocks[block.after] = block
        self._bytes += len(block.wire)
        while len(self._blocks) > 1 and (len(self._blocks) > self._blocks_max or self._bytes > self._bytes_max):
            _, oldest = self._blocks.popitem(last=False)
            self._bytes -= len(oldest.wire)

    def following(self, sequence: int) -> Block | None:
        """The block that begins just behind a place, if it is still there."""
        return self._blocks.get(sequence)
