"""Who may ask for a sync over HTTP, and for what: every refusal in the form and order of the contract (seed 000)."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from cds.platform_api.request_budget import REQUESTS_MAX
from cds.platforms.questions import PLATFORMS
from tests.cds.contest_api.serving import DEADLINE_S
from tests.cds.platforms.sync_stage import ADMIN_LOGIN, SyncStage, completed, sync_stage

UNAUTHORIZED = {"statusCode": 401, "message": "Unauthorized"}
FORBIDDEN = {"statusCode": 403, "message": "Forbidden resource"}
INVALID = {
    "statusCode": 400,
    "message": "Invalid platform. Must be one of: codeforces, leetcode, codechef, atcoder",
    "error": "Bad Request",
}


@pytest.fixture
async def stage(database_dsn: str) -> AsyncIterator[SyncStage]:
    """A server without contests, and the platforms."""
    async with sync_stage(database_dsn) as put_up:
        yield put_up


@pytest.mark.parametrize("platform", [*PLATFORMS, "topcoder", "all"])
async def test_without_a_login_it_is_401_whatever_is_asked(stage: SyncStage, platform: str) -> None:
    """The body has exactly the two keys of the contract; nothing else is looked at before."""
    answer = await stage.sync(platform, login=None, raw=b"{broken")
    assert (answer.status, answer.json) == (401, UNAUTHORIZED)
    assert "WWW-Authenticate" in answer.headers


@pytest.mark.parametrize("value", ["Bearer", "Bearer x", "Bearer a.b.c", "Basic YWRtaW46d3Jvbmc=", "Digest x"])
async def test_wrong_credentials_are_401(stage: SyncStage, value: str) -> None:
    answer = await stage.ask("POST", "codeforces", login=None, headers={"Authorization": value})
    assert (answer.status, answer.json) == (401, UNAUTHORIZED)


async def test_a_token_that_has_expired_or_whose_account_is_gone_is_401(stage: SyncStage) -> None:
    await stage.account("director", "admin")
    expired = await stage.token("director", "admin", lifetime_s=-1)
    good = await stage.token("director", "admin")
    answer = await stage.ask("POST", "codeforces", login=None, headers={"Authorization": f"Bearer {expired}"})
    assert (answer.status, answer.json) == (401, UNAUTHORIZED)
    await stage.served.store.remove_server_account("director")
    async with asyncio.timeout(DEADLINE_S):
        while True:
            answer = await stage.ask("GET", "codeforces", login=None, headers={"Authorization": f"Bearer {good}"})
            if answer.status == 401:
                break
            await asyncio.sleep(0.05)
    assert answer.json == UNAUTHORIZED


@pytest.mark.parametrize("role", ["staff", "judge", "analyst", "proxy", "team"])
@pytest.mark.parametrize("platform", ["codeforces", "topcoder"])
async def test_whoever_is_no_administrator_gets_403(stage: SyncStage, role: str, platform: str) -> None:
    """By password and by token; the platform is not looked at before."""
    login = await stage.account("somebody", role)
    token = await stage.token("somebody", role)
    for answer in (
        await stage.sync(platform, login=login),
        await stage.ask("POST", platform, login=None, headers={"Authorization": f"Bearer {token}"}),
    ):
        assert (answer.status, answer.json) == (403, FORBIDDEN)
    assert stage.servers.requests == 0


async def test_an_administrator_asks_with_a_token_or_a_password(stage: SyncStage) -> None:
    await stage.account("director", "admin")
    token = await stage.token("director", "admin")
    answer = await stage.ask("POST", "codeforces", login=None, headers={"Authorization": f"Bearer {token}"})
    assert (answer.status, answer.json) == (200, completed("codeforces", 12, 0))
    answer = await stage.sync("leetcode")
    assert (answer.status, answer.json) == (200, completed("leetcode", 4, 0))
    run, *_ = (await stage.history("codeforces"))["history"]
    assert (run["actor"], run["trigger"]) == ("server:director", "request")


@pytest.mark.parametrize("platform", ["topcoder", "Codeforces", "CODEFORCES", "codeforces%20", "-"])
async def test_a_name_of_no_platform_is_400(stage: SyncStage, platform: str) -> None:
    """The names are case-sensitive; the body is not looked at before."""
    answer = await stage.sync(platform, raw=b"{broken")
    assert (answer.status, answer.json) == (400, INVALID)
    answer = await stage.ask("GET", platform)
    assert (answer.status, answer.json) == (400, INVALID)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"forceSync":"yes"}',
        b'{"forceSync":1}',
        b'{"forceSync":null}',
        b'{"contestId":0}',
        b'{"contestId":-5}',
        b'{"contestId":1.5}',
        b'{"contestId":"x"}',
        b'{"contestId":true}',
        b'{"contestId":null}',
        b'{"contestId":12345678901234567890}',
        b'{"forceSync":[]}',
        b"[]",
        b"null",
        b"true",
        b"{",
        b'{"forceSync":true,"forceSync":false}',
        b"\xff",
    ],
)
async def test_a_body_that_is_none_is_400_and_nobody_is_asked(stage: SyncStage, raw: bytes) -> None:
    answer = await stage.sync("codeforces", raw=raw)
    assert answer.status == 400
    assert answer.json.keys() == {"statusCode", "message", "error"}
    assert (answer.json["statusCode"], answer.json["error"]) == (400, "Bad Request")
    assert stage.servers.requests == 0


async def test_single_contests_are_offered_for_codeforces_alone(stage: SyncStage) -> None:
    for platform in ("leetcode", "all"):
        answer = await stage.sync(platform, {"contestId": 1})
        assert (answer.status, answer.json["error"]) == (400, "Bad Request")
    assert stage.servers.requests == 0


@pytest.mark.parametrize("raw", [b"", b"  \n", b"{}", b'{"forceSync":false}', b'{"forceSync":true}', b'{"other":1}'])
async def test_a_body_that_is_absent_empty_or_right_is_200(stage: SyncStage, raw: bytes) -> None:
    answer = await stage.sync("leetcode", raw=raw)
    assert (answer.status, answer.json) == (200, completed("leetcode", 4, 0))
    assert answer.headers["Content-Type"] == "application/json"


async def test_a_post_without_body_and_type_is_200(stage: SyncStage) -> None:
    """As `curl -X POST` sends it."""
    caller = stage.served.caller(ADMIN_LOGIN)
    answer = await caller.ask("POST", f"{stage.served.root}/contests/sync/leetcode")
    assert answer.status == 200


async def test_a_body_that_is_too_large_is_413_in_the_same_form(stage: SyncStage) -> None:
    answer = await stage.sync("codeforces", raw=b'{"forceSync":true,"x":"' + b"x" * 100_000 + b'"}')
    assert (answer.status, answer.json["statusCode"], answer.json["error"]) == (413, 413, "Payload Too Large")


async def test_other_methods_and_paths_are_told_in_the_same_form(stage: SyncStage) -> None:
    answer = await stage.ask("PUT", "codeforces")
    assert (answer.status, answer.json["statusCode"], answer.json["error"]) == (405, 405, "Method Not Allowed")
    answer = await stage.ask("GET", "codeforces/nothing/here")
    assert (answer.status, answer.json["statusCode"], answer.json["error"]) == (404, 404, "Not Found")


async def test_pages_from_anywhere_may_ask(stage: SyncStage) -> None:
    """The preflight needs no login, and every answer may be read."""
    answer = await stage.ask("OPTIONS", "codeforces", login=None, headers={"Origin": "https://panel.example"})
    assert answer.status == 204
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    answer = await stage.sync("codeforces", login=None)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


async def test_a_page_that_brings_a_token_needs_no_type_and_one_that_brings_none_does(stage: SyncStage) -> None:
    """The very call of the contract, with the body absent: a browser adds a password by itself, a token never."""
    await stage.account("director", "admin")
    token = await stage.token("director", "admin")
    foreign = {"Origin": "https://panel.example", "Content-Type": "text/plain"}
    answer = await stage.ask("POST", "leetcode", login=None, headers={**foreign, "Authorization": f"Bearer {token}"})
    assert (answer.status, answer.json) == (200, completed("leetcode", 4, 0))
    answer = await stage.ask("POST", "leetcode", headers=foreign)
    assert (answer.status, answer.json) == (403, FORBIDDEN)


async def test_an_account_of_a_contest_is_no_administrator_of_the_server(stage: SyncStage) -> None:
    """Whatever it is there: who has logged in somewhere is not asked to log in."""
    login = await stage.contest_account("t1", "judge")
    for method in ("POST", "GET"):
        answer = await stage.ask(method, "codeforces", login=login)
        assert (answer.status, answer.json) == (403, FORBIDDEN)
    answer = await stage.ask("POST", "codeforces", login=(login[0], "wrong"))
    assert (answer.status, answer.json) == (401, UNAUTHORIZED)


async def test_a_disabled_platform_is_500_with_the_sentence_of_the_contract(database_dsn: str) -> None:
    async with sync_stage(database_dsn, settings={"enabled": ("leetcode",)}) as stage:
        answer = await stage.sync("codeforces", {"forceSync": False})
        assert answer.status == 500
        assert answer.json == {"statusCode": 500, "message": "Platform codeforces not registered or not enabled"}
        assert (await stage.sync("leetcode")).status == 200
        assert (await stage.sync("codeforces", raw=b"[]")).status == 400


async def test_the_hundred_and_first_run_of_an_hour_is_429(database_dsn: str) -> None:
    """What is refused before, or skipped, does not count; another account has requests of its own."""
    async with sync_stage(database_dsn, rate_limits=True) as stage:
        for _ in range(3):
            assert (await stage.sync("topcoder")).status == 400
        for _ in range(REQUESTS_MAX):
            assert (await stage.sync("leetcode", {"forceSync": True})).status == 200
            assert (await stage.sync("topcoder")).status == 400
        answer = await stage.sync("leetcode")
        message = "Too many requests, please try again later"
        assert answer.status == 429
        assert answer.json == {"statusCode": 429, "message": message, "error": "Too Many Requests"}
        assert 0 < int(answer.headers["Retry-After"]) <= 3600
        assert (await stage.sync("topcoder")).status == 400
        assert (await stage.sync("leetcode", login=await stage.account("director", "admin"))).status == 200


async def test_what_is_skipped_does_not_count(database_dsn: str) -> None:
    async with sync_stage(database_dsn, rate_limits=True, settings={"enabled": ("leetcode",)}) as stage:
        assert (await stage.sync("leetcode")).status == 200
        for _ in range(REQUESTS_MAX):
            assert (await stage.sync("leetcode")).json["skipped"] is True
            assert (await stage.sync("all")).json["results"]["leetcode"]["skipped"] is True
        assert (await stage.sync("leetcode", {"forceSync": True})).status == 200


async def test_without_limits_nobody_is_refused_for_asking_often(stage: SyncStage) -> None:
    for _ in range(40):
        assert (await stage.sync("leetcode")).status == 200
