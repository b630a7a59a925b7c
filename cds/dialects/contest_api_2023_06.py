"""The Contest API of 2023-06, as a translation of that of 2026-01 (see there); cited as "2023-06" below.

Between the two came relative times in the place of whole minutes, simplified judgement types, judgements that do not
count, submissions without a team, clarifications to several teams or to groups, and the group of the main scoreboard
in the place of hidden teams. What cannot be said here is left out rather than said wrongly: a judgement that does not
count, the submission of no team, and what rests on them. Commentary is in that version, but a shadow that is in use
stops at it, so it is not served. This module must not know who sees what.
"""

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal, cast

import msgspec
from msgspec import UNSET, UnsetType

from cds.dialects import contest_api_2026_01 as later
from projections.contest import CONTEST_TIMES, COUNTING, MAIN_GROUP, Change, ContestState
from projections.integrity import Key
from projections.served_versions import ServedVersion, Translate, TypeInVersion, all_of, leaving_out
from schemas import objects
from schemas.aggregates import ProblemCell, Score, Scoreboard, ScoreboardRow
from schemas.object_types import OBJECT_TYPES
from schemas.properties import (
    FileReference,
    ImageFiles,
    Location,
    NonNegativeInteger,
    NonNegativeNumber,
    References,
    RelativeTimeText,
    TimeText,
)
from schemas.times import parse_relative_time_ms

NOT_SERVED = ("commentary",)
MINUTE_MS = 60_000


class Contest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """2023-06, "Contests". `penalty_time` in whole minutes; it is there where nothing counts by it too, as 0."""

    id: str
    name: str
    formal_name: str | None = None
    start_time: TimeText | None = None
    countdown_pause_time: RelativeTimeText | None = None
    duration: RelativeTimeText
    scoreboard_freeze_duration: RelativeTimeText | None = None
    scoreboard_thaw_time: TimeText | None = None
    scoreboard_type: Literal["pass-fail", "score"]
    penalty_time: NonNegativeInteger
    banner: ImageFiles | None = None
    logo: ImageFiles | None = None
    location: Location | None = None


class Team(objects.Team, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """2023-06, "Teams". `hidden`: the team is not on the scoreboard."""

    hidden: bool


class Judgement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """2023-06, "Judgements"."""

    id: str
    submission_id: Annotated[str, References("submissions")]
    judgement_type_id: Annotated[str, References("judgement-types")] | None = None
    score: NonNegativeNumber | None = None
    start_time: TimeText
    start_contest_time: RelativeTimeText
    end_time: TimeText | None = None
    end_contest_time: RelativeTimeText | None = None
    max_run_time: NonNegativeNumber | None = None


class Clarification(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """2023-06, "Clarifications"."""

    id: str
    from_team_id: Annotated[str, References("teams")] | None = None
    to_team_id: Annotated[str, References("teams")] | None = None
    reply_to_id: Annotated[str, References("clarifications")] | None = None
    problem_id: Annotated[str, References("problems")] | None = None
    text: str
    time: TimeText
    contest_time: RelativeTimeText


def contest(_state: ContestState, _team_id: str | None, shown: msgspec.Struct) -> Contest:
    """With the penalty in whole minutes, rounded down as all times of a scoreboard are."""
    told = cast("objects.Contest", shown)
    return Contest(
        id=told.id,
        name=told.name,
        formal_name=told.formal_name,
        start_time=told.start_time,
        countdown_pause_time=told.countdown_pause_time,
        duration=told.duration,
        scoreboard_freeze_duration=told.scoreboard_freeze_duration,
        scoreboard_thaw_time=told.scoreboard_thaw_time,
        scoreboard_type=told.scoreboard_type,
        penalty_time=0 if told.penalty_time is None else minutes(told.penalty_time),
        banner=told.banner,
        logo=told.logo,
        location=told.location,
    )


def team(state: ContestState, _team_id: str | None, shown: msgspec.Struct) -> Team:
    """Hidden where the main scoreboard is that of a group to which the team does not belong."""
    told = cast("objects.Team", shown)
    main = None if state.contest is None else state.contest.main_scoreboard_group_id
    return Team(**msgspec.structs.asdict(told), hidden=main is not None and main not in (told.group_ids or ()))


def submission(_state: ContestState, _team_id: str | None, shown: msgspec.Struct) -> objects.Submission | None:
    """Of a team, or none at all."""
    told = cast("objects.Submission", shown)
    if told.team_id is None:
        return None
    return told if told.account_id is None else msgspec.structs.replace(told, account_id=None)


def judgement(state: ContestState, _team_id: str | None, shown: msgspec.Struct) -> Judgement | None:
    """One that counts, with the one type that it has here: the simplified one where no other is to be seen."""
    told = cast("later.Judgement", shown)
    if told.current is False or not _is_of_a_team(state, told.submission_id):
        return None
    return Judgement(
        id=told.id,
        submission_id=told.submission_id,
        judgement_type_id=told.judgement_type_id or told.simplified_judgement_type_id,
        score=told.score,
        start_time=told.start_time,
        start_contest_time=told.start_contest_time,
        end_time=told.end_time,
        end_contest_time=told.end_contest_time,
        max_run_time=told.max_run_time,
    )


def run(state: ContestState, _team_id: str | None, shown: msgspec.Struct) -> later.Run | None:
    """One of a judgement that is there."""
    told = cast("later.Run", shown)
    of = cast("objects.Judgement | None", state.objects["judgements"].get(told.judgement_id))
    there = of is not None and of.current is not False and _is_of_a_team(state, of.submission_id)
    return told if there else None


def clarification(state: ContestState, team_id: str | None, shown: msgspec.Struct) -> Clarification | None:
    """To one team: the one that asks, and for others the one with the first id of those to whom it is addressed.

    So a shadow that reads as a judge has an answer to several teams once, as one to the first of them: left out, its
    judges would not know of it, and without a team everybody would be told. What is addressed to groups that have no
    team is addressed to nobody, and left out: without a team it would be a broadcast.
    """
    told = cast("objects.Clarification", shown)
    if not _is_addressed(state, told):
        return None
    recipients = state.recipients(told)
    answered = cast("objects.Clarification | None", state.objects["clarifications"].get(told.reply_to_id or ""))
    return Clarification(
        id=told.id,
        from_team_id=told.from_team_id,
        to_team_id=team_id if team_id in recipients else min(recipients, default=None),
        reply_to_id=told.reply_to_id if answered is not None and _is_addressed(state, answered) else None,
        problem_id=told.problem_id,
        text=told.text,
        time=told.time,
        contest_time=told.contest_time,
    )


def minutes(relative_time: str) -> int:
    """A RELTIME in whole minutes, rounded down."""
    return parse_relative_time_ms(relative_time) // MINUTE_MS


def _is_of_a_team(state: ContestState, submission_id: str) -> bool:
    of = cast("objects.Submission | None", state.objects["submissions"].get(submission_id))
    return of is not None and of.team_id is not None


def _is_addressed(state: ContestState, message: objects.Clarification) -> bool:
    """Whether it is a broadcast, from a team, or to at least one team."""
    to_some = message.to_team_ids is not None or message.to_group_ids is not None
    return not to_some or bool(state.recipients(message))


class MinutesScore(msgspec.Struct, frozen=True, kw_only=True):
    """2023-06, "Scoreboard": what a team has reached, times in minutes; `time` is null where nothing is solved."""

    num_solved: int | UnsetType = UNSET
    total_time: int | UnsetType = UNSET
    score: int | float | UnsetType = UNSET
    time: int | None


class MinutesCell(msgspec.Struct, frozen=True, kw_only=True):
    """2023-06, "Scoreboard": what a team has reached on one problem."""

    problem_id: str
    num_judged: int
    num_pending: int
    solved: bool | UnsetType = UNSET
    score: int | float | UnsetType = UNSET
    time: int | UnsetType = UNSET


class MinutesRow(msgspec.Struct, frozen=True, kw_only=True):
    """2023-06, "Scoreboard": the place of one team."""

    rank: int
    team_id: str
    score: MinutesScore
    problems: list[MinutesCell]


class MinutesScoreboard(msgspec.Struct, frozen=True, kw_only=True):
    """2023-06, "Scoreboard"."""

    time: TimeText
    contest_time: RelativeTimeText
    state: objects.State
    rows: list[MinutesRow]


def scoreboard(board: bytes) -> bytes:
    """A board in whole minutes."""
    read = _boards.decode(board)
    return msgspec.json.encode(
        MinutesScoreboard(
            time=read.time,
            contest_time=read.contest_time,
            state=later.without_removed_intervals(read.state),
            rows=[_row(row) for row in read.rows],
        )
    )


def _row(row: ScoreboardRow) -> MinutesRow:
    cells = [_cell(cell) for cell in row.problems]
    return MinutesRow(rank=row.rank, team_id=row.team_id, score=_score(row.score), problems=cells)


def _score(score: Score) -> MinutesScore:
    return MinutesScore(
        num_solved=score.num_solved,
        total_time=_minutes_if_any(score.total_time),
        score=score.score,
        time=None if score.time is None else minutes(score.time),
    )


def _cell(cell: ProblemCell) -> MinutesCell:
    return MinutesCell(
        problem_id=cell.problem_id,
        num_judged=cell.num_judged,
        num_pending=cell.num_pending,
        solved=cell.solved,
        score=cell.score,
        time=_minutes_if_any(cell.time),
    )


def _minutes_if_any(relative_time: str | UnsetType) -> int | UnsetType:
    return UNSET if relative_time is UNSET else minutes(relative_time)


_boards = msgspec.json.Decoder(Scoreboard)


def _without_tags(file_properties: Iterable[str]) -> Translate:
    """File references do not say what they suit."""

    def translate(_state: ContestState, _team_id: str | None, shown: msgspec.Struct) -> msgspec.Struct | None:
        changed: dict[str, list[FileReference]] = {}
        for property in file_properties:
            references: list[FileReference] | UnsetType | None = getattr(shown, property)
            if references and any(reference.tag is not None for reference in references):
                changed[property] = [msgspec.structs.replace(reference, tag=None) for reference in references]
        return msgspec.structs.replace(shown, **changed) if changed else shown

    return translate


def _runs_of_changed(state: ContestState, change: Change) -> Iterator[Key]:
    for key in change.keys:
        if key[0] == "judgements":
            yield from (("runs", identifier) for identifier in state.referrers.of_type(key, "runs"))


_SINCE_2023_06: dict[str, TypeInVersion] = {
    "contest": TypeInVersion(structure=Contest, in_place_of={"main_scoreboard_group_id": ()}, translate=contest),
    "judgement-types": leaving_out(objects.JudgementType, "simplified_judgement_type_id"),
    "problems": leaving_out(objects.Problem, "memory_limit", "output_limit", "code_limit", "attachments"),
    "organizations": leaving_out(objects.Organization, "country_subdivision", "country_subdivision_flag"),
    "teams": TypeInVersion(structure=Team, in_place_of={"group_ids": ("group_ids", "hidden")}, translate=team),
    "submissions": TypeInVersion(structure=objects.Submission, in_place_of={"account_id": ()}, translate=submission),
    "judgements": TypeInVersion(
        structure=Judgement,
        in_place_of={"simplified_judgement_type_id": (), "current": ()},
        translate=judgement,
    ),
    "runs": TypeInVersion(structure=later.Run, translate=run),
    "clarifications": TypeInVersion(
        structure=Clarification,
        in_place_of={"to_team_ids": ("to_team_id",), "to_group_ids": ()},
        translate=clarification,
    ),
}


def _types() -> Iterator[tuple[str, TypeInVersion]]:
    for name, of_later in later.TYPES.items():
        if name in NOT_SERVED:
            continue
        told = of_later.then(_SINCE_2023_06[name]) if name in _SINCE_2023_06 else of_later
        files = [
            file.property
            for file in OBJECT_TYPES[name].file_properties
            if file.property in told.structure.__struct_fields__
        ]
        untagged = TypeInVersion(structure=told.structure, translate=_without_tags(files))
        yield name, told.then(untagged) if files else told


CONTEST_API_2023_06 = ServedVersion(
    name="2023-06",
    version_url="https://ccs-specs.icpc.io/2023-06/contest_api",
    types=dict(_types()),
    dependents={
        CONTEST_TIMES: all_of("judgements", "runs"),
        MAIN_GROUP: all_of("teams"),
        COUNTING: _runs_of_changed,
    },
    scoreboard=scoreboard,
)
