"""What the APIs beside the Contest API answer is what the document says: each operation is asked, and all compared."""

import json
from collections.abc import AsyncIterator

import pytest

from cds.cms_api.routes import HANDLERS as OF_CMS
from cds.cms_api.routes import OPEN_HANDLERS as OF_CMS_FOR_ANYBODY
from cds.contest_api.table_routes import table_routes
from cds.loc_api.handlers import HANDLERS as OF_LEAGUE
from cds.loc_api.table import ROWS
from cds.openapi.cms_endpoints import CMS_API
from cds.openapi.loc_endpoints import LOC_API, operations_of
from cds.openapi.platform_endpoints import PLATFORM_API
from cds.openapi.served_apis import SERVED_APIS
from cds.openapi.student_endpoints import STUDENT_API
from cds.platform_api.routes import HANDLERS as OF_PLATFORMS
from cds.student_api.routes import HANDLERS as OF_STUDENTS
from tests.cds.contest_api.serving import SERVER_ADMIN, Answer, Json, Login, server_login
from tests.cds.openapi.documented import Documented
from tests.cds.student_api.stage import TOURIST, StudentStage, student_stage

LIST = "name,email,phoneNo,codeforcesHandle\nAda,ada@example.org,1,Petr\n"


class Asked(Documented):
    """Requests by the name of the operation, each compared with the document."""

    def __init__(self, stage: StudentStage, document: Json) -> None:
        """A server, and its document."""
        super().__init__(document)
        self.stage = stage

    async def ask(
        self,
        name: str,
        *,
        status: int,
        query: str = "",
        login: Login | None = SERVER_ADMIN,
        places: dict[str, str] | None = None,
        body: str | None = None,
        media: str = "application/json",
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """One request. Whatever comes has to be as documented."""
        verb, path, operation = self.operations[name]
        concrete = path.format_map(places or {}) + query
        concrete = self.stage.served.root + concrete if "servers" in operation else concrete.lstrip("/")
        sent = {} if body is None else {"Content-Type": media}
        answer = await self.stage.served.caller(login).ask(
            verb.upper(), concrete, data=body, headers={**sent, **(headers or {})}
        )
        assert answer.status == status, (name, answer.status, answer.body)
        self.check(name, answer)
        return answer


@pytest.fixture
async def asked(database_dsn: str) -> AsyncIterator[Asked]:
    """A server with stand-ins of all platforms, and its document."""
    async with student_stage(database_dsn) as stage:
        answer = await stage.ask("GET", "openapi.json")
        yield Asked(stage, answer.json)


async def test_students_are_answered_as_documented(asked: Asked) -> None:
    judge = server_login("judge")
    one = json.dumps(dict(TOURIST))
    entered = (await asked.ask("post_students", status=201, body=one)).json
    places = {"id": entered["_id"], "handle": "tourist"}
    await asked.ask("post_students", status=409, body=one)
    await asked.ask("post_students", status=401, login=None, body=one)
    await asked.ask("post_students", status=403, login=judge, body=one)
    await asked.ask("post_students", status=201, body=LIST, media="text/csv")
    await asked.ask("post_students", status=409, body=LIST, media="text/csv")
    await asked.ask("post_students", status=400, body="{}")
    for name in ("sync_handle", "post_handle_sync"):
        await asked.ask(name, status=200, places=places, login=None)
        await asked.ask(name, status=200, places=places, query="?envelope=1")
        await asked.ask(name, status=200, places=places, query="?fields=name,submissions")
        await asked.ask(name, status=404, places={"handle": "nobody"})
        await asked.ask(name, status=500, places={"handle": "Petr"})
        await asked.ask(name, status=400, places=places, query="?fields=nothing")
    for login in (None, judge, SERVER_ADMIN):
        await asked.ask("list_students", status=200, login=login)
        await asked.ask("list_students", status=200, login=login, query="?fields=name,email")
        await asked.ask("get_student", status=200, login=login, places=places)
    answer = await asked.ask("get_student", status=200, places=places)
    known = {"If-None-Match": answer.headers["ETag"]}
    await asked.ask("get_student", status=304, places=places, headers=known)
    await asked.ask("get_student", status=404, places={"id": "nobody"})
    change = '{"name":"Another"}'
    assert (await asked.ask("put_student", status=200, places=places, body=change)).json["name"] == "Another"
    await asked.ask("put_student", status=404, places={"id": "nobody"}, body=change)
    await asked.ask("delete_student", status=204, places=places)
    await asked.ask("delete_student", status=404, places=places)
    assert asked.succeeded == set(OF_STUDENTS)


async def test_syncs_of_platforms_are_answered_as_documented(asked: Asked) -> None:
    codeforces, nowhere = {"platform": "codeforces"}, {"platform": "nowhere"}
    forced = '{"forceSync":true}'
    await asked.ask("sync_platform", status=200, places=codeforces)
    assert (await asked.ask("sync_platform", status=200, places=codeforces)).json["skipped"]
    await asked.ask("sync_platform", status=400, places=nowhere)
    await asked.ask("sync_platform", status=401, places=codeforces, login=None)
    await asked.ask("sync_platform", status=403, places=codeforces, login=server_login("judge"))
    asked.stage.servers.codeforces.misbehave("html")
    await asked.ask("sync_platform", status=500, places=codeforces, body=forced)
    assert "error" in (await asked.ask("sync_all_platforms", status=200, body=forced)).json["results"]["codeforces"]
    await asked.ask("sync_all_platforms", status=401, login=None)
    await asked.ask("list_platforms", status=200)
    await asked.ask("list_platforms", status=401, login=None)
    await asked.ask("get_platform_history", status=200, places=codeforces)
    await asked.ask("get_platform_history", status=200, places=codeforces, query="?offset=1&limit=1")
    await asked.ask("get_platform_history", status=200, places=codeforces, query="?contestId=1")
    await asked.ask("get_platform_history", status=400, places=nowhere)
    await asked.ask("list_contests_of_platform", status=200, places=codeforces, query="?limit=1")
    await asked.ask("list_contests_of_platform", status=400, places=codeforces, query="?limit=0")
    assert asked.succeeded == set(OF_PLATFORMS)


def test_every_operation_has_a_handler_and_every_handler_an_operation() -> None:
    handled = {
        id(PLATFORM_API): list(OF_PLATFORMS),
        id(STUDENT_API): list(OF_STUDENTS),
        id(CMS_API): [*OF_CMS_FOR_ANYBODY, *OF_CMS],
    }
    for api in SERVED_APIS:
        if api is not LOC_API:
            assert [operation.identifier for operation in api.operations] == handled[id(api)]


def test_every_row_of_the_league_has_a_handler_and_operations() -> None:
    """A handler answers all ways of a row; what the server is, is told without one."""
    assert [row.name for row in ROWS] == list(OF_LEAGUE)
    assert list(LOC_API.operations)[1:] == [operation for row in ROWS for operation in operations_of(row)]


def test_an_operation_without_a_handler_stops_the_program() -> None:
    with pytest.raises(KeyError, match="sync_all_platforms"):
        table_routes(PLATFORM_API, {})
