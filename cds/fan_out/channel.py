"""A channel: all live clients that get the same bytes, and the order in which they get them.

The law: a client gets every line of its feed once, in order, however often it changes between catching up and being
live. It is kept by two numbers. The channel has a *level*, the end of the last block that was published; a live
client's cursor is where its bytes end. A block is written to a client only if it begins where the client's bytes end,
and a client becomes live only at the level. Nobody is given anything beyond the channel's *horizon*, up to which
lines have been looked at, so who catches up never overtakes.
Nothing here waits: this module must not know sockets, tasks or the clock.
"""

from collections.abc import Callable, Iterator
from typing import Protocol

from cds.fan_out.blocks import Block, Ring
from cds.fan_out.framing import Tally
from cds.fan_out.limits import FeedLimits
from cds.fan_out.source import Source
from projections.feed_lines import Stretch


class Member(Protocol):
    """A client as its channel sees it. The functions may be those of its transport, so that nothing stands between."""

    cursor: int
    live: bool

    @property
    def write(self) -> Callable[[bytes], None]:
        """What sends bytes, now or when there is room."""
        ...

    @property
    def buffered_bytes(self) -> Callable[[], int]:
        """What tells how many wait for room."""
        ...

    @property
    def is_closing(self) -> Callable[[], bool]:
        """What tells whether the connection is gone."""
        ...

    def fall_behind(self, published: Tally) -> None:
        """It is no longer live and reads on from its cursor; the channel had published so much up to there."""
        ...


class Channel:
    """The live clients of one selection, and what was published to them last."""

    def __init__(self, source: Source, limits: FeedLimits) -> None:
        """A channel without clients, at the end of what there is."""
        self.source = source
        self.horizon = self.level = source.lines.last_sequence
        self.published = Tally()
        self.users = 0
        self.last_bytes_s = 0.0
        self._limits = limits
        self._ring = Ring(limits.ring_blocks_max, limits.ring_bytes_max)
        self._live: dict[Member, None] = {}
        self._turn = 0
        self._published_before = Tally()

    @property
    def behind(self) -> bool:
        """Whether there are lines that have not been looked at."""
        return self.horizon < self.source.lines.last_sequence

    def next_block(self) -> Block | None:
        """Move on over what has come; the next block to be published, None when the end is reached."""
        while (stretch := self.source.lines.stretch_after(self.horizon)) is not None:
            self.horizon = stretch.end
            block = self.source.block(stretch)
            if block.wire:
                return self._begun(block)
        return None

    def publish(self, block: Block) -> Iterator[int]:
        """Write the block that `next_block` has just given to all live clients.

        Comes back after each piece with the number of clients that were written to, so that others have their turn;
        who joins or leaves meanwhile does so in order. The clients take turns at being the first.
        """
        wire, after, end = block.wire, block.after, block.end
        buffered_max = self._limits.buffered_bytes_max
        clients, piece = self._in_turn(), self._limits.clients_per_piece
        for start in range(0, len(clients), piece):
            written = 0
            for client in clients[start : start + piece]:
                if not client.live or client.cursor != after or client.is_closing():
                    continue
                if client.buffered_bytes() > buffered_max:
                    self._drop(client)
                    continue
                client.write(wire)
                client.cursor = end
                written += 1
            yield written

    def following(self, cursor: int) -> Block | Stretch | None:
        """What a client that is not live gets next: a ready block, or a stretch of the lines; None at the level."""
        if cursor >= self.level:
            return None
        return self._ring.following(cursor) or self.source.lines.stretch_after(cursor, self.horizon)

    def admit(self, client: Member) -> bool:
        """Make a client live if nothing is left for it, and tell whether it is.

        It is not if it has lines already that have not been looked at here: a token may come from elsewhere.
        """
        if not self.level <= client.cursor <= self.horizon:
            return False
        # Between level and horizon there is no line for it, so it stands where all live clients stand.
        client.cursor = self.level
        client.live = True
        self._live[client] = None
        return True

    def leave(self, client: Member) -> Tally:
        """Take a live client out; what had been published up to where its bytes end."""
        client.live = False
        del self._live[client]
        return self.published_to(client)

    def published_to(self, client: Member) -> Tally:
        """What had been published up to where a live client's bytes end."""
        # While a block is being published, some have it and some do not.
        return self.published if client.cursor == self.level else self._published_before

    def _begun(self, block: Block) -> Block:
        # It may stand behind stretches without a line for this channel: it then begins at the level all the same.
        begun = Block(self.level, block.end, block.wire, block.tally)
        self.level = begun.end
        self._published_before, self.published = self.published, self.published.plus(begun.tally)
        self._ring.add(begun)
        if len(begun.wire) > self._limits.live_block_bytes_max:
            for client in list(self._live):
                self._drop(client)
        return begun

    def _drop(self, client: Member) -> None:
        client.fall_behind(self.leave(client))

    def _in_turn(self) -> list[Member]:
        clients = list(self._live)
        self._turn = (self._turn + self._limits.clients_per_piece) % max(len(clients), 1)
        return clients[self._turn :] + clients[: self._turn]
