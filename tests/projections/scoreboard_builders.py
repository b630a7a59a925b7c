"""What the tests of the scoreboard are built from: short ways to write events, and a board that checks itself.

Every board that is read here is decoded strictly, and checked against the official JSON schema where there is one.
"""

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from projections.contest import ContestState
from projections.scoreboard import Board
from schemas.aggregates import ProblemCell, Scoreboard, ScoreboardRow
from schemas.object_types import SINGLETON_ID
from schemas.objects import (
    Contest,
    ContestObject,
    Group,
    Judgement,
    JudgementType,
    Problem,
    State,
    Submission,
    Team,
)
from schemas.times import format_relative_time, format_time, parse_relative_time_ms, parse_time_ms, zone_of

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
SCHEMAS = SHARED / "json-schema"
START = "2026-03-01T10:00:00.000+01:00"
FREEZE = "4:00:00.000"
LANGUAGE = "cpp"

NOTHING_HAPPENED = State(started=None, frozen=None, ended=None, thawed=None, finalized=None, end_of_updates=None)

Event = tuple[str, str, ContestObject | None]


def moment(contest_time: str) -> str:
    """The wall-clock time of a contest time, without removed intervals."""
    return format_time(parse_time_ms(START) + parse_relative_time_ms(contest_time), zone_of(START))


def contest(scoreboard_type: Literal["pass-fail", "score"] = "pass-fail", **changes: Any) -> Event:
    """A contest of five hours, frozen for the last one."""
    plain = Contest(
        id="finals",
        name="Finals",
        start_time=START,
        duration="5:00:00.000",
        scoreboard_freeze_duration="1:00:00.000",
        scoreboard_type=scoreboard_type,
        penalty_time="0:20:00.000",
    )
    return "contest", SINGLETON_ID, msgspec.structs.replace(plain, **changes)


def state(**moments: str | None) -> Event:
    """The state object; what is not named has not happened."""
    return "state", SINGLETON_ID, msgspec.structs.replace(NOTHING_HAPPENED, **moments)


def judgement_type(identifier: str, *, solved: bool = False, penalty: bool | None = True) -> Event:
    return (
        "judgement-types",
        identifier,
        JudgementType(id=identifier, name=identifier, solved=solved, penalty=penalty),
    )


def judgement_types() -> list[Event]:
    """The types of a World Finals."""
    return [
        judgement_type("AC", solved=True, penalty=False),
        judgement_type("WA"),
        judgement_type("TLE"),
        judgement_type("CE", penalty=False),
        judgement_type("JE", penalty=False),
    ]


def problem(identifier: str, ordinal: int = 0, max_score: float | None = None) -> Event:
    return (
        "problems",
        identifier,
        Problem(
            id=identifier,
            label=identifier.upper(),
            name=identifier,
            ordinal=ordinal,
            test_data_count=0,
            max_score=max_score,
        ),
    )


def group(identifier: str) -> Event:
    return "groups", identifier, Group(id=identifier, name=identifier)


def team(identifier: str, name: str | None = None, groups: list[str] | None = None) -> Event:
    return "teams", identifier, Team(id=identifier, name=name or identifier, label=identifier, group_ids=groups)


def submission(identifier: str, team_id: str | None, problem_id: str, contest_time: str) -> Event:
    return (
        "submissions",
        identifier,
        Submission(
            id=identifier,
            language_id=LANGUAGE,
            problem_id=problem_id,
            team_id=team_id,
            time=moment(contest_time),
            contest_time=contest_time,
            files=[],
        ),
    )


def judgement(identifier: str, submission_id: str, verdict: str | None, at: str = "0:00:00.000", **more: Any) -> Event:
    """A judgement that starts at a contest time and ends ten seconds later if there is a verdict."""
    ended = format_relative_time(parse_relative_time_ms(at) + 10_000)
    plain = Judgement(
        id=identifier,
        submission_id=submission_id,
        judgement_type_id=verdict,
        start_time=moment(at),
        end_time=None if verdict is None else moment(ended),
    )
    return "judgements", identifier, msgspec.structs.replace(plain, **more)


def judged(identifier: str, team_id: str, problem_id: str, contest_time: str, verdict: str, **more: Any) -> list[Event]:
    """A submission and its judgement, which starts when it is made."""
    return [
        submission(identifier, team_id, problem_id, contest_time),
        judgement(f"j{identifier}", identifier, verdict, contest_time, **more),
    ]


class Boards:
    """A state with a live and a frozen board that follow it."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self.state = ContestState()
        self.live = Board(self.state, frozen=False)
        self.frozen = Board(self.state, frozen=True)
        self.apply(*events)

    def apply(self, *events: Event) -> None:
        for type_name, identifier, instance in events:
            self.state.apply(self.state.position + 1, type_name, identifier, instance)
            self.live.note((type_name, identifier))
            self.frozen.note((type_name, identifier))


def started(*events: Event, **changes: Any) -> Boards:
    """Two teams and two problems in a contest that runs."""
    return Boards(
        [
            contest(**changes),
            state(started=START),
            *judgement_types(),
            *(problem("a", 0, 100), problem("b", 1, 100)),
            *(team("t1"), team("t2")),
            *events,
        ]
    )


def read(encoded: bytes) -> Scoreboard:
    """A board, decoded strictly and checked against the schema."""
    if SCHEMAS.is_dir():
        _validator().validate(json.loads(encoded))
    return msgspec.json.decode(encoded, type=Scoreboard)


def row_of(board: Scoreboard, team_id: str) -> ScoreboardRow:
    return next(row for row in board.rows if row.team_id == team_id)


def cell_of(board: Scoreboard, team_id: str, problem_id: str) -> ProblemCell:
    return next(cell for cell in row_of(board, team_id).problems if cell.problem_id == problem_id)


def ranks(board: Scoreboard) -> list[tuple[int, str]]:
    return [(row.rank, row.team_id) for row in board.rows]


@cache
def _validator() -> Draft202012Validator:
    contents = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in SCHEMAS.glob("*.json")}
    registry: Registry[Any] = Registry().with_resources(
        (schema["$id"], Resource.from_contents(schema)) for schema in contents.values()
    )
    return Draft202012Validator(contents["scoreboard.json"], registry=registry)
