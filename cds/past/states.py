"""States of past moments, and what audiences were shown of them.

A state stands on the snapshot before it, of which it is a draft; so many may stand on one. This module must not know
how a moment was named, nor who waits.
"""

import asyncio

import msgspec

from cds.decoding import decoded
from cds.live_contest import LiveContest
from cds.past.kept import Kept, Parts, Room
from cds.past.reading import events_between
from cds.past.snapshots import last_snapshot, state_before
from cds.past.weights import bytes_of_audience, bytes_of_draft, bytes_of_state
from eventstore.store import EventStore
from projections.audience import Audience
from projections.contest import Change, ContestState
from projections.draft import draft_of
from projections.integrity import Key
from projections.past_views import is_whole, stop_within
from projections.served_versions import ServedVersion
from projections.sharing import sharing
from projections.tokens import TokenMaker
from projections.versioned_audience import audience_of
from schemas.viewers import Role

STATES_KEPT_MAX = 8
SNAPSHOTS_KEPT_MAX = 3
VIEWS_KEPT_MAX = 6
"""States, snapshots on which they stand, and all that an audience was shown of one type, that are kept at most."""


class Moment(msgspec.Struct, frozen=True):
    """A moment of a contest: just after a position of its log; or within it, after the line of an index (None: all)."""

    position: int
    index: int | None = None


class PastState(msgspec.Struct, frozen=True, eq=False):
    """What the log came to at a position, and what the event there has changed. Nothing may happen to it any more.

    `snapshot` is the state on which it stands.
    """

    state: ContestState
    change: Change
    snapshot: ContestState

    def parts(self) -> Parts:
        """What it holds in memory."""
        yield self.snapshot, bytes_of_state(self.snapshot)
        yield self.state, bytes_of_draft(self.state, self.snapshot)


class PastView(msgspec.Struct, frozen=True, eq=False):
    """What an audience was shown of one type, or of one object of it, with the state behind that.

    `past` is that state, or the one of which it is a draft by one event (None before the first event).
    """

    state: ContestState
    audience: Audience
    past: PastState | None

    def parts(self) -> Parts:
        """What it holds in memory."""
        yield self.audience, bytes_of_audience(self.audience)
        if self.past is not None:
            yield from self.past.parts()


class PastStates:
    """States by moment."""

    def __init__(self, store: EventStore, tokens: TokenMaker, room: Room) -> None:
        """None has been asked for yet."""
        self._store = store
        self._tokens = tokens
        self._snapshots = Kept[ContestState](SNAPSHOTS_KEPT_MAX, room, _parts_of_snapshot)
        self._states = Kept[PastState](STATES_KEPT_MAX, room, PastState.parts)
        self._views = Kept[PastView](VIEWS_KEPT_MAX, room, PastView.parts)

    async def state(self, contest: LiveContest, position: int) -> PastState:
        """What the log of a contest came to at a position. Raises what the store raises."""
        asked = (contest.stream, position)
        kept = self._states.get(asked)
        if kept is not None:
            return kept
        # It stands on a snapshot before the position, so that its last event is always one that is applied here.
        snapshot = await self._snapshot(contest, position)
        state = draft_of(snapshot)
        change = Change(position, ())
        async for event in events_between(self._store, contest.stream, state.position, position):
            change = state.apply(event.position, event.type, event.id, decoded(event))
        return self._states.keep(asked, PastState(state, change, snapshot))

    async def collection(
        self, contest: LiveContest, moment: Moment, role: Role, version: ServedVersion, type_name: str
    ) -> PastView:
        """What an audience was shown at a moment of one type. Raises what the store raises."""
        asked = (contest.stream, moment, role, version.name, type_name)
        kept = self._views.get(asked)
        if kept is not None:
            return kept
        past, audience = await self.state(contest, moment.position), audience_of(role, version)
        if moment.index is None or is_whole(audience, past.state, past.change, moment.index):
            await _look_at_all(audience, past.state, type_name)
            return self._views.keep(asked, PastView(past.state, audience, past))
        view = await self._stopped_within(contest, moment.position, moment.index, audience, type_name)
        return self._views.keep(asked, view)

    async def object(
        self, contest: LiveContest, moment: Moment, role: Role, version: ServedVersion, key: Key
    ) -> PastView:
        """The same of one object, and perhaps of others."""
        past, audience = await self.state(contest, moment.position), audience_of(role, version)
        if moment.index is None or is_whole(audience, past.state, past.change, moment.index):
            audience.look_at(past.state, key)
            return PastView(past.state, audience, past)
        return await self.collection(contest, moment, role, version, key[0])

    async def _stopped_within(
        self, contest: LiveContest, position: int, index: int, audience: Audience, type_name: str
    ) -> PastView:
        """Show an audience what it was shown within an event of many lines."""
        past = None if position == 1 else await self.state(contest, position - 1)
        before = ContestState() if past is None else past.state
        await _look_at_all(audience, before, type_name)
        state = draft_of(before)
        (event,) = await self._store.read(contest.stream, position - 1, 1)
        change = state.apply(event.position, event.type, event.id, decoded(event))
        stop_within(audience, state, change, index, type_name=type_name)
        return PastView(state, audience, past)

    async def _snapshot(self, contest: LiveContest, position: int) -> ContestState:
        snapshot = await last_snapshot(self._store, contest.stream, position - 1, self._tokens)
        asked = (contest.stream, None if snapshot is None else snapshot.position)
        kept = self._snapshots.get(asked)
        if kept is None:
            kept = self._snapshots.keep(asked, await begun(self._store, self._tokens, contest, position))
        return kept


async def begun(store: EventStore, tokens: TokenMaker, contest: LiveContest, position: int) -> ContestState:
    """The whole state at the last snapshot before a position, its objects shared with the present as far as may be."""
    state = await state_before(store, contest.stream, position, tokens)
    for _ in sharing(state, contest.state):
        await asyncio.sleep(0)
    return state


def _parts_of_snapshot(state: ContestState) -> Parts:
    yield state, bytes_of_state(state)


async def _look_at_all(audience: Audience, state: ContestState, type_name: str) -> None:
    for _ in audience.looking_at(state, type_name):
        await asyncio.sleep(0)
