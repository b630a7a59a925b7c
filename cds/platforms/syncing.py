"""A run of the platform sync: ask, translate, bring every contest level, write down what it came to.

One run of a platform at a time, over all processes on the database. A run that is cut off in the middle leaves the
contests that it has written and no record, so the next one finds them there and counts truly. This module must not
know any platform, nor who may ask for a run.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

import msgspec
import structlog

from cds import metrics
from cds.circumstances import Circumstances
from cds.commands.decision import Refused
from cds.commands.synced_contests import decide_sync
from cds.importing import encoded_events
from cds.ledgers import Ledger
from cds.live_contest import Contended, Decision, LiveContest, UnreadableEvent
from cds.platforms.adapters.answers import Untranslatable, one_line
from cds.platforms.questions import (
    PLATFORMS,
    Asking,
    FailedRow,
    FetchedContests,
    Platform,
    PlatformContest,
    PlatformFailed,
    Question,
    Reply,
)
from cds.platforms.run_progress import Progress, Telling
from cds.turn import TooManyCommands
from eventstore.store import EventStore, NewEvent, StoreRefused, StoreUnavailable
from projections.contest import ContestState
from projections.sync_runs import SyncRuns
from schemas.sync_records import SYNC_RUNS, BrokenRow, SyncRun, Trigger, stream_of_platform
from schemas.times import format_time, parse_time_ms

CONTESTS_AT_ONCE = 32
"""Contests that are written at the same time: their commits are flushed together."""

BROKEN_KEPT_MAX = 50
"""Contests that failed of which a run tells."""

BROKEN_TOLD_MAX = 1_000
"""Contests that failed of which each has a line in the log; of more there is but the number."""

REASON_CHARACTERS_MAX = 300

ROW_FAILURES = (Refused, Contended, TooManyCommands, StoreRefused, UnreadableEvent)
"""What concerns one contest alone."""

REFUSED_HERE, INTERNAL = "refused_here", "internal"
"""Classes of failures of a single contest besides those of the platform: it may not change so; a mistake of ours."""

log = structlog.get_logger(__name__)

T = TypeVar("T")


class PlatformDisabled(Exception):
    """A platform that is not enabled here."""


class SyncFailed(Exception):
    """The platform as a whole failed, and no contest was changed. The record of the run says why."""


class Client(Protocol):
    """Who asks platforms."""

    async def carry_out(self, asking: Asking[T], heard: Callable[[Question, Reply], None] | None = None, /) -> T:
        """Ask until the conversation ends; `heard` is told of every answer. Raises PlatformFailed."""
        ...


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """Who wants a run, and whether it is wanted however short ago the last one was."""

    trigger: Trigger
    actor: str
    forced: bool = False


class Counts(msgspec.Struct, kw_only=True):
    """What a run came to up to now. `level`: the platform's ids of the contests that are as the platform says."""

    synced: int = 0
    updated: int = 0
    changed: int = 0
    level: set[str] = msgspec.field(default_factory=set)
    broken: list[BrokenRow] = msgspec.field(default_factory=list)

    @property
    def done(self) -> int:
        """How many contests have had their turn."""
        return self.synced + self.updated + len(self.broken)


class _Failure(msgspec.Struct, frozen=True):
    """What stopped a run as a whole: its class, and one line."""

    kind: str
    reason: str


class Syncing:
    """The sync of all platforms, as one process carries it out."""

    def __init__(
        self,
        store: EventStore,
        client: Client,
        conversations: Mapping[Platform, Callable[[int], Asking[FetchedContests]]],
        circumstances: Circumstances,
        opened: Callable[[str], Awaitable[LiveContest]],
        *,
        enabled: Iterable[Platform],
        cool_down_s: float,
    ) -> None:
        """Nothing has been read yet.

        `conversations`: how a platform is asked for its contests, given the present moment in milliseconds since the
        epoch. `opened` gives the contest of an id as this process knows it. After a run that succeeded another is
        skipped for `cool_down_s` unless it is forced.
        """
        self.histories: Mapping[Platform, Ledger[SyncRuns]] = {
            platform: Ledger(store, stream_of_platform(platform), SyncRuns, f"the runs of {platform}")
            for platform in PLATFORMS
        }
        self._store = store
        self._client = client
        self._conversations = conversations
        self._circumstances = circumstances
        self._opened = opened
        self._enabled = frozenset(enabled)
        self._cool_down_s = cool_down_s

    @property
    def enabled(self) -> Sequence[Platform]:
        """The platforms that can be synced, in the order in which they are."""
        return [platform for platform in PLATFORMS if platform in self._enabled]

    def require_enabled(self, platform: Platform) -> None:
        """Raise PlatformDisabled with the sentence of the contract (requirements-000, 1.8)."""
        if platform not in self._enabled:
            raise PlatformDisabled(f"Platform {platform} not registered or not enabled")

    async def sync(self, platform: Platform, order: Order, progress: Progress | None = None) -> SyncRun | None:
        """Bring all contests of a platform level. None: skipped, for it is done elsewhere or was done just now.

        Raises PlatformDisabled, SyncFailed, and StoreUnavailable, after which the next run makes good what is missing.
        """

        async def work() -> SyncRun:
            return await self._run(platform, order, progress)

        return await self._alone(platform, order, work)

    async def sync_one(
        self, platform: Platform, platform_id: str, order: Order, import_one: Callable[[], Awaitable[Counts]]
    ) -> SyncRun | None:
        """Import one contest with its results, as a run of its own; None while the platform is being synced.

        Whatever it comes to stands in the history. Raises PlatformDisabled, SyncFailed, ROW_FAILURES and
        StoreUnavailable, and a failure that nobody foresaw.
        """

        async def work() -> SyncRun:
            began_us = self._circumstances.now_us()

            async def record(counts: Counts, failed: _Failure | None = None) -> SyncRun:
                return await self._record(platform, order, began_us, counts, contest=platform_id, failed=failed)

            def broken(failure: Exception) -> Counts:
                return Counts(broken=[BrokenRow(key=platform_id, reason=_reason(failure))])

            try:
                counts = await import_one()
            except PlatformFailed as failure:
                await record(Counts(), _failure_of(failure))
                raise SyncFailed(failure.reason) from failure
            except Untranslatable as failure:
                await record(Counts(), _Failure("untranslatable", _reason(failure)))
                raise SyncFailed(_reason(failure)) from failure
            except StoreUnavailable:
                raise  # There is nowhere to write it down.
            except ROW_FAILURES as failure:
                await record(broken(failure), _Failure(REFUSED_HERE, _reason(failure)))
                raise
            except Exception as failure:
                await record(broken(failure), _Failure(INTERNAL, type(failure).__name__))
                raise
            return await record(counts)

        return await self._alone(platform, msgspec.structs.replace(order, forced=True), work)

    async def _alone(self, platform: Platform, order: Order, work: Callable[[], Awaitable[SyncRun]]) -> SyncRun | None:
        """Do some work on a platform if nobody is at it, and it is wanted. Raises what the work raises."""
        self.require_enabled(platform)
        history = self.histories[platform]
        if self._is_recent(await history.fresh(), order):
            return None
        runs: list[SyncRun] = []

        async def wanted_work() -> None:
            # Whoever has just laid it down may have done what is asked for.
            await history.catch_up()
            if not self._is_recent(history.state, order):
                runs.append(await work())

        hold = await self._store.hold_if_free(f"sync {platform}", wanted_work)
        if hold == "lost":
            raise StoreUnavailable(f"the database was away while {platform} was synced")
        return runs[0] if runs else None

    def _is_recent(self, runs: SyncRuns, order: Order) -> bool:
        """Whether the last run that succeeded is so recent that another is not wanted."""
        if order.forced or runs.last_success is None:
            return False
        age_ms = self._circumstances.now_us() // 1_000 - parse_time_ms(runs.last_success.ended)
        # A negative age means that the machine's clock was set back: then nobody knows how recent it is.
        return 0 <= age_ms < self._cool_down_s * 1_000

    async def _run(self, platform: Platform, order: Order, progress: Progress | None) -> SyncRun:
        """Raises SyncFailed and StoreUnavailable."""
        began_us = self._circumstances.now_us()
        log.info("sync_begun", platform=platform, trigger=order.trigger, actor=order.actor, forced=order.forced)
        try:
            telling = Telling(f"asking {platform}", None, progress)
            conversation = self._conversations[platform](began_us // 1_000)
            fetched = await self._client.carry_out(conversation, lambda *_: telling.tell_of_one_more())
            self._refuse_nothing(platform, fetched)
        except PlatformFailed as failure:
            await self._record(platform, order, began_us, Counts(), failed=_failure_of(failure))
            raise SyncFailed(failure.reason) from failure
        counts = Counts()
        for row in fetched.failed:
            _note_broken(platform, counts, row)
        await self._bring_level(platform, fetched.rows, order, counts, progress)
        if counts.broken and not counts.level:
            nothing = _Failure("untranslatable", f"none of {len(counts.broken)} contests could be kept")
            await self._record(platform, order, began_us, counts, failed=nothing, bodies=fetched.bodies_sha256)
            raise SyncFailed(nothing.reason)
        return await self._record(platform, order, began_us, counts, bodies=fetched.bodies_sha256)

    def _refuse_nothing(self, platform: Platform, fetched: FetchedContests) -> None:
        """Raise PlatformFailed for an answer without contests from a platform that has had some: none of them goes."""
        if not fetched.rows and not fetched.failed and self.histories[platform].state.listed:
            raise PlatformFailed(f"{platform}: lists no contest any more", kind="malformed")

    async def _bring_level(
        self,
        platform: Platform,
        rows: Sequence[PlatformContest],
        order: Order,
        counts: Counts,
        progress: Progress | None,
    ) -> None:
        """Write what differs, the contests that began first first. Raises StoreUnavailable."""
        waiting = iter(sorted(rows, key=_beginning))
        telling = Telling(f"syncing {platform}", len(rows) + len(counts.broken), progress)

        async def write_some() -> None:
            for row in waiting:
                await self._write(row, order, counts)
                telling.tell(counts.done)

        try:
            async with asyncio.TaskGroup() as group:
                for number in range(min(CONTESTS_AT_ONCE, len(rows))):
                    group.create_task(write_some(), name=f"sync {platform} {number}")
        except BaseExceptionGroup as failures:
            # Each has met the same: the database is away, or there is a mistake, of which one is enough to tell.
            raise failures.exceptions[0] from None

    async def _write(self, row: PlatformContest, order: Order, counts: Counts) -> None:
        """Bring one contest level, or note why that cannot be. Raises StoreUnavailable."""
        now_ms = self._circumstances.now_us() // 1_000
        new: list[bool] = []

        def decide(state: ContestState) -> Decision:
            decision = decide_sync(state, row.contest, row.state, now_ms)
            new.append(decision.new)
            return Decision(events=encoded_events(decision.changes))

        try:
            contest = await self._opened(row.contest.id)
            events = await contest.transact(
                decide, actor=order.actor, cause=f"sync {row.platform}", circumstances=self._circumstances
            )
        except ROW_FAILURES as failure:
            _note_broken(row.platform, counts, FailedRow(key=row.platform_id, reason=str(failure)))
            return
        counts.level.add(row.platform_id)
        counts.changed += bool(events)
        if new[-1]:
            counts.synced += 1
        else:
            counts.updated += 1

    async def _record(
        self,
        platform: Platform,
        order: Order,
        began_us: int,
        counts: Counts,
        *,
        contest: str | None = None,
        failed: _Failure | None = None,
        bodies: str | None = None,
    ) -> SyncRun:
        """Write down what a run came to. Raises StoreUnavailable."""
        ended_us = self._circumstances.now_us()
        run = SyncRun(
            id=self._circumstances.identifier(),
            platform=platform,
            trigger=order.trigger,
            actor=order.actor,
            forced=order.forced,
            contest=contest,
            began=format_time(began_us // 1_000),
            ended=format_time(ended_us // 1_000),
            synced=counts.synced,
            updated=counts.updated,
            failed=len(counts.broken),
            changed=counts.changed,
            failure=None if failed is None else failed.kind,
            reason=None if failed is None else failed.reason[:REASON_CHARACTERS_MAX],
            broken=tuple(counts.broken[:BROKEN_KEPT_MAX]),
            bodies_sha256=bodies,
        )

        def decide(runs: SyncRuns) -> list[NewEvent]:
            whole = contest is None and failed is None
            told = msgspec.structs.replace(
                run,
                added=tuple(sorted(counts.level - runs.listed)) if whole else (),
                gone=tuple(sorted(runs.listed - counts.level)) if whole else (),
            )
            return [NewEvent(type=SYNC_RUNS, id=run.id, data=msgspec.json.encode(told))]

        await self.histories[platform].transact(
            decide, actor=order.actor, cause=f"sync {platform}", circumstances=self._circumstances
        )
        _tell_of_run(run, (ended_us - began_us) / 1_000_000)
        return run


def _failure_of(failure: PlatformFailed) -> _Failure:
    return _Failure(failure.kind, failure.reason)


def _reason(failure: Exception) -> str:
    return one_line(str(failure))


def _beginning(row: PlatformContest) -> tuple[bool, int, str]:
    """Contests without a start come last; they are told apart by their ids."""
    start_time = row.contest.start_time
    return start_time is None, 0 if start_time is None else parse_time_ms(start_time), row.contest.id


def _note_broken(platform: Platform, counts: Counts, row: FailedRow) -> None:
    if len(counts.broken) < BROKEN_TOLD_MAX:
        log.warning("sync_row_failed", platform=platform, contest=row.key, reason=row.reason)
    counts.broken.append(BrokenRow(key=row.key, reason=row.reason[:REASON_CHARACTERS_MAX]))


def _tell_of_run(run: SyncRun, duration_s: float) -> None:
    outcome = "completed" if run.failure is None else "failed"
    metrics.SYNC_RUNS.labels(run.platform, outcome).inc()
    metrics.SYNC_S.labels(run.platform).observe(duration_s)
    for name in ("synced", "updated", "failed"):
        metrics.SYNC_CONTESTS.labels(run.platform, name).inc(getattr(run, name))
    tell = log.info if run.failure is None else log.warning
    tell(
        f"sync_{outcome}",
        platform=run.platform,
        contest=run.contest,
        trigger=run.trigger,
        actor=run.actor,
        synced=run.synced,
        updated=run.updated,
        failed=run.failed,
        changed=run.changed,
        failure=run.failure,
        reason=run.reason,
        duration_s=round(duration_s, 3),
    )
