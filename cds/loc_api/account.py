"""`/v1/account`: signing up, logging in and out, one's own profile, passwords (requirements-003, 2, rows 2 to 12),
and the end of an account, which the seed does not have.

This module must not hold rules about users; it translates.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from math import ceil

import msgspec
from aiohttp import hdrs

from cds.addresses import neighbourhood
from cds.commands.decision import Refused
from cds.commands.user_names import is_password
from cds.contest_api.errors import Failure
from cds.contest_api.service import RETRY_LOGIN_AFTER_S, Service
from cds.loc_api.answers import Answer, error, fail
from cds.loc_api.arguments import (
    ChangePassword,
    DeleteProfile,
    ForgotPassword,
    Login,
    Nothing,
    OwnProfile,
    ResetPassword,
    ResetToken,
    Signup,
)
from cds.loc_api.call import Call
from cds.loc_api.points import points_of
from cds.login_attempts import Throttled, WrongCredentials
from cds.mailing import Mail
from cds.password_checking import TooManyLogins
from cds.users.logins import told_actor
from cds.users.people import People
from cds.users.resets import PasswordUnfit

NOT_FOUND = "User was not found"
EXISTS = "A user with the specified details already exists"
INVALID_TOKEN = "Invalid token"  # noqa: S105 - a sentence of the contract
INVALID_PASSWORD = "Invalid password"  # noqa: S105 - as above
NOT_COMPLEX = {"new-password": "Password not complex enough"}
SIGNUP_NOT_COMPLEX = {"password": "Password not complex enough"}
RESET_NOT_COMPLEX = {"password": "Not complex enough"}
WRONG_CREDENTIALS = {"username": "Check field for errors", "password": "Check field for errors"}
EMAIL_TAKEN = {"email": "Another user has this email"}

WELCOME = Mail(
    to="",
    subject="Welcome",
    text="Your account has been created, and you can log in now.\n\n"
    "If you know nothing of this, somebody else has given your address.\n",
)


class Profile(msgspec.Struct, frozen=True):
    """What everybody may see of a user; `name` is null for who has given none."""

    username: str
    name: str | None
    points: int


class Details(msgspec.Struct, frozen=True):
    """What users see of themselves when they have changed it."""

    name: str | None
    email: str


class Named(msgspec.Struct, frozen=True):
    """A user who has just signed up."""

    username: str


class Token(msgspec.Struct, frozen=True):
    """A JWT."""

    token: str


async def post_signup(call: Call[Signup]) -> Answer:
    """Sign up; 409 where the name or the address is somebody's."""
    wanted, users = call.arguments, call.service.users
    _charge(call)
    if not is_password(wanted.password, wanted.username, wanted.email):
        raise fail(HTTPStatus.BAD_REQUEST, SIGNUP_NOT_COMPLEX)
    people = await users.people()
    if people.has(wanted.username, wanted.email) or await users.logins.is_of_the_server(wanted.username):
        raise fail(HTTPStatus.CONFLICT, EXISTS)
    with too_many_told():
        hashed = await call.service.identity.hashed_in_turn(wanted.password)
    try:
        await users.register.sign_up(wanted.username, wanted.email, hashed)
    except Refused:
        raise fail(HTTPStatus.CONFLICT, EXISTS) from None
    users.mail(msgspec.structs.replace(WELCOME, to=wanted.email))
    return Answer(Named(wanted.username), HTTPStatus.CREATED)


async def post_login(call: Call[Login]) -> Answer:
    """Log in; 401 for whatever is wrong with the name or the password."""
    wanted = call.arguments
    try:
        with too_many_told():
            token = await call.service.users.logins.log_in(
                wanted.username,
                wanted.password,
                remembered=wanted.remembered,
                address=call.address,
                now_ms=call.now_ms,
            )
    except WrongCredentials:
        raise fail(HTTPStatus.UNAUTHORIZED, WRONG_CREDENTIALS) from None
    return Answer(Token(token))


async def logout(call: Call[Nothing]) -> Answer:
    """Let the token count no more (6.20)."""
    await call.service.users.logins.log_out(call.user)
    return Answer(None)


async def get_own_profile(call: Call[Nothing]) -> Answer:
    """One's own profile; an account of the server has a name to log in with, and nothing else."""
    if call.user.user_id is None:
        return Answer(Profile(username=call.user.username, name=None, points=0))
    return Answer(await profile_of(call.service, call.user_id, now_ms=call.now_ms))


async def put_own_profile(call: Call[OwnProfile]) -> Answer:
    """Change one's own name and address; 409 where the address is somebody else's (6.13), and 429 for many tries."""
    wanted = call.arguments
    wait_s = call.service.users.profile_changes.take(call.user_id, neighbourhood(call.address), time.monotonic())
    if wait_s > 0:
        raise _too_many("too many changes", HTTPStatus.TOO_MANY_REQUESTS, ceil(wait_s))
    try:
        kept = await call.service.users.register.change_profile(call.user_id, name=wanted.name, email=wanted.email)
    except Refused as refused:
        if refused.ground == "conflict":
            raise fail(HTTPStatus.CONFLICT, EMAIL_TAKEN) from None
        raise error(HTTPStatus.NOT_FOUND, NOT_FOUND) from None
    return Answer(Details(name=kept.name, email=kept.email))


async def delete_own_profile(call: Call[DeleteProfile]) -> Answer:
    """Have oneself erased for good, as `cds forget` does; 403 for a wrong password. No endpoint of the seed's."""
    users, user_id = call.service.users, call.user_id
    with wrong_password_told():
        with too_many_told():
            generation = await users.logins.proven_generation(
                user_id, call.arguments.current_password, address=call.address
            )
        await users.register.erase(user_id, actor=told_actor(call.user), generation=generation)
    return Answer(None)


async def get_own_followers(call: Call[Nothing]) -> Answer:
    """Who follows oneself, in the order in which they began."""
    people = await call.service.users.people()
    return Answer(followers_of(people, call.user.user_id))


async def get_own_following(call: Call[Nothing]) -> Answer:
    """Whom one follows, in the order in which one began."""
    people = await call.service.users.people()
    return Answer(followed_by(people, call.user.user_id))


async def change_password(call: Call[ChangePassword]) -> Answer:
    """Change one's own password, which ends every login there is, also this one; 403 for a wrong present one."""
    wanted, users, user_id = call.arguments, call.service.users, call.user_id
    people = await users.people()
    own = (people.username(user_id), people.email(user_id) or "")
    if not is_password(wanted.new_password, *own):
        raise fail(HTTPStatus.BAD_REQUEST, NOT_COMPLEX)
    with wrong_password_told():
        with too_many_told():
            generation = await users.logins.proven_generation(user_id, wanted.current_password, address=call.address)
            hashed = await call.service.identity.hashed_in_turn(wanted.new_password)
        await users.register.change_password(user_id, hashed, generation=generation, contact=None, cause="password")
    return Answer(None)


async def forgot_password(call: Call[ForgotPassword]) -> Answer:
    """Have a code sent; the answer is the same whether the address is anybody's or not."""
    await call.service.users.resets.request(call.arguments.email, neighbourhood=neighbourhood(call.address))
    return Answer(None)


async def check_reset_token(call: Call[ResetToken]) -> Answer:
    """Whether a code is good."""
    try:
        await call.service.users.resets.checked(call.arguments.token)
    except Refused:
        raise error(HTTPStatus.NOT_FOUND, INVALID_TOKEN) from None
    return Answer(None)


async def reset_password(call: Call[ResetPassword]) -> Answer:
    """Choose another password by a code, which ends every login there is."""
    try:
        with too_many_told():
            await call.service.users.resets.use(call.arguments.token, call.arguments.password)
    except Refused:
        raise error(HTTPStatus.NOT_FOUND, INVALID_TOKEN) from None
    except PasswordUnfit:
        raise fail(HTTPStatus.BAD_REQUEST, RESET_NOT_COMPLEX) from None
    return Answer(None)


async def profile_of(service: Service, user_id: str, *, now_ms: int) -> Profile:
    """What everybody may see of a user. Raises StoreUnavailable."""
    people = await service.users.people()
    return Profile(
        username=people.username(user_id),
        name=people.display_name(user_id),
        points=await points_of(service, user_id, now_ms=now_ms),
    )


def followers_of(people: People, user_id: str | None) -> list[str]:
    """The names of those who follow a user; nobody follows an account of the server (None)."""
    return [] if user_id is None else [people.username(each) for each in people.state.followers(user_id)]


def followed_by(people: People, user_id: str | None) -> list[str]:
    """The names of those whom a user follows; an account of the server (None) follows nobody."""
    return [] if user_id is None else [people.username(each) for each in people.state.following(user_id)]


@contextmanager
def wrong_password_told() -> Iterator[None]:
    """Turn that the present password was wrong, or that nobody is there any more, into an answer."""
    try:
        yield
    except WrongCredentials:
        raise error(HTTPStatus.FORBIDDEN, INVALID_PASSWORD) from None
    except Refused as refused:
        if refused.ground == "precondition":
            # Somebody else was faster, and the password that was given is the present one no more.
            raise error(HTTPStatus.FORBIDDEN, INVALID_PASSWORD) from None
        raise error(HTTPStatus.NOT_FOUND, NOT_FOUND) from None


@contextmanager
def too_many_told() -> Iterator[None]:
    """Turn what keeps a password from being looked at into an answer."""
    try:
        yield
    except Throttled as throttled:
        raise _too_many("too many failed logins", HTTPStatus.TOO_MANY_REQUESTS, ceil(throttled.wait_s)) from None
    except TooManyLogins:
        sentence = "too many passwords are being looked at"
        raise _too_many(sentence, HTTPStatus.SERVICE_UNAVAILABLE, RETRY_LOGIN_AFTER_S) from None


def _too_many(sentence: str, status: HTTPStatus, wait_s: int) -> Failure:
    failure = error(status, f"{sentence}; try again in {wait_s} s", {hdrs.RETRY_AFTER: str(wait_s)})
    # Whoever asks so much fills the queues: nobody is to be called out of bed for that.
    failure.clients_fault = True
    return failure


def _charge(call: Call[Signup]) -> None:
    """Count a sign-up of an address. Raises Failure (429)."""
    wait_s = call.service.users.signups.take(neighbourhood(call.address), time.monotonic())
    if wait_s > 0:
        raise _too_many("too many sign-ups", HTTPStatus.TOO_MANY_REQUESTS, ceil(wait_s))
