"""Who may ask for the sync of a Codeforces handle, how often, and what of a student they are shown (seed 001)."""

from collections.abc import AsyncIterator

import pytest

from cds.students.settings import StudentSettings
from tests.acceptance.test_handle_sync import DOCUMENT_KEYS
from tests.cds.contest_api.serving import SERVER_ADMIN, SERVER_ROLES, server_login
from tests.cds.student_api.stage import TOURIST, StudentStage, student_stage

PUBLIC_KEYS = [key for key in DOCUMENT_KEYS if key not in ("email", "phoneNo")]


@pytest.fixture
async def stage(database_dsn: str) -> AsyncIterator[StudentStage]:
    """A server with one student, who was never synced."""
    async with student_stage(database_dsn) as put_up:
        await put_up.enter()
        yield put_up


async def test_many_syncs_from_one_address_are_429_where_a_limit_is_set(database_dsn: str) -> None:
    """Who asks for a handle that is nobody's asks nobody, and nothing else is concerned."""
    settings = StudentSettings(syncs_at_once=5)
    async with student_stage(database_dsn, rate_limits=True, students=settings) as stage:
        await stage.enter()
        for _ in range(6):
            assert (await stage.sync("nobody")).status == 404
        for _ in range(5):
            assert (await stage.sync()).status == 200
        asked = len(stage.asked)
        answer = await stage.sync()
        assert (answer.status, answer.json) == (429, {"error": "Too many requests, please try again later"})
        assert 1 <= int(answer.headers["Retry-After"]) <= 6
        assert len(stage.asked) == asked
        assert (await stage.ask("GET", "students")).status == 200


async def test_by_default_nobody_is_refused_for_asking_often(database_dsn: str) -> None:
    """The contract names no limit: Codeforces is protected by its own (requirements-001, 2.4)."""
    async with student_stage(database_dsn, rate_limits=True) as stage:
        await stage.enter()
        for _ in range(40):
            assert (await stage.sync()).status == 200


@pytest.mark.parametrize("role", ["public", "team", *SERVER_ROLES, "admin"])
@pytest.mark.parametrize("query", ["", "?envelope=1"])
async def test_personal_data_is_for_staff_alone(stage: StudentStage, role: str, query: str) -> None:
    answer = await stage.sync(query=query, login=server_login(role))
    assert answer.status == 200
    document = answer.json["student"] if query else answer.json
    seen = role in ("staff", "admin")
    assert list(document) == (DOCUMENT_KEYS if seen else PUBLIC_KEYS)
    for secret in (TOURIST["email"], TOURIST["phoneNo"]):
        assert (secret.encode() in answer.body) is seen


async def test_no_login_is_needed(stage: StudentStage) -> None:
    assert (await stage.sync()).status == 200


async def test_a_login_can_be_made_necessary(database_dsn: str) -> None:
    async with student_stage(database_dsn, students=StudentSettings(sync_requires_login=True)) as stage:
        await stage.enter()
        answer = await stage.sync()
        assert (answer.status, list(answer.json)) == (401, ["error"])
        assert "WWW-Authenticate" in answer.headers
        assert stage.asked == []
        assert (await stage.sync(login=server_login("judge"))).status == 200


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_wrong_credentials_are_401(stage: StudentStage, method: str) -> None:
    answer = await stage.ask(method, "codeforces/sync/tourist", login=("admin", "wrong"))
    assert (answer.status, list(answer.json)) == (401, ["error"])
    answer = await stage.ask(method, "codeforces/sync/tourist", headers={"Authorization": "Bearer x.y.z"})
    assert (answer.status, list(answer.json)) == (401, ["error"])
    assert stage.asked == []


async def test_nobody_may_keep_an_answer(stage: StudentStage) -> None:
    """So that asking again is asking Codeforces, whoever is in between; and pages from anywhere may ask."""
    for answer in (await stage.sync(), await stage.sync("nobody"), await stage.sync(login=("admin", "wrong"))):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert (await stage.sync()).headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "PATCH"])
async def test_other_methods_are_405_and_ask_nobody(stage: StudentStage, method: str) -> None:
    answer = await stage.ask(method, "codeforces/sync/tourist", login=SERVER_ADMIN)
    assert answer.status == 405
    assert stage.asked == []


async def test_every_refusal_is_in_the_form_of_this_api(stage: StudentStage) -> None:
    for path in ("codeforces", "codeforces/sync", "codeforces/sync/a/b", "codeforces/else"):
        answer = await stage.ask("GET", path)
        assert (answer.status, list(answer.json)) == (404, ["error"])
