"""Turns: whoever of a group has lost a race for a stream goes before those who have not.

Appends are compare-and-set, so of two workers that write to one contest at once one has decided in vain. That is right,
but the same one may lose again and again; so it says by its mark that it waits for a turn, and the others hold back
until it has had it, for TURN_S_MAX at most. Nothing rests on it but how soon somebody gets through.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

from cds.workers.marks import Mark

TURN_S_MAX = 0.1
"""How long somebody who waits for a turn is let go first, counted from when the wait began.

One that has died or stands still holds up nobody after that; one that lives and loses again begins to wait anew.
"""

_TURN_NS_MAX = int(TURN_S_MAX * 1e9)

LOOK_S = 0.0005
"""How often it is looked whether the turn has been had."""


@contextmanager
def giving_back(mark: Mark) -> Iterator[None]:
    """Wait for no turn any more when the block ends, however it does."""
    try:
        yield
    finally:
        mark.wait_for_turn(0)


def lost(mark: Mark) -> None:
    """Say that somebody else of the group wrote first; the first such moment counts, for TURN_S_MAX."""
    now_ns = time.monotonic_ns()
    mark.wait_for_turn(now_ns, now_ns - _TURN_NS_MAX)


async def let_others_first(mark: Mark) -> None:
    """Come back when nobody of the group waits for a turn who has done so for longer than we have."""
    began_ns = time.monotonic_ns()
    while (now_ns := time.monotonic_ns()) < began_ns + _TURN_NS_MAX:
        if not mark.others_go_first(now_ns - _TURN_NS_MAX):
            return
        await asyncio.sleep(LOOK_S)
