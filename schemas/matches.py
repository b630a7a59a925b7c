"""Matches, parties and projects of the League of Code, as the log of the platform has them (requirements-003).

All of them stand in one stream, so that every race between them is decided by the log. They name users by their ids
alone, and hold no party token: that is made of what stands here and a key. This module knows shapes; it must not know
who may see or change anything, nor what time it is.
"""

import re

import msgspec

from schemas.properties import NonNegativeInteger

MATCHES = "matches"
"""The stream."""

MATCH = "x-matches"
PARTY = "x-parties"
PROJECT = "x-projects"
"""The types of its events. A match has its own id (`loc-3`), its parties and their projects `loc-3/p2`."""

CONTEST_PREFIX = "loc-"
"""Before the number of a match: together its id, which is that of its contest too."""

_MATCH_ID = re.compile(rf"{CONTEST_PREFIX}[0-9]+")

TITLE_CHARACTERS_MAX = 255
SHORT_DESCRIPTION_CHARACTERS_MAX = 255
SLUG_CHARACTERS_MAX = 128
URL_CHARACTERS_MAX = 512
DESCRIPTION_CHARACTERS_MAX = 65_536
"""Of the long description of a match, and of the description of a project; the seed names no limit."""

MEMBERS_MAX = 1_000
"""No match lets parties be larger."""

POSITION_MAX = 1_000_000


class Match(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A match; moments are milliseconds since the Unix epoch.

    `published`: everybody may see the leaderboard. `started`: who takes part has been decided, `ended`: the projects
    are final; both say what has been written down, the clock may be ahead of them. `deleted_ms` is None unless the
    match has been deleted, which can be undone.
    """

    id: str
    title: str
    slug: str
    short_description: str
    long_description: str
    start_ms: int
    end_ms: int
    min_members: int
    max_members: int
    visible: bool
    published: bool = False
    started: bool = False
    ended: bool = False
    deleted_ms: int | None = None

    @property
    def number(self) -> int:
        """The number that its id is made of."""
        return int(self.id.removeprefix(CONTEST_PREFIX))


class Party(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A party in a match; `members` are ids of users, the leader first, the others as they came.

    `id` counts the parties of the match: `p1`, `p2`. `public`: whoever looks for a party may find it. `generation`
    counts the tokens that it has had. `participating`: it was of the right size when the match began. `position` is its
    place on the leaderboard, from 1.
    """

    id: str
    match: str
    members: tuple[str, ...]
    public: bool = False
    generation: NonNegativeInteger = 0
    participating: bool = False
    position: int | None = None

    @property
    def leader(self) -> str:
        """The id of the user who leads it."""
        return self.members[0]

    @property
    def number(self) -> int:
        """The number that its id is made of."""
        return int(self.id[1:])


class Project(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a participating party makes in a match; all texts are empty at first. Private until the end of the match."""

    match: str
    party: str
    title: str = ""
    description: str = ""
    url: str = ""


def match_id(number: int) -> str:
    """The id of the match of that number."""
    return f"{CONTEST_PREFIX}{number}"


def is_match_id(text: str) -> bool:
    """Whether a match may have this id, now or later: so no other contest is called."""
    return _MATCH_ID.fullmatch(text) is not None


def party_id(number: int) -> str:
    """The id of the party of that number in its match."""
    return f"p{number}"


def event_id(match: str, party: str) -> str:
    """The id under which the log has a party or its project."""
    return f"{match}/{party}"
