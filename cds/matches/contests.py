"""Matches as contests of the log: each is brought level with its match after every change, on time, and at the start.

A match and its contest are two streams, so a process may die between the two appends: whoever holds the duty compares
the two whenever one of them has moved. What the contest of a match is made of is decided in
`cds.commands.matches.contest_of`. This module must not know who changes matches, nor any wire.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Protocol

import structlog

from cds.circumstances import Circumstances
from cds.commands.decision import Refused
from cds.commands.matches.belonging import ACTOR
from cds.commands.matches.contest_of import decide_level
from cds.committing import Contended
from cds.decoding import UnreadableEvent
from cds.importing import encoded_events, erased
from cds.live_contest import LiveContest
from cds.turn import Decision, TooManyCommands
from eventstore.store import StoreRefused, StoreUnavailable
from projections.contest import ContestState
from projections.match_standings import next_due_ms
from projections.matches import Matches

DUTY = "matches"

CHECK_S = 1.0
"""How often it is looked whether a match is to start or to end: clocks may jump, and others may change a match."""

ATTEMPTS_MAX = 8
"""Times that a contest is brought level again because its match has changed meanwhile."""

Compared = tuple[int, int]
"""The position of the last event about a match, and that of its contest."""

PASSING = (StoreUnavailable, StoreRefused, Contended, TooManyCommands, UnreadableEvent, Refused)
"""Failures that have been told elsewhere, or that end by themselves."""

LASTING = (Refused, UnreadableEvent, StoreRefused)
"""Those of them that stay as long as match and contest are what they are."""

CAUSE = "match"

log = structlog.get_logger(__name__)


class Register(Protocol):
    """Where matches are kept."""

    async def fresh(self) -> Matches:
        """The matches, level with the log of all processes."""
        ...

    async def settled(self) -> Matches:
        """The same, after everything that is due has been appended."""
        ...


class MatchContests:
    """The contests of all matches."""

    def __init__(
        self, register: Register, opened: Callable[[str], Awaitable[LiveContest]], circumstances: Circumstances
    ) -> None:
        """Nothing has been compared yet. `opened` gives the contest of an id, an empty one where there is none yet."""
        self._register = register
        self._opened = opened
        self._circumstances = circumstances
        self._compared: dict[str, Compared] = {}
        """By match: where both were when they were level, or could not be made so."""

    async def bring_level(self, matches: Matches, match_ids: Collection[str]) -> None:
        """Make the contests of these matches what they are now. Costs little where nothing differs.

        Where that cannot be at the moment it is told in the log, and whoever holds the duty does it later: the match
        itself is written down already, and its contest follows.
        """
        for match_id in match_ids:
            await self._tried(matches, match_id)

    async def keep(self) -> None:
        """Start and end matches on time, and bring contests level that are not, until cancelled."""
        while True:
            try:
                matches = await self._register.settled()
                await self.compare(matches)
                await asyncio.sleep(self._pause_s(matches))
            except (StoreUnavailable, Contended) as failure:
                log.warning("matches_delayed", reason=str(failure))
                await asyncio.sleep(CHECK_S)

    async def compare(self, matches: Matches) -> None:
        """Bring level the contest of every match that has moved, or whose contest has, since the two were compared.

        So whatever the process that changed a match has left undone is made up for at once. What fails for good is not
        tried before one of them moves; whatever else goes wrong is tried whenever this is called.
        """
        for match in matches:
            contest = await self._opened(match.id)
            seen = matches.touched(match.id), contest.position
            if self._compared.get(match.id) == seen:
                continue
            tried = await self._tried(matches, match.id)
            # What has moved meanwhile, by ourselves or others, is looked at once more.
            if tried and seen == (matches.touched(match.id), contest.position):
                self._compared[match.id] = seen
            await asyncio.sleep(0)

    async def _tried(self, matches: Matches, match_id: str) -> bool:
        """Bring a contest level; says whether there is nothing to be tried again."""
        try:
            await self.bring_one_level(matches, match_id)
        except PASSING as failure:
            log.warning("match_contest_behind", contest=match_id, reason=str(failure))
            return isinstance(failure, LASTING)
        return True

    async def bring_one_level(self, matches: Matches, match_id: str) -> None:
        """Make one contest what its match is now.

        Raises what LiveContest.transact raises, and Contended where the match changes again and again.
        """
        for _ in range(ATTEMPTS_MAX):
            position = matches.position
            await self._append_what_differs(matches, match_id)
            matches = await self._register.fresh()
            if matches.position == position:
                return
        raise Contended(f"{match_id}: changed {ATTEMPTS_MAX} times while its contest was written")

    async def _append_what_differs(self, matches: Matches, match_id: str) -> None:
        def decide(state: ContestState) -> Decision:
            match = matches.find(match_id)
            changes = [] if match is None else decide_level(state, matches, match, self._now_ms())
            return Decision(events=encoded_events(changes), credentials=erased(contest.stream, changes))

        contest = await self._opened(match_id)
        # What another process has written a moment ago may have to be taken back, so nothing may be missed.
        await contest.catch_up()
        if decide(contest.state).events:
            await contest.transact(decide, actor=ACTOR, cause=CAUSE, circumstances=self._circumstances)

    def _pause_s(self, matches: Matches) -> float:
        """Until something is due, CHECK_S at most; what is overdue already is looked at as often."""
        due_ms = next_due_ms(matches)
        ahead_s = CHECK_S if due_ms is None else (due_ms - self._now_ms()) / 1_000
        return min(CHECK_S, ahead_s) if ahead_s > 0 else CHECK_S

    def _now_ms(self) -> int:
        return self._circumstances.now_us() // 1_000
