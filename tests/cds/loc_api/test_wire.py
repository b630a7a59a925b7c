"""How requests to the League of Code API are read, whoever answers them (requirements-003, 1, 4 and 6)."""

from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

import pytest
import pytest_asyncio

from cds.loc_api.answers import Answer, error, fail, page_of
from cds.loc_api.call import Call
from cds.loc_api.rows import SEED_ENDPOINTS, Auth, Row
from cds.loc_api.table import ROWS
from eventstore.store import StoreUnavailable
from tests.cds.loc_api.wire import CALLERS, Wire, ask, named, wire

USER = "a.user's.token"
ADMIN = "an.administrator's.token"
SERVER = "the.server's.token"
JUDGE = "a.judge's.token"

MISSING = {"status": "fail", "data": {"token": "Request was missing the 'token' attribute"}}
NOT_LOGGED_IN = {"status": "error", "message": "User not logged in"}
NO_USER = {"status": "error", "message": "User was not found"}
EXPIRED = {"status": "error", "message": "JWT was expired"}

GUARDED = [row for row in ROWS if row.auth.needs_token]
OPEN = [row for row in ROWS if row.auth is Auth.OPEN]


@pytest_asyncio.fixture
async def asked() -> AsyncIterator[Wire]:
    """The routes over handlers that echo."""
    async with wire() as made:
        yield made


# --- Who may ask.


@pytest.mark.parametrize("row", ROWS, ids=named)
async def test_every_way_of_every_row_leads_to_its_handler(asked: Wire, row: Row) -> None:
    for number in range(len(row.ways)):
        status, body = await (
            ask(asked, row, number) if row.auth is Auth.OPEN else ask(asked, row, number, token=ADMIN)
        )
        assert status == 200, body
        assert body["data"]["row"] == row.name
        given = {name.replace("-", "_"): value for name, value in row.example.items() if "date" not in name}
        assert given.items() <= body["data"]["arguments"].items()


@pytest.mark.parametrize("row", GUARDED, ids=named)
async def test_without_a_token_it_is_401(asked: Wire, row: Row) -> None:
    assert await ask(asked, row) == (401, MISSING)


@pytest.mark.parametrize("row", GUARDED, ids=named)
async def test_tokens_are_looked_at_as_the_table_says(asked: Wire, row: Row) -> None:
    assert await ask(asked, row, token="rubbish") == (500, {"status": "error", "message": "JWT coding error"})
    assert await ask(asked, row, token="a.forged.token") == (401, {"status": "error", "message": "JWT was not valid"})
    assert await ask(asked, row, token="an.old.token") == (401, EXPIRED)
    assert await ask(asked, row, token="a.revoked.token") == (401, EXPIRED)
    gone = (404, NO_USER) if row.gone == 404 else (401, NOT_LOGGED_IN)
    assert await ask(asked, row, token="a.banned.token") == gone


@pytest.mark.parametrize("row", GUARDED, ids=named)
async def test_who_may_ask_follows_from_the_row(asked: Wire, row: Row) -> None:
    server_is_gone = 404 if row.gone == 404 else 401
    expected = {
        Auth.HOLDER: {USER: 200, ADMIN: 200, SERVER: 200, JUDGE: 200},
        Auth.USER: {USER: 200, ADMIN: 200, SERVER: server_is_gone, JUDGE: server_is_gone},
        Auth.ADMIN: {USER: 403, ADMIN: 200, SERVER: 200, JUDGE: 403},
    }[row.auth]
    for token, status in expected.items():
        found, body = await ask(asked, row, token=token)
        assert found == status, body
        if status == 200:
            assert body["data"]["caller"] == CALLERS[token].username
        if status == 403:
            assert body == {"status": "error", "message": "You are not an administrator"}


async def test_a_bearer_token_stands_beside_the_one_in_the_body_which_counts_for_more(asked: Wire) -> None:
    header = {"Authorization": f"Bearer {USER}"}
    status, body = await asked.ask("GET", "/v1/account/profile", headers=header)
    assert (status, body["data"]["caller"]) == (200, "ada")
    status, body = await asked.ask("GET", "/v1/account/profile", {"token": ADMIN}, headers=header)
    assert (status, body["data"]["caller"]) == (200, "grace")
    status, body = await asked.ask("GET", "/v1/account/profile", {"token": None}, headers=header)
    assert (status, body["data"]["caller"]) == (200, "ada")


async def test_a_token_in_a_query_is_none(asked: Wire) -> None:
    assert await asked.ask("GET", f"/v1/account/profile?token={USER}") == (401, MISSING)
    assert (await asked.ask("GET", "/v1/account/reset-password?token=secret"))[0] == 400


async def test_another_scheme_is_no_token_and_a_token_is_a_text(asked: Wire) -> None:
    basic = {"Authorization": "Basic YWRtaW46YWRtaW4="}
    assert await asked.ask("GET", "/v1/account/profile", headers=basic) == (401, MISSING)
    invalid = {"status": "fail", "data": {"token": "Invalid type"}}
    assert await asked.ask("GET", "/v1/account/profile", {"token": 5}) == (400, invalid)


async def test_401_says_how_to_log_in_and_nobody_keeps_it(asked: Wire) -> None:
    response = await asked.response("GET", "/v1/account/profile")
    assert response.headers["WWW-Authenticate"].startswith("Bearer ")
    assert response.headers["Cache-Control"] == "no-store"


async def test_where_a_token_may_be_left_out_a_bad_one_is_refused_all_the_same(asked: Wire) -> None:
    path = "/v1/matches/submission"
    assert (await asked.ask("GET", path, {"match": "m"}))[0] == 200
    assert await asked.ask("GET", path, {"match": "m", "token": "an.old.token"}) == (401, EXPIRED)
    _, body = await asked.ask("GET", path, {"match": "m", "token": USER})
    assert body["data"]["caller"] == "ada"


async def test_whoever_may_not_ask_is_told_that_first(asked: Wire) -> None:
    assert (await asked.ask("POST", "/v1/admin/match", {"title": 5}))[0] == 401
    assert (await asked.ask("POST", "/v1/admin/match", {"token": USER, "title": 5}))[0] == 403


@pytest.mark.parametrize("row", OPEN, ids=named)
async def test_open_rows_look_at_no_token(asked: Wire, row: Row) -> None:
    header = {"Authorization": "Bearer rubbish"}
    way = row.ways[0]
    status, body = await asked.ask(way.method, way.path, row.example, headers=header)
    assert (status, body["data"]["caller"]) == (200, None)


# --- What is answered.


async def test_errors_of_the_router_are_jsend_too(asked: Wire) -> None:
    bad = {"Authorization": "Bearer rubbish"}
    for headers in ({}, bad, {"Authorization": "Basic YTpi"}):
        status, body = await asked.ask("GET", "/v1/nothing", headers=headers)
        assert (status, body) == (404, {"status": "error", "message": "there is nothing at /v1/nothing"})
        status, body = await asked.ask("PUT", "/v1/account/logout", headers=headers)
        assert (status, body["status"]) == (405, "error")
    status, body = await asked.ask("DELETE", "/v1/account/followers")
    assert (status, body["status"]) == (405, "error")
    status, body = await asked.ask("POST", "/v1/account/signup", raw=b"x" * 1_000_000)
    assert (status, body["status"]) == (413, "error")
    status, body = await asked.ask("GET", "/v1/matches/list", raw=b" " * 70_000)
    assert (status, body["status"]) == (413, "error")


async def test_information_is_no_jsend(asked: Wire) -> None:
    for path in ("/info", "/info/"):
        status, body = await asked.ask("GET", path)
        assert (status, list(body)) == (200, ["api", "description", "version"])
        assert body["api"] == ["v1"]
        assert body["version"] == "1.2.3"


async def test_head_is_for_what_anybody_may_read(asked: Wire) -> None:
    assert (await asked.response("HEAD", "/v1/matches/list")).status == 200
    assert (await asked.response("HEAD", "/v1/account/logout")).status == 405


@pytest.mark.parametrize("row", ROWS, ids=named)
async def test_without_the_database_it_is_the_documented_500_or_503(row: Row) -> None:
    async def handle(_call: Call[Any]) -> Answer:
        raise StoreUnavailable("away")

    async with wire({row.name: handle}) as asked:
        status, body = await (ask(asked, row) if row.auth is Auth.OPEN else ask(asked, row, token=ADMIN))
    if row.failing is None:
        assert (status, body["status"]) == (503, "error")
    else:
        assert (status, body) == (500, {"status": "error", "message": row.failing})
    assert (status == 500) == (500 in row.codes)


async def test_refusals_are_told_in_their_form() -> None:
    async def conflict(_call: Call[Any]) -> Answer:
        raise fail(HTTPStatus.CONFLICT, "A user with the specified details already exists")

    async def throttled(_call: Call[Any]) -> Answer:
        raise error(HTTPStatus.TOO_MANY_REQUESTS, "too many", {"Retry-After": "3"})

    async with wire({"post_signup": conflict, "post_login": throttled}) as asked:
        sent = {"username": "ada", "email": "ada@example.org", "password": "password"}
        said = {"status": "fail", "data": "A user with the specified details already exists"}
        assert await asked.ask("POST", "/v1/account/signup", sent) == (409, said)
        response = await asked.response("POST", "/v1/account/login", sent)
        assert (response.status, response.headers["Retry-After"]) == (429, "3")


@pytest.mark.parametrize(
    ("count", "page", "pages", "first", "last"),
    [(0, 1, 1, None, None), (20, 1, 1, 0, 19), (21, 1, 2, 0, 19), (21, 2, 2, 20, 20), (21, 3, 2, None, None)],
)
def test_pages_of_a_list(count: int, page: int, pages: int, first: int | None, last: int | None) -> None:
    told: Any = page_of(range(count), page, 20, str).data
    assert (told.page, told.pages) == (page, pages)
    assert [*told.list[:1], *told.list[-1:]] == ([] if first is None else [str(first), str(last)])


def test_the_table_has_every_endpoint_once() -> None:
    """But for `/info`, and with the one that is ours."""
    assert sorted(row.number for row in ROWS) == [*range(2, SEED_ENDPOINTS + 1), 45]
    ways = [way for row in ROWS for way in row.ways]
    assert len(set(ways)) == len(ways)
    assert len({row.name for row in ROWS}) == len(ROWS)
