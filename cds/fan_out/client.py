"""One feed client: it catches up at its own speed, is live while it is level, and is cut off when it takes nothing.

Catching up is the work of the client's own task, which is the one that serves its request; while it is live, that
task sleeps and the channel writes. This module must not know what a contest is.
"""

import asyncio
from collections.abc import Callable
from typing import Literal, Protocol

import msgspec
import structlog

from cds import metrics
from cds.fan_out.blocks import Block
from cds.fan_out.channel import Channel
from cds.fan_out.connection import Uptake, prepared_socket, reconnect_ms
from cds.fan_out.framing import Framed, Tally
from cds.fan_out.limits import FeedLimits
from cds.fan_out.rounds import Rounds
from cds.fan_out.source import Source
from projections.feed_lines import Stretch
from schemas.viewers import Viewer

EndReason = Literal["left", "login", "head", "closing", "stalled", "failed", "forgotten"]
"""`head`: what was said in the head of its answer holds no more.
`forgotten`: the lines that it was reading are no longer those of the feed, or nobody keeps them any more."""

log = structlog.get_logger(__name__)


class Drains(Protocol):
    """What tells when there is room again for more bytes, and counts what was sent."""

    output_size: int

    async def drain(self) -> None:
        """Come back when there is room. Raises ConnectionError when the connection is gone."""
        ...


class Wire(msgspec.Struct, frozen=True):
    """The way to a client: its connection, and the writer of its response."""

    transport: asyncio.Transport
    writer: Drains


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """What a client asked for. `channel` is None for one that wants what there is, and no more."""

    contest_id: str
    viewer: Viewer
    address: str
    source: Source
    channel: Channel | None
    cursor: int


class FeedClient:
    """A client from its first byte to its last."""

    __slots__ = (
        "_channel",
        "_given_bytes",
        "_joined",
        "_lagging",
        "_last_bytes_s",
        "_limits",
        "_rounds",
        "_subscription",
        "_tally",
        "_until",
        "_uptake",
        "_waiting",
        "_wire",
        "buffered_bytes",
        "cursor",
        "ended",
        "is_closing",
        "live",
        "write",
    )

    def __init__(self, subscription: Subscription, wire: Wire, rounds: Rounds, limits: FeedLimits) -> None:
        """A client that has got the headers; `rounds` tells whose turn it is to be given something."""
        transport = wire.transport
        self.cursor = subscription.cursor
        self.live = False
        self.ended: EndReason | None = None
        self.write: Callable[[bytes], None] = transport.write
        self.buffered_bytes = transport.get_write_buffer_size
        self.is_closing = transport.is_closing
        self._subscription = subscription
        self._channel = subscription.channel
        self._until = subscription.cursor
        self._wire = wire
        self._rounds = rounds
        self._limits = limits
        self._waiting: asyncio.Future[None] | None = None
        self._tally = self._joined = Tally()
        self._lagging = False
        self._last_bytes_s = 0.0
        self._given_bytes = 0
        self._uptake = Uptake(transport, prepared_socket(transport, unsent_bytes_max=limits.unsent_bytes_max))

    @property
    def viewer(self) -> Viewer:
        """Who reads."""
        return self._subscription.viewer

    @property
    def address(self) -> str:
        """From where."""
        return self._subscription.address

    @property
    def abandoned(self) -> bool:
        """Whether it waits for more of lines to which nothing will come any more."""
        return self._channel is not None and self._channel.source.lines.abandoned

    @property
    def given_bytes(self) -> int:
        """What has been written past the response's own writer, once the stream has ended."""
        return self._given_bytes

    async def deliver(self) -> None:
        """Send what there is, then what comes, until somebody ends it. Raises ConnectionError when it has left."""
        framing = self._subscription.source.selection.framing
        self._until = self._subscription.source.lines.last_sequence
        try:
            await self._give(framing.beginning(reconnect_ms()))
            while (whole := await self._caught_up()) and self._channel is not None:
                if self._channel.admit(self):
                    self._joined = self._channel.published
                    self._note_lagging(lagging=False)
                    await self._woken()
                else:
                    await asyncio.sleep(self._limits.tick_s)
            self._check_connected()
            if not whole and self._channel is None and self._following() is not None:
                # It wanted what there is. Less than that must not look as if it were all.
                self._wire.transport.abort()
                raise ConnectionResetError("the stream was ended before everything was sent")
            await self._give(Framed(framing.ending(self._tally), Tally()))
            self._uptake.leave_to_kernel(self._limits.vanished_s)
        finally:
            self.end("left")
            self._note_lagging(lagging=False)

    def end(self, reason: EndReason) -> None:
        """Let the stream come to its end: after the block that is being sent, at once when it is live."""
        if self.ended is not None:
            return
        self.ended = reason
        if self.live and self._channel is not None:
            self._settle(self._channel.leave(self))
        self._wake()

    def fall_behind(self, published: Tally) -> None:
        """Catch up from where its bytes end; it has got what its channel had published up to there."""
        self._settle(published)
        self._note_lagging(lagging=True)
        self._wake()

    def look(self, now_s: float, keep_alive_s: float, *, thoroughly: bool = True) -> None:
        """Look after the connection: whether it has been left, is due a sign of life, or (`thoroughly`) takes nothing.

        That is due a fixed time after the last bytes that this client got. What it does not get must not put that
        off: a missing newline would tell of hidden activity. A stream that is to end may have to be cut off, too.
        """
        if self.is_closing():
            self.end("left")
        elif thoroughly and self._cut_off_if_stuck(now_s):
            return
        elif self.live and self._channel is not None and not self.buffered_bytes():
            silent_since_s = max(self._last_bytes_s, self._channel.last_bytes_s)
            if now_s - silent_since_s >= keep_alive_s:
                self._give_sign_of_life(self._channel, now_s)

    async def _caught_up(self) -> bool:
        """Send blocks until there is none that this client has not got; False when the stream is to end before."""
        while self.ended is None:
            following = self._following()
            if following is None:
                return True
            block = following if isinstance(following, Block) else await self._block(following)
            await self._give(Framed(block.wire, block.tally))
            self.cursor = block.end
        return False

    def _following(self) -> Block | Stretch | None:
        if self._channel is not None:
            return self._channel.following(self.cursor)
        # What comes later may not be what was said beforehand of what there is.
        return self._subscription.source.lines.stretch_after(self.cursor, self._until)

    async def _block(self, stretch: Stretch) -> Block:
        source = self._subscription.source
        kept = source.kept_block(stretch)
        if kept is not None:
            return kept
        await asyncio.sleep(0)
        if source.is_work(stretch):
            return await source.block_beside(stretch)
        return source.block(stretch)

    async def _give(self, framed: Framed) -> None:
        """Write bytes turn by turn, each when nothing waits and it is this client's turn. Raises ConnectionError."""
        rest, turn_bytes = memoryview(framed.wire), self._limits.pumps_of_turn * self._limits.pump_bytes
        while rest:
            await self._wire.writer.drain()
            await self._rounds.turn(min(len(rest), turn_bytes))
            self._check_connected()
            rest = rest[self._pump(rest[:turn_bytes]) :]
        await self._wire.writer.drain()
        self._tally = self._tally.plus(framed.tally)
        metrics.FEED_BYTES.inc(len(framed.wire))

    def _pump(self, wire: memoryview) -> int:
        """Write pieces until one has to wait; how many bytes were written, at least one piece."""
        given, piece_bytes = 0, self._limits.pump_bytes
        while given < len(wire) and not (given and self.buffered_bytes()):
            self._wire.transport.write(wire[given : given + piece_bytes])
            given = min(given + piece_bytes, len(wire))
        self._given_bytes += given
        self._last_bytes_s = asyncio.get_running_loop().time()
        return given

    def _check_connected(self) -> None:
        if self.is_closing():
            raise ConnectionResetError("the client has left")

    async def _woken(self) -> None:
        """Wait until there is something to do for this task."""
        if not self.live:
            return
        self._waiting = asyncio.get_running_loop().create_future()
        try:
            await self._waiting
        finally:
            self._waiting = None

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def _settle(self, published: Tally) -> None:
        """Add what the channel has written for us since we joined it, or settled last."""
        got = published.since(self._joined)
        self._tally = self._tally.plus(got)
        self._given_bytes += got.wire_bytes
        self._joined = published

    def _give_sign_of_life(self, channel: Channel, now_s: float) -> None:
        sign = self._subscription.source.selection.framing.sign_of_life()
        self._settle(channel.published_to(self))
        self.write(sign.wire)
        self._tally = self._tally.plus(sign.tally)
        self._given_bytes += len(sign.wire)
        self._last_bytes_s = now_s

    def _cut_off_if_stuck(self, now_s: float) -> bool:
        """Cut the client off when it takes nothing, or nothing can be learnt of its connection; whether it was."""
        fault = self._uptake.fault(self._given_in_all(), now_s, self._limits.stalled_s)
        if fault is None:
            return False
        asked = self._subscription
        log.warning(
            "feed_client_cut_off",
            reason=fault.reason,
            contest=asked.contest_id,
            role=asked.viewer.role_told,
            address=asked.address,
            stalled_s=self._limits.stalled_s,
            bytes_behind=fault.untaken_bytes + asked.source.lines.size_after(self.cursor),
            error=fault.error,
        )
        metrics.FEED_CLIENTS_CUT_OFF.labels(fault.reason).inc()
        self.end(fault.reason)
        self._uptake.cut_off()
        return True

    def _given_in_all(self) -> int:
        """What this client has been given until now, by its own task and by its channel."""
        if self.live and self._channel is not None:
            return self._given_bytes + self._channel.published_to(self).wire_bytes - self._joined.wire_bytes
        return self._given_bytes

    def _note_lagging(self, *, lagging: bool) -> None:
        if lagging != self._lagging:
            self._lagging = lagging
            metrics.FEED_CLIENTS_LAGGING.inc(1 if lagging else -1)
