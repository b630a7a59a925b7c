"""The Contest API of 2026-01, spoken by a server whose own words are those of the draft.

Since then the draft has taken the contest times out of judgements and runs and the role out of persons, and has added
scores of runs, colours of teams and removed intervals. Extensions are not spoken of. Cited as "2026-01" below.
Everything is pure, and a translation of what a viewer sees already. This module must not know who sees what.
"""

from typing import Annotated, cast

import msgspec

from projections.contest import CONTEST_TIMES, ContestState
from projections.served_versions import (
    STRICT,
    ServedVersion,
    TypeInVersion,
    all_of,
    leaving_out,
    without_extensions,
)
from schemas import objects
from schemas.aggregates import Scoreboard
from schemas.extensions import EXTENSION
from schemas.objects import State
from schemas.properties import ImageFiles, NonNegativeNumber, References, RelativeTimeText, TimeText
from schemas.times import format_relative_time, parse_time_ms

TEAM_COLOURS = ("primary_rgb", "primary_color", "secondary_rgb", "secondary_color")
ROLE_OF_NOBODY = "other"


class Judgement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """2026-01, "Judgements"."""

    id: str
    submission_id: Annotated[str, References("submissions")]
    judgement_type_id: Annotated[str, References("judgement-types")] | None = None
    simplified_judgement_type_id: Annotated[str, References("judgement-types")] | None = None
    score: NonNegativeNumber | None = None
    current: bool | None = None
    start_time: TimeText
    start_contest_time: RelativeTimeText
    end_time: TimeText | None = None
    end_contest_time: RelativeTimeText | None = None
    max_run_time: NonNegativeNumber | None = None


class Run(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """2026-01, "Runs"."""

    id: str
    judgement_id: Annotated[str, References("judgements")]
    ordinal: int
    judgement_type_id: Annotated[str, References("judgement-types")]
    time: TimeText
    contest_time: RelativeTimeText
    run_time: NonNegativeNumber | None = None


class Person(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """2026-01, "Persons"."""

    id: str
    icpc_id: str | None = None
    team_ids: Annotated[list[str], References("teams")] | None = None
    name: str
    title: str | None = None
    email: str | None = None
    sex: str | None = None
    role: str
    photo: ImageFiles | None = None


def judgement(state: ContestState, _team_id: str | None, shown: msgspec.Struct) -> Judgement:
    """With the contest times of its beginning and end."""
    ours = cast("objects.Judgement", shown)
    return Judgement(
        id=ours.id,
        submission_id=ours.submission_id,
        judgement_type_id=ours.judgement_type_id,
        simplified_judgement_type_id=ours.simplified_judgement_type_id,
        score=ours.score,
        current=ours.current,
        start_time=ours.start_time,
        start_contest_time=contest_time(state, ours.start_time),
        end_time=ours.end_time,
        end_contest_time=None if ours.end_time is None else contest_time(state, ours.end_time),
        max_run_time=ours.max_run_time,
    )


def run(state: ContestState, _team_id: str | None, shown: msgspec.Struct) -> Run:
    """With its contest time; there are no scores of runs."""
    ours = cast("objects.Run", shown)
    return Run(
        id=ours.id,
        judgement_id=ours.judgement_id,
        ordinal=ours.ordinal,
        judgement_type_id=ours.judgement_type_id,
        time=ours.time,
        contest_time=contest_time(state, ours.time),
        run_time=ours.run_time,
    )


def person(_state: ContestState, _team_id: str | None, shown: msgspec.Struct) -> Person:
    """With the one role that a person has here: the first that is listed, with the teams in which it is held."""
    ours = cast("objects.Person", shown)
    role = ours.roles[0].type if ours.roles else ROLE_OF_NOBODY
    held = [each for each in ours.roles if each.type == role]
    return Person(
        id=ours.id,
        icpc_id=ours.icpc_id,
        team_ids=list(dict.fromkeys(each.team_id for each in held if each.team_id is not None)) or None,
        name=ours.name,
        title=next((each.title for each in held if each.title is not None), None),
        email=ours.email,
        sex=ours.sex,
        role=role,
        photo=ours.photo,
    )


def contest_time(state: ContestState, time: str) -> str:
    """The contest time of a TIME, as RELTIME."""
    return format_relative_time(state.timeline.contest_time_ms(parse_time_ms(time)))


def scoreboard(board: bytes) -> bytes:
    """A board without extensions, whose state does not tell of removed intervals."""
    board = without_extensions(board)
    if b'"removed_intervals"' not in board:
        return board
    read = _boards.decode(board)
    return msgspec.json.encode(msgspec.structs.replace(read, state=without_removed_intervals(read.state)))


def without_removed_intervals(state: State) -> State:
    """A state in words that do not have them; the contest times tell what follows from them."""
    return msgspec.structs.replace(state, removed_intervals=None)


_boards = msgspec.json.Decoder(Scoreboard)

TYPES: dict[str, TypeInVersion] = {
    **STRICT.types,
    "teams": leaving_out(objects.Team, *TEAM_COLOURS, EXTENSION),
    "persons": TypeInVersion(structure=Person, in_place_of={"roles": ("role", "title", "team_ids")}, translate=person),
    "state": leaving_out(objects.State, "removed_intervals"),
    "judgements": TypeInVersion(
        structure=Judgement,
        in_place_of={
            "start_time": ("start_time", "start_contest_time"),
            "end_time": ("end_time", "end_contest_time"),
        },
        translate=judgement,
    ),
    "runs": TypeInVersion(structure=Run, in_place_of={"time": ("time", "contest_time"), "score": ()}, translate=run),
}

CONTEST_API_2026_01 = ServedVersion(
    name="2026-01",
    version_url="https://ccs-specs.icpc.io/2026-01/contest_api",
    types=TYPES,
    dependents={CONTEST_TIMES: all_of("judgements", "runs")},
    scoreboard=scoreboard,
)
