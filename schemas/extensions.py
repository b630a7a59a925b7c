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

from schemas.properties import NUMBER_MAX, NonNegativeInteger, PositiveInteger, TimeText
from schemas.times import canonical_time, parse_time_ms

PlatformName = Annotated[str, msgspec.Meta(pattern="^[a-z0-9][a-z0-9_-]{0,35}$")]
NotEmptyText = Annotated[str, msgspec.Meta(min_length=1)]
DISTINCT = msgspec.Meta(extra_json_schema={"uniqueItems": True})
SOME_DISTINCT = msgspec.Meta(min_length=1, extra_json_schema={"uniqueItems": True})
"""Marks of lists that name nothing twice (the structures see to it themselves), the second of which are not empty."""

SubmittedName = Annotated[str, msgspec.Meta(pattern=r"^(?!\.{1,2}$)(?![A-Za-z]:)[^/\\]+$")]
"""A file name without directories, as archives of submissions may have it."""

SUBMITTED_NAME_BYTES_MAX = 255

StatementLanguage = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9]+([_-][A-Za-z0-9]+)*$(?!\n)", max_length=64)]
"""As file names of statements and paths have it."""

ProjectUrl = Annotated[str, msgspec.Meta(max_length=512)]


class ExtensionPart(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False
):
    """What all structures inside `ext` have in common: what is not said is null, and left out."""


_NOT_NEGATIVE = msgspec.Meta(ge=0, le=NUMBER_MAX)
Points = Annotated[int, _NOT_NEGATIVE] | Annotated[float, _NOT_NEGATIVE]
Whole = Annotated[int, _NOT_NEGATIVE]
PositiveWhole = Annotated[int, msgspec.Meta(ge=1, le=NUMBER_MAX)]
"""Numbers that every reader takes: one that is too large for a follower would cost it the whole namespace."""


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

    `sum`: each brings its share; `min`: the worst of them decides for all (`projections.scoring.subtasks`). `public`:
    contestants see what it brings during the contest (null: they do).
    """

    name: str
    max_score: Points
    ordinals: Annotated[list[PositiveWhole], SOME_DISTINCT]
    rule: Literal["sum", "min"]
    public: bool | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for a subtask that has one run twice."""
        _refuse_repeating("ordinals", self.ordinals)


DECIMALS_MAX = 9
"""Decimals of a score: more than these nobody writes, and none of them would be exact."""

ScorePrecision = Annotated[int, msgspec.Meta(ge=0, le=DECIMALS_MAX)]

ScoreMode = Literal["max", "max_subtask", "max_tokened_last", "last"]
"""What of several submissions counts: the best, the best of each subtask, the last (in two spellings)."""


RunScores = Literal["share", "points"]
"""On which scale runs are scored: as the share of what a test case is worth, or in points."""


class CmsTask(ExtensionPart, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """`problems[].ext.cms` (CMS ContestWebServer API, 2): how a task is handed in, limited and scored.

    `submission_format`: the names of the files, `%l` for the extension of the language (null: one file named after the
    task); of the API of CMS alone, while `allowed_languages` bind what teams hand in by any API.
    `min_submission_interval` in seconds; `score_precision` in decimals (null: the scoreboard rounds nothing, and
    contestants are told whole points). `run_scores`: null is each run by itself, above 1 points and up to 1 a share.
    """

    submission_format: Annotated[list[SubmittedName], SOME_DISTINCT] | None = None
    score_mode: ScoreMode | None = None
    score_precision: ScorePrecision | None = None
    run_scores: RunScores | None = None
    allowed_languages: Annotated[list[NotEmptyText], DISTINCT] | None = None
    max_submission_number: PositiveWhole | None = None
    min_submission_interval: Whole | None = None
    subtasks: Annotated[list[Subtask], DISTINCT] | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for lists that say something twice, and for names that no file can have."""
        for filename in self.submission_format or ():
            if not filename.isprintable() or len(filename.encode()) > SUBMITTED_NAME_BYTES_MAX:
                raise ValueError("submission_format holds what is no name of a file")
        for name in ("submission_format", "allowed_languages", "subtasks"):
            _refuse_repeating(name, getattr(self, name) or ())


class AnalysisMode(ExtensionPart, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """When, after a contest, its tasks may be tried again, without counting: from `start` on, before `stop`."""

    start: TimeText
    stop: TimeText

    def __post_init__(self) -> None:
        """Write the times in their one form; raise ValueError for what is no time, or for a stop before the start."""
        for name in ("start", "stop"):
            _write_time(self, name)
        if parse_time_ms(self.stop) < parse_time_ms(self.start):
            raise ValueError("stop is before start")


class CmsContest(ExtensionPart, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """`contests[].ext.cms`: what the Contest Management System knows of a contest (CMS ContestWebServer API, 1, 2).

    `max_submission_number` and `min_submission_interval` (seconds) limit what a participant hands in, over all tasks.
    In the last `min_submission_interval_grace_period` (seconds) of their time no interval is asked for any more.
    `per_user_time` (seconds) is how long everybody has from their own start on (null: the whole contest).
    `ip_autologin` takes whoever calls from the address of an account for its participant (null: as the server does
    elsewhere); `ip_restriction` lets an account with an address in from there alone; `block_hidden_participations`
    lets those that are hidden not in at all. A statement whose file name has no language is in
    `default_statement_language` (null: en).
    """

    max_submission_number: PositiveWhole | None = None
    min_submission_interval: Whole | None = None
    min_submission_interval_grace_period: Whole | None = None
    per_user_time: PositiveWhole | None = None
    analysis: AnalysisMode | None = None
    ip_autologin: bool | None = None
    ip_restriction: bool | None = None
    block_hidden_participations: bool | None = None
    default_statement_language: StatementLanguage | None = None


class CmsParticipation(ExtensionPart, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """`accounts[].ext.cms`: on which terms somebody takes part.

    `hidden`: the contest may keep them out (`block_hidden_participations`); what they hand in counts, and their team
    stands on the scoreboard like any other. `unrestricted`: the phases of the contest do not bind them.
    `delay_time` and `extra_time` (seconds) both put off the end of their window, the first its beginning too.
    `starting_time` is when they began, where everybody has a window of their own. The server writes it; only who says
    outright that it is null takes it away.
    """

    hidden: bool | None = None
    unrestricted: bool | None = None
    delay_time: Whole | None = None
    extra_time: Whole | None = None
    starting_time: TimeText | None = None

    def __post_init__(self) -> None:
        """Write the time in its one form; raise ValueError for what is no time."""
        _write_time(self, "starting_time")


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
    cms: CmsContest | None = None
    loc: LeagueOfCodeMatch | None = None


class ProblemExtension(Extension, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """`problems[].ext`."""

    cms: CmsTask | None = None


class TeamExtension(Extension, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """`teams[].ext`."""

    sync: SyncedTeam | None = None


class AccountExtension(Extension, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """`accounts[].ext`."""

    cms: CmsParticipation | None = None


class SubmissionExtension(Extension, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """`submissions[].ext`."""

    cms: CmsSubmission | None = None
    loc: LeagueOfCodeProject | None = None


EXTENSION = "ext"
"""The property of an object in which all this stands."""


def _refuse_repeating(name: str, members: Sequence[object]) -> None:
    if len({msgspec.json.encode(member) for member in members}) < len(members):
        raise ValueError(f"{name} names something twice")


def _write_time(part: ExtensionPart, name: str) -> None:
    """Give a TIME its one form, as those at the top of objects have it; raise ValueError for what is none."""
    said = getattr(part, name)
    if said is not None:
        msgspec.structs.force_setattr(part, name, canonical_time(said))


def namespaces_of(extension: Extension) -> Iterator[str]:
    """The namespaces in which an extension says something."""
    return (name for name in extension.__struct_fields__ if getattr(extension, name) is not None)
