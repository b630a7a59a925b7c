"""Measures the process while it serves: how late its loop is, memory, files, how far each contest has got.

Nobody asks for these at the moment they change, and any worker answers for all, so each looks at itself at intervals.
This module must not know how measurements are read.
"""

import asyncio
from typing import Protocol

import structlog

from cds import metrics
from cds.background import telling_of_failure
from cds.contests import Contests
from cds.live_contest import STREAM_PREFIX, stream_of
from cds.operations.process import ProcessMeasurements
from cds.operations.worker_metrics import forget
from eventstore.store import Head, StoreUnavailable

TICKS_PER_LOOK = 4
"""So many ticks lie between two looks at the process."""

TICKS_PER_LAG = 20
"""So many ticks lie between two looks at the ends of the streams, which the database is asked for."""

LAG_S_MAX = 3.0
"""How long the database may take to tell the ends of the streams."""

CONTESTS_MEASURED_MAX = 200
"""Contests that have measurements of their own: every one of them is kept and sent with each scrape."""

log = structlog.get_logger(__name__)


class WatchedStore(Protocol):
    """What is watched of a store."""

    @property
    def reachable(self) -> bool:
        """See EventStore."""
        ...

    @property
    def hint_connections_lost(self) -> int:
        """How often the connection for hints has been lost."""
        ...

    async def heads(self) -> dict[str, Head]:
        """See EventStore."""
        ...


class Watcher:
    """Sets the measurements of one process from `start` to `stop`."""

    def __init__(self, store: WatchedStore, contests: Contests, version: str) -> None:
        """`version` is that of the program."""
        self._store = store
        self._contests = contests
        self._process = ProcessMeasurements(version)
        self._reachable = True
        self._connections_lost = 0
        self._measured: set[str] = set()
        self._lag_measured: set[str] = set()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to watch."""
        self._task = asyncio.create_task(self._watch(), name="watch the process")
        self._task.add_done_callback(telling_of_failure("watching_failed"))

    async def stop(self) -> None:
        """Watch no longer."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _watch(self) -> None:
        tick = 0
        while True:
            self.look_at_database()
            if tick % TICKS_PER_LOOK == 0:
                self._process.look()
                self.look_at_contests()
            if tick % TICKS_PER_LAG == 0:
                await self.look_at_lag()
            tick += 1
            await self._process.tick()

    def look_at_database(self) -> None:
        """See whether the database answers; say so in the log when that has changed."""
        lost, reachable = self._store.hint_connections_lost, self._store.reachable
        metrics.LISTEN_LOST.inc(lost - self._connections_lost)
        self._connections_lost = lost
        metrics.DATABASE_REACHABLE.set(reachable)
        if reachable == self._reachable:
            return
        self._reachable = reachable
        if reachable:
            log.info("database_back")
        else:
            log.warning("database_lost")

    def look_at_contests(self) -> None:
        """See how far each contest has been applied; of those that are gone nothing is told any more."""
        contests = list(self._contests)
        for contest in contests[:CONTESTS_MEASURED_MAX]:
            metrics.CONTEST_POSITION.labels(contest.contest_id).set(contest.position)
        metrics.CONTESTS.set(len(contests))
        measured = {contest.contest_id for contest in contests[:CONTESTS_MEASURED_MAX]}
        for contest_id in self._measured - measured:
            forget(metrics.CONTEST_POSITION, contest_id)
        self._measured = measured

    async def look_at_lag(self) -> None:
        """See how far each contest is behind its stream, also one that cannot be read at all."""
        try:
            async with asyncio.timeout(LAG_S_MAX):
                heads = await self._store.heads()
        except (StoreUnavailable, TimeoutError):
            # How far it is behind cannot be known now; that the database is away is seen by `look_at_database`.
            return
        self._measure_lag(heads)

    def _measure_lag(self, heads: dict[str, Head]) -> None:
        behind = {
            contest_id: max(0, head.position - self._contests.position(contest_id))
            for contest_id, head in ((stream.removeprefix(STREAM_PREFIX), head) for stream, head in heads.items())
            if stream_of(contest_id) in heads
        }
        # A contest that is gone for good, its deletion read, leaves its stream behind, and is nobody's affair any more.
        told = [each for each in behind if behind[each] or self._contests.find(each)][:CONTESTS_MEASURED_MAX]
        for contest_id in told:
            metrics.CONTEST_LAG_EVENTS.labels(contest_id).set(behind[contest_id])
        for contest_id in self._lag_measured.difference(told):
            forget(metrics.CONTEST_LAG_EVENTS, contest_id)
        self._lag_measured = set(told)
