"""`/v1/admin`, as far as it is about users (requirements-003, 2, rows 42 to 44).

This module must not hold rules about users; it translates.
"""

from http import HTTPStatus

import msgspec

from cds.commands.decision import Refused
from cds.loc_api.answers import Answer, fail, page_of
from cds.loc_api.arguments import DeleteUser, Paged
from cds.loc_api.call import Call
from cds.loc_api.dates import shown_date
from cds.loc_api.people import USER_NOT_FOUND
from cds.users.logins import told_actor
from schemas.users import User

USERS_ON_A_PAGE = 50
"""Requirements-003, 3.1."""

DELETED_ALREADY = {"user": "User was already deleted"}
NOT_DELETED = {"user": "User was not deleted"}


class DeletedUser(msgspec.Struct, frozen=True, rename="kebab"):
    """A user who is banned, and since when."""

    username: str
    delete_date: str


class Deleted(msgspec.Struct, frozen=True, rename="kebab"):
    """That a user has been banned."""

    delete_date: str


class Restored(msgspec.Struct, frozen=True):
    """That a user is banned no more."""

    user: str


async def list_users(call: Call[Paged]) -> Answer:
    """The names of all users who are not banned, in their order."""
    people = await call.service.users.people()
    return page_of(people.active_users(), call.arguments.page, USERS_ON_A_PAGE, lambda user: people.username(user.id))


async def list_deleted_users(call: Call[Paged]) -> Answer:
    """All users who are banned; who is erased is no user any more."""
    people = await call.service.users.people()

    def shown(user: User) -> DeletedUser:
        return DeletedUser(username=people.username(user.id), delete_date=_date(user))

    return page_of(people.banned_users(), call.arguments.page, USERS_ON_A_PAGE, shown)


async def delete_user(call: Call[DeleteUser]) -> Answer:
    """Ban a user, which ends every login of theirs, or have them back (6.15)."""
    wanted, users = call.arguments, call.service.users
    people = await users.people()
    user = people.named_ever(wanted.user)
    if user is None:
        raise fail(HTTPStatus.NOT_FOUND, USER_NOT_FOUND)
    name = people.username(user.id)
    try:
        changed = await users.register.ban(user.id, banned=wanted.delete, actor=told_actor(call.user))
    except Refused as refused:
        if refused.ground == "unknown":
            raise fail(HTTPStatus.NOT_FOUND, USER_NOT_FOUND) from None
        raise fail(HTTPStatus.CONFLICT, DELETED_ALREADY if wanted.delete else NOT_DELETED) from None
    return Answer(Deleted(delete_date=_date(changed)) if wanted.delete else Restored(user=name))


def _date(user: User) -> str:
    return shown_date(user.deleted_ms or 0)
