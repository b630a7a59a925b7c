"""The past of all contests of a server: one moment after the other, so that nobody else is held up.

This module must not know any wire, nor how a moment was named.
"""

from contextlib import AbstractAsyncContextManager, nullcontext

from cds.live_contest import LiveContest
from cds.past.boards import PastBoards
from cds.past.kept import Kept, Parts, Room
from cds.past.reading import bring_level
from cds.past.states import Moment, PastStates, PastView
from cds.past.told import Told
from cds.past.told_to_everybody import ToldToEverybody
from cds.past.turns import Turns
from cds.past.weights import GROWN_OBJECT_BYTES, KEPT_BYTES_MAX
from eventstore.store import EventStore
from projections.contest import ContestState
from projections.integrity import Key
from projections.past_moments import RecordedTimes
from projections.served_versions import ServedVersion
from projections.tokens import TokenMaker
from projections.told_times import Marks
from projections.visibility import role_view
from projections.visibility_table import SEES_LIVE_SCOREBOARD, SEES_PROBLEMS_BEFORE_START
from schemas.viewers import Role, Viewer

TIMES_KEPT_MAX = 64
"""Contests of which is kept when each event was recorded, and when things happened by their own words."""


class GroupUnseen(LookupError):
    """The scoreboard of a group was asked for that the viewer did not see then."""


class Pasts:
    """What was to be seen of contests at any moment. Everything raises TooManyWaiting, and what the store raises."""

    def __init__(self, store: EventStore, tokens: TokenMaker) -> None:
        """Nobody has asked for anything yet."""
        self._store = store
        room = Room(KEPT_BYTES_MAX)
        self._states = PastStates(store, tokens, room)
        self._boards = PastBoards(store, tokens, room)
        self._times = Kept[RecordedTimes](TIMES_KEPT_MAX)
        self._told = Kept[Told](TIMES_KEPT_MAX)
        self._told_to_everybody = Kept[ToldToEverybody](TIMES_KEPT_MAX, room, _parts_of_told)
        self._turns = Turns()

    async def position_at(self, contest: LiveContest, time_ms: int, role: Role) -> int:
        """The last position of a contest that was recorded at this millisecond or before it, 0 for none."""
        end = contest.position
        times = self._times.get(contest.stream) or self._times.keep(contest.stream, RecordedTimes())
        if times.position < end:
            async with self._turns.taking_one(role):
                await bring_level(times, self._store, contest.stream, end)
        return min(times.last_position(time_ms), end)

    async def told_times(self, contest: LiveContest, role: Role) -> Marks | None:
        """By what contest times of a contest count for a role; None where they count by when events were recorded."""
        stream, end = contest.stream, contest.position
        if SEES_LIVE_SCOREBOARD[role]:
            told = self._told.get(stream) or self._told.keep(stream, Told(self._store, stream))
            async with self._turn_to_read(told, end, role):
                times = await told.times(end)
            return None if times is None else times.everything
        # Those behind the freeze go by what everybody is shown, and by nothing that only others know.
        everybodys = self._told_to_everybody
        shown = everybodys.get(stream) or everybodys.keep(stream, ToldToEverybody(self._store, stream))
        async with self._turn_to_read(shown, end, role):
            times = await shown.times(end, contest.state)
            everybodys.keep(stream, shown)  # It takes more room than before.
        return None if times is None else times.everything

    async def state(self, contest: LiveContest, moment: Moment, role: Role) -> ContestState:
        """What the log of a contest came to, for whoever asks in a role."""
        async with self._turns.taking_one(role):
            return (await self._states.state(contest, moment.position)).state

    async def collection(
        self, contest: LiveContest, moment: Moment, role: Role, version: ServedVersion, type_name: str
    ) -> PastView:
        """What the holders of a role were shown of one type."""
        async with self._turns.taking_one(role):
            return await self._states.collection(contest, moment, role, version, type_name)

    async def object(
        self, contest: LiveContest, moment: Moment, viewer: Viewer, version: ServedVersion, key: Key
    ) -> bytes | None:
        """One object as a viewer was shown it, None when it was not shown."""
        async with self._turns.taking_one(viewer.role):
            view = await self._states.object(contest, moment, viewer.role, version, key)
            return view.audience.object(key, viewer.team_id)

    async def scoreboard(
        self, contest: LiveContest, moment: Moment, viewer: Viewer, *, frozen: bool, group_id: str | None
    ) -> bytes:
        """The scoreboard as JSON, of one group or (None) the main one; raises GroupUnseen.

        The boards know all that an event says as soon as anything of it is told.
        """
        role = viewer.role
        frozen = frozen or not SEES_LIVE_SCOREBOARD[role]
        async with self._turns.taking_one(role):
            state, board = await self._boards.board(contest, moment.position, frozen=frozen)
            if group_id is not None and not role_view(role).visible(state, viewer.team_id, "groups", group_id):
                raise GroupUnseen(group_id)
            visible = SEES_PROBLEMS_BEFORE_START[role] or state.timeline.started
            return board.scoreboard(group_id, problems_visible=visible)

    def _turn_to_read(self, told: Told | ToldToEverybody, end: int, role: Role) -> AbstractAsyncContextManager[None]:
        """A turn, for a role, where something has to be read."""
        return nullcontext() if told.is_level(end) else self._turns.taking_one(role)


def _parts_of_told(told: ToldToEverybody) -> Parts:
    yield told, told.objects * GROWN_OBJECT_BYTES
