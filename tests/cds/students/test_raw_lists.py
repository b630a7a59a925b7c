"""The long lists of students: kept once, replaced by the next sync, gone with the student."""

import asyncio
import json
import random
from collections.abc import AsyncIterator

import asyncpg
import pytest

from cds.students import raw_lists
from cds.students.keeping import StudentKeeper
from cds.students.raw_lists import EMPTY, LISTS, PIECES, UNNAMED_MS, ListLost, RawLists
from eventstore.limits import KEPT_BYTES_MAX
from eventstore.postgres import PostgresStore
from eventstore.store import EventStore, StoreUnavailable
from schemas.students import Student
from tests.cds.contest_api.live_contest_setup import SetClock
from tests.cds.contest_api.serving import SERVER_ADMIN, Json
from tests.cds.student_api.stage import StudentStage, student_stage
from tests.platform_servers.generated import codeforces_handle

LONG = json.dumps(random.Random(1).randbytes(2 * KEPT_BYTES_MAX).hex()).encode()
"""So random that it cannot be kept in one piece."""


@pytest.fixture
async def stage(database_dsn: str) -> AsyncIterator[StudentStage]:
    """A server with one student, who was never synced."""
    async with student_stage(database_dsn) as put_up:
        await put_up.enter()
        yield put_up


async def kept(store: EventStore) -> tuple[set[str], set[str]]:
    """The names of the lists that are kept, and those of which there are pieces."""
    return set(await store.kept(LISTS)), {name.partition("/")[0] for name in await store.kept(PIECES)}


async def named(stage: StudentStage) -> set[str]:
    """The lists that students name; all of them are kept, and no others."""
    names = {name for student in await stage.students() for name in student.lists()}
    assert await kept(stage.served.store) == (names, names)
    return names


def give(stage: StudentStage, submissions: int, handle: str = "tourist") -> None:
    """Let Codeforces know of so many submissions of a handle."""
    stage.servers.codeforces.add_handle(codeforces_handle(handle, submissions=submissions))


async def only_student(stage: StudentStage) -> Student:
    (student,) = await stage.students()
    return student


@pytest.mark.parametrize("raw", [EMPTY, b"[1,2,3]", LONG])
async def test_a_list_comes_back_as_it_was_until_it_is_erased(store: PostgresStore, raw: bytes) -> None:
    lists = RawLists(store, SetClock())
    name, other = await lists.keep(raw), await lists.keep(raw)
    assert name != other
    assert await lists.read(name) == raw
    assert await lists.is_kept(name)
    await lists.erase([name, "never there"])
    assert not await lists.is_kept(name)
    with pytest.raises(ListLost):
        await lists.read(name)
    assert await lists.read(other) == raw
    await lists.erase([other])
    assert await kept(store) == (set(), set())


async def test_no_list_is_an_empty_one(store: PostgresStore) -> None:
    assert await RawLists(store, SetClock()).read(None) == EMPTY


async def test_a_list_of_which_a_piece_is_gone_is_lost(store: PostgresStore) -> None:
    lists = RawLists(store, SetClock())
    name = await lists.keep(LONG)
    assert len(await store.kept(PIECES)) > 1
    await store.keep(PIECES, {f"{name}/1": None})
    with pytest.raises(ListLost, match=name):
        await lists.read(name)


async def test_what_is_no_text_is_not_kept(store: PostgresStore) -> None:
    with pytest.raises(UnicodeDecodeError):
        await RawLists(store, SetClock()).keep(b'["\xff"]')
    assert await kept(store) == (set(), set())


async def test_however_often_a_student_is_synced_the_last_lists_alone_are_kept(
    stage: StudentStage, database_dsn: str
) -> None:
    before: set[str] = set()
    for submissions in (10, 11, 12, 12):
        stage.clock.now_ms += 1_000
        give(stage, submissions)
        assert len((await stage.sync()).json["submissions"]) == submissions
        names = await named(stage)
        assert len(names) == 2
        assert not names & before
        before = names
    connection = await asyncpg.connect(database_dsn)
    try:
        assert await connection.fetchval("SELECT count(*) FROM file") == 0
    finally:
        await connection.close()


async def test_who_is_removed_leaves_no_lists(stage: StudentStage) -> None:
    await stage.sync()
    assert len(await named(stage)) == 2
    identifier = (await only_student(stage)).id
    assert (await stage.ask("DELETE", f"students/{identifier}", login=SERVER_ADMIN)).status == 204
    assert await named(stage) == set()


async def test_with_another_handle_nothing_of_the_old_one_is_kept(stage: StudentStage) -> None:
    await stage.sync()
    path = f"students/{(await only_student(stage)).id}"
    assert (await stage.ask("PUT", path, {"codeforcesHandle": "TOURIST"}, login=SERVER_ADMIN)).status == 200
    assert len(await named(stage)) == 2
    assert (await stage.ask("PUT", path, {"codeforcesHandle": "Petr"}, login=SERVER_ADMIN)).status == 200
    assert await named(stage) == set()


async def test_who_is_removed_while_being_synced_leaves_no_lists(stage: StudentStage) -> None:
    stage.servers.codeforces.delay_s = 0.2
    syncing = asyncio.create_task(stage.sync())
    while len(stage.asked) < 3:
        await asyncio.sleep(0.01)
    identifier = (await only_student(stage)).id
    assert (await stage.ask("DELETE", f"students/{identifier}", login=SERVER_ADMIN)).status == 204
    assert (await syncing).status == 404
    assert await named(stage) == set()


async def test_lists_that_nobody_came_to_name_are_erased_after_a_while(stage: StudentStage) -> None:
    """As after a sync of which one question failed: what the others have brought is remembered for a while."""
    await stage.sync()
    names = await named(stage)
    left = await stage.parts.register.lists.keep(LONG)
    keeper = StudentKeeper(stage.parts.register, stage.parts.syncing, stage.clock, stage.servers.settings())
    await keeper._tidy()
    assert set(await stage.served.store.kept(LISTS)) == names | {left}
    stage.clock.now_ms += UNNAMED_MS + 1
    await keeper._tidy()
    assert await named(stage) == names


async def test_a_list_that_was_erased_before_anybody_named_it_is_asked_for_again(
    stage: StudentStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object, **__: object) -> Student:
        raise StoreUnavailable("gone for a moment")

    with monkeypatch.context() as broken:
        broken.setattr(stage.parts.register, "note_synced", away)
        assert (await stage.sync()).status == 503
    stage.clock.now_ms += UNNAMED_MS + 1
    assert await stage.parts.register.tidy() == 2
    await stage.parts.syncing.refresh(await only_student(stage), actor="test", fresh_s=1e6)
    assert len(stage.asked) == 3 + 2
    assert len(await named(stage)) == 2


async def test_who_reads_while_a_student_is_synced_is_shown_the_old_or_the_new(
    stage: StudentStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lists that a reader was about to fetch are erased."""
    await stage.sync()
    read, synced = RawLists.read, False

    async def slow(lists: RawLists, name: str | None) -> bytes:
        nonlocal synced
        if not synced:
            synced = True
            stage.clock.now_ms += 1_000
            give(stage, 77)
            await stage.parts.syncing.sync(await only_student(stage), actor="test")
        return await read(lists, name)

    for path in ("students", f"students/{(await only_student(stage)).id}"):
        synced = False
        with monkeypatch.context() as patched:
            patched.setattr(raw_lists.RawLists, "read", slow)
            answer = await stage.ask("GET", path)
        assert answer.status == 200
        shown: Json = answer.json[0] if isinstance(answer.json, list) else answer.json
        assert len(shown["submissions"]) == 77


async def test_who_is_removed_while_somebody_reads_is_not_there(
    stage: StudentStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.sync()
    await stage.enter(codeforcesHandle="Petr", email="petr@example.org")
    read = RawLists.read
    identifier = (await stage.students()).of_handle("tourist")
    assert identifier is not None

    async def slow(lists: RawLists, name: str | None) -> bytes:
        if (await stage.students()).find(identifier.id) is not None:
            await stage.parts.register.remove(identifier.id, actor="test", cause="test")
        return await read(lists, name)

    monkeypatch.setattr(RawLists, "read", slow)
    answer = await stage.ask("GET", "students")
    assert [student["codeforcesHandle"] for student in answer.json] == ["Petr"]
    assert (await stage.ask("GET", f"students/{identifier.id}")).status == 404


async def test_a_refresh_does_not_name_lists_that_a_sync_has_replaced(stage: StudentStage) -> None:
    """Another process syncs while this one still asks what it does not remember."""
    answers, register = stage.parts.syncing._answers, stage.parts.register
    assert (await stage.sync()).status == 200
    student = await only_student(stage)
    remembered = await answers.remembered("tourist", 0)
    assert remembered.lists == student.lists()
    findings = await answers.findings("tourist", remembered)
    stage.clock.now_ms += 1_000
    assert (await stage.sync()).status == 200
    now = (await only_student(stage)).lists()
    assert not now & student.lists()
    stage.clock.now_ms += 1_000
    reused = remembered.lists
    noted = await register.note_synced(
        student, findings, began_us=stage.clock.now_us(), reused=reused, actor="test", cause="test"
    )
    assert noted.lists() == now
    assert await named(stage) == now
