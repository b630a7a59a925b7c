"""What a source says, put into our contest: the steps of its stream become events, each naming the line it comes from.

Because each event names its line, what was not written yet when this program ended is written by the next one, in the
same order. What the contest does not take now is not lost: the contest is made equal to the source later. This module
must not know where steps come from.
"""

import asyncio
from collections.abc import Iterator, Sequence

import structlog

from cds.circumstances import Circumstances
from cds.commands.accounts import login_change
from cds.commands.decision import Refused
from cds.importing import encoded_events, erased
from cds.live_contest import Contended, Decision, LiveContest
from cds.turn import TooManyCommands
from cds.upstream.decisions import Decided, decide_following
from cds.upstream.following import Step, Wanted
from eventstore.store import EventStore, NewEvent, StoreRefused, StoreUnavailable
from projections.contest import ContestState
from projections.integrity import Key

TRANSACTION_CHANGES_MAX = 500
"""Changes that go into the contest in one commit, so that requests are served in between."""

SCANNED_EVENTS_MAX = 20_000
"""Events of the contest among which the last one is looked for that came from the source."""

PAGE_EVENTS = 500
AGAIN_S = 0.5
ACTOR = "source"

log = structlog.get_logger(__name__)


class NotOurs(Exception):
    """Another process may be following this source."""


class ContestWriter:
    """Writes what one source says into the contest that is made of it."""

    def __init__(self, store: EventStore, contest: LiveContest, stream: str, circumstances: Circumstances) -> None:
        """`stream` is that of the source, whose duty this process must have to write. Nothing has been written."""
        self.contest = contest
        self.refused: tuple[str, ...] = ()
        """Why the contest does not take everything now; to be tried again as a whole."""
        self.events = 0
        """Events written so far."""
        self._undone: dict[Key, None] = {}
        self._store = store
        self._stream = stream
        self._circumstances = circumstances

    async def last_source_position(self) -> int | None:
        """The position in the source's stream from which the contest got its last event; None where that is unknown.

        0 for a contest in which nothing has happened yet.
        """
        await self.contest.catch_up()
        end = self.contest.position
        if end == 0:
            return 0
        mark = f"{self._stream} "
        for last in range(end, max(end - SCANNED_EVENTS_MAX, 0), -PAGE_EVENTS):
            first = max(last - PAGE_EVENTS, 0)
            page = await self._store.read(self.contest.stream, first, last - first)
            for event in reversed(page):
                number = event.cause.removeprefix(mark)
                if event.actor == ACTOR and number != event.cause and number.isdecimal():
                    return int(number)
        return None

    async def write(self, steps: Sequence[Step], wanted: Wanted) -> None:
        """Put steps into the contest, in order, whenever the database is there; `wanted` is what they come to."""
        if self.refused:
            # What could not be done before comes before what is new, and the whole knows about both.
            steps = [*steps, Step(wanted.position, [], aligns=True)]
        refused: tuple[str, ...] = ()
        for some in _pieces(steps):
            decided = await self._transact(some, wanted)
            refused += tuple(decided.refused)
            self._undone |= dict.fromkeys(decided.undone)
        for reason in sorted({*refused} - {*self.refused}):
            log.warning("source_refused", source=self._stream, contest=self.contest.contest_id, reason=reason)
        self.refused = tuple(dict.fromkeys(refused))

    def take_undone(self) -> list[Key]:
        """The objects that were changed here and have become as the source says again, since the last call."""
        undone, self._undone = self._undone, {}
        return list(undone)

    async def count_passwords(self, account_ids: Sequence[str]) -> None:
        """Have who logged in with a former password log in again. For accounts that are there."""

        def decide(state: ContestState) -> Decision:
            changes = [
                change
                for account_id in account_ids
                if account_id in state.objects["accounts"]
                for change in login_change(state, account_id, new_password=True, disabled=None)
            ]
            return Decision(events=encoded_events(changes))

        await self.contest.transact(decide, actor=ACTOR, cause=self._stream, circumstances=self._circumstances)

    async def _transact(self, steps: Sequence[Step], wanted: Wanted) -> Decided:
        found: list[Decided] = []

        def decide(state: ContestState) -> Decision:
            # Whoever has lost the duty may be late: another process may have written what the upstream said next.
            if not self._store.holds(self._stream):
                raise NotOurs("the duty of following is not ours at this moment")
            found.append(decide_following(state, steps, wanted))
            changes = [change for _, change in found[-1].changes]
            return Decision(events=list(self._events(found[-1])), credentials=erased(self.contest.stream, changes))

        while True:
            try:
                events = await self.contest.transact(
                    decide, actor=ACTOR, cause=self._stream, circumstances=self._circumstances
                )
            except (Refused, StoreRefused) as refused:
                return Decided((), (str(refused),))
            except (StoreUnavailable, Contended, TooManyCommands, NotOurs) as delayed:
                log.warning("source_delayed", source=self._stream, reason=str(delayed))
                await asyncio.sleep(AGAIN_S)
            else:
                self.events += len(events)
                return found[-1]

    def _events(self, decided: Decided) -> Iterator[NewEvent]:
        for event, (position, _) in zip(
            encoded_events([change for _, change in decided.changes]), decided.changes, strict=True
        ):
            yield NewEvent(type=event.type, id=event.id, data=event.data, cause=f"{self._stream} {position}")


def _pieces(steps: Sequence[Step]) -> Iterator[list[Step]]:
    """The steps in pieces of a bearable size; a step is never divided."""
    piece: list[Step] = []
    changes = 0
    for step in steps:
        piece.append(step)
        changes += len(step.changes)
        if changes >= TRANSACTION_CHANGES_MAX:
            yield piece
            piece, changes = [], 0
    if piece:
        yield piece
