"""Students while the database is away, and while the server stops."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from cds.students.raw_lists import RawLists
from eventstore.store import StoreUnavailable
from tests.cds.contest_api.serving import DEADLINE_S, SERVER_ADMIN
from tests.cds.student_api.stage import TOURIST, StudentStage, student_stage


@pytest.fixture
async def stage(database_dsn: str) -> AsyncIterator[StudentStage]:
    """A server with two students."""
    async with student_stage(database_dsn) as put_up:
        await put_up.enter()
        await put_up.enter(codeforcesHandle="Petr", email="petr@example.org")
        yield put_up


async def away(*_arguments: object) -> None:
    """What a database that is away answers."""
    raise StoreUnavailable("away")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "students"),
        ("GET", "students/x"),
        ("POST", "students"),
        ("PUT", "students/x"),
        ("DELETE", "students/x"),
        ("GET", "codeforces/sync/tourist"),
    ],
)
async def test_while_the_database_is_away_it_is_503_in_the_same_form(
    stage: StudentStage, monkeypatch: pytest.MonkeyPatch, method: str, path: str
) -> None:
    monkeypatch.setattr(stage.served.store, "read", away)
    monkeypatch.setattr(type(stage.served.store), "alone", False)
    answer = await stage.ask(method, path, dict(TOURIST), login=SERVER_ADMIN)
    assert (answer.status, list(answer.json)) == (503, ["error"])
    assert "Retry-After" in answer.headers
    assert stage.asked == []


async def test_a_database_that_goes_away_before_the_lists_are_kept_changes_nothing(
    stage: StudentStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(stage.served.store, "keep", away)
        answer = await stage.sync()
        assert (answer.status, list(answer.json)) == (503, ["error"])
    assert [student.last_synced_at for student in await stage.students()] == [None, None]
    assert (await stage.sync()).status == 200


async def test_a_list_that_breaks_off_does_not_look_whole(stage: StudentStage, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was begun cannot be called back, so the connection breaks."""
    await stage.sync()

    read = RawLists.read

    async def breaking(lists: RawLists, name: str | None) -> bytes:
        if name is None:
            raise StoreUnavailable("away")
        return await read(lists, name)

    monkeypatch.setattr(RawLists, "read", breaking)
    with pytest.raises(aiohttp.ClientPayloadError):
        await stage.ask("GET", "students")


async def test_who_waits_for_a_sync_while_the_server_stops_is_let_go(database_dsn: str) -> None:
    async with student_stage(database_dsn) as stage:
        await stage.enter()
        stage.servers.codeforces.misbehave("hang")
        waiting = asyncio.create_task(stage.sync())
        async with asyncio.timeout(DEADLINE_S):
            while not stage.asked:
                await asyncio.sleep(0.01)
            await stage.served.server.stop()
            outcome = (await asyncio.gather(waiting, return_exceptions=True))[0]
        assert isinstance(outcome, aiohttp.ClientError) or getattr(outcome, "status", None) == 503
