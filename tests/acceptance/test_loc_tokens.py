"""Tokens of the League of Code API on every endpoint that wants one, and every endpoint without its database.

The codes and bodies are those of requirements-003, 1.6 and 4.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

import jwt
import msgspec
import pytest
import pytest_asyncio

from cds.loc_api.rows import Auth, Row
from cds.loc_api.table import ROWS
from eventstore.store import StoreUnavailable
from tests.acceptance.league import DAY_MS, PASSWORD, League, league
from tests.cds.contest_api.serving import cloned_database

GUARDED = [row for row in ROWS if row.auth.needs_token]
LOOKING = [row for row in ROWS if row.auth is not Auth.OPEN]
"""Where a token that is brought has to be good."""

OF_ADMINISTRATORS = [row for row in ROWS if row.auth is Auth.ADMIN]
WITH_500 = [row for row in ROWS if row.failing is not None]
OTHER_PASSWORD = "mynew_password"

EXPIRED = (401, {"status": "error", "message": "JWT was expired"})
INVALID = (401, {"status": "error", "message": "JWT was not valid"})
CODING = (500, {"status": "error", "message": "JWT coding error"})
MISSING = (401, {"status": "fail", "data": {"token": "Request was missing the 'token' attribute"}})
NOT_LOGGED_IN = (401, {"status": "error", "message": "User not logged in"})
NO_USER = (404, {"status": "error", "message": "User was not found"})
NO_ADMINISTRATOR = (403, {"status": "error", "message": "You are not an administrator"})


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def played(postgres_dsn_template: str) -> AsyncIterator[League]:
    """A server for all of these tests."""
    async with cloned_database(postgres_dsn_template) as dsn, league(dsn) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def tokens(played: League) -> Mapping[str, str]:
    """Tokens by what is wrong with them."""
    return {wrong: await spoil(played) for wrong, spoil in SPOILING.items()}


def named(row: Row) -> str:
    """How a row is called in reports."""
    return f"{row.number:02}-{row.name}"


async def asked(played: League, row: Row, token: str | None) -> tuple[int, object]:
    """What an endpoint answers to a token, by each of its ways, which is the same."""
    body = {**row.example, **({} if token is None else {"token": token})}
    replies = [await played.ask(way.method, way.path, body) for way in row.ways]
    found = {(reply.status, msgspec.json.encode(reply.json)) for reply in replies}
    assert len(found) == 1
    return replies[0].status, replies[0].json


async def an_old_one(played: League) -> str:
    """Of somebody who logged in days ago."""
    token = (await played.player()).token
    played.clock.now_ms += 6 * DAY_MS
    return token


async def one_of_before_a_new_password(played: League) -> str:
    """Of somebody who has another password since."""
    player = await played.player()
    body = {"token": player.token, "current-password": PASSWORD, "new-password": OTHER_PASSWORD}
    await played.done("POST", "/v1/account/change-password", body)
    return player.token


async def one_of_before_a_reset(played: League) -> str:
    """Of somebody who has set another password with a code since."""
    player = await played.player()
    code = await played.reset_code(player)
    body = {"token": code, "password": OTHER_PASSWORD, "confirm-password": OTHER_PASSWORD}
    await played.done("POST", "/v1/account/reset-password", body)
    return player.token


async def one_that_was_logged_out(played: League) -> str:
    """Of somebody who has logged out since."""
    player = await played.player()
    await played.done("GET", "/v1/account/logout", {"token": player.token})
    return player.token


async def one_of_before_a_ban_that_is_over(played: League) -> str:
    """Of somebody who was banned, and is back."""
    player = await played.player()
    await played.ban(player.username)
    await played.ban(player.username, delete=False)
    return player.token


async def one_of_somebody_banned(played: League) -> str:
    """Of somebody who is banned."""
    player = await played.player()
    await played.ban(player.username)
    return player.token


async def a_forged_one(played: League) -> str:
    """Signed with another key."""
    claims = jwt.decode(await played.admin(), options={"verify_signature": False})
    return jwt.encode(claims, "x" * 64, algorithm="HS512")


async def an_unsigned_one(played: League) -> str:
    """Not signed at all."""
    claims = jwt.decode(await played.admin(), options={"verify_signature": False})
    return jwt.encode(claims, "", algorithm="none")


async def rubbish(_played: League) -> str:
    """No token at all."""
    return "JWT_TOKEN"


SPOILING: Mapping[str, Callable[[League], Awaitable[str]]] = {
    spoil.__name__: spoil
    for spoil in (
        an_old_one,
        one_of_before_a_new_password,
        one_of_before_a_reset,
        one_that_was_logged_out,
        one_of_before_a_ban_that_is_over,
        one_of_somebody_banned,
        a_forged_one,
        an_unsigned_one,
        rubbish,
    )
}

ANSWERS: Mapping[str, tuple[int, object]] = {
    "one_of_before_a_new_password": EXPIRED,
    "one_of_before_a_reset": EXPIRED,
    "one_that_was_logged_out": EXPIRED,
    "one_of_before_a_ban_that_is_over": EXPIRED,
    "an_old_one": EXPIRED,
    "a_forged_one": INVALID,
    "an_unsigned_one": INVALID,
    "rubbish": CODING,
}


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("wrong", ANSWERS)
@pytest.mark.parametrize("row", LOOKING, ids=named)
async def test_a_token_that_is_good_for_nothing(
    played: League, tokens: Mapping[str, str], row: Row, wrong: str
) -> None:
    assert await asked(played, row, tokens[wrong]) == ANSWERS[wrong]


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("token", [None, ""])
@pytest.mark.parametrize("row", GUARDED, ids=named)
async def test_no_token(played: League, row: Row, token: str | None) -> None:
    assert await asked(played, row, token) == MISSING


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("row", LOOKING, ids=named)
async def test_the_token_of_somebody_who_is_banned(played: League, tokens: Mapping[str, str], row: Row) -> None:
    expected = NO_USER if row.gone == 404 else NOT_LOGGED_IN
    assert await asked(played, row, tokens["one_of_somebody_banned"]) == expected


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("row", OF_ADMINISTRATORS, ids=named)
async def test_the_token_of_somebody_who_is_no_administrator(played: League, row: Row) -> None:
    assert await asked(played, row, (await played.player()).token) == NO_ADMINISTRATOR


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("row", WITH_500, ids=named)
async def test_without_the_database_it_is_the_500_of_the_seed(
    played: League, row: Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = (await played.player()).token if row.auth.needs_token else "0" * 32
    body = {**row.example, "token": token}

    async def away(*_arguments: object, **_more: object) -> None:
        raise StoreUnavailable("the database has gone")

    register = played.served.server.service.users.register
    for name in ("fresh", "people"):
        monkeypatch.setattr(register, name, away)
    for name in ("append", "kept", "kept_named", "keep_beside"):
        monkeypatch.setattr(played.served.store, name, away, raising=False)
    reply = await played.ask(row.ways[0].method, row.ways[0].path, body)
    assert (reply.status, reply.json) == (500, {"status": "error", "message": row.failing})
    assert "Retry-After" in reply.headers
