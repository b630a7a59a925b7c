"""The feed of a role that nobody has asked for since the start: built beside the live state, without holding it up.

This module must not know who asks.
"""

import asyncio
from typing import Protocol

from cds.checkpoints import restored
from cds.decoding import decoded
from cds.freshness import LogCutShort
from cds.releasing import RELEASED_AT_ONCE_MAX, concerns_many, released_alone
from eventstore.store import Event, EventStore
from projections.audience import Audience
from projections.contest import ContestState
from projections.feed_lines import FeedLines
from projections.served_versions import DRAFT, ServedVersion
from projections.tokens import TokenMaker
from projections.versioned_audience import audience_of
from schemas.viewers import Role

PAGE_EVENTS = 1_000
"""Events that are read at once."""

REPLAYED_AT_ONCE_MAX = RELEASED_AT_ONCE_MAX
"""Objects that are viewed anew in one go, an event counting for one at least; after so many others are served."""


class Live(Protocol):
    """The contest in memory that goes on meanwhile."""

    @property
    def stream(self) -> str:
        """The name of its stream."""
        ...

    @property
    def position(self) -> int:
        """The position up to which everything has been applied."""
        ...

    async def catch_up(self) -> None:
        """Read and apply everything that the stream holds beyond the position."""
        ...


async def built_audience(
    live: Live, store: EventStore, tokens: TokenMaker, role: Role, version: ServedVersion = DRAFT
) -> Audience:
    """The audience of a role with its feed: begun at the checkpoint, where that holds it, and replayed from there.

    Checkpoints hold the feeds in our own words; that of another version is replayed from the beginning. When this
    returns, the audience stands where the live state stands. Raises what the store raises, UnreadableEvent, and
    LogCutShort.
    """
    state, audience, lines = await _begun(store, live.stream, tokens, role, version)
    if live.position < state.position:
        await live.catch_up()
    while state.position < live.position:
        page = await store.read(live.stream, state.position, PAGE_EVENTS)
        if not page:
            raise LogCutShort(live.stream, live.position)
        viewed = 0
        for event in page:
            if state.position >= live.position:
                break
            viewed += await _replay(event, state, audience, lines)
            if viewed >= REPLAYED_AT_ONCE_MAX:
                viewed = 0
                lines.flush()
                await asyncio.sleep(0)
        lines.flush()
    return audience


async def _replay(event: Event, state: ContestState, audience: Audience, lines: FeedLines) -> int:
    """Apply an event; only one that concerns many objects lets others be served meanwhile.

    Returns how many objects have been viewed anew since others were served last, 1 at least.
    """
    change = state.apply(event.position, event.type, event.id, decoded(event))
    if concerns_many(audience, state, change):
        await released_alone(audience, state, change, event.chain, lines.flush)
        return 1
    audience.advance(state, change, event.chain)
    return max(len(change.keys), 1)


async def _begun(
    store: EventStore, stream: str, tokens: TokenMaker, role: Role, version: ServedVersion
) -> tuple[ContestState, Audience, FeedLines]:
    found = await restored(store, stream, tokens, (role,)) if version is DRAFT else None
    if found is not None:
        for _ in found.decoding():
            await asyncio.sleep(0)
        audience = found.snapshot.audiences[role]
        return found.snapshot.state, audience, audience.feed_lines
    lines = FeedLines(tokens)
    return ContestState(), audience_of(role, version, lines), lines
