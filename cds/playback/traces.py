"""How far a replay has come, by what it has left in the log.

This module must not know what is played.
"""

import msgspec

from cds.live_contest import PAGE_EVENTS
from eventstore.store import EventStore
from schemas.records import RECORD_TYPES

ACTOR = "replay"
"""Who writes the events of a replay."""


class Trace(msgspec.Struct, frozen=True):
    """How many steps of its plan a replay has made up to a position of its stream."""

    position: int
    steps: int


NOTHING_YET = Trace(0, 0)


async def traced(store: EventStore, stream: str, since: Trace = NOTHING_YET) -> Trace:
    """How far a replay has come by now, where so much is known already. Raises what the store raises."""
    position, steps = since.position, since.steps
    while page := await store.read(stream, position, PAGE_EVENTS):
        steps += sum(event.actor == ACTOR and event.type not in RECORD_TYPES for event in page)
        position = page[-1].position
    return Trace(position, steps)
