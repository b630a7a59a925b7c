"""`/v1/account` over HTTP: signing up, logging in and out, profiles, passwords; the bodies are those of the seed."""

from collections.abc import AsyncIterator

import pytest

from tests.cds.contest_api.serving import ADMIN_PASSWORD
from tests.cds.users.mail_sink import MailSink
from tests.cds.users.stage import PASSWORD, Stage, code_in, stage

EXISTS = (409, {"status": "fail", "data": "A user with the specified details already exists"})
WRONG = (
    401,
    {"status": "fail", "data": {"username": "Check field for errors", "password": "Check field for errors"}},
)
EXPIRED = (401, {"status": "error", "message": "JWT was expired"})
NOT_FOUND = (404, {"status": "error", "message": "User was not found"})
NOT_LOGGED_IN = (401, {"status": "error", "message": "User not logged in"})
INVALID_TOKEN = (404, {"status": "error", "message": "Invalid token"})
INVALID_PASSWORD = (403, {"status": "error", "message": "Invalid password"})
NOTHING = (200, {"status": "success", "data": None})
ANOTHER = "another horse"


def told(data: object, status: int = 200) -> tuple[int, object]:
    """A success."""
    return status, {"status": "success", "data": data}


def failed(status: int, **data: str) -> tuple[int, object]:
    """A refusal that names arguments."""
    return status, {"status": "fail", "data": {name.replace("_", "-"): text for name, text in data.items()}}


def profile(username: str, name: str | None = None) -> tuple[int, object]:
    """The profile of somebody without points."""
    return told({"username": username, "name": name, "points": 0})


@pytest.fixture
async def desk(database_dsn: str, sink: MailSink) -> AsyncIterator[Stage]:
    """A server on an empty database."""
    async with stage(database_dsn, sink) as opened:
        yield opened


async def test_signing_up_and_logging_in(desk: Stage, sink: MailSink) -> None:
    """Whoever has signed up can log in, and a welcome goes to the address."""
    assert await desk.sign_up("test_user", email="my_email@example.com") == told({"username": "test_user"}, 201)
    token = await desk.log_in("test_user")
    assert await desk.ask("GET", "account/profile", token=token) == profile("test_user")
    assert (await sink.mail(0))["To"] == "my_email@example.com"


TAKEN = (
    ("ada", "other@example.com"),
    ("ADA", "other@example.com"),
    ("\uff41da", "other@example.com"),
    ("other", "ada@example.com"),
    ("other", "Ada@Example.COM"),
    ("admin", "other@example.com"),
    ("Admin", "other@example.com"),
)
"""The name or the address is somebody's: as it is, in other case or width, or that of an account of the server."""


async def test_a_name_or_an_address_is_one_persons(desk: Stage) -> None:
    await desk.newcomer("ada")
    for username, email in TAKEN:
        assert await desk.sign_up(username, email=email) == EXISTS, (username, email)


async def test_names_that_nobody_may_have(desk: Stage) -> None:
    for username in ("a" * 129, "", " ada", "a\u0001b", "a\nb", "a\u202eb", "a\u200bb", "deleted-u1"):
        status, body = await desk.sign_up(username, email="a@example.com")
        assert (status, list(body["data"])) == (400, ["username"]), username


async def test_names_in_any_script(desk: Stage) -> None:
    for number, username in enumerate(("a" * 128, "жена", "李", "e\u0301", "a b", "!", "🦀")):
        token = await desk.newcomer(username, email=f"a{number}@example.com")
        assert await desk.ask("GET", "account/profile", token=token) == profile(username)


async def test_passwords_that_nobody_may_have(desk: Stage) -> None:
    """Too short, too long, or one's own name or address (requirements-003, 3.2; mapping, 5)."""
    refused = failed(400, password="Password not complex enough")
    for password in ("1234567", "test_user", "TEST_USER", "test_user@example.com", "a" * 129):
        assert await desk.sign_up("test_user", password=password) == refused


async def test_wrong_credentials_are_answered_alike(desk: Stage) -> None:
    await desk.newcomer("ada")
    for username, password in (("ada", "wrong one"), ("nobody", PASSWORD), ("admin", "wrong one"), ("ada", "x" * 5000)):
        asked = {"username": username, "password": password}
        assert await desk.ask("POST", "account/login", dict(asked)) == WRONG


async def test_the_name_of_a_login_may_differ_in_case(desk: Stage) -> None:
    await desk.newcomer("Ada")
    token = await desk.log_in("aDA")
    assert await desk.ask("GET", "account/profile", token=token) == profile("Ada")


async def test_the_admin_of_the_server_is_an_administrator_without_being_a_user(desk: Stage) -> None:
    token = await desk.log_in("admin", ADMIN_PASSWORD)
    assert await desk.ask("GET", "account/profile", token=token) == profile("admin")
    assert await desk.ask("GET", "account/followers", token=token) == told([])
    assert await desk.ask("GET", "admin/users", token=token) == told({"page": 1, "pages": 1, "list": []})
    assert await desk.ask("PUT", "account/profile", {"email": "a@example.com"}, token=token) == NOT_FOUND


@pytest.mark.parametrize("who", ["ada", "admin"])
async def test_logging_out_ends_this_token_everywhere_and_no_other(desk: Stage, who: str) -> None:
    await desk.newcomer("ada")
    password = ADMIN_PASSWORD if who == "admin" else PASSWORD
    other = await desk.log_in(who, password)
    for method in ("GET", "POST"):
        token = await desk.log_in(who, password)
        assert await desk.ask(method, "account/logout", token=token) == NOTHING
        assert await desk.ask("GET", "account/profile", token=token) == EXPIRED
        assert await desk.ask(method, "account/logout", token=token) == EXPIRED
        contests = await desk.server.caller().get("contests", headers={"Authorization": f"Bearer {token}"})
        assert contests.status == 401
    assert await desk.ask("GET", "account/profile", token=other) == profile(who)


async def test_changing_ones_profile(desk: Stage) -> None:
    """A name that is not given stays (requirements-003, "Lost in the seed's text")."""
    token = await desk.newcomer("ada")
    wanted: dict[str, object] = {"name": "New User McUser", "email": "newmail@example.com"}
    assert await desk.ask("PUT", "account/profile", wanted, token=token) == told(wanted)
    kept = {"email": "third@example.com"}
    assert await desk.ask("PUT", "account/profile", dict(kept), token=token) == told(wanted | kept)
    assert await desk.ask("GET", "account/profile", token=token) == profile("ada", "New User McUser")
    assert await desk.ask("PUT", "account/profile", {**kept, "name": ""}, token=token) == told({**kept, "name": ""})


async def test_an_address_that_was_left_is_free_again(desk: Stage) -> None:
    token = await desk.newcomer("ada")
    assert (await desk.ask("PUT", "account/profile", {"email": "new@example.com"}, token=token))[0] == 200
    await desk.newcomer("bob", email="ada@example.com")
    wanted: dict[str, object] = {"email": "ada@example.com"}
    assert await desk.ask("PUT", "account/profile", wanted, token=token) == failed(
        409, email="Another user has this email"
    )


async def test_changing_the_password_ends_every_login(desk: Stage) -> None:
    token, other = await desk.newcomer("ada"), await desk.log_in("ada")
    change: dict[str, object] = {"current-password": PASSWORD, "new-password": ANOTHER}
    wrong = {**change, "current-password": "wrong one"}
    assert await desk.ask("POST", "account/change-password", wrong, token=token) == INVALID_PASSWORD
    assert await desk.ask("POST", "account/change-password", change, token=token) == NOTHING
    for dead in (token, other):
        assert await desk.ask("GET", "account/profile", token=dead) == EXPIRED
    assert await desk.ask("POST", "account/login", {"username": "ada", "password": PASSWORD}) == WRONG
    assert await desk.ask("GET", "account/profile", token=await desk.log_in("ada", ANOTHER)) == profile("ada")


async def test_a_new_password_may_not_be_ones_own_name(desk: Stage) -> None:
    token = await desk.newcomer("adalovelace")
    change: dict[str, object] = {"current-password": PASSWORD, "new-password": "AdaLovelace"}
    refused = failed(400, new_password="Password not complex enough")
    assert await desk.ask("POST", "account/change-password", change, token=token) == refused


async def test_a_banned_user_is_gone_until_the_next_login_behind_the_ban(desk: Stage) -> None:
    """404 where the endpoint speaks of a missing user, else 401 (requirements-003, 4)."""
    token, admin = await desk.newcomer("ada"), await desk.administrator()
    await desk.newcomer("bob")
    ban: dict[str, object] = {"user": "ada", "delete": True}
    status, body = await desk.ask("PUT", "admin/user-delete", ban, token=admin)
    assert (status, list(body["data"])) == (200, ["delete-date"])
    refused = (409, {"status": "fail", "data": {"user": "User was already deleted"}})
    assert await desk.ask("PUT", "admin/user-delete", ban, token=admin) == refused
    for path in ("account/profile", "account/followers", "account/following"):
        assert await desk.ask("GET", path, token=token) == NOT_FOUND
    follow: dict[str, object] = {"user": "bob", "follow": True}
    assert await desk.ask("POST", "users/follow", follow, token=token) == NOT_LOGGED_IN
    assert await desk.ask("POST", "account/login", {"username": "ada", "password": PASSWORD}) == WRONG
    assert await desk.ask("GET", "users/profile", {"user": "ada"}) == failed(404, user="User was not found")
    assert await desk.sign_up("ada", email="new@example.com") == EXISTS
    (listed,) = (await desk.ask("GET", "admin/deleted-users", token=admin))[1]["data"]["list"]
    assert listed == {"username": "ada", "delete-date": body["data"]["delete-date"]}

    back: dict[str, object] = {"user": "ada", "delete": False}
    assert await desk.ask("PUT", "admin/user-delete", back, token=admin) == told({"user": "ada"})
    refused = (409, {"status": "fail", "data": {"user": "User was not deleted"}})
    assert await desk.ask("PUT", "admin/user-delete", back, token=admin) == refused
    assert await desk.ask("GET", "account/profile", token=token) == EXPIRED
    assert await desk.ask("GET", "account/profile", token=await desk.log_in("ada")) == profile("ada")


async def test_following(desk: Stage) -> None:
    token, other = await desk.newcomer("ada"), await desk.newcomer("bob")
    follow: dict[str, object] = {"user": "BOB", "follow": True}
    assert await desk.ask("POST", "users/follow", follow, token=token) == NOTHING
    already = failed(409, user="You are already following that user")
    assert await desk.ask("POST", "users/follow", follow, token=token) == already
    assert await desk.ask("GET", "account/following", token=token) == told(["bob"])
    assert await desk.ask("GET", "account/followers", token=other) == told(["ada"])
    assert await desk.ask("GET", "users/followers", {"user": "bob"}) == told(["ada"])
    assert await desk.ask("GET", "users/following", {"user": "ada"}) == told(["bob"])
    unfollow: dict[str, object] = {"user": "bob", "follow": False}
    assert await desk.ask("POST", "users/follow", unfollow, token=token) == NOTHING
    assert await desk.ask("POST", "users/follow", unfollow, token=token) == failed(
        409, user="You were not following that user"
    )
    themselves = await desk.ask("POST", "users/follow", {"user": "ada", "follow": True}, token=token)
    assert themselves == failed(409, user="You cannot follow yourself")
    nobody = await desk.ask("POST", "users/follow", {"user": "nobody", "follow": True}, token=token)
    assert nobody == failed(404, user="User was not found")


async def test_the_lists_of_users_come_in_pages_of_fifty(desk: Stage) -> None:
    register = desk.server.server.service.users.register
    for number in range(51):
        await register.sign_up(f"user{number:02}", f"user{number:02}@example.com", "no hash")
    admin = await desk.administrator()
    _, first = await desk.ask("GET", "admin/users", token=admin)
    assert (first["data"]["pages"], first["data"]["list"]) == (2, [f"user{number:02}" for number in range(50)])
    _, second = await desk.ask("GET", "admin/users", {"page": 2}, token=admin)
    assert second["data"]["list"] == ["user50"]
    _, beyond = await desk.ask("GET", "admin/users", {"page": 3}, token=admin)
    assert beyond["data"] == {"page": 3, "pages": 2, "list": []}


async def test_a_forgotten_password(desk: Stage, sink: MailSink) -> None:
    """A code comes by mail, is looked at, and is good once; all logins are ended by it."""
    token = await desk.newcomer("ada")
    await sink.mail(0)
    assert await desk.ask("POST", "account/forgot-password", {"email": "ADA@example.com"}) == NOTHING
    mail = await sink.mail(1)
    assert mail["To"] == "ada@example.com"
    code = code_in(mail.get_content())
    assert await desk.ask("GET", "account/reset-password", {"token": code}) == NOTHING
    wanted: dict[str, object] = {"token": code, "password": ANOTHER, "confirm-password": ANOTHER}
    differing = {**wanted, "confirm-password": "third horse"}
    assert await desk.ask("POST", "account/reset-password", differing) == failed(
        400,
        confirm_password="Passwords do not match",
    )
    own = {**wanted, "password": "ada@example.com", "confirm-password": "ada@example.com"}
    refused = failed(400, password="Not complex enough")
    assert await desk.ask("POST", "account/reset-password", own) == refused
    assert await desk.ask("POST", "account/reset-password", wanted) == NOTHING
    assert await desk.ask("GET", "account/reset-password", {"token": code}) == INVALID_TOKEN
    assert await desk.ask("POST", "account/reset-password", wanted) == INVALID_TOKEN
    assert await desk.ask("GET", "account/profile", token=token) == EXPIRED
    await desk.log_in("ada", ANOTHER)


async def test_an_address_that_is_nobodys_is_answered_alike(desk: Stage, sink: MailSink) -> None:
    for email in ("nobody@example.com", "no address", "", "a" * 10_000):
        assert await desk.ask("POST", "account/forgot-password", {"email": email}) == NOTHING
    await desk.server.server.service.users.resets.drained()
    await desk.server.server.service.users.mailer.drained()
    assert sink.messages == []
