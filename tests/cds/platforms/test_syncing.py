"""A run when things go wrong around it: the database, other writers, its lock; and the run of a single contest."""

import asyncio
from collections.abc import Callable, Generator
from typing import TypeVar, cast

import pytest

from cds.commands.decision import Refused
from cds.contests import Contests
from cds.live_contest import Contended
from cds.platforms import syncing
from cds.platforms.adapters.answers import Untranslatable
from cds.platforms.platforms import opened_in
from cds.platforms.questions import (
    Asking,
    FailedRow,
    FetchedContests,
    PlatformContest,
    PlatformFailed,
    Question,
    Reply,
)
from cds.platforms.syncing import Counts, Order, SyncFailed, Syncing
from eventstore.memory import MemoryStore
from eventstore.store import Append, Head, NewEvent, StoreUnavailable
from projections.tokens import TokenMaker
from schemas.sync_records import BrokenRow
from tests.builders import KEY
from tests.cds.contest_api.live_contest_setup import SetClock
from tests.cds.platforms.test_sync_decision import DONE, HOUR_S, START_S, said
from tests.eventstore.builders import append_of

DEADLINE_S = 20.0
CONTESTS = 200
NOW_S = START_S + 9 * HOUR_S
REQUEST = Order(trigger="request", actor="server:admin", forced=True)

T = TypeVar("T")


class WeakStore(MemoryStore):
    """A database that goes away after so many appends, until it is told to be there again."""

    def __init__(self) -> None:
        super().__init__()
        self.appends_left: int | None = None

    async def append(self, append: Append) -> Head | None:
        if self.appends_left is not None:
            if self.appends_left == 0:
                raise StoreUnavailable("away")
            self.appends_left -= 1
        await asyncio.sleep(0)
        return await super().append(append)


class Told:
    """A client to whom the platform says what it is told to say, without a network."""

    def __init__(self, rows: list[PlatformContest]) -> None:
        self.rows = rows
        self.failed: tuple[FailedRow, ...] = ()
        self.failure: PlatformFailed | None = None
        self.asked = 0
        self.answering = asyncio.Event()
        self.answering.set()

    async def carry_out(self, asking: Asking[T], heard: Callable[[Question, Reply], None] | None = None, /) -> T:
        """What the conversation comes to."""
        self.asked += 1
        await self.answering.wait()
        if self.failure is not None:
            raise self.failure
        if heard is not None:
            heard(Question(host="codeforces", path="/", check=lambda _: None), Reply(status=200, headers={}, body=b""))
        try:
            next(asking)
        except StopIteration as ended:
            return cast("T", ended.value)
        raise AssertionError("nobody is to be asked here")

    def contests(self, _now_ms: int) -> Generator[Question, Reply, FetchedContests]:
        """All contests."""
        yield from ()
        return FetchedContests(rows=tuple(self.rows), failed=self.failed, bodies_sha256="0" * 64)


class Stage:
    """A process with a sync."""

    def __init__(self, contests: int = CONTESTS, store: WeakStore | None = None) -> None:
        self.store = store or WeakStore()
        # Ids of batches are never those of another process.
        self.clock = SetClock(now_ms=NOW_S * 1_000, first_number=1 if store is None else 1_000_000)
        self.contests = Contests(self.store, TokenMaker(KEY))
        self.told = Told([said(DONE, NOW_S, key=str(number)) for number in range(1, contests + 1)])
        self.syncing = Syncing(
            self.store,
            self.told,
            {"codeforces": self.told.contests},
            self.clock,
            opened_in(self.contests),
            enabled=("codeforces",),
            cool_down_s=600,
        )

    async def counts(self, order: Order = REQUEST) -> tuple[int, int, int]:
        """What a run comes to."""
        run = await self.syncing.sync("codeforces", order)
        assert run is not None
        return run.synced, run.updated, run.failed

    async def written(self) -> int:
        """How many contests are in the log."""
        return sum(1 for stream in await self.store.heads() if stream.startswith("contest:"))


async def test_a_run_that_loses_the_database_leaves_no_record_and_the_next_one_counts_truly() -> None:
    stage = Stage()
    stage.store.appends_left = 70
    with pytest.raises(StoreUnavailable):
        await stage.counts()
    stage.store.appends_left = None
    assert await stage.written() == 70
    assert (await stage.syncing.histories["codeforces"].fresh()).total == 0
    assert await stage.counts(Order(trigger="request", actor="server:admin")) == (CONTESTS - 70, 70, 0)
    assert await stage.written() == CONTESTS
    for stream, head in (await stage.store.heads()).items():
        assert head.position == (2 if stream.startswith("contest:") else 1)


async def test_what_another_process_has_synced_meanwhile_is_there_already() -> None:
    """Two processes whose memories know nothing of each other write the same contests: each is written once."""
    first = Stage()
    second = Stage(store=first.store)
    assert await first.counts() == (CONTESTS, 0, 0)
    assert await second.counts() == (0, CONTESTS, 0)
    assert await first.written() == CONTESTS


async def test_a_contest_that_cannot_be_read_is_one_failed_row() -> None:
    """A newer program has written to it."""
    stage = Stage(contests=3)
    event = NewEvent(type="contest", id="", data=b'{"id":"codeforces-2","from_the_future":1}')
    await stage.store.append(append_of("contest:codeforces-2", 0, [event]))
    assert await stage.counts() == (2, 0, 1)
    (run,) = stage.syncing.histories["codeforces"].state.newest(0, 1)
    assert [row.key for row in run.broken] == ["2"]
    assert stage.syncing.histories["codeforces"].state.contests() == ["1", "3"]


async def test_when_no_contest_can_be_written_the_platform_failed() -> None:
    stage = Stage(contests=1)
    event = NewEvent(type="contest", id="", data=b'{"id":"codeforces-1","from_the_future":1}')
    await stage.store.append(append_of("contest:codeforces-1", 0, [event]))
    with pytest.raises(SyncFailed):
        await stage.counts()
    (run,) = stage.syncing.histories["codeforces"].state.newest(0, 1)
    assert (run.failure, run.failed, run.synced) == ("untranslatable", 1, 0)
    assert stage.syncing.histories["codeforces"].state.last_success is None


async def test_two_who_ask_at_once_without_force_cause_one_run() -> None:
    """Also where the second has looked before the first was through."""
    stage = Stage(contests=3)
    stage.told.answering.clear()
    order = Order(trigger="request", actor="server:admin")
    runs = [asyncio.create_task(stage.syncing.sync("codeforces", order)) for _ in range(3)]
    async with asyncio.timeout(DEADLINE_S):
        while not stage.told.asked:
            await asyncio.sleep(0)
        stage.told.answering.set()
        done = await asyncio.gather(*runs)
    assert [run is None for run in done].count(False) == 1
    assert stage.told.asked == 1
    assert await stage.syncing.sync("codeforces", order) is None


async def test_a_clock_that_was_set_back_does_not_keep_a_platform_from_being_synced() -> None:
    stage = Stage(contests=1)
    await stage.counts()
    stage.clock.now_ms -= 3_600_000
    assert await stage.counts(Order(trigger="request", actor="server:admin")) == (0, 1, 0)


async def test_a_single_contest_is_a_run_of_its_own() -> None:
    """It begins no cool-down, and counts only for that contest."""
    stage = Stage(contests=2)

    async def import_one() -> Counts:
        return Counts(synced=1, changed=1, level={"7"}, broken=[BrokenRow(key="submission 3", reason="no time")])

    run = await stage.syncing.sync_one("codeforces", "7", REQUEST, import_one)
    assert run is not None
    assert (run.contest, run.synced, run.failed) == ("7", 1, 1)
    runs = stage.syncing.histories["codeforces"].state
    assert (runs.last_success, runs.last_synced("7"), runs.listed) == (None, run.ended, frozenset())
    assert await stage.counts(Order(trigger="request", actor="server:admin")) == (2, 0, 0)
    assert runs.last_synced("7") == run.ended


async def test_a_single_contest_that_the_platform_does_not_give_is_a_failure_on_record() -> None:
    stage = Stage(contests=1)

    async def import_one() -> Counts:
        raise PlatformFailed("codeforces: contest 7 has not started", kind="refused", permanent=True)

    with pytest.raises(SyncFailed, match="has not started"):
        await stage.syncing.sync_one("codeforces", "7", REQUEST, import_one)
    (run,) = stage.syncing.histories["codeforces"].state.newest(0, 1)
    assert (run.contest, run.failure, run.reason) == ("7", "refused", "codeforces: contest 7 has not started")


@pytest.mark.parametrize(
    ("failure", "kind", "reason"),
    [
        (
            Refused("there is a contest that is not this one", "id"),
            "refused_here",
            "there is a contest that is not this",
        ),
        (Contended("written by others"), "refused_here", "written by others"),
        (RuntimeError("the secret of the database"), "internal", "RuntimeError"),
    ],
)
async def test_a_single_contest_that_cannot_be_written_is_a_failure_on_record(
    failure: Exception, kind: str, reason: str
) -> None:
    """Whoever asked for it is told why all the same; what nobody foresaw is not put into words."""
    stage = Stage(contests=1)

    async def import_one() -> Counts:
        raise failure

    with pytest.raises(type(failure)) as raised:
        await stage.syncing.sync_one("codeforces", "7", REQUEST, import_one)
    assert raised.value is failure
    (run,) = stage.syncing.histories["codeforces"].state.newest(0, 1)
    assert (run.contest, run.failure, run.failed, run.synced) == ("7", kind, 1, 0)
    assert [row.key for row in run.broken] == ["7"]
    assert run.reason is not None
    assert run.reason.startswith(reason)
    assert stage.syncing.histories["codeforces"].state.last_synced("7") is None


async def test_a_single_contest_that_makes_no_sense_is_a_failure_of_the_platform() -> None:
    stage = Stage(contests=1)

    async def import_one() -> Counts:
        raise Untranslatable("a name\nof nothing")

    with pytest.raises(SyncFailed, match="a name of nothing"):
        await stage.syncing.sync_one("codeforces", "7", REQUEST, import_one)
    (run,) = stage.syncing.histories["codeforces"].state.newest(0, 1)
    assert (run.contest, run.failure, run.reason) == ("7", "untranslatable", "a name of nothing")


async def test_when_the_database_is_away_a_single_contest_leaves_no_record() -> None:
    stage = Stage(contests=1)

    async def import_one() -> Counts:
        stage.store.appends_left = 0
        raise StoreUnavailable("away")

    with pytest.raises(StoreUnavailable):
        await stage.syncing.sync_one("codeforces", "7", REQUEST, import_one)
    stage.store.appends_left = None
    assert (await stage.syncing.histories["codeforces"].fresh()).total == 0


async def test_a_run_tells_of_its_progress() -> None:
    stage = Stage(contests=5)
    stage.told.failed = (FailedRow(key="6", reason="broken"),)
    told: list[tuple[str, int, int | None]] = []
    await stage.syncing.sync("codeforces", REQUEST, lambda *each: told.append(each))
    assert told == [("asking codeforces", 1, None), *(("syncing codeforces", done, 6) for done in range(2, 7))]


async def test_only_so_many_broken_rows_have_lines_of_their_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The run counts them all."""
    monkeypatch.setattr(syncing, "BROKEN_TOLD_MAX", 2)
    stage = Stage(contests=3)
    stage.told.failed = tuple(FailedRow(key=f"broken{number}", reason="no name") for number in range(5))
    assert await stage.counts() == (3, 0, 5)
    out = capsys.readouterr().out
    assert (out.count("sync_row_failed"), "broken1" in out, "broken2" in out) == (2, True, False)


async def test_a_platform_that_had_contests_and_lists_none_has_failed() -> None:
    """One that never had any may well be empty."""
    stage = Stage(contests=3)
    rows, stage.told.rows = stage.told.rows, []
    assert await stage.counts() == (0, 0, 0)
    stage.told.rows = rows
    assert await stage.counts() == (3, 0, 0)
    stage.told.rows = []
    with pytest.raises(SyncFailed):
        await stage.counts()
    runs = await stage.syncing.histories["codeforces"].fresh()
    assert (len(runs.listed), runs.total) == (3, 3)
