"""Users of the platform, as the log knows them, and what is kept of them beside it.

The log names a user by id alone, for ever. User name, name and e-mail address (`UserContact`) and the password hash
(`UserCredential`) are kept beside it, where they can be erased; an event only names those that are in force, by ids of
their own that tell nothing, so that nothing of whoever is erased can be found out from the log (requirements-003, 1 and
2; mapping, 3). This module knows shapes; it must not know who may see or change a user.
"""

from typing import Annotated, Literal

import msgspec

from schemas.properties import NonNegativeInteger

USERS = "users"
"""The stream."""

USER = "x-users"
FOLLOW = "x-follows"
LOGOUT = "x-logouts"
"""The types of its events."""

CONTACTS = "user-contacts"
CREDENTIALS = "user-credentials"
RESETS = "user-resets"
ERASURES = "user-erasures"
"""The kinds under which it is kept beside the log."""

PLACEHOLDER_PREFIX = "deleted-"
"""What stands in the place of the name of a user who was erased begins with this; the id follows."""

UserRole = Literal["user", "admin"]
Milliseconds = Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)]


class User(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A user as the log has it. Times are in milliseconds since the Unix epoch.

    `generation` grows whenever tokens that were handed out must be good for nothing any more. `deleted_ms` is set for
    who is banned, and for who is erased, of whom nothing is kept. `contact` and `credential` are the ids of what is in
    force.
    """

    id: str
    role: UserRole = "user"
    created_ms: Milliseconds
    deleted_ms: Milliseconds | None = None
    generation: NonNegativeInteger = 0
    contact: str | None = None
    credential: str | None = None

    @property
    def active(self) -> bool:
        """Whether this is neither banned nor erased."""
        return self.deleted_ms is None

    @property
    def erased(self) -> bool:
        """Whether nothing is kept of this user any more."""
        return self.contact is None


class Follow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """That one user follows another, by ids, since a moment in milliseconds since the Unix epoch."""

    follower: str
    followee: str
    since_ms: Milliseconds


class Logout(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """That a token counts no more; its event has the token's mark for an id.

    `expires_s` is when it would have expired by itself, `since_s` when it was given back, both in seconds since the
    Unix epoch.
    """

    expires_s: int
    since_s: int


class UserContact(msgspec.Struct, frozen=True, kw_only=True):
    """The personal data of a user; never changed, but replaced by another and erased.

    `name` is None for who has given none. `made_ms` is when it was kept, in milliseconds since the Unix epoch.
    """

    username: str
    name: str | None
    email: str
    made_ms: int


class UserCredential(msgspec.Struct, frozen=True, kw_only=True):
    """The password hash of a user (argon2id, PHC string); replaced and erased like a contact."""

    password_hash: str
    made_ms: int


class UserReset(msgspec.Struct, frozen=True, kw_only=True):
    """A code that lets a user choose a new password; only the newest one of a user counts, and only once.

    Kept under the id of the user, and under the SHA-256 of the code for finding the user. It is good for the
    generation and the personal data (`contact`, its id) that the user had when it was made, and so for no address but
    the one to which it went. `expires_ms` is in milliseconds since the Unix epoch.
    """

    user: str
    code_hash: str
    generation: int
    contact: str
    expires_ms: int


class UserErasure(msgspec.Struct, frozen=True, kw_only=True):
    """That a user is being erased, kept under their id until the log says that they are; so it is brought to an end
    also where whoever began with it does not come so far.

    `actor` is who wants it, as the log names them.
    """

    actor: str


def placeholder(user_id: str) -> str:
    """What is shown in place of the name of a user of whom nothing is kept."""
    return f"{PLACEHOLDER_PREFIX}{user_id}"
