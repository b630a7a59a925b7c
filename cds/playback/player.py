"""The player: appends what happens again, when it happens again.

It is the source of its contest, as another contest server would be. Interrupted, it goes on after what the log has of
it; what was due meanwhile happens at once, since the clock of the contest went on. This module must not know where the
history comes from.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from cds.commands.decision import UPDATES_ENDED, ObjectChange, Refused
from cds.importing import encoded_events
from cds.live_contest import Circumstances, Decision, LiveContest
from cds.playback.again import Again
from cds.playback.schedule import Due
from cds.playback.traces import ACTOR, NOTHING_YET, Trace, traced
from cds.store_opening import RETRY_S
from eventstore.store import Credential, EventStore, StoreUnavailable
from projections.contest import ContestState
from schemas.object_types import SINGLETON_ID
from schemas.records import Playback, Settings

DUTY_PREFIX = "playback:"
"""Before the name of a stream: the duty of playing it."""

TICK_S = 0.05
"""What comes within so short a time is appended together."""

BATCH_CHANGES_MAX = 1_000
SLEEP_S_MAX = 1.0
"""How long the player sleeps at most before it looks at the clock again, which may have been set."""

log = structlog.get_logger(__name__)

Told = Callable[[Sequence[Due], int], None]
"""Told what has just happened again, and how many changes have so far."""


async def whenever_ours(store: EventStore, stream: str, play: Callable[[], Awaitable[None]]) -> None:
    """Play the contest of a stream to the end, while no other process does, over outages of the database.

    Raises what `play` raises but for that.
    """
    while True:
        try:
            if await store.hold(DUTY_PREFIX + stream, play):
                return
        except StoreUnavailable as away:
            log.warning("database_unavailable", reason=str(away), retry_in_s=RETRY_S)
            await asyncio.sleep(RETRY_S)


class Player:
    """Plays one contest."""

    def __init__(
        self,
        store: EventStore,
        contest: LiveContest,
        plan: Sequence[Due],
        again: Again,
        playback: Playback,
        credentials: Sequence[Credential],
        circumstances: Circumstances,
    ) -> None:
        """`playback` and `credentials` are written with the first changes."""
        self._store = store
        self._contest = contest
        self._plan = plan
        self._again = again
        self._playback = playback
        self._credentials = credentials
        self._circumstances = circumstances
        self._trace = NOTHING_YET

    async def play(self, told: Told) -> None:
        """Play to the end.

        Raises Refused when the updates of the contest have ended before, or it is not ours, and what the store raises.
        """
        await self._look()
        told((), self._trace.steps)
        while self._trace.steps < len(self._plan):
            batch = self._due(self._trace.steps)
            if not batch:
                await asyncio.sleep(self._pause_s(self._trace.steps))
            elif await self._appended(batch):
                told(batch, self._trace.steps)
                await asyncio.sleep(0 if len(batch) == BATCH_CHANGES_MAX else TICK_S)
            else:
                await self._look()

    async def _look(self) -> None:
        """Learn how far the replay has come, whoever played it. Raises Refused when it is another one."""
        await self._contest.catch_up()
        if self._contest.position and self._contest.state.settings.playback != self._playback:
            raise Refused(f"{self._contest.contest_id} is another contest since; the same command begins a new one")
        self._trace = await traced(self._store, self._contest.stream, self._trace)

    def _due(self, place: int) -> Sequence[Due]:
        """What is to happen by now, as much of it as goes into one append."""
        now_ms = self._now_ms()
        end = place
        while end < min(len(self._plan), place + BATCH_CHANGES_MAX) and self._happening_ms(end) <= now_ms:
            end += 1
        return self._plan[place:end]

    def _happening_ms(self, place: int) -> int:
        return self._again.happening_ms(self._plan[place].moment_ms)

    def _pause_s(self, place: int) -> float:
        return min(SLEEP_S_MAX, max(TICK_S, (self._happening_ms(place) - self._now_ms()) / 1_000))

    def _now_ms(self) -> int:
        return self._circumstances.now_us() // 1_000

    async def _appended(self, batch: Sequence[Due]) -> bool:
        """Append what happens; False, and nothing, when the log is not as it was when we looked.

        So nothing happens twice, though an append of ours or of another player should come through late.
        """
        changes = [self._again.change(due.change) for due in batch]

        def decide(state: ContestState) -> Decision:
            if state.position != self._trace.position:
                raise _Moved
            if state.ended_updates:
                raise Refused(UPDATES_ENDED, ground="forbidden")
            if state.position:
                return Decision(events=encoded_events(changes))
            settings = ObjectChange("x-settings", SINGLETON_ID, Settings(playback=self._playback))
            return Decision(events=encoded_events([settings, *changes]), credentials=self._credentials)

        cause = f"replay {self._playback.source}"
        try:
            appended = await self._contest.transact(decide, actor=ACTOR, cause=cause, circumstances=self._circumstances)
        except _Moved:
            return False
        self._trace = Trace(self._trace.position + len(appended), self._trace.steps + len(batch))
        return True


class _Moved(Exception):
    """The log has grown since we looked at it."""
