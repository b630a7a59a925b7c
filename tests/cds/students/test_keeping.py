"""What is done for students without anybody asking: refreshed one after the other, whatever becomes of any of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import msgspec
import pytest

from cds.platforms.questions import PLATFORMS, Platform
from cds.platforms.settings import PlatformSettings
from cds.students import keeping
from cds.students.cache import keys_of
from cds.students.keeping import FAILED_RETRY_S_MAX, JITTER, StudentKeeper
from eventstore.store import StoreUnavailable
from schemas.students import CONTACTS, Student
from tests.cds.contest_api.serving import DEADLINE_S
from tests.cds.student_api.stage import QUESTIONS, StudentStage, student_stage
from tests.platform_servers.generated import codeforces_handle

EVERY_S = 6 * 3_600.0
EVERY_MS = round(EVERY_S * 1_000)
LATE_MS = round(EVERY_MS * (1 + JITTER))


@pytest.fixture
async def stage(database_dsn: str) -> AsyncIterator[StudentStage]:
    """A server that refreshes nobody by itself, and three students."""
    async with student_stage(database_dsn) as put_up:
        for name in ("alice", "bob_b", "carol"):
            put_up.servers.codeforces.add_handle(codeforces_handle(name))
            await put_up.enter(codeforcesHandle=name, email=f"{name}@example.org")
            put_up.clock.now_ms += 1
        yield put_up


def keeper_of(
    stage: StudentStage, every_s: float = EVERY_S, enabled: tuple[Platform, ...] = PLATFORMS
) -> StudentKeeper:
    """Who refreshes."""
    settings = PlatformSettings(every_s=every_s, enabled=enabled)
    return StudentKeeper(stage.parts.register, stage.parts.syncing, stage.clock, settings)


@asynccontextmanager
async def kept(keeper: StudentKeeper) -> AsyncIterator[None]:
    """It is at work for the length of the block."""
    task = asyncio.create_task(keeper.keep())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def handles(stage: StudentStage, first: int = 0) -> list[str]:
    """Whose information was asked for, in order, from some question on."""
    return [
        str(asked.query["handles"])
        for asked in stage.servers.codeforces.asked[first:]
        if asked.path == "/api/user.info"
    ]


async def synced(stage: StudentStage) -> set[str]:
    """The handles of those who were ever synced."""
    return {student.handle for student in await stage.students() if student.last_synced_at is not None}


async def test_all_are_refreshed_one_after_the_other(stage: StudentStage) -> None:
    stage.servers.codeforces.delay_s = 0.02
    await keeper_of(stage)._refresh_due()
    assert handles(stage) == ["alice", "bob_b", "carol"]
    for start in (0, 3, 6):
        assert sorted(stage.asked[start : start + 3]) == sorted(QUESTIONS)
    assert stage.servers.codeforces.concurrent_max <= 3


async def test_one_failure_does_not_stop_the_rest(stage: StudentStage) -> None:
    del stage.servers.codeforces.handles["alice"]
    stage.servers.codeforces.misbehave("html", path="/api/user.rating", after=1, times=2)
    keeper = keeper_of(stage)
    await keeper._refresh_due()
    assert "carol" in await synced(stage)
    assert "alice" not in await synced(stage)


async def test_who_failed_is_asked_about_again_after_a_while_and_who_is_unknown_after_longer(
    stage: StudentStage,
) -> None:
    del stage.servers.codeforces.handles["alice"]
    keeper = keeper_of(stage)
    stage.servers.codeforces.misbehave("not found", path="/api/user.status", after=0)
    await keeper._refresh_due()
    stage.servers.codeforces.behave()
    asked = len(stage.asked)
    stage.clock.now_ms += round(FAILED_RETRY_S_MAX * 1_000) - 1_000
    await keeper._refresh_due()
    assert len(stage.asked) == asked
    stage.clock.now_ms += 1_000
    await keeper._refresh_due()
    assert "alice" not in handles(stage, asked)
    assert await synced(stage) == {"bob_b", "carol"}


async def test_nobody_is_refreshed_before_it_is_time_and_who_waits_longest_comes_first(stage: StudentStage) -> None:
    keeper = keeper_of(stage)
    await keeper._refresh_due()
    asked = len(stage.asked)
    stage.clock.now_ms += EVERY_MS // 2
    assert (await stage.sync("alice")).status == 200
    stage.clock.now_ms += EVERY_MS // 2 - 1
    await keeper._refresh_due()
    assert handles(stage, asked) == ["alice"]
    for handle in ("bob_b", "carol"):
        await stage.parts.cache.forget(keys_of(handle))
    stage.clock.now_ms += LATE_MS - EVERY_MS + 1
    await keeper_of(stage)._refresh_due()
    assert sorted(handles(stage, asked + 3)) == ["bob_b", "carol"]


async def test_who_is_due_is_asked_about_however_often_that_is(stage: StudentStage) -> None:
    """What the cache still remembers of the last refresh is as old as that."""
    keeper = keeper_of(stage, every_s=60.0)
    await keeper._refresh_due()
    for _ in range(3):
        before, asked = list(await stage.students()), len(stage.asked)
        stage.clock.now_ms += 67_000
        await keeper._refresh_due()
        assert sorted(stage.asked[asked:]) == sorted(QUESTIONS * 3)
        for student, earlier in zip(await stage.students(), before, strict=True):
            assert student.last_synced_at is not None
            assert earlier.last_synced_at is not None
            assert student.last_synced_at > earlier.last_synced_at


async def test_what_was_answered_before_another_answer_failed_is_not_asked_for_again(stage: StudentStage) -> None:
    stage.servers.codeforces.misbehave("html", path="/api/user.status", after=0)
    keeper = keeper_of(stage)
    await keeper._refresh_due()
    assert await synced(stage) == set()
    stage.servers.codeforces.behave()
    remembered = {key for name in ("alice", "bob_b", "carol") for key in await stage.cached(name)}
    asked = len(stage.asked)
    stage.clock.now_ms += round(FAILED_RETRY_S_MAX * 1_000)
    await keeper._refresh_due()
    assert await synced(stage) == {"alice", "bob_b", "carol"}
    assert len(stage.asked) - asked == 9 - len(remembered)


async def test_of_whom_all_is_written_down_nothing_is_asked_and_nothing_said(stage: StudentStage) -> None:
    """As when another process has refreshed them a moment ago."""
    await keeper_of(stage)._refresh_due()
    before, asked = list(await stage.students()), len(stage.asked)
    for student in before:
        assert await stage.parts.syncing.refresh(student, actor="test", fresh_s=EVERY_S) == student
    assert list(await stage.students()) == before
    assert len(stage.asked) == asked


async def test_what_was_answered_and_could_not_be_written_is_written_without_asking_again(
    stage: StudentStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database goes away between the answers and the event."""
    register = stage.parts.register

    async def away(*_: object, **__: object) -> Student:
        raise StoreUnavailable("gone for a moment")

    assert (await stage.sync("bob_b")).status == 200, "one who was synced before, and one who never was"
    for handle in ("alice", "bob_b"):
        with monkeypatch.context() as broken:
            broken.setattr(register, "note_synced", away)
            stage.clock.now_ms += 1_000
            stage.servers.codeforces.add_handle(codeforces_handle(handle, rating=2_000))
            assert (await stage.sync(handle)).status == 503
    asked = len(stage.asked)
    for handle in ("alice", "bob_b"):
        student = (await stage.students()).of_handle(handle)
        assert student is not None
        assert student.curr_rating != 2_000
        refreshed = await stage.parts.syncing.refresh(student, actor="test", fresh_s=EVERY_S)
        assert (refreshed.curr_rating, refreshed.last_synced_at is None) == (2_000, False)
        assert refreshed.last_sync_began_at is not None
    assert len(stage.asked) == asked


async def test_lists_that_another_database_keeps_are_asked_for_again(stage: StudentStage) -> None:
    """Two databases share a cache in Redis: what it remembers of the one may name lists of the other."""
    alice = (await stage.students()).of_handle("alice")
    assert alice is not None
    for key in keys_of("alice")[1:]:
        entry = {"asked_ms": stage.clock.now_ms, "answer": {"count": 5, "name": "0" * 64}}
        await stage.parts.cache.put(key, msgspec.json.encode(entry), 3_600)
    refreshed = await stage.parts.syncing.refresh(alice, actor="test", fresh_s=EVERY_S)
    assert sorted(stage.asked) == sorted(QUESTIONS)
    assert refreshed.contest_data != "0" * 64
    shown = await stage.shown(alice.id)
    assert len(shown["submissions"]) == refreshed.submission_count > 0


async def test_who_is_entered_again_is_refreshed_from_what_is_remembered(stage: StudentStage) -> None:
    """Whoever removed the student was another process, which forgets in its own memory alone."""
    await keeper_of(stage)._refresh_due()
    alice = (await stage.students()).of_handle("alice")
    assert alice is not None
    await stage.parts.register.remove(alice.id, actor="test", cause="test")
    stage.clock.now_ms += 1_000
    await stage.enter(codeforcesHandle="alice", email="alice@example.org")
    await keeper_of(stage)._refresh_due()
    assert await synced(stage) == {"alice", "bob_b", "carol"}


async def test_what_is_older_than_the_last_sync_is_asked_for_all_the_same(stage: StudentStage) -> None:
    """As when another server has synced, whose cache is another: a refresh never takes a student back."""
    keys = keys_of("alice")
    await keeper_of(stage)._refresh_due()
    stale = [await stage.parts.cache.get(key) for key in keys]
    stage.clock.now_ms += 60_000
    stage.servers.codeforces.add_handle(codeforces_handle("alice", rating=2_000))
    assert (await stage.sync("alice")).json["currRating"] == 2_000
    for key, value in zip(keys, stale, strict=True):
        assert value is not None
        await stage.parts.cache.put(key, value, 3_600)
    stage.clock.now_ms += LATE_MS
    await keeper_of(stage)._refresh_due()
    alice = (await stage.students()).of_handle("alice")
    assert alice is not None
    assert alice.curr_rating == 2_000


async def test_a_refresh_that_was_begun_before_a_sync_does_not_undo_it(stage: StudentStage) -> None:
    """What was asked for later is newer, whichever is ready first."""
    alice = (await stage.students()).of_handle("alice")
    assert alice is not None
    stage.servers.codeforces.delay_s = 0.3
    refreshing = asyncio.create_task(stage.parts.syncing.refresh(alice, actor="test", fresh_s=EVERY_S))
    async with asyncio.timeout(DEADLINE_S):
        while len(stage.asked) < 3:
            await asyncio.sleep(0.01)
    stage.clock.now_ms += 1_000
    stage.servers.codeforces.delay_s = 0
    stage.servers.codeforces.add_handle(codeforces_handle("alice", rating=2_000))
    assert (await stage.sync("alice")).json["currRating"] == 2_000
    assert (await refreshing).curr_rating == 2_000
    present = (await stage.students()).of_handle("alice")
    assert present is not None
    assert present.curr_rating == 2_000


async def test_the_server_refreshes_by_itself_and_goes_on_where_it_was(
    database_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not before it is time again, however often it is started."""
    monkeypatch.setattr(keeping, "LOOK_S_MAX", 0.1)
    async with student_stage(database_dsn, settings={"every_s": 3_600.0}) as stage:
        await stage.enter()
        async with asyncio.timeout(DEADLINE_S):
            while not await synced(stage):
                await asyncio.sleep(0.05)
        assert sorted(path for path in stage.asked if "user" in path) == sorted(QUESTIONS)
    async with student_stage(database_dsn, settings={"every_s": 3_600.0}) as stage:
        await asyncio.sleep(0.5)
        assert not [path for path in stage.asked if "user" in path]


async def test_without_an_interval_nobody_is_refreshed(stage: StudentStage) -> None:
    async with kept(keeper_of(stage, every_s=0)):
        await asyncio.sleep(0.2)
    assert stage.asked == []


async def test_where_codeforces_is_not_enabled_nobody_is_refreshed_unless_somebody_asks(stage: StudentStage) -> None:
    async with kept(keeper_of(stage, enabled=("leetcode",))):
        await asyncio.sleep(0.2)
    assert stage.asked == []
    assert (await stage.sync("alice")).status == 200


async def test_contacts_that_nobody_names_are_erased(stage: StudentStage) -> None:
    await stage.served.store.keep(
        CONTACTS, {"left": b'{"name":"x","email":"left@example.org","phone":"1","made_ms":0}'}
    )
    async with kept(keeper_of(stage, every_s=0)):
        async with asyncio.timeout(DEADLINE_S):
            while "left" in await stage.served.store.kept(CONTACTS):
                await asyncio.sleep(0.02)
    assert len(await stage.served.store.kept(CONTACTS)) == 3
