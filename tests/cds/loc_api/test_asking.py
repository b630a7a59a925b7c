"""How the arguments of requests to the League of Code API are read, whoever answers (requirements-003, 1, 4 and 6)."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from cds.loc_api.rows import Auth, Row
from cds.loc_api.table import ROWS
from tests.cds.loc_api.wire import Wire, ask, named, wire

USER = "a.user's.token"
ADMIN = "an.administrator's.token"

MISSING = {"status": "fail", "data": {"token": "Request was missing the 'token' attribute"}}


@pytest_asyncio.fixture
async def asked() -> AsyncIterator[Wire]:
    """The routes over handlers that echo."""
    async with wire() as made:
        yield made


@pytest.mark.parametrize("media", ["application/json", "text/plain", "application/octet-stream"])
@pytest.mark.parametrize("chunked", [False, True])
async def test_get_reads_a_body_of_any_type_in_one_piece_or_in_chunks(asked: Wire, media: str, chunked: bool) -> None:
    sent = b'{"match":"a-match","page":2}'

    async def pieces() -> AsyncIterator[bytes]:
        for begin in range(0, len(sent), 7):
            yield sent[begin : begin + 7]

    raw = pieces() if chunked else sent
    _, body = await asked.ask("GET", "/v1/matches/lfg", raw=raw, headers={"Content-Type": media})
    assert body["data"]["arguments"] == {"match": "a-match", "page": 2}


async def test_what_is_no_secret_may_stand_in_the_query_of_a_get_and_the_body_counts_for_more(asked: Wire) -> None:
    _, body = await asked.ask("GET", "/v1/matches/lfg?match=a&page=3")
    assert body["data"]["arguments"] == {"match": "a", "page": 3}
    _, body = await asked.ask("GET", "/v1/matches/lfg?match=a&page=3", {"match": "b"})
    assert body["data"]["arguments"] == {"match": "b", "page": 3}
    _, body = await asked.ask("GET", "/v1/matches/submission?match=a&party=ada")
    assert body["data"]["arguments"] == {"match": "a", "party": "ada"}
    assert (await asked.ask("POST", f"/v1/parties/join?party={'a' * 32}", {"token": USER}))[0] == 400


async def test_a_twin_reads_the_query_as_its_get_does(asked: Wire) -> None:
    _, body = await asked.ask("POST", "/v1/parties/list?page=2", {"token": USER})
    assert body["data"]["arguments"] == {"page": 2}
    _, body = await asked.ask("POST", "/v1/admin/match-leaderboard?match=a&page=2", {"token": ADMIN, "match": "b"})
    assert body["data"]["arguments"] == {"match": "b", "page": 2}


async def test_null_is_what_is_not_given(asked: Wire) -> None:
    _, body = await asked.ask("GET", "/v1/matches/lfg?match=a&page=2", {"match": None, "page": None})
    assert body["data"]["arguments"] == {"match": "a", "page": 2}
    missing = (400, {"status": "fail", "data": {"match": "Field was missing in request"}})
    assert await asked.ask("GET", "/v1/matches/lfg", {"match": None}) == missing
    _, body = await asked.ask(
        "PUT", "/v1/admin/match", {"token": ADMIN, "match": "a", "max-members": None, "max-team": 2}
    )
    assert body["data"]["arguments"]["max_members"] == 2


async def test_an_empty_token_is_a_missing_one(asked: Wire) -> None:
    header = {"Authorization": "Bearer "}
    assert await asked.ask("GET", "/v1/account/profile", headers=header) == (401, MISSING)
    assert await asked.ask("GET", "/v1/account/profile", {"token": ""}) == (401, MISSING)
    header = {"Authorization": f"Bearer {USER}"}
    _, body = await asked.ask("GET", "/v1/account/profile", {"token": ""}, headers=header)
    assert body["data"]["caller"] == "ada"
    _, body = await asked.ask("GET", "/v1/matches/submission", {"match": "m", "token": ""})
    assert body["data"]["caller"] is None


@pytest.mark.parametrize("row", [row for row in ROWS if row.example], ids=named)
async def test_every_required_argument_is_missed_by_name(asked: Wire, row: Row) -> None:
    way = row.ways[0]
    status, body = await asked.ask(way.method, way.path, {} if row.auth is Auth.OPEN else {"token": ADMIN})
    required = {name for name in row.example if name not in {"page", "slug", "remember-me"}}
    if row.name in {"get_submission", "put_submission", "change_match"}:
        required = {"match"}
    if row.name == "put_own_profile":
        required = {"email"}
    if required:
        assert (status, body) == (400, {"status": "fail", "data": dict.fromkeys(required, row.missing)})
    else:
        assert status == 200


async def test_wrong_types_are_named_all_at_once(asked: Wire) -> None:
    sent: dict[str, object] = {"username": 5, "email": {}, "password": []}
    wrong = dict.fromkeys(sent, "Invalid type")
    assert await asked.ask("POST", "/v1/account/signup", sent) == (400, {"status": "fail", "data": wrong})
    wrong = {"current-password": "Field was missing in request", "new-password": "Password not complex enough"}
    assert await asked.ask("POST", "/v1/account/change-password", {"token": USER, "new-password": "short"}) == (
        400,
        {"status": "fail", "data": wrong},
    )


@pytest.mark.parametrize("page", [0, -1, 2**40])
async def test_pages_begin_with_1(asked: Wire, page: int) -> None:
    wrong = (400, {"status": "fail", "data": {"page": "Not a valid page number"}})
    assert await asked.ask("GET", "/v1/matches/list", {"page": page}) == wrong
    assert await asked.ask("GET", f"/v1/matches/list?page={page}") == wrong
    assert await asked.ask("GET", "/v1/matches/list?page=first") == wrong
    no_number = (400, {"status": "fail", "data": {"page": "Invalid type"}})
    assert await asked.ask("GET", "/v1/matches/list", {"page": "1"}) == no_number


async def test_a_page_is_a_whole_number_in_a_body_and_in_a_query(asked: Wire) -> None:
    no_number = (400, {"status": "fail", "data": {"page": "Invalid type"}})
    for raw in (b'{"page":1.0}', b'{"page":1e0}', b'{"page":true}'):
        assert await asked.ask("GET", "/v1/matches/list", raw=raw) == no_number
    no_page = (400, {"status": "fail", "data": {"page": "Not a valid page number"}})
    for query in ("1.0", "1e0", "true", "", "+1", "%D9%A1", "9" * 5_000):
        assert await asked.ask("GET", f"/v1/matches/list?page={query}") == no_page


@pytest.mark.parametrize(
    ("path", "raw", "wrong"),
    [
        ("/v1/matches/list", b'{"page":9223372036854775808}', {"page": "Not a valid page number"}),
        ("/v1/matches/list", b'{"page":1' + b"0" * 5_000 + b"}", {"page": "Not a valid page number"}),
        ("/v1/matches/list", b'{"page":"a\\u0000"}', {"page": "Invalid type"}),
        ("/v1/matches/info", b'{"match":"a\\u0000"}', {"match": "Data value was not valid"}),
        ("/v1/matches/info", b'{"match":18446744073709551616}', {"match": "Invalid type"}),
        ("/v1/account/login", b'{"username":"a\\ud800","password":"p"}', {"username": "Data value was not valid"}),
        ("/v1/matches/info", b'{"match":["\\u0000"]}', {"match": "Invalid type"}),
        (
            "/v1/account/signup",
            b'{"username":"a\\u0000","email":"\\udc00@example.org","password":"\\u0000aaaaaaaa"}',
            {
                "username": "Invalid username",
                "email": "Invalid email",
                "password": "Password not complex enough",
            },
        ),
    ],
)
async def test_values_that_nobody_can_hold_are_named(asked: Wire, path: str, raw: bytes, wrong: dict[str, str]) -> None:
    method = "GET" if "matches" in path else "POST"
    assert await asked.ask(method, path, raw=raw) == (400, {"status": "fail", "data": wrong})


async def test_what_nobody_asks_for_may_hold_anything(asked: Wire) -> None:
    raw = b'{"page":2,"unknown":"\\ud800","other":[{"a":99999999999999999999}],"\\u0000":"\\u0000"}'
    status, body = await asked.ask("GET", "/v1/matches/list", raw=raw)
    assert (status, body["data"]["arguments"]) == (200, {"page": 2})


@pytest.mark.parametrize("token", [b'"a\\u0000"', b"18446744073709551616"])
async def test_a_token_that_nobody_can_hold_is_400(asked: Wire, token: bytes) -> None:
    status, body = await asked.ask("GET", "/v1/account/profile", raw=b'{"token":' + token + b"}")
    assert (status, list(body["data"])) == (400, ["token"])


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"title": ""}, {"title": "Cannot be empty"}),
        ({"title": "  "}, {"title": "Cannot be empty"}),
        ({"title": "two\nlines"}, {"title": "Data value was not valid"}),
        ({"title": "t" * 256}, {"title": "Data value was too long"}),
        ({"start-date": "soon"}, {"start-date": "Data value was not valid"}),
        ({"start-date": "", "end-date": " "}, {"start-date": "Cannot be empty", "end-date": "Cannot be empty"}),
        ({"start-date": 5}, {"start-date": "Invalid type"}),
        ({"end-date": "2017-01-01 00:00"}, {"end-date": "Data value was not valid"}),
        ({"min-members": 0}, {"min-members": "Data value was not valid"}),
        ({"min-members": "1"}, {"min-members": "Invalid type"}),
        ({"min-members": True}, {"min-members": "Invalid type"}),
        ({"max-members": 0, "min-members": 1}, {"max-members": "Data value was not valid"}),
        ({"max-members": 1, "min-members": 2}, {"max-members": "Data value was not valid"}),
        ({"is-visible": "false"}, {"is-visible": "Invalid type"}),
        ({"slug": "With Spaces"}, {"slug": "Data value was not valid"}),
        ({"slug": ""}, {"slug": "Cannot be empty"}),
        ({"slug": "--"}, {"slug": "Data value was not valid"}),
    ],
)
async def test_a_match_that_cannot_be_is_400(asked: Wire, changes: dict[str, object], wrong: dict[str, str]) -> None:
    (row,) = (row for row in ROWS if row.name == "create_match")
    assert await ask(asked, row, token=ADMIN, **changes) == (400, {"status": "fail", "data": wrong})


async def test_dates_aliases_and_the_two_spellings_of_remember_me(asked: Wire) -> None:
    sent = {"token": ADMIN, "match": "m", "start-date": "2017-01-01 00:00", "max-team": 4, "unknown": {}}
    _, body = await asked.ask("PUT", "/v1/admin/match", sent)
    assert body["data"]["arguments"]["start_date"] == 1_483_228_800_000
    assert body["data"]["arguments"]["max_members"] == 4
    for spelled in (True, "true", False, "false"):
        sent = {"username": "ada", "password": "p", "remember-me": spelled}
        assert (await asked.ask("POST", "/v1/account/login", sent))[0] == 200
    wrong = (400, {"status": "fail", "data": {"remember-me": "Invalid type"}})
    assert await asked.ask("POST", "/v1/account/login", {**sent, "remember-me": "yes"}) == wrong


async def test_a_new_password_is_typed_twice(asked: Wire) -> None:
    sent = {"token": "t", "password": "short", "confirm-password": "other"}
    wrong = {"password": "Not complex enough", "confirm-password": "Passwords do not match"}
    assert await asked.ask("POST", "/v1/account/reset-password", sent) == (400, {"status": "fail", "data": wrong})


NO_OBJECTS = (
    *(
        b"{",
        b"[]",
        b'"text"',
        b'{"page":1,}',
        b'{"page":1,"page":2}',
        b"\xff",
        b"[" * 5_000,
        b'{"a":' * 40 + b"1" + b"}" * 40,
    ),
    *(b'{"a":NaN}', b'{"a":"\xff"}', b'{"a":"\x00"}', b'{"a":01}', b'{"a":"\\ud800","b":{"c":1,"c":2}}'),
)


@pytest.mark.parametrize("raw", NO_OBJECTS)
async def test_what_is_no_json_object_is_400(asked: Wire, raw: bytes) -> None:
    wrong = (400, {"status": "fail", "data": {"body": "Malformed JSON"}})
    assert await asked.ask("GET", "/v1/matches/list", raw=raw) == wrong
    assert await asked.ask("POST", "/v1/account/signup", raw=raw) == wrong
