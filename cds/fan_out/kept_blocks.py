"""Ready blocks of closed segments, kept for the next one who wants the same bytes.

This module must not know how a block is made.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Hashable

from cds.fan_out.blocks import Block
from cds.fan_out.framing import Framed


class KeptBlocks:
    """Blocks that many want, bounded by bytes; those that nobody has asked for the longest go."""

    def __init__(self, bytes_max: int) -> None:
        """None yet."""
        self._blocks: OrderedDict[Hashable, Block] = OrderedDict()
        self._bytes_max = bytes_max
        self.bytes = 0
        self.making: dict[Hashable, asyncio.Task[Framed]] = {}
        """What is being made at the moment beside the event loop."""

    def get(self, key: Hashable) -> Block | None:
        """The block kept under a key."""
        block = self._blocks.get(key)
        if block is not None:
            self._blocks.move_to_end(key)
        return block

    def keep(self, key: Hashable, block: Block) -> None:
        """Keep a block, unless it alone is too large."""
        if len(block.wire) > self._bytes_max or key in self._blocks:
            return
        self._blocks[key] = block
        self.bytes += len(block.wire)
        while self.bytes > self._bytes_max:
            _, oldest = self._blocks.popitem(last=False)
            self.bytes -= len(oldest.wire)
