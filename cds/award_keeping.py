"""Award keeping: the awards of every contest follow what shapes them, whoever wrote it.

Whoever writes settles the contest before answering, so that a verdict and the awards that follow from it are seen
together; a watch beside it does the same for what other processes wrote and did not live to settle. Several
processes may settle the same change: the log takes the first, the others then find nothing to do.
This module must not know what an award is given for, nor any wire.
"""

import asyncio
from collections.abc import Mapping
from functools import partial

import structlog

from cds.commands.awards import decide_computed_awards
from cds.commands.decision import ObjectChange
from cds.contests import Contests
from cds.importing import encoded_events
from cds.live_contest import Circumstances, Contended, Decision, LiveContest
from cds.turn import TooManyCommands
from eventstore.store import StoreUnavailable
from projections.award_rules import kept_awards
from projections.awards import computed_awards
from projections.contest import ContestState
from projections.scoreboard import Board
from schemas.object_types import SINGLETON_ID

DEBOUNCE_S = 0.5
"""A change is this old, at least, before the watch looks at it: whoever wrote it is about to settle it."""

RETRY_S = 2.0
"""After a failure the watch leaves a contest alone for so long."""

DRAFTS_AVOIDED_MAX = 3
"""Times that a decision is put off because others write in the same commit; then it is made of what they write."""

WRITTEN_BY = "awards"
"""Actor and cause of the events."""

NOT_YET = -1
"""The position up to which a contest was looked at when it never was."""

log = structlog.get_logger(__name__)


class AwardKeeper:
    """Keeps the awards of all contests whose settings say so."""

    def __init__(self, contests: Contests, circumstances: Circumstances) -> None:
        """A keeper that does what it is asked to by `settle`; `watch` is a duty of one process besides."""
        self._contests = contests
        self._circumstances = circumstances
        self._looked: dict[str, int] = {}
        self._looking: dict[str, asyncio.Task[None]] = {}
        self._retry_at_s: dict[str, float] = {}

    async def settle(self, contest: LiveContest) -> None:
        """Come back when the awards follow from everything that the contest holds at the time of the call.

        Callers at the same time share the work. When the database is away or others are always faster, the failure
        is logged, the watch tries again, and the call comes back: what the caller wrote before stands all the
        same. Raises what else goes wrong, UnreadableEvent for example.
        """
        position = contest.position
        while self._looked.get(contest.contest_id, NOT_YET) < position:
            if contest.contest_id not in self._looking and not self._may_differ(contest):
                self._looked[contest.contest_id] = position
                return
            try:
                await asyncio.shield(self._look_once(contest))
            except (StoreUnavailable, Contended, TooManyCommands):
                return  # Logged where the looking ended.

    async def stop(self) -> None:
        """Stop looking."""
        tasks = list(self._looking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def watch(self) -> None:
        """Settle what others wrote and did not live to settle, in all contests, until cancelled."""
        seen: dict[str, int] = {}
        seen_changes = 0
        while True:
            due = [contest for contest in self._contests_of(seen) if self._is_due(contest, seen)]
            if due:
                await asyncio.wait([self._look_once(contest) for contest in due])
            left = [contest for contest in self._contests_of(seen) if not self._is_level(contest)]
            changed, seen_changes = self._contests.changed_since(seen_changes), self._contests.changes
            seen = {
                contest.contest_id: contest.position for contest in (*left, *changed) if not self._is_level(contest)
            }
            await asyncio.sleep(DEBOUNCE_S)

    def _contests_of(self, seen: Mapping[str, int]) -> list[LiveContest]:
        found = (self._contests.find(contest_id) for contest_id in seen)
        return [contest for contest in found if contest is not None]

    def _is_level(self, contest: LiveContest) -> bool:
        """Whether all that is in memory has been looked at. Where no awards are kept there is nothing to look at."""
        if contest.contest_id not in self._looking and not contest.state.settings.awards.computed:
            self._looked[contest.contest_id] = contest.position
        return self._looked.get(contest.contest_id, NOT_YET) >= contest.position

    def _is_due(self, contest: LiveContest, seen: dict[str, int]) -> bool:
        """Whether nobody has looked at what was there when the watch last came by."""
        before = seen.get(contest.contest_id, NOT_YET)
        waiting = asyncio.get_running_loop().time() < self._retry_at_s.get(contest.contest_id, 0)
        return not waiting and self._looked.get(contest.contest_id, NOT_YET) < before

    def _look_once(self, contest: LiveContest) -> asyncio.Task[None]:
        """The looking at a contest that is under way, else a new one."""
        looking = self._looking.get(contest.contest_id)
        if looking is None or looking.done():
            looking = asyncio.create_task(self._look(contest), name=f"awards of {contest.contest_id}")
            self._looking[contest.contest_id] = looking
            looking.add_done_callback(partial(self._note_end, contest.contest_id))
        return looking

    async def _look(self, contest: LiveContest) -> None:
        position = contest.position
        if self._may_differ(contest):
            await self._write_changes(contest)
        self._looked[contest.contest_id] = position

    async def _write_changes(self, contest: LiveContest) -> None:
        """Write what the awards lack, in the end at the side of whatever is written at the same time."""
        for avoided in range(DRAFTS_AVOIDED_MAX + 1):
            if not _changes(contest, contest.state):
                return
            written = await contest.transact(
                partial(_decision, contest, on_drafts=avoided == DRAFTS_AVOIDED_MAX),
                actor=WRITTEN_BY,
                cause=WRITTEN_BY,
                circumstances=self._circumstances,
            )
            if written:
                return

    def _may_differ(self, contest: LiveContest) -> bool:
        """Whether anything that shapes awards has happened since the last look."""
        looked = self._looked.get(contest.contest_id, NOT_YET)
        return contest.state.settings.awards.computed and looked < shaped_position(contest.state, contest.live_board())

    def _note_end(self, contest_id: str, looking: asyncio.Task[None]) -> None:
        if self._looking.get(contest_id) is looking:
            del self._looking[contest_id]
        failure = None if looking.cancelled() else looking.exception()
        if failure is None:
            self._retry_at_s.pop(contest_id, None)
            return
        self._retry_at_s[contest_id] = asyncio.get_running_loop().time() + RETRY_S
        log.error("awards_not_kept", contest=contest_id, retry_in_s=RETRY_S, exc_info=failure)


def shaped_position(state: ContestState, board: Board) -> int:
    """The position of the last event on which the awards may rest; `board` is a board of the state.

    Besides what shapes the board these are the settings, the names of organizations, and the awards themselves,
    which somebody else may have changed or deleted.
    """
    others = {("x-settings", SINGLETON_ID), *(("awards", award_id) for award_id in kept_awards(state))}
    others.update((name, identifier) for name in ("organizations", "awards") for identifier in state.objects[name])
    return max(board.ranked_position, *(state.versions.get(key, 0) for key in others))


def _decision(contest: LiveContest, state: ContestState, *, on_drafts: bool) -> Decision:
    """The changes as events. None for a draft, when `on_drafts` is false: whoever asked looks again when it is written.

    A draft is a newer state than the contest has in memory, with commands that are about to be committed together
    with ours. To decide on it a board of its own has to be made, at fifty times the cost of the one in memory.
    """
    if state.position != contest.position and not on_drafts:
        return Decision(events=())
    return Decision(events=encoded_events(_changes(contest, state)))


def _changes(contest: LiveContest, state: ContestState) -> list[ObjectChange]:
    """What the awards lack in a state of the contest: the one in memory, or a draft."""
    board = contest.live_board() if state.position == contest.position else Board(state, frozen=False)
    return decide_computed_awards(state, computed_awards(state, board))
