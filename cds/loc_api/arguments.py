"""What is asked of each endpoint of the League of Code API, as structures (requirements-003, 2).

On the wire the names have hyphens (1.3). A property that may be left out is None then. This module must not know how
arguments come, nor what they lead to.
"""

from typing import Annotated, Literal

import msgspec

from cds.loc_api.dates import Instant

PAGE_MAX = 2**31 - 1

Page = Annotated[int, msgspec.Meta(ge=1, le=PAGE_MAX)]
Members = Annotated[int, msgspec.Meta(ge=1, le=1_000)]
Position = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Flag = bool | Literal["true", "false"]
"""`remember-me` is a text in the table of the seed and a boolean in its example (6.5)."""


class Arguments(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """Arguments by their names on the wire."""


class Nothing(Arguments, frozen=True, kw_only=True):
    """No arguments."""


class Paged(Arguments, frozen=True, kw_only=True):
    """A page of a list."""

    page: Page = 1


# --- /v1/account


class Signup(Arguments, frozen=True, kw_only=True):
    """A new user."""

    username: str
    email: str
    password: str


class Login(Arguments, frozen=True, kw_only=True):
    """Who logs in, and whether for long."""

    username: str
    password: str
    remember_me: Flag = False

    @property
    def remembered(self) -> bool:
        """Whether the token is to be good for long."""
        return self.remember_me in (True, "true")


class OwnProfile(Arguments, frozen=True, kw_only=True):
    """What a user changes about themselves."""

    email: str
    name: str | None = None


class ChangePassword(Arguments, frozen=True, kw_only=True):
    """A new password in place of the present one."""

    current_password: str
    new_password: str


class DeleteProfile(Arguments, frozen=True, kw_only=True):
    """The present password, so that a token alone erases nobody."""

    current_password: str


class ForgotPassword(Arguments, frozen=True, kw_only=True):
    """Where to send a code."""

    email: str


class ResetToken(Arguments, frozen=True, kw_only=True):
    """A code that was sent: no JWT, whatever its name."""

    token: str


class ResetPassword(Arguments, frozen=True, kw_only=True):
    """A code that was sent, and a new password, twice."""

    token: str
    password: str
    confirm_password: str


# --- /v1/users


class OneUser(Arguments, frozen=True, kw_only=True):
    """A user by name."""

    user: str


class PagedUser(Paged, frozen=True, kw_only=True):
    """A page of what is a user's."""

    user: str


class Follow(Arguments, frozen=True, kw_only=True):
    """Whom to follow, or not any more."""

    user: str
    follow: bool


# --- /v1/matches and /v1/parties


class OneMatch(Arguments, frozen=True, kw_only=True):
    """A match by its slug."""

    match: str


class PagedMatch(Paged, frozen=True, kw_only=True):
    """A page of what is a match's."""

    match: str


class OneSubmission(Arguments, frozen=True, kw_only=True):
    """The project of a party in a match: that of this leader, or the caller's own."""

    match: str
    party: str | None = None


class EditSubmission(Arguments, frozen=True, kw_only=True):
    """What to change about the project of one's party."""

    match: str
    title: str | None = None
    description: str | None = None
    url: str | None = None


class JoinParty(Arguments, frozen=True, kw_only=True):
    """The token that a party invites with."""

    party: str


class Kick(Arguments, frozen=True, kw_only=True):
    """Whom to put out of one's party."""

    match: str
    user: str


class Looking(Arguments, frozen=True, kw_only=True):
    """Whether one's party is to be found by others."""

    match: str
    lfg: bool


# --- /v1/admin


class NewMatch(Arguments, frozen=True, kw_only=True):
    """A match that there is to be."""

    title: str
    short_description: str
    long_description: str
    start_date: Instant
    end_date: Instant
    min_members: Members
    max_members: Members
    is_visible: bool
    slug: str | None = None


class ChangeMatch(Arguments, frozen=True, kw_only=True):
    """What is to change about a match; what is None stays as it is."""

    match: str
    title: str | None = None
    short_description: str | None = None
    long_description: str | None = None
    start_date: Instant | None = None
    end_date: Instant | None = None
    min_members: Members | None = None
    max_members: Members | None = None
    is_visible: bool | None = None
    slug: str | None = None
    leaderboard: bool | None = None


class PartyPosition(Arguments, frozen=True, kw_only=True):
    """Where the party of a leader, by name, came in."""

    party: str
    position: Position


class SetLeaderboard(Arguments, frozen=True, kw_only=True):
    """Where parties came in."""

    match: str
    positions: list[PartyPosition]


class DeleteMatch(Arguments, frozen=True, kw_only=True):
    """Whether a match is to be deleted, or to be back."""

    match: str
    delete: bool


class DeleteUser(Arguments, frozen=True, kw_only=True):
    """Whether a user is to be banned, or to be back."""

    user: str
    delete: bool


ALIASES = {"min-team": "min-members", "max-team": "max-members"}
"""Names that examples of the seed have for arguments (6.9); they count where the argument itself is not given."""
