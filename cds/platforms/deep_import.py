"""One contest of Codeforces brought into the log with all its results, on request.

There may be hundreds of thousands of objects, so whatever takes long is done in a thread, on a copy of the state, and
one append takes all of it: a contest is level with its platform or as it was. This module must not hold rules.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

import msgspec
import structlog

from cds.circumstances import Circumstances
from cds.commands.platform_objects import Known
from cds.commands.synced_departures import FailedObject, Implausible, LeftOver
from cds.commands.synced_results import PlatformResults, decide_results
from cds.importing import encoded_events
from cds.live_contest import ATTEMPTS_MAX, Contended, LiveContest
from cds.metrics import APPENDED_EVENTS
from cds.platform_records import known_objects
from cds.platforms.adapters.answers import one_line
from cds.platforms.adapters.codeforces import CODEFORCES
from cds.platforms.adapters.codeforces_result_pages import contest_results
from cds.platforms.adapters.codeforces_results import ID_FORMS, ContestResults
from cds.platforms.client import PlatformClient
from cds.platforms.questions import FailedRow, PlatformFailed, Question, Reply
from cds.platforms.syncing import REASON_CHARACTERS_MAX, Counts, Order
from eventstore.store import Append, EventStore, NewEvent
from projections.contest import ContestState
from projections.still import named, still
from schemas.object_types import OBJECT_TYPES
from schemas.records import RECORD_TYPES
from schemas.sync_records import BrokenRow

LOGGED_ROWS_MAX = 20
"""Rows that failed of which a line is logged; the others are counted."""

CAUSE = "import codeforces"

log = structlog.get_logger(__name__)

Heard = Callable[[Question, Reply], None]


class _Decided(msgspec.Struct, frozen=True):
    """What is to be written, whether there was no such contest before, and what is not as the platform has it.

    `adopted`: see ResultsDecision.
    """

    events: Sequence[NewEvent]
    new: bool
    left_over: Sequence[LeftOver]
    adopted: int


async def import_codeforces_contest(
    contest_id: str,
    order: Order,
    *,
    store: EventStore,
    client: PlatformClient,
    opened: Callable[[str], Awaitable[LiveContest]],
    circumstances: Circumstances,
    heard: Heard | None = None,
) -> Counts:
    """Bring the contest of that number level with the platform, with problems, parties, submissions and judgements.

    `opened` gives the contest of an id; `heard` is told of every answer of the platform. Raises PlatformFailed when the
    platform does not answer as it ought to, much of what was there lacking, and then nothing has changed; Refused when
    the contest may not change so; Contended, and what the store raises.
    """
    now_ms = circumstances.now_us() // 1_000
    results, told = await _told(contest_id, now_ms, client, heard)
    contest = await opened(told.contest.id)
    for _ in range(ATTEMPTS_MAX):
        await contest.catch_up()
        known = await known_objects(contest)
        # Copied in one go; the work itself is done beside the loop.
        copy = still(contest.state, OBJECT_TYPES)
        decided = await asyncio.to_thread(_decided, copy, told, known, now_ms)
        if await _written(store, contest, copy.position, decided.events, order, circumstances):
            return _counts(contest_id, results, decided)
    raise Contended(f"{contest.stream} was written by others {ATTEMPTS_MAX} times in a row")


async def _told(
    contest_id: str, now_ms: int, client: PlatformClient, heard: Heard | None
) -> tuple[ContestResults, PlatformResults]:
    """What the platform tells. Raises PlatformFailed, also where it makes no sense in a way that nobody foresaw."""
    try:
        results = await client.carry_out(contest_results(int(contest_id), now_ms), heard)
        return results, await asyncio.to_thread(platform_results, results)
    except (ValueError, OverflowError, RecursionError) as error:
        raise PlatformFailed(f"{CODEFORCES}: {one_line(str(error))}", kind="untranslatable") from error


async def _written(
    store: EventStore,
    contest: LiveContest,
    position: int,
    events: Sequence[NewEvent],
    order: Order,
    circumstances: Circumstances,
) -> bool:
    """Append what was decided at a position and apply it; False when somebody else wrote first."""
    if not events:
        return True
    head = await store.append(
        Append(
            stream=contest.stream,
            expected_position=position,
            events=events,
            actor=order.actor,
            cause=CAUSE,
            batch_id=circumstances.batch_id(),
            recorded_at_us=circumstances.now_us(),
        )
    )
    if head is None:
        return False
    APPENDED_EVENTS.inc(len(events))
    await contest.catch_up()
    return True


def platform_results(results: ContestResults) -> PlatformResults:
    """What the platform has told, in the form in which it is decided upon; this takes long."""
    return PlatformResults(
        contest=results.contest.contest,
        state=results.contest.state,
        objects=results.objects(),
        failed=tuple(_failed_objects(results.failed)),
        main_group_id=results.main_group_id,
        forms=ID_FORMS,
    )


def _failed_objects(rows: Iterable[FailedRow]) -> Iterator[FailedObject]:
    for row in rows:
        if row.type is not None:
            yield FailedObject(type=row.type, id=row.id)


def _decided(copy: ContestState, told: PlatformResults, known: Known, now_ms: int) -> _Decided:
    """Raises Refused and PlatformFailed."""
    try:
        decision = decide_results(named(copy, OBJECT_TYPES), told, known, now_ms)
    except Implausible as lacking:
        raise PlatformFailed(f"{CODEFORCES}: {lacking}", kind="malformed") from None
    return _Decided(encoded_events(decision.changes), decision.new, decision.left_over, decision.adopted)


def _counts(contest_id: str, results: ContestResults, decided: _Decided) -> Counts:
    broken = [
        *(BrokenRow(key=row.key, reason=row.reason[:REASON_CHARACTERS_MAX]) for row in results.failed),
        *(BrokenRow(key=each.id, reason=each.reason[:REASON_CHARACTERS_MAX]) for each in decided.left_over),
    ]
    for row in broken[:LOGGED_ROWS_MAX]:
        log.warning("import_row_failed", platform=CODEFORCES, contest=contest_id, row=row.key, reason=row.reason)
    if decided.adopted:
        # It came from an archive that says nothing of it: an administrator may want to look whether it is all right.
        log.warning("objects_adopted", platform=CODEFORCES, contest=contest_id, objects=decided.adopted)
    log.info(
        "contest_imported",
        platform=CODEFORCES,
        contest=contest_id,
        new=decided.new,
        events=len(decided.events),
        failed=len(broken),
    )
    return Counts(
        synced=int(decided.new),
        updated=int(not decided.new),
        changed=int(any(event.type not in RECORD_TYPES for event in decided.events)),
        level={contest_id},
        broken=broken,
    )
