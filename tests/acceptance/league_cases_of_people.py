"""Requests of `/v1/account`, `/v1/users` and of the users under `/v1/admin`, and what comes of them."""

from http import HTTPStatus

from tests.acceptance.league import PASSWORD, League
from tests.acceptance.league_cases import Asked, Cases, anybody_asks, asks
from tests.cds.contest_api.serving import SERVER_ADMIN

PEOPLE = Cases()

MISSING = "Field was missing in request"
NO_USER = {"user": "User was not found"}
NOT_COMPLEX = "Password not complex enough"
TAKEN = "A user with the specified details already exists"
WRONG_LOGIN = {"username": "Check field for errors", "password": "Check field for errors"}
OTHER_PASSWORD = "mynew_password"
NO_CODE = "0" * 32

# --- 2, signup


@PEOPLE.succeeds(2, HTTPStatus.CREATED)
async def signing_up(league: League) -> Asked:
    name = league.new_name()
    return anybody_asks({"username": name}, username=name, email=f"{name}@example.com", password=PASSWORD)


@PEOPLE.fails(2, 400, {"password": MISSING})
async def signing_up_without_a_password(league: League) -> Asked:
    return anybody_asks(username=league.new_name(), email="somebody@example.com")


@PEOPLE.fails(2, 400, {"username": MISSING, "email": "Invalid email", "password": NOT_COMPLEX})
async def signing_up_all_wrong(_league: League) -> Asked:
    return anybody_asks(email="no address", password="short")


@PEOPLE.fails(2, 409, TAKEN)
async def signing_up_under_a_name_that_is_taken(league: League) -> Asked:
    taken = await league.player()
    return anybody_asks(username=taken.username.upper(), email="other@example.com", password=PASSWORD)


@PEOPLE.fails(2, 409, TAKEN)
async def signing_up_with_an_address_that_is_taken(league: League) -> Asked:
    taken = await league.player()
    return anybody_asks(username=league.new_name(), email=taken.email.upper(), password=PASSWORD)


# --- 3, login


@PEOPLE.succeeds(3)
async def logging_in(league: League) -> Asked:
    return anybody_asks(username=(await league.player()).username, password=PASSWORD, remember_me=False)


@PEOPLE.succeeds(3)
async def logging_in_for_long(league: League) -> Asked:
    return anybody_asks(username=(await league.player()).username, password=PASSWORD, remember_me=True)


@PEOPLE.fails(3, 400, {"password": MISSING})
async def logging_in_without_a_password(league: League) -> Asked:
    return anybody_asks(username=(await league.player()).username)


@PEOPLE.fails(3, 401, WRONG_LOGIN)
async def logging_in_with_a_wrong_password(league: League) -> Asked:
    return anybody_asks(username=(await league.player()).username, password=OTHER_PASSWORD)


@PEOPLE.fails(3, 401, WRONG_LOGIN)
async def logging_in_as_nobody(league: League) -> Asked:
    return anybody_asks(username=league.new_name(), password=PASSWORD)


@PEOPLE.fails(3, 401, WRONG_LOGIN)
async def logging_in_while_banned(league: League) -> Asked:
    banned = await league.player()
    await league.ban(banned.username)
    return anybody_asks(username=banned.username, password=PASSWORD)


# --- 4, logout


@PEOPLE.succeeds(4)
async def logging_out(league: League) -> Asked:
    return asks(await league.player(), None)


# --- 5 and 6, own profile


@PEOPLE.succeeds(5)
async def looking_at_the_own_profile(league: League) -> Asked:
    player = await league.player()
    await league.done("PUT", "/v1/account/profile", {"token": player.token, "name": "Ada", "email": player.email})
    return asks(player, {"username": player.username, "name": "Ada", "points": 0})


@PEOPLE.errs(5, 404, "User was not found")
async def looking_at_the_own_profile_while_banned(league: League) -> Asked:
    return asks(await banned(league))


@PEOPLE.succeeds(6)
async def changing_the_own_profile(league: League) -> Asked:
    email = f"{league.new_name()}@example.com"
    return asks(await league.player(), {"name": "New User McUser", "email": email}, name="New User McUser", email=email)


@PEOPLE.succeeds(6)
async def changing_the_own_address_alone(league: League) -> Asked:
    player = await league.player()
    await league.done("PUT", "/v1/account/profile", {"token": player.token, "name": "Ada", "email": player.email})
    email = f"{league.new_name()}@example.com"
    return asks(player, {"name": "Ada", "email": email}, email=email)


@PEOPLE.fails(6, 400, {"email": "Invalid email"})
async def changing_the_own_address_to_what_is_none(league: League) -> Asked:
    return asks(await league.player(), email="no address")


@PEOPLE.fails(6, 400, {"email": MISSING})
async def changing_the_own_profile_without_an_address(league: League) -> Asked:
    return asks(await league.player(), name="Ada")


@PEOPLE.errs(6, 404, "User was not found")
async def changing_the_own_profile_while_banned(league: League) -> Asked:
    return asks(await banned(league), email="somebody@example.com")


@PEOPLE.fails(6, 409, {"email": "Another user has this email"})
async def changing_the_own_address_to_that_of_another(league: League) -> Asked:
    other = await league.player()
    return asks(await league.player(), email=other.email)


# --- 7 and 8, own followers


@PEOPLE.succeeds(7)
async def looking_at_the_own_followers(league: League) -> Asked:
    player, fan = await league.player(), await league.player()
    await league.done("POST", "/v1/users/follow", {"token": fan.token, "user": player.username, "follow": True})
    return asks(player, [fan.username])


@PEOPLE.errs(7, 404, "User was not found")
async def looking_at_the_own_followers_while_banned(league: League) -> Asked:
    return asks(await banned(league))


@PEOPLE.succeeds(8)
async def looking_at_whom_one_follows(league: League) -> Asked:
    player, fan = await league.player(), await league.player()
    await league.done("POST", "/v1/users/follow", {"token": fan.token, "user": player.username, "follow": True})
    return asks(fan, [player.username])


@PEOPLE.errs(8, 404, "User was not found")
async def looking_at_whom_one_follows_while_banned(league: League) -> Asked:
    return asks(await banned(league))


# --- 9, change-password


@PEOPLE.succeeds(9)
async def changing_the_own_password(league: League) -> Asked:
    return asks(await league.player(), None, current_password=PASSWORD, new_password=OTHER_PASSWORD)


@PEOPLE.fails(9, 400, {"current-password": MISSING, "new-password": NOT_COMPLEX})
async def changing_the_own_password_to_a_short_one(league: League) -> Asked:
    return asks(await league.player(), new_password="short")


@PEOPLE.errs(9, 403, "Invalid password")
async def changing_a_password_that_one_does_not_have(league: League) -> Asked:
    return asks(await league.player(), current_password="not mine at all", new_password=OTHER_PASSWORD)


@PEOPLE.errs(9, 404, "User was not found")
async def changing_the_own_password_while_banned(league: League) -> Asked:
    return asks(await banned(league), current_password=PASSWORD, new_password=OTHER_PASSWORD)


# --- 10 to 12, a forgotten password


@PEOPLE.succeeds(10)
async def forgetting_a_password(league: League) -> Asked:
    return anybody_asks(None, email=(await league.player()).email)


@PEOPLE.succeeds(10)
async def forgetting_a_password_of_nobody(_league: League) -> Asked:
    return anybody_asks(None, email="nobody@example.com")


@PEOPLE.fails(10, 400, {"email": "Field was missing"})
async def forgetting_a_password_without_an_address(_league: League) -> Asked:
    return anybody_asks()


@PEOPLE.succeeds(11)
async def looking_whether_a_code_is_good(league: League) -> Asked:
    return anybody_asks(None, token=await league.reset_code(await league.player()))


@PEOPLE.fails(11, 400, {"token": MISSING})
async def looking_whether_no_code_is_good(_league: League) -> Asked:
    return anybody_asks()


@PEOPLE.errs(11, 404, "Invalid token")
async def looking_whether_a_made_up_code_is_good(_league: League) -> Asked:
    return anybody_asks(token=NO_CODE)


@PEOPLE.errs(11, 404, "Invalid token")
async def looking_whether_an_old_code_is_good(league: League) -> Asked:
    player = await league.player()
    old = await league.reset_code(player)
    await league.reset_code(player)
    return anybody_asks(token=old)


@PEOPLE.succeeds(12)
async def setting_another_password(league: League) -> Asked:
    code = await league.reset_code(await league.player())
    return anybody_asks(None, token=code, password=OTHER_PASSWORD, confirm_password=OTHER_PASSWORD)


@PEOPLE.fails(12, 400, {"password": "Not complex enough", "confirm-password": "Passwords do not match"})
async def setting_a_short_password_and_another(league: League) -> Asked:
    code = await league.reset_code(await league.player())
    return anybody_asks(token=code, password="short", confirm_password="other")


@PEOPLE.errs(12, 404, "Invalid token")
async def setting_a_password_with_a_made_up_code(_league: League) -> Asked:
    return anybody_asks(token=NO_CODE, password=OTHER_PASSWORD, confirm_password=OTHER_PASSWORD)


@PEOPLE.errs(12, 404, "Invalid token")
async def setting_a_password_with_a_code_that_was_used(league: League) -> Asked:
    given = {"password": OTHER_PASSWORD, "confirm-password": OTHER_PASSWORD}
    code = await league.reset_code(await league.player())
    await league.done("POST", "/v1/account/reset-password", {"token": code, **given})
    return anybody_asks(token=code, **given)


# --- 45, the end of an account, which is ours


@PEOPLE.succeeds(45)
async def erasing_oneself(league: League) -> Asked:
    return asks(await league.player(), None, current_password=PASSWORD)


@PEOPLE.fails(45, 400, {"current-password": MISSING})
async def erasing_oneself_without_a_password(league: League) -> Asked:
    return asks(await league.player())


@PEOPLE.errs(45, 403, "Invalid password")
async def erasing_oneself_with_a_wrong_password(league: League) -> Asked:
    return asks(await league.player(), current_password="not mine at all")


@PEOPLE.errs(45, 404, "User was not found")
async def erasing_oneself_while_banned(league: League) -> Asked:
    return asks(await banned(league), current_password=PASSWORD)


@PEOPLE.errs(45, 404, "User was not found")
async def erasing_an_account_of_the_server(league: League) -> Asked:
    return asks(await league.admin(), current_password=SERVER_ADMIN[1])


# --- 30 to 32, users


@PEOPLE.succeeds(30)
async def looking_at_a_profile(league: League) -> Asked:
    player = await league.player()
    await league.done("PUT", "/v1/account/profile", {"token": player.token, "name": "Ada", "email": player.email})
    return anybody_asks({"username": player.username, "name": "Ada", "points": 0}, user=player.username)


@PEOPLE.succeeds(31)
async def looking_at_followers(league: League) -> Asked:
    player, fan = await league.player(), await league.player()
    await league.done("POST", "/v1/users/follow", {"token": fan.token, "user": player.username, "follow": True})
    return anybody_asks([fan.username], user=player.username)


@PEOPLE.succeeds(32)
async def looking_at_whom_somebody_follows(league: League) -> Asked:
    player, fan = await league.player(), await league.player()
    await league.done("POST", "/v1/users/follow", {"token": fan.token, "user": player.username, "follow": True})
    return anybody_asks([player.username], user=fan.username)


async def naming_nobody(league: League) -> Asked:
    return anybody_asks(user=league.new_name("nobody"))


async def naming_somebody_who_is_banned(league: League) -> Asked:
    player = await league.player()
    await league.ban(player.username)
    return anybody_asks(user=player.username)


async def naming_no_user(_league: League) -> Asked:
    return anybody_asks()


for _number in (30, 31, 32):
    PEOPLE.fails(_number, 400, {"user": MISSING})(naming_no_user)
    PEOPLE.fails(_number, 404, NO_USER)(naming_nobody)
    PEOPLE.fails(_number, 404, NO_USER)(naming_somebody_who_is_banned)


# --- 33, follow


@PEOPLE.succeeds(33)
async def following(league: League) -> Asked:
    return asks(await league.player(), None, user=(await league.player()).username, follow=True)


@PEOPLE.succeeds(33)
async def unfollowing(league: League) -> Asked:
    player, fan = await league.player(), await league.player()
    await league.done("POST", "/v1/users/follow", {"token": fan.token, "user": player.username, "follow": True})
    return asks(fan, None, user=player.username, follow=False)


@PEOPLE.fails(33, 400, {"user": MISSING, "follow": "Invalid type"})
async def following_nobody_at_all(league: League) -> Asked:
    return asks(await league.player(), follow="yes")


@PEOPLE.fails(33, 404, NO_USER)
async def following_whom_there_is_not(league: League) -> Asked:
    return asks(await league.player(), user=league.new_name("nobody"), follow=True)


@PEOPLE.fails(33, 409, {"user": "You are already following that user"})
async def following_twice(league: League) -> Asked:
    player, fan = await league.player(), await league.player()
    await league.done("POST", "/v1/users/follow", {"token": fan.token, "user": player.username, "follow": True})
    return asks(fan, user=player.username, follow=True)


@PEOPLE.fails(33, 409, {"user": "You were not following that user"})
async def unfollowing_whom_one_does_not_follow(league: League) -> Asked:
    return asks(await league.player(), user=(await league.player()).username, follow=False)


@PEOPLE.fails(33, 409, {"user": "You cannot follow yourself"})
async def following_oneself(league: League) -> Asked:
    player = await league.player()
    return asks(player, user=player.username, follow=True)


async def banned(league: League) -> str:
    """The token of somebody who was banned since."""
    player = await league.player()
    await league.ban(player.username)
    return player.token
