"""What the sync API answers, key by key as its contract has them (requirements-000, 1.5, 1.11, 1.13).

This module knows shapes; it must not know how a run comes about.
"""

from collections.abc import Mapping

import msgspec

from cds.platforms.questions import Platform
from cds.platforms.scheduling import next_due_ms
from projections.sync_runs import SyncRuns
from schemas.sync_records import SyncRun
from schemas.times import format_time


class RunCounts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one platform of all. `skipped` stands there only when it is so; `error` when it failed."""

    synced: int
    updated: int
    failed: int
    skipped: bool = False
    error: str | None = None


class SyncCompleted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer to the sync of one platform."""

    message: str
    platform: Platform
    synced: int
    updated: int
    failed: int
    skipped: bool = False


class AllCompleted(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to the sync of all platforms."""

    message: str
    results: Mapping[Platform, RunCounts]


class PlatformStatus(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What an administrator sees of a platform. `contests` is how many were ever synced, `runs` how many there were.

    `nextSyncAt` is when it will next be synced by itself; null where that is not so, or not known before a first run.
    """

    platform: Platform
    enabled: bool
    last_synced_at: str | None
    next_sync_at: str | None
    contests: int
    runs: int


class ShownFailure(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A contest that could not be translated or written; `contestId` is the platform's id, where it was readable.

    Where a single contest was imported: one of its objects, by its id.
    """

    contest_id: str | None
    reason: str


class ShownRun(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A run in the history. `changed`: contests of which something public changed; `error`: what stopped it all."""

    id: str
    trigger: str
    actor: str
    forced: bool
    contest_id: str | None
    started_at: str
    ended_at: str
    synced: int
    updated: int
    failed: int
    changed: int
    error: str | None
    reason: str | None
    failures: tuple[ShownFailure, ...]
    bodies_sha256: str | None


class SyncedContestStatus(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """When one contest was last brought level; `contestId` is the platform's id, `id` ours (null: not here now)."""

    contest_id: str
    id: str | None
    last_synced_at: str | None


class History(PlatformStatus, frozen=True, kw_only=True, rename="camel"):
    """The answer to GET of one platform. `next` is the offset of the next page, null behind the last.

    `syncedContests` tells of the first contests when each was last synced; `.../contests` of all, page by page.
    """

    history: tuple[ShownRun, ...]
    next: int | None
    synced_contests: tuple[SyncedContestStatus, ...]


class SyncedContests(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A page of the contests of a platform."""

    platform: Platform
    contests: tuple[SyncedContestStatus, ...]
    next: int | None


def completed(platform: Platform, run: SyncRun | None) -> SyncCompleted:
    """The answer to a run; None for one that was skipped."""
    counts = counts_of(run)
    return SyncCompleted(
        message=f"Sync completed for {platform}",
        platform=platform,
        synced=counts.synced,
        updated=counts.updated,
        failed=counts.failed,
        skipped=counts.skipped,
    )


def counts_of(run: SyncRun | None) -> RunCounts:
    """The counts of a run; None for one that was skipped."""
    if run is None:
        return RunCounts(synced=0, updated=0, failed=0, skipped=True)
    return RunCounts(synced=run.synced, updated=run.updated, failed=run.failed)


def failed_counts(reason: str) -> RunCounts:
    """Of a platform that failed as a whole."""
    return RunCounts(synced=0, updated=0, failed=0, error=reason)


def shown_run(run: SyncRun) -> ShownRun:
    """A run as administrators see it."""
    return ShownRun(
        id=run.id,
        trigger=run.trigger,
        actor=run.actor,
        forced=run.forced,
        contest_id=run.contest,
        started_at=run.began,
        ended_at=run.ended,
        synced=run.synced,
        updated=run.updated,
        failed=run.failed,
        changed=run.changed,
        error=run.failure,
        reason=run.reason,
        failures=tuple(ShownFailure(contest_id=row.key, reason=row.reason) for row in run.broken),
        bodies_sha256=run.bodies_sha256,
    )


def status(platform: Platform, runs: SyncRuns, *, enabled: bool, every_s: float) -> PlatformStatus:
    """A platform in the list of all; every so many seconds (0: never) it is synced by itself."""
    by_itself = enabled and every_s > 0 and runs.last is not None
    return PlatformStatus(
        platform=platform,
        enabled=enabled,
        last_synced_at=None if runs.last_success is None else runs.last_success.ended,
        next_sync_at=format_time(next_due_ms(runs.last, every_s, 0, platform)) if by_itself else None,
        contests=len(runs.contests()),
        runs=runs.total,
    )


def history(
    known: PlatformStatus, runs: SyncRuns, contests: tuple[SyncedContestStatus, ...], *, offset: int, limit: int
) -> History:
    """A page of a platform's runs, the newest first, and the first of its contests."""
    page, after = runs.newest(offset, limit), offset + limit
    return History(
        **msgspec.structs.asdict(known),
        history=tuple(map(shown_run, page)),
        next=after if after < runs.remembered else None,
        synced_contests=contests,
    )
