"""The clock of every contest that this server runs: what is due is appended, on time or as soon as it can be.

To play it is a duty of one process (cds/duties.py); whoever writes looks at it besides. A decision that somebody else
has carried out already comes to nothing, since it is taken anew on the state that has it. This module must not know
what is due; that is decided in `cds.commands`.
"""

import asyncio
from functools import partial

import structlog

from cds.commands.contest_clock import due_changes, next_due_ms
from cds.commands.matches.belonging import CLOCK
from cds.contests import Contests
from cds.importing import encoded_events
from cds.live_contest import Circumstances, Contended, Decision, LiveContest, UnreadableEvent
from cds.turn import TooManyCommands
from eventstore.store import StoreRefused, StoreUnavailable
from projections.contest import ContestState

CHECK_S = 0.25
"""How often the clock is looked at when nothing is known to be due: it may jump, and others may change a contest."""

RETRY_MS = 1_000
"""How long a contest that could not be written is left alone, in milliseconds."""

PASSING = (StoreUnavailable, StoreRefused, Contended, TooManyCommands, UnreadableEvent)
"""Failures that have been told elsewhere, or that end by themselves."""

ACTOR = CLOCK
CAUSE = "clock"

log = structlog.get_logger(__name__)


class ContestClock:
    """Plays the clock of all contests, for as long as it runs."""

    def __init__(self, contests: Contests, circumstances: Circumstances) -> None:
        """A clock that stands still; `settle` can be used without playing it."""
        self._contests = contests
        self._circumstances = circumstances
        self._planned: dict[str, tuple[int, int | None]] = {}
        self._coming: set[str] = set()
        self._seen_changes = 0
        self._failed_ms: dict[str, int] = {}
        self._settling: dict[str, asyncio.Task[None]] = {}
        self._running = False

    async def settle(self, contest: LiveContest) -> None:
        """Append what is due in the contest now. Raises what `LiveContest.transact` raises.

        To be called before every write: what comes after the end comes after the event that says so.
        """
        due_ms = self._due_ms(contest)
        if due_ms is not None and due_ms <= _now_ms(self._circumstances):
            await settle_contest(contest, self._circumstances)

    async def play(self) -> None:
        """Play the clock of all contests until cancelled."""
        self._running = True
        try:
            while True:
                self._look_at_changes()
                for contest in self._expected():
                    if self._is_due(contest):
                        self._begin(contest)
                await asyncio.sleep(self._pause_s())
        finally:
            self._running = False
            settling = list(self._settling.values())
            for task in settling:
                task.cancel()
            await asyncio.gather(*settling, return_exceptions=True)

    @property
    def running(self) -> bool:
        """Whether the clock is being played here."""
        return self._running

    def _look_at_changes(self) -> None:
        """Find out for contests that have changed whether anything is to come in them."""
        seen_changes, self._seen_changes = self._seen_changes, self._contests.changes
        for contest in self._contests.changed_since(seen_changes):
            if self._due_ms(contest) is None:
                self._coming.discard(contest.contest_id)
            else:
                self._coming.add(contest.contest_id)

    def _expected(self) -> list[LiveContest]:
        """The contests in which something is to come."""
        found = (self._contests.find(contest_id) for contest_id in self._coming)
        return [contest for contest in found if contest is not None]

    def _is_due(self, contest: LiveContest) -> bool:
        """Whether something is to be written now: nobody is about it, and no failure is fresh."""
        now_ms, due_ms = _now_ms(self._circumstances), self._due_ms(contest)
        failed_ms = self._failed_ms.get(contest.contest_id)
        # Where the machine's clock has jumped back the failure lies in the future, and counts no more.
        fresh = failed_ms is not None and failed_ms <= now_ms < failed_ms + RETRY_MS
        return due_ms is not None and due_ms <= now_ms and contest.contest_id not in self._settling and not fresh

    def _begin(self, contest: LiveContest) -> None:
        """Settle beside the others: one contest whose stream is held by an import does not stop their clocks."""
        settling = asyncio.create_task(self.settle(contest), name=f"clock of {contest.contest_id}")
        self._settling[contest.contest_id] = settling
        settling.add_done_callback(partial(self._note_end, contest.contest_id))

    def _note_end(self, contest_id: str, settling: asyncio.Task[None]) -> None:
        del self._settling[contest_id]
        failure = None if settling.cancelled() else settling.exception()
        if failure is None:
            self._failed_ms.pop(contest_id, None)
            return
        self._failed_ms[contest_id] = _now_ms(self._circumstances)
        if isinstance(failure, PASSING):
            log.warning("clock_delayed", contest=contest_id, reason=str(failure), retry_in_ms=RETRY_MS)
        else:
            log.error("clock_failed", contest=contest_id, retry_in_ms=RETRY_MS, exc_info=failure)

    def _due_ms(self, contest: LiveContest) -> int | None:
        """When something is due next, looked up again only when the contest has changed."""
        planned = self._planned.get(contest.contest_id)
        if planned is None or planned[0] != contest.position:
            planned = contest.position, next_due_ms(contest.state, _now_ms(self._circumstances))
            self._planned[contest.contest_id] = planned
        return planned[1]

    def _pause_s(self) -> float:
        """Until the next moment at which something is due, at most CHECK_S. What is overdue has failed and waits."""
        now_ms = _now_ms(self._circumstances)
        due = (self._due_ms(contest) for contest in self._expected())
        ahead_s = ((due_ms - now_ms) / 1_000 for due_ms in due if due_ms is not None and due_ms > now_ms)
        return min([CHECK_S, *ahead_s])


async def settle_contest(contest: LiveContest, circumstances: Circumstances) -> None:
    """Append what is due in one contest now. Raises what `LiveContest.transact` raises."""
    decide = partial(_decide, now_ms=_now_ms(circumstances))
    await contest.transact(decide, actor=ACTOR, cause=CAUSE, circumstances=circumstances)


def _decide(state: ContestState, *, now_ms: int) -> Decision:
    return Decision(events=encoded_events(due_changes(state, now_ms)))


def _now_ms(circumstances: Circumstances) -> int:
    return circumstances.now_us() // 1_000
