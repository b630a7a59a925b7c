"""What objects say beyond the JSON format: the property `ext`, one structure for each type that has one.

Whatever belongs to another world than the Contest API stands in that one property, by namespace: `sync` is what a
programming platform says of its own, `cms` what the Contest Management System knows, `loc` the League of Code. So a
client that wants the plain format has one property to ignore, and `?strict=1` one to leave out. A new namespace is one
structure here and one line in the structures of the types that have it.
This module knows shapes; it must not know who sees them, nor any platform.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

import msgspec

from schemas.properties import NonNegativeInteger, NonNegativeNumber, PositiveInteger

PlatformName = Annotated[str, msgspec.Meta(pattern="^[a-z0-9][a-z0-9_-]{0,35}$")]
NotEmptyText = Annotated[str, msgspec.Meta(min_length=1)]
DISTINCT = msgspec.Meta(extra_json_schema={"uniqueItems": True})
SOME_DISTINCT = msgspec.Meta(min_length=1, extra_json_schema={"uniqueItems": True})
"""Marks of lists that name nothing twice (the structures see to it themselves), the second of which are not empty."""

ProjectUrl = Annotated[str, msgspec.Meta(max_length=512)]


class ExtensionPart(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False
):
    """What all structures inside `ext` have in common: what is not said is null, and left out."""


class SyncedContest(ExtensionPart, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """`contests[].ext.sync`: a contest that is kept level with a platform (requirements of the platform sync, 2).

    `type` and `phase` are the platform's own words; `participants` is how many it counts. `rated` says whether results
    change ratings there, `rated_range` whose, in the platform's words.
    """

    platform: PlatformName
    platform_id: NotEmptyText
    type: str | None = None
    phase: str | None = None
    url: str | None = None
    rated: bool | None = None
    rated_range: str | None = None
    participants: NonNegativeInteger | None = None


class SyncedTeam(ExtensionPart, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """`teams[].ext.sync`: the result that the platform itself gives a team. Ranks count from 1."""

    rank: PositiveInteger | None = None
    points: int | float | None = None
    penalty: int | float | None = None


class Subtask(ExtensionPart, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A part of a task: the runs with these `ordinals` bring up to `max_score` points together.

    `sum`: each brings its share; `min`: the worst of them decides for all. `public`: contestants see what it brings
    during the contest (null: they do).
    """

    name: str
    max_score: NonNegativeNumber
    ordinals: Annotated[list[PositiveInteger], SOME_DISTINCT]
    rule: Literal["sum", "min"]
    public: bool | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for a subtask that has one run twice."""
        _refuse_repeating("ordinals", self.ordinals)


ScoreMode = Literal["max", "max_subtask", "max_tokened_last", "last"]
"""What of several submissions counts: the best, the best of each subtask, the last (in two spellings)."""


class CmsTask(ExtensionPart, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """`problems[].ext.cms` (CMS ContestWebServer API, 2): how a task is handed in, limited and scored.

    `submission_format`: the names of the files, `%l` for the extension of the language (null: one file named after the
    task). `min_submission_interval` in seconds; `score_precision` in decimals (null: 0).
    """

    submission_format: Annotated[list[NotEmptyText], SOME_DISTINCT] | None = None
    score_mode: ScoreMode | None = None
    score_precision: NonNegativeInteger | None = None
    allowed_languages: Annotated[list[NotEmptyText], DISTINCT] | None = None
    max_submission_number: PositiveInteger | None = None
    min_submission_interval: NonNegativeInteger | None = None
    subtasks: Annotated[list[Subtask], DISTINCT] | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for lists that say something twice."""
        for name in ("submission_format", "allowed_languages", "subtasks"):
            _refuse_repeating(name, getattr(self, name) or ())


class CmsSubmission(ExtensionPart, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """`submissions[].ext.cms`: whether it counts (null: it does)."""

    official: bool | None = None


class LeagueOfCodeMatch(ExtensionPart, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """`contests[].ext.loc` (League of Code API, 2): what a match says of itself.

    `long_description` is there from the start of the match on.
    """

    slug: NotEmptyText
    short_description: str | None = None
    long_description: str | None = None


class LeagueOfCodeProject(ExtensionPart, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """`submissions[].ext.loc`: the project that a party hands in at the end of a match."""

    url: ProjectUrl | None = None
    title: str | None = None
    description: str | None = None


class ScoreboardRowExtension(ExtensionPart, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """`ext` of a row of the scoreboard: what the platform itself says of the team."""

    sync: SyncedTeam | None = None


class Extension(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """What the structures of all types have in common: a property for each namespace that the type has.

    Where nothing is said in any of them there is no extension.
    """

    def __post_init__(self) -> None:
        """Raise ValueError for an extension that says nothing."""
        if not any(namespaces_of(self)):
            raise ValueError(f"none of {', '.join(self.__struct_fields__)} is there")


class ContestExtension(Extension, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """`contests[].ext`."""

    sync: SyncedContest | None = None
    loc: LeagueOfCodeMatch | None = None


class ProblemExtension(Extension, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """`problems[].ext`."""

    cms: CmsTask | None = None


class TeamExtension(Extension, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """`teams[].ext`."""

    sync: SyncedTeam | None = None


class SubmissionExtension(Extension, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """`submissions[].ext`."""

    cms: CmsSubmission | None = None
    loc: LeagueOfCodeProject | None = None


EXTENSION = "ext"
"""The property of an object in which all this stands."""


def _refuse_repeating(name: str, members: Sequence[object]) -> None:
    if len({msgspec.json.encode(member) for member in members}) < len(members):
        raise ValueError(f"{name} names something twice")


def namespaces_of(extension: Extension) -> Iterator[str]:
    """The namespaces in which an extension says something."""
    return (name for name in extension.__struct_fields__ if getattr(extension, name) is not None)
