"""Every object of the JSON format, one strict structure each.

Properties stand in the order of the specification; a property that may be null has the default None and is left
out when it is null. The few properties that real clients want written out as null (real-clients.md) default to
UNSET instead: null is then a value, and only a viewer who may not see the property gets none. The last property of some
types is `ext`, which is ours (`schemas.extensions`).
This module knows shapes; it must not know who may see what.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from schemas.extensions import AccountExtension, ContestExtension, ProblemExtension, SubmissionExtension, TeamExtension
from schemas.properties import (
    AnyFiles,
    Colour,
    Command,
    ImageFiles,
    Location,
    NonNegativeInteger,
    NonNegativeNumber,
    PdfFiles,
    References,
    RelativeTimeText,
    StreamFiles,
    TeamLocation,
    TextFiles,
    TimeText,
    ZipFiles,
)


class ContestObject(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False
):
    """What all objects of a contest have in common."""


class Contest(ContestObject, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """JSON Format, "Contests"."""

    id: str
    name: str
    formal_name: str | None = None
    start_time: TimeText | None = None
    countdown_pause_time: RelativeTimeText | None = None
    duration: RelativeTimeText
    scoreboard_freeze_duration: RelativeTimeText | None = None
    scoreboard_thaw_time: TimeText | None = None
    scoreboard_type: Literal["pass-fail", "score"]
    main_scoreboard_group_id: Annotated[str, References("groups")] | None = None
    penalty_time: RelativeTimeText | None = None
    banner: ImageFiles | None = None
    logo: ImageFiles | None = None
    location: Location | None = None
    ext: ContestExtension | None = None


class JudgementType(ContestObject, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """JSON Format, "Judgement types"."""

    id: str
    name: str
    penalty: bool | None = None
    solved: bool
    simplified_judgement_type_id: Annotated[str, References("judgement-types")] | None = None


class Language(ContestObject, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """JSON Format, "Languages"."""

    id: str
    name: str
    entry_point_required: bool
    entry_point_name: str | None = None
    extensions: list[str]
    compiler: Command | None = None
    runner: Command | None = None


class Problem(ContestObject, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """JSON Format, "Problems". `time_limit` in seconds, `memory_limit` and `output_limit` MiB, `code_limit` KiB."""

    id: str
    uuid: str | None = None
    label: str
    name: str
    ordinal: int
    rgb: Colour | None = None
    color: str | None = None
    time_limit: NonNegativeNumber | None = None
    memory_limit: NonNegativeInteger | None = None
    output_limit: NonNegativeInteger | None = None
    code_limit: NonNegativeInteger | None = None
    test_data_count: NonNegativeInteger
    max_score: int | float | None = None
    package: ZipFiles | None = None
    statement: PdfFiles | None = None
    attachments: AnyFiles | None = None
    ext: ProblemExtension | None = None


class Group(ContestObject, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """JSON Format, "Groups"."""

    id: str
    icpc_id: str | None = None
    name: str
    type: str | None = None
    location: Location | None = None


class Organization(ContestObject, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """JSON Format, "Organizations"."""

    id: str
    icpc_id: str | None = None
    name: str
    formal_name: str | None = None
    country: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")] | None = None
    country_flag: ImageFiles | None = None
    country_subdivision: Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}-[A-Z0-9]{1,3}$")] | None = None
    country_subdivision_flag: ImageFiles | None = None
    url: str | None = None
    twitter_hashtag: str | None = None
    twitter_account: str | None = None
    location: Location | None = None
    logo: ImageFiles | None = None


class Team(ContestObject, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """JSON Format, "Teams"."""

    id: str
    icpc_id: str | None = None
    name: str
    label: str
    display_name: str | None = None
    organization_id: Annotated[str, References("organizations")] | None = None
    group_ids: Annotated[list[str], References("groups")] | None = None
    location: TeamLocation | None = None
    photo: ImageFiles | None = None
    video: StreamFiles | None = None
    backup: ZipFiles | None = None
    key_log: TextFiles | None = None
    tool_data: TextFiles | None = None
    desktop: StreamFiles | None = None
    webcam: StreamFiles | None = None
    audio: StreamFiles | None = None
    primary_rgb: Colour | None = None
    primary_color: str | None = None
    secondary_rgb: Colour | None = None
    secondary_color: str | None = None
    ext: TeamExtension | None = None


class PersonRole(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One role of a person; `team_id` is required of contestants and coaches."""

    type: Literal["contestant", "coach", "staff", "other"]
    title: str | None = None
    team_id: Annotated[str, References("teams")] | None = None


class Person(ContestObject, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """JSON Format, "Persons"."""

    id: str
    icpc_id: str | None = None
    name: str
    email: str | None = None
    sex: Literal["male", "female"] | None = None
    roles: list[PersonRole]
    photo: ImageFiles | None = None


class Account(ContestObject, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """JSON Format, "Accounts". The password is not here: its hash is kept outside the log and never given out."""

    id: str
    username: str
    name: str | None = None
    type: str
    ip: str | None = None
    team_id: Annotated[str, References("teams")] | None = None
    person_id: Annotated[str, References("persons")] | None = None
    ext: AccountExtension | None = None


class RemovedInterval(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A stretch of wall-clock time that does not count; `end` null while it runs."""

    start: TimeText
    end: TimeText | None = None
    contest_time: RelativeTimeText


class State(ContestObject, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """JSON Format, "Contest state"; null is always written out."""

    started: TimeText | UnsetType | None = UNSET
    frozen: TimeText | UnsetType | None = UNSET
    ended: TimeText | UnsetType | None = UNSET
    thawed: TimeText | UnsetType | None = UNSET
    finalized: TimeText | UnsetType | None = UNSET
    end_of_updates: TimeText | UnsetType | None = UNSET
    removed_intervals: list[RemovedInterval] | None = None


class Submission(ContestObject, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """JSON Format, "Submissions". `entry_point` is written out when null, `files` when empty."""

    id: str
    language_id: Annotated[str, References("languages")]
    problem_id: Annotated[str, References("problems")]
    team_id: Annotated[str, References("teams")] | None = None
    account_id: Annotated[str, References("accounts", when_hidden="strip")] | None = None
    time: TimeText
    contest_time: RelativeTimeText
    entry_point: str | UnsetType | None = UNSET
    files: ZipFiles | UnsetType = UNSET
    reaction: StreamFiles | None = None
    ext: SubmissionExtension | None = None


class Judgement(ContestObject, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """JSON Format, "Judgements". `max_run_time` in seconds."""

    id: str
    submission_id: Annotated[str, References("submissions")]
    judgement_type_id: Annotated[str, References("judgement-types")] | None = None
    simplified_judgement_type_id: Annotated[str, References("judgement-types")] | None = None
    score: NonNegativeNumber | None = None
    current: bool | None = None
    start_time: TimeText
    end_time: TimeText | None = None
    max_run_time: NonNegativeNumber | None = None

    @property
    def verdict(self) -> str | None:
        """The type that it came to, None while judging: one of the two is enough (JSON Format, "Judgements")."""
        return self.judgement_type_id or self.simplified_judgement_type_id


class Run(ContestObject, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """JSON Format, "Runs". `run_time` in seconds."""

    id: str
    judgement_id: Annotated[str, References("judgements")]
    ordinal: int
    judgement_type_id: Annotated[str, References("judgement-types")]
    time: TimeText
    run_time: NonNegativeNumber | None = None
    score: int | float | None = None


class Clarification(ContestObject, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """JSON Format, "Clarifications"."""

    id: str
    from_team_id: Annotated[str, References("teams")] | None = None
    to_team_ids: Annotated[list[str], References("teams")] | None = None
    to_group_ids: Annotated[list[str], References("groups")] | None = None
    reply_to_id: Annotated[str, References("clarifications", when_hidden="strip")] | None = None
    problem_id: Annotated[str, References("problems")] | None = None
    text: str
    time: TimeText
    contest_time: RelativeTimeText


class Award(ContestObject, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """JSON Format, "Awards"."""

    id: str
    citation: str
    team_ids: Annotated[list[str], References("teams")] | None = None


class Commentary(ContestObject, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """JSON Format, "Commentary"."""

    id: str
    time: TimeText
    contest_time: RelativeTimeText
    message: str
    tags: list[str]
    source_id: Annotated[str, References("persons")] | None = None
    team_ids: Annotated[list[str], References("teams")] | None = None
    problem_ids: Annotated[list[str], References("problems")] | None = None
    submission_ids: Annotated[list[str], References("submissions")] | None = None
