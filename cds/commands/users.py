"""Decisions about users: who signs up, what changes about them, who is banned, who follows whom. Pure.

What is kept beside the log is named by its id (schemas/users.py). Whether a name or an address is free is told by the
contacts at hand, which have to be level with the log: whoever wants one keeps it first, and then asks the log, so that
of two who want the same the second finds the first. This module must not know passwords, nor any wire.
"""

from collections.abc import Sequence

import msgspec

from cds.commands.decision import Refused
from cds.commands.user_contacts import ContactsBehind, UserContacts
from projections.users import Users, follow_id
from schemas.users import FOLLOW, LOGOUT, USER, Follow, Logout, User, UserRole

USERS_MAX = 1_000_000

NAME_TAKEN = "username"
EMAIL_TAKEN = "email"

UNKNOWN_USER = "there is no such user"


class UserEvent(msgspec.Struct, frozen=True):
    """A fact about users that is to be written; None: what was so is so no more."""

    type: str
    id: str
    fact: User | Follow | Logout | None


class Newcomer(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who signs up: what they are to be called, the address, and the ids of what is kept."""

    username: str
    email: str
    contact: str
    credential: str


def known_user(state: Users, user_id: str) -> User:
    """The user of an id who is neither banned nor erased. Raises Refused."""
    user = state.find(user_id)
    if user is None or not user.active:
        raise Refused(UNKNOWN_USER, ground="unknown")
    return user


def kept_user(state: Users, user_id: str) -> User:
    """The user of an id who is not erased, but perhaps banned. Raises Refused."""
    user = state.find(user_id)
    if user is None or user.erased:
        raise Refused(UNKNOWN_USER, ground="unknown")
    return user


def decide_signup(state: Users, contacts: UserContacts, newcomer: Newcomer, *, now_ms: int) -> User:
    """The user that somebody becomes.

    Raises Refused where the name or the address is somebody's, also of somebody who is banned and may come back; and
    ContactsBehind where the contacts at hand do not tell.
    """
    _must_be_level(contacts, state)
    if len(state) >= USERS_MAX:
        raise Refused(f"there may be at most {USERS_MAX} users", ground="conflict")
    if contacts.named(state, newcomer.username) is not None:
        raise Refused("another user has this name", NAME_TAKEN, ground="conflict")
    if contacts.addressed(state, newcomer.email) is not None:
        raise Refused("another user has this address", EMAIL_TAKEN, ground="conflict")
    return User(
        id=state.next_id,
        created_ms=now_ms,
        contact=newcomer.contact,
        credential=newcomer.credential,
    )


def decide_contact(state: Users, contacts: UserContacts, before: User, *, email: str, contact: str) -> User:
    """A user with other personal data, and the address in it, in place of what `before` had. Raises Refused.

    `precondition` as the ground: the data has changed since, and what is to be kept must be made up anew. Raises
    ContactsBehind where the contacts at hand do not tell whether the address is free.
    """
    _must_be_level(contacts, state)
    user = known_user(state, before.id)
    if user.contact != before.contact:
        raise Refused("the profile has changed meanwhile", ground="precondition")
    owner = contacts.addressed(state, email)
    if owner is not None and owner.id != user.id:
        raise Refused("another user has this address", EMAIL_TAKEN, ground="conflict")
    return msgspec.structs.replace(user, contact=contact)


def decide_password(state: Users, user_id: str, *, generation: int, contact: str | None, credential: str) -> User:
    """A user with another password; no token that there was is good any more (requirements-003, 3.3).

    `generation` is the one in which the right to change it was proved, `contact` the id of the personal data by which a
    code was sent (None: the present password was given). Raises Refused where either is another now: so of several who
    come with one code, one changes the password.
    """
    user = known_user(state, user_id)
    if user.generation != generation or (contact is not None and user.contact != contact):
        raise Refused("the password has changed meanwhile", ground="precondition")
    return msgspec.structs.replace(user, credential=credential, generation=generation + 1)


def decide_ban(state: Users, user_id: str, *, banned: bool, now_ms: int) -> User:
    """A user who is banned, or not any more. Raises Refused: unknown, or so already (`conflict`).

    The tokens of who is banned stay good for nothing when the ban is over.
    """
    user = kept_user(state, user_id)
    if banned != user.active:
        raise Refused(f"user {user_id} is {'' if banned else 'not '}banned already", ground="conflict")
    if banned:
        return msgspec.structs.replace(user, deleted_ms=now_ms, generation=user.generation + 1)
    return msgspec.structs.replace(user, deleted_ms=None)


def decide_erasure(state: Users, user_id: str, *, now_ms: int) -> User:
    """A user of whom nothing is kept. Name and address are free again. Raises Refused."""
    user = kept_user(state, user_id)
    return User(
        id=user.id,
        created_ms=user.created_ms,
        deleted_ms=now_ms if user.active else user.deleted_ms,
        generation=user.generation + 1,
    )


def decide_role(state: Users, user_id: str, role: UserRole) -> User | None:
    """A user in another role, None where it is that already. Raises Refused."""
    user = kept_user(state, user_id)
    return None if user.role == role else msgspec.structs.replace(user, role=role)


def decide_follow(state: Users, follower: str, followee: str, *, follow: bool, now_ms: int) -> UserEvent:
    """That a user follows another, or does not any more.

    Raises Refused: one of them is not there, or it is oneself (`invalid`), or it is so already (`conflict`).
    """
    known_user(state, follower)
    known_user(state, followee)
    if follower == followee:
        raise Refused("nobody follows themselves")
    if follow == state.is_following(follower, followee):
        raise Refused("it is so already", ground="conflict")
    fact = Follow(follower=follower, followee=followee, since_ms=now_ms) if follow else None
    return UserEvent(FOLLOW, follow_id(follower, followee), fact)


def decide_logout(state: Users, token_mark: str, *, expires_s: int, now_s: int) -> Sequence[UserEvent]:
    """That a token counts no more; nothing to be written where it does not already."""
    if state.is_logged_out(token_mark):
        return ()
    return (UserEvent(LOGOUT, token_mark, Logout(expires_s=expires_s, since_s=now_s)),)


def user_event(user: User) -> UserEvent:
    """The fact of a user as decided."""
    return UserEvent(USER, user.id, user)


def _must_be_level(contacts: UserContacts, state: Users) -> None:
    """Raises ContactsBehind."""
    if not contacts.is_level_with(state):
        raise ContactsBehind
