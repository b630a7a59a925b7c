"""Who asks about students, and for what: logins come first, and what is sent in vain does no harm."""

from collections.abc import AsyncIterator

import pytest

from cds.student_api import asking
from tests.cds.contest_api.serving import SERVER_ADMIN
from tests.cds.student_api.stage import TOURIST, StudentStage, student_stage

CONTEST = {"id": "local", "name": "Local", "duration": "2:00:00", "scoreboard_type": "pass-fail"}
ACCOUNT = {"id": "t1", "username": "t1", "type": "admin", "password": "password of t1"}


@pytest.fixture
async def stage(database_dsn: str) -> AsyncIterator[StudentStage]:
    """A server with one student."""
    async with student_stage(database_dsn) as put_up:
        yield put_up


async def test_an_account_of_a_contest_may_not_write_and_is_not_asked_to_log_in(stage: StudentStage) -> None:
    for path, body in (("contests/local", CONTEST), ("contests/local/accounts/t1", ACCOUNT)):
        assert (await stage.ask("PUT", path, body, login=SERVER_ADMIN)).status == 201
    answer = await stage.ask("POST", "students", dict(TOURIST), login=("t1", "password of t1"))
    assert answer.status == 403
    assert (await stage.ask("POST", "students", dict(TOURIST), login=("t1", "wrong"))).status == 401
    assert (await stage.ask("GET", "students", login=("t1", "password of t1"))).status == 200


async def test_the_login_is_looked_at_before_the_query(stage: StudentStage) -> None:
    assert (await stage.ask("POST", "students?fields=x", dict(TOURIST))).status == 401
    assert (await stage.ask("POST", "students?fields=x", dict(TOURIST), login=SERVER_ADMIN)).status == 400


async def test_what_no_student_has_is_passed_over(stage: StudentStage) -> None:
    """As the original does it: scripts may send more than it keeps."""
    document = await stage.enter(nickname="x", foo={"bar": None})
    assert {"nickname", "foo"}.isdisjoint(document)
    changed = await stage.ask("PUT", f"students/{document['_id']}", {"nickname": "y"}, login=SERVER_ADMIN)
    assert (changed.status, changed.json["name"]) == (200, document["name"])


async def test_only_so_many_lists_of_all_are_sent_at_once(stage: StudentStage, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are large, and for everybody; lists without the long properties are not concerned."""
    await stage.enter()
    monkeypatch.setattr(asking, "WHOLE_LISTS_MAX", 1)
    for _ in range(3):
        assert (await stage.ask("GET", "students")).status == 200
    monkeypatch.setattr(asking, "WHOLE_LISTS_MAX", 0)
    answer = await stage.ask("GET", "students")
    assert (answer.status, "Retry-After" in answer.headers) == (503, True)
    assert (await stage.ask("GET", "students?fields=_id,codeforcesHandle")).status == 200
