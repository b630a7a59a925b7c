"""What the delivery of feeds and scoreboards may take: one table of limits, each with its default.

Each process has them for itself: a group of workers takes as many clients as each of them may have, together.
This module must not know how any of them is kept.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

TICK_S, TICK_S_MIN = 0.003, 0.001
"""Between two rounds of live lines: a lone line goes out at once, what comes within a tick goes out together. Without
a pause, a client that waits for lines to be looked at would leave nothing of the processor to others."""

BOARD_BEAT_S = 0.1
"""Changes of a scoreboard within one beat become one event to those who follow it; the longest that a change waits."""

CLIENTS_PER_PIECE = 32
"""Live clients that are written to before the event loop may do something else (each costs some microseconds)."""

BUFFERED_BYTES_MAX = 64 * 1024
"""What may wait in our buffer for a live client; with more it is lagging, and reads on at its own speed."""

LIVE_BLOCK_BYTES_MAX = 64 * 1024
"""A larger block is no line that has just come, but a release. Everybody reads it at their own speed."""

RING_BLOCKS_MAX = 64
RING_BYTES_MAX = 256 * 1024
"""The last blocks of a channel that are kept for those who come back or catch up, at least one of any size."""

KEPT_BYTES_MAX = 64 * 1024 * 1024
"""Ready bytes of closed segments, framed or compressed, that are kept for the next one who wants the same."""

PUMP_BYTES = 128 * 1024
"""What a client that catches up is given at once, and only when nothing waits for it: at most so much ever does. More
would be a little faster, and is what every client that takes nothing would hold."""

PUMPS_OF_TURN = 3
"""How often, in its turn, as long as it takes everything at once."""

PUMPS_AT_ONCE = 12
"""What all of them together are given before the event loop may do something else."""

STALLED_S = 30.0
"""A client that takes nothing for so long, although there is something, is cut off; it may resume where it stopped."""

STALL_LOOKS = 8
"""How often within that time it is asked of the kernel whether a client takes anything."""

UNSENT_BYTES_MAX = 128 * 1024
"""What the kernel may hold for a client beyond what is on its way to it (TCP_NOTSENT_LOWAT)."""

STALLED_S_MIN = 0.1

STALLS_UNTIL_VANISHED = 10
"""After so many times the time of a stall the kernel gives up a connection whose stream has ended and whose rest is
not taken (TCP_USER_TIMEOUT). Until the end it is us who look, tell of it and count it."""

SWEEP_S, SWEEP_S_MIN = 0.5, 0.05
"""How often every client is looked at: has it left, is a sign of life due, does it take anything?"""

CLIENTS_MAX = 20_000
CLIENTS_OF_CONTEST_MAX = 15_000
"""Feed clients of one process, in all and in one contest."""

BOARDS_MAX = 20_000
BOARDS_OF_CONTEST_MAX = 15_000
"""The same of those who follow scoreboards."""

PLACES_FOR_LOGINS = 500
"""Places, of each of these, that are kept for clients who have logged in, but never more than half of them; nobody
anonymous gets these."""

FULL_RETRY_AFTER_S = 5
"""What a client for whom there is no place is told to wait."""

Count = Annotated[int, Meta(ge=1)]
Places = Annotated[int, Meta(ge=0)]
StallTime = Annotated[float, Meta(ge=STALLED_S_MIN, le=86_400)]
Interval = Annotated[float, Meta(ge=SWEEP_S_MIN, le=86_400)]
Pause = Annotated[float, Meta(ge=TICK_S_MIN, le=60)]


class FeedLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of one server process; the constants above say what each of them means."""

    tick_s: Pause = TICK_S
    board_beat_s: Pause = BOARD_BEAT_S
    clients_per_piece: Count = CLIENTS_PER_PIECE
    buffered_bytes_max: Count = BUFFERED_BYTES_MAX
    live_block_bytes_max: Count = LIVE_BLOCK_BYTES_MAX
    ring_blocks_max: Count = RING_BLOCKS_MAX
    ring_bytes_max: Count = RING_BYTES_MAX
    kept_bytes_max: Count = KEPT_BYTES_MAX
    pump_bytes: Count = PUMP_BYTES
    pumps_of_turn: Count = PUMPS_OF_TURN
    pumps_at_once: Count = PUMPS_AT_ONCE
    stalled_s: StallTime = STALLED_S
    unsent_bytes_max: Count = UNSENT_BYTES_MAX
    sweep_s: Interval = SWEEP_S
    clients_max: Count = CLIENTS_MAX
    clients_of_contest_max: Count = CLIENTS_OF_CONTEST_MAX
    places_for_logins: Places = PLACES_FOR_LOGINS
    boards_max: Count = BOARDS_MAX
    boards_of_contest_max: Count = BOARDS_OF_CONTEST_MAX

    @property
    def round_bytes(self) -> int:
        """What clients that catch up are given in one round of the event loop."""
        return self.pumps_at_once * self.pump_bytes

    @property
    def stall_look_s(self) -> float:
        """How often it is asked of the kernel whether a client takes anything, in seconds."""
        return self.stalled_s / STALL_LOOKS

    @property
    def vanished_s(self) -> float:
        """After how many seconds the kernel gives up a connection that we no longer look after."""
        return STALLS_UNTIL_VANISHED * self.stalled_s
