"""Who looks: roles, and the viewer that a request comes from.

This module must not know what a role may see; that is table two.
"""

from typing import Literal

import msgspec

Role = Literal["public", "proxy", "team", "analyst", "judge", "staff", "admin"]

ROLES: tuple[Role, ...] = ("public", "proxy", "team", "analyst", "judge", "staff", "admin")

ROLE_OF_ACCOUNT_TYPE: dict[str, Role] = {
    "team": "team",
    "coach": "public",
    "proxy": "proxy",
    "analyst": "analyst",
    "judge": "judge",
    "staff": "staff",
    "admin": "admin",
}
"""The account types of the specification and roles.md; an account of any other type reads as public."""


UNKNOWN_ROLE = "unknown"
"""What is told of the role of a viewer when somebody else decides what it may see."""


class Viewer(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who asks, as far as a contest is concerned.

    `team_id` is set for the role team alone. `account_id` is the id of the account in the contest's own accounts,
    None for anonymous viewers and for accounts of the server itself (`server_username` then). `generation` tells one
    password of the account from the next. `address` is set for who was let in by it, without credentials.
    `role_known` is false where somebody else decides what this viewer may see, so that nothing may hang on the role.
    `expires_at_s` (whole seconds since the Unix epoch) is set for who came with a bearer token, which is good until
    then; one that is nobody's in particular has no user name either; `token_mark` tells one token from the next, and
    nothing of it. `elsewhere` is set for who proved, on a path
    outside contests, to be an account of some contest: nobody here, but not a stranger. `user_id` is that of a user of
    the platform, who is the public in every contest; `user_is_admin` says whether they administer the platform.
    """

    role: Role
    team_id: str | None = None
    account_id: str | None = None
    server_username: str | None = None
    generation: int = 0
    address: str | None = None
    role_known: bool = True
    expires_at_s: int | None = None
    token_mark: str | None = None
    elsewhere: bool = False
    user_id: str | None = None
    user_is_admin: bool = False

    @property
    def role_told(self) -> str:
        """The role, as logs and measurements tell of it."""
        return self.role if self.role_known else UNKNOWN_ROLE

    @property
    def account_told(self) -> str | None:
        """Whose account it is, as logs tell of it: never the name of a user, who may want to be forgotten."""
        return self.account_id or self.server_username or self.user_id

    @property
    def administers_platform(self) -> bool:
        """Whether this may do what concerns the platform and no contest: administrators of the server, and users."""
        return self.user_is_admin or (self.role == "admin" and self.server_username is not None)

    @property
    def automatic(self) -> bool:
        """Whether the client's address alone has logged it in."""
        return self.address is not None

    @property
    def anonymous(self) -> bool:
        """Whether nobody has logged in."""
        known = (self.account_id, self.server_username, self.user_id, self.expires_at_s)
        return all(each is None for each in known)

    @property
    def unproven(self) -> bool:
        """Whether nobody has logged in anywhere: who has, but may not do this, is not asked to log in."""
        return self.anonymous and not self.elsewhere


PUBLIC = Viewer(role="public")
ELSEWHERE = Viewer(role="public", elsewhere=True)
