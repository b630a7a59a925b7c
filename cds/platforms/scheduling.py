"""When platforms are synced by themselves: every few hours, one after the other, whatever becomes of any of them.

A duty of one process. When the next run is due follows from the last one in the log, so that it makes no difference
how often servers are started again. This module must not know what a run does.
"""

import asyncio
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Protocol

import structlog

from cds.circumstances import Circumstances
from cds.ledgers import Ledger
from cds.live_contest import Contended, UnreadableEvent
from cds.platforms.questions import Platform
from cds.platforms.syncing import Order, SyncFailed
from eventstore.store import StoreUnavailable
from projections.sync_runs import SyncRuns
from schemas.sync_records import SyncRun
from schemas.times import parse_time_ms

DUTY = "platform sync"
ACTOR = "schedule"

FIRST_S_MAX = 300.0
"""The first run of a platform comes so soon after the start of the server, or earlier where runs are more frequent."""

FAILED_RETRY_S_MAX = 1_800.0
"""After a run that failed the next is due so soon, or earlier."""

JITTER = 0.1
"""By as much of the interval a run may be late, so that not all servers ask at the same moment."""

LOOK_S_MAX = 30.0
LOOK_S_MIN = 0.05
"""How often it is looked whether something is due: others may sync meanwhile, and the machine's clock may jump."""

FAILED_PAUSE_S = 5.0
"""How long a platform is left alone whose run could not even be written down."""

TAKEN_PAUSE_S = 2.0
"""How long a platform is left alone that another process is syncing: its run will move the next one."""

log = structlog.get_logger(__name__)


class Synced(Protocol):
    """The sync, as far as whoever plans it is concerned."""

    histories: Mapping[Platform, Ledger[SyncRuns]]

    @property
    def enabled(self) -> Sequence[Platform]:
        """The platforms that can be synced."""
        ...

    async def sync(self, platform: Platform, order: Order, /) -> SyncRun | None:
        """Carry out a run."""
        ...


class Schedule:
    """The runs that nobody has asked for."""

    def __init__(self, syncing: Synced, every_s: float, circumstances: Circumstances) -> None:
        """A schedule with a run every so many seconds."""
        self._syncing = syncing
        self._every_s = every_s
        self._circumstances = circumstances

    async def keep(self) -> None:
        """Sync whenever a run is due, until cancelled."""
        began_ms = self._now_ms()
        if not self._syncing.enabled:
            log.info("sync_not_planned", reason="no platform is enabled")
            # A duty that ended would be begun again; this one waits for nothing.
            await asyncio.Event().wait()
        while True:
            due_ms = [await self._due_ms(platform, began_ms) for platform in self._syncing.enabled]
            for platform, platform_due_ms in zip(self._syncing.enabled, due_ms, strict=True):
                if platform_due_ms <= self._now_ms():
                    await self._sync(platform)
            ahead_s = (min(due_ms, default=self._now_ms()) - self._now_ms()) / 1_000
            await asyncio.sleep(min(LOOK_S_MAX, max(LOOK_S_MIN, ahead_s)))

    async def _due_ms(self, platform: Platform, began_ms: int) -> int:
        try:
            runs = await self._syncing.histories[platform].fresh()
        except StoreUnavailable:
            # What is in memory is as good as can be; whether the run can be written will be seen.
            runs = self._syncing.histories[platform].state
        return next_due_ms(runs.last, self._every_s, began_ms, platform)

    async def _sync(self, platform: Platform) -> None:
        """One run; what stops it has been told, or is told here, and does not stop the next."""
        try:
            # Its own interval is all the cool-down that it needs.
            run = await self._syncing.sync(platform, Order(trigger="schedule", actor=ACTOR, forced=True))
            if run is None:
                await asyncio.sleep(TAKEN_PAUSE_S)
        except SyncFailed:
            return
        except (StoreUnavailable, Contended, UnreadableEvent) as failure:
            log.warning("sync_delayed", platform=platform, reason=str(failure), retry_in_s=FAILED_PAUSE_S)
            await asyncio.sleep(FAILED_PAUSE_S)

    def _now_ms(self) -> int:
        return self._circumstances.now_us() // 1_000


def next_due_ms(last: SyncRun | None, every_s: float, began_ms: int, platform: str) -> int:
    """When the next run of a platform is due, in milliseconds since the epoch.

    `last` is the last run of the whole platform, whoever began it; `began_ms` is when the server began to plan. The
    lateness follows from the run, so that everybody who asks comes to the same moment.
    """
    if last is None:
        return began_ms + _late_ms(min(every_s, FIRST_S_MAX), platform)
    wait_s = every_s if last.failure is None else min(every_s, FAILED_RETRY_S_MAX)
    return parse_time_ms(last.ended) + _late_ms(wait_s, last.id)


def _late_ms(wait_s: float, seed: str) -> int:
    """A wait in milliseconds, and a part of JITTER of it more that follows from the seed."""
    fraction = int.from_bytes(sha256(seed.encode()).digest()[:4]) / 2**32
    return round(wait_s * 1_000 * (1 + JITTER * fraction))
