"""Turns of several processes: who may begin when, so that an interval lies between any two.

Whoever cannot begin at once is promised a place, so that places are taken in the order in which they were asked for.
That a place has come is not enough: a turn begins only when nobody has begun within the last interval, also where
somebody came late to his place. This module knows the rule, for the store in memory, and how Postgres is asked, where
the same stands as a function (migrations/0005). It must not know what anybody does in a turn.
"""

import msgspec

from eventstore.connecting import Connections
from eventstore.limits import check_turn
from eventstore.queries import QUERIES
from eventstore.store import Turn

AHEAD_US_MAX = 3_600_000_000
"""A moment further ahead than this hour was written by a clock that has been set back since, and does not count."""


class Places(msgspec.Struct):
    """The turns of one name: behind the last place that is promised, and when the next turn may begin."""

    promised_us: int = 0
    free_us: int = 0

    def take(self, now_us: int, interval_us: int, patience_us: int, held_us: int | None) -> Turn:
        """Begin a turn, or promise a place; see EventStore.take_turn."""
        latest_us = now_us + AHEAD_US_MAX
        promised_us = now_us if self.promised_us > latest_us else self.promised_us
        free_us = now_us if self.free_us > latest_us else self.free_us
        held_us = None if held_us is not None and held_us > latest_us else held_us
        place_us = max(promised_us, free_us, now_us) if held_us is None else held_us
        wait_us = max(place_us, free_us) - now_us
        if wait_us <= 0:
            self.free_us = now_us + interval_us
            self.promised_us = max(promised_us, self.free_us)
            return Turn(place_us=place_us, wait_us=0)
        self.free_us = free_us
        if held_us is None and wait_us > patience_us:
            self.promised_us = promised_us
            return Turn(place_us=None, wait_us=wait_us)
        self.promised_us = max(promised_us, place_us + interval_us)
        return Turn(place_us=place_us, wait_us=wait_us)

    def postpone(self, now_us: int, wait_us: int) -> None:
        """Let nobody begin for so long."""
        self.free_us = max(self.free_us, now_us + wait_us)


async def take_turn(
    connections: Connections, name: str, *, interval_us: int, patience_us: int, held_us: int | None
) -> Turn:
    """See EventStore.take_turn."""
    check_turn(name, interval_us, patience_us)
    # Where the answer was lost and this is asked again, a place may be promised that nobody takes.
    rows = await connections.fetch(QUERIES["take_turn"], name, interval_us, patience_us, held_us, AHEAD_US_MAX)
    return Turn(place_us=rows[0][0], wait_us=rows[0][1])


async def postpone_turns(connections: Connections, name: str, wait_us: int) -> None:
    """See EventStore.postpone_turns."""
    check_turn(name, wait_us, 0)
    await connections.fetch(QUERIES["postpone_turns"], name, wait_us)
