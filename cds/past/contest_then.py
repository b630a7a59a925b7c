"""A contest as it was at a moment, in memory like any other, for those who want all of it: what it was is exported.

This module must not know who wants it.
"""

import asyncio

from cds.decoding import decoded
from cds.feed_building import PAGE_EVENTS
from cds.freshness import LogCutShort
from cds.live_contest import LiveContest
from cds.past.states import Moment
from eventstore.store import EventStore
from projections.past_views import stop_within
from projections.tokens import TokenMaker
from schemas.viewers import Role


class ContestThen(LiveContest):
    """The contest up to a moment; of its audiences it has that of one role, with its feed."""

    def __init__(self, contest_id: str, store: EventStore, tokens: TokenMaker, role: Role, moment: Moment) -> None:
        """A contest of which nothing has been read yet; `catch_up` reads it up to the moment."""
        super().__init__(contest_id, store, tokens, eager_roles=(role,))
        self._role = role
        self._moment = moment
        self._begun = True  # not at a checkpoint, which may be of a later moment

    async def catch_up(self) -> None:
        """Read what the stream holds up to the moment. Raises UnreadableEvent, LogCutShort, and as the store does."""
        whole = self._moment.position - (self._moment.index is not None)
        while self.position < whole:
            page = await self._store.read(self.stream, self.position, min(PAGE_EVENTS, whole - self.position))
            if not page:
                raise LogCutShort(self.stream, whole)
            await self._take_in(page)
            await asyncio.sleep(0)
        if self._moment.index is not None and self.position < self._moment.position:
            await self._stop_within(self._moment.index)

    async def _stop_within(self, index: int) -> None:
        """Take in the last event up to, and with, the line of that index."""
        (event,) = await self._store.read(self.stream, self.position, 1)
        audience = self.audience(self._role)
        change = self.state.apply(event.position, event.type, event.id, decoded(event))
        stop_within(audience, self.state, change, index, chain=event.chain)
        audience.feed_lines.flush()
