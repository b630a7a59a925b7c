"""`/v1/users`: other users, and whom one follows (requirements-003, 2, rows 30 to 33).

This module must not hold rules about users; it translates.
"""

from http import HTTPStatus

from cds.commands.decision import Refused
from cds.loc_api.account import followed_by, followers_of, profile_of
from cds.loc_api.answers import Answer, fail
from cds.loc_api.arguments import Follow, OneUser
from cds.loc_api.call import Call
from cds.users.people import People
from schemas.users import User

USER_NOT_FOUND = {"user": "User was not found"}
FOLLOWING_ALREADY = {"user": "You are already following that user"}
NOT_FOLLOWING = {"user": "You were not following that user"}
NOT_YOURSELF = {"user": "You cannot follow yourself"}


async def get_profile(call: Call[OneUser]) -> Answer:
    """The profile of a user."""
    user = found(await call.service.users.people(), call.arguments.user)
    return Answer(await profile_of(call.service, user.id, now_ms=call.now_ms))


async def get_followers(call: Call[OneUser]) -> Answer:
    """Who follows a user."""
    people = await call.service.users.people()
    return Answer(followers_of(people, found(people, call.arguments.user).id))


async def get_following(call: Call[OneUser]) -> Answer:
    """Whom a user follows."""
    people = await call.service.users.people()
    return Answer(followed_by(people, found(people, call.arguments.user).id))


async def follow(call: Call[Follow]) -> Answer:
    """Follow a user, or do not any more; 409 where it is so already, and for oneself (6.26)."""
    wanted = call.arguments
    user = found(await call.service.users.people(), wanted.user)
    try:
        await call.service.users.register.follow(call.user_id, user.id, follow=wanted.follow)
    except Refused as refused:
        if refused.ground == "unknown":
            raise fail(HTTPStatus.NOT_FOUND, USER_NOT_FOUND) from None
        if refused.ground == "invalid":
            raise fail(HTTPStatus.CONFLICT, NOT_YOURSELF) from None
        raise fail(HTTPStatus.CONFLICT, FOLLOWING_ALREADY if wanted.follow else NOT_FOLLOWING) from None
    return Answer(None)


def found(people: People, username: str) -> User:
    """The user of that name who is neither banned nor erased. Raises Failure (404)."""
    user = people.named(username)
    if user is None:
        raise fail(HTTPStatus.NOT_FOUND, USER_NOT_FOUND)
    return user
