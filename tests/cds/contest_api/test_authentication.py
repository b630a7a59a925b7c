"""Who may read what: HTTP Basic authentication, roles, and how far an account reaches (roles.md)."""

import pytest

from tests.cds.contest_api.serving import SERVER_ADMIN, Login, Running, basic_authorization
from tests.cds.contest_api.small_contest import ROLE_OF_ACCOUNT, TEAM_OF_ACCOUNT, login
from tests.cds.contest_api.test_http import CHIEF, EVERY_PATH, WRITING, expect_error, written_paths

pytestmark = pytest.mark.asyncio(loop_scope="session")

FILES = ("contests/small/logo/logo.png", "contests/small/submissions/s1/files")
FEED = "contests/small/event-feed?stream=false"

WRONG: tuple[Login, ...] = (
    (CHIEF[0], "wrong"),
    (CHIEF[0], ""),
    ("nobody", "password"),
    ("admin", "admin"),
    ("", ""),
    ("chief", CHIEF[1]),
    (CHIEF[0], CHIEF[1] + " "),
    (CHIEF[0], "x" * 2000),
    ("Ädmin", "pässword"),
)


@pytest.mark.parametrize("wrong", WRONG)
async def test_wrong_credentials_are_refused_on_every_path(served: Running, wrong: Login) -> None:
    for path in (*EVERY_PATH, *FILES, FEED):
        await expect_error(served.caller(wrong), "GET", path, 401)
    challenge = (await served.caller(wrong).get("contests/small/teams")).headers["WWW-Authenticate"]
    assert challenge.startswith('Basic realm="')


@pytest.mark.parametrize("method", WRITING)
async def test_wrong_credentials_are_refused_when_writing(served: Running, method: str) -> None:
    for path in ("contests", "contests/small", "contests/small/teams", "contests/small/teams/t1"):
        await expect_error(served.caller(WRONG[0]), method, path, 401, data=b"{}")


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic !!!",
        "Basic bm9jb2xvbg==",
        "Basic /////w==",
        "Basic é",
        "Bearer é.é.é",
        "Bearer abc",
        "Digest username=x",
        "nonsense",
        "",
    ],
)
async def test_an_authorization_that_cannot_be_read_is_refused(served: Running, header: str) -> None:
    for path in (*EVERY_PATH, *FILES, FEED):
        await expect_error(served.caller(), "GET", path, 401, headers={"Authorization": header})


async def test_the_scheme_is_read_in_any_case(served: Running) -> None:
    header = basic_authorization(CHIEF).replace("Basic", "bAsIC")
    answer = await served.caller().get("contests/small/accounts", headers={"Authorization": header})
    assert answer.status == 200


async def test_credentials_are_taken_at_once_without_a_challenge(served: Running) -> None:
    answer = await served.caller(CHIEF).get("contests/small/account")
    assert (answer.status, answer.json["username"]) == (200, CHIEF[0])


async def test_without_login_there_is_what_is_fully_public_and_nothing_else(served: Running) -> None:
    caller = served.caller()
    assert {each["id"] for each in await caller.json("contests/small/submissions")} == {"s1", "s2", "s3", "s4", "s5"}
    assert {each["id"] for each in await caller.json("contests/small/judgements")} == {"j1", "j2", "j3"}
    assert {each["id"] for each in await caller.json("contests/small/clarifications")} == {"c0", "c3"}
    assert await caller.json("contests/early/problems") == []
    for name in ("accounts", "account", "commentary"):
        await expect_error(caller, "GET", f"contests/small/{name}", 404)
    for path in ("submissions/s6", "submissions/s8", "judgements/j4", "clarifications/c1", "accounts/chief"):
        await expect_error(caller, "GET", f"contests/small/{path}", 404)


async def test_what_is_hidden_looks_exactly_like_what_does_not_exist(served: Running) -> None:
    caller = served.caller()
    hidden = await caller.get("contests/small/judgements/j4")
    missing = await caller.get("contests/small/judgements/jX")
    assert hidden.body.replace(b"j4", b"jX") == missing.body
    assert {name for name in hidden.headers if name != "Date"} == {name for name in missing.headers if name != "Date"}


@pytest.mark.parametrize("username", ROLE_OF_ACCOUNT)
async def test_the_account_endpoint_shows_the_callers_own(served: Running, username: str) -> None:
    caller = served.caller(login("small", username))
    if username == "coach":
        await expect_error(caller, "GET", "contests/small/account", 404)
        return
    account = await caller.json("contests/small/account")
    assert account["id"] == username
    assert account["username"] == login("small", username)[0]
    assert account["type"] == ROLE_OF_ACCOUNT[username]
    assert account.get("team_id") == TEAM_OF_ACCOUNT.get(username)
    assert "password" not in account


@pytest.mark.parametrize("role", ["proxy", "analyst", "judge", "staff", "admin"])
async def test_an_account_of_the_server_has_its_role_in_every_contest(served: Running, role: str) -> None:
    own = {"admin": "chief"}.get(role, role)
    server_account = served.of_role(role)
    for contest_id in ("small", "other", "late"):
        of_contest = served.caller(login(contest_id, own))
        for name in ("access", "submissions", "judgements", "clarifications", "teams", "scoreboard"):
            path = f"contests/{contest_id}/{name}"
            assert (await server_account.get(path)).body == (await of_contest.get(path)).body, path
        account = await server_account.json(f"contests/{contest_id}/account")
        assert server_account.login is not None
        assert (account["username"], account["type"]) == (server_account.login[0], role)


@pytest.mark.parametrize("username", ROLE_OF_ACCOUNT)
async def test_an_account_of_a_contest_is_public_in_the_others(served: Running, username: str) -> None:
    foreign, public = served.caller(login("small", username)), served.caller()
    for path in (path.replace("small", "other") for path in (*EVERY_PATH, *FILES, FEED)):
        if path in ("", "contests"):
            continue
        theirs, ours = await foreign.get(path), await public.get(path)
        assert theirs.status == ours.status, path
        if path.endswith("stream=false"):
            assert theirs.body == ours.body
        else:
            assert theirs.body == ours.body, path
    for method in WRITING:
        for path in written_paths(method):
            await expect_error(foreign, method, path.replace("small", "other"), 401, data=b"{}")


async def test_the_list_of_contests_shows_each_as_the_caller_sees_it(served: Running) -> None:
    public = await served.caller().json("contests")
    assert await served.caller(CHIEF).json("contests") == public
    assert await served.caller(SERVER_ADMIN).json("contests") == public


async def test_no_answer_gives_a_password_away(served: Running) -> None:
    for caller in (served.caller(CHIEF), served.caller(SERVER_ADMIN), served.of_role("staff")):
        for path in (*EVERY_PATH, FEED):
            body = (await caller.get(path)).body
            assert b"password" not in body, path
            assert b"argon2" not in body, path


async def test_a_user_name_may_hold_what_a_password_may_not(served: Running) -> None:
    """The first colon ends the user name; the password may hold more of them (RFC 7617)."""
    header = basic_authorization((CHIEF[0], CHIEF[1] + ":more"))
    await expect_error(served.caller(), "GET", "contests/small/teams", 401, headers={"Authorization": header})


async def test_verified_credentials_are_remembered_for_a_short_time(served: Running) -> None:
    """Many requests with one login cost one check: a busy feed is not slowed by hashing."""
    passwords = served.server.service.identity._passwords
    checked = 0
    original = passwords.good

    async def counting(stored: str, password: str, whose: str = "") -> bool:
        nonlocal checked
        checked += 1
        return await original(stored, password, whose)

    passwords.good = counting  # type: ignore[method-assign] # counts what really happens
    try:
        for _ in range(20):
            await served.caller(login("late", "judge")).json("contests/late/state")
    finally:
        passwords.good = original  # type: ignore[method-assign] # as above
    assert checked <= 1
