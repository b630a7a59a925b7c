"""What every object type says in the versions that are served, spelled out against the text of each version."""

import json

import msgspec
import pytest

from cds.commands.decision import ObjectChange
from cds.dialects.contest_api_2023_06 import CONTEST_API_2023_06
from cds.dialects.contest_api_2026_01 import CONTEST_API_2026_01
from cds.served_versions import EARLIER_VERSIONS
from projections.contest import ContestState
from projections.scoreboard import Board
from projections.served_versions import DRAFT, OURS, ServedVersion
from schemas.object_types import OBJECT_TYPES, TYPE_OF_STRUCTURE
from schemas.objects import (
    ContestObject,
    Group,
    RemovedInterval,
)
from tests.builders import (
    CONTEST,
    START,
    Played,
    Reader,
    clarification,
    judgement,
    moment,
    put,
    small_contest,
    state,
    team,
)
from tests.cds.dialects.version_cases import CASES, LEFT_OUT, Json
from tests.independent_fold import notifications

JUDGE = Reader("judge")
PUBLIC = Reader("public")


def known_state() -> ContestState:
    """The small contest, with a group of nobody and something said to it."""
    world = small_contest()
    return Played([*world, *put(Group(id="empty", name="Empty"), clarification("lost", to_groups=["empty"]))]).state


def told(version: ServedVersion, shown: ContestObject) -> Json | None:
    """An object in the words of a version, as JSON."""
    name = TYPE_OF_STRUCTURE[type(shown)].name
    spoken = version.told(known_state(), None, name, shown)
    return None if spoken is None else json.loads(msgspec.json.encode(spoken))


def expected(shown: ContestObject, difference: Json) -> Json | None:
    """What we say, but for what a version says differently."""
    if difference is LEFT_OUT:
        return None
    ours = json.loads(msgspec.json.encode(shown)) | difference
    nulls = {name for name, value in difference.items() if value is None}
    return {name: value for name, value in ours.items() if name not in nulls}


@pytest.mark.parametrize(("shown", "in_2026_01", "in_2023_06"), CASES, ids=lambda each: getattr(each, "id", ""))
def test_every_type_is_told_in_the_words_of_a_version(shown: ContestObject, in_2026_01: Json, in_2023_06: Json) -> None:
    assert told(CONTEST_API_2026_01, shown) == expected(shown, in_2026_01)
    assert told(CONTEST_API_2023_06, shown) == expected(shown, in_2023_06)
    assert told(DRAFT, shown) == expected(shown, {})


def test_a_case_for_every_type_and_property() -> None:
    """Nothing has been forgotten above: each property of each type is set in one of the cases."""
    for name, row in OBJECT_TYPES.items():
        cases = [json.loads(msgspec.json.encode(shown)) for shown, _, _ in CASES if type(shown) is row.structure]
        assert set(row.properties) == {property for case in cases for property in case}, name


@pytest.mark.parametrize("version", EARLIER_VERSIONS, ids=lambda version: version.name)
def test_the_order_of_properties_is_that_of_the_structures(version: ServedVersion) -> None:
    """`access` lists each property once, and only such as the structures of the version have."""
    for name, of_type in version.types.items():
        listed = of_type.properties(OURS[name].structure.__struct_fields__)
        assert len(listed) == len(set(listed))
        assert [field for field in of_type.structure.__struct_fields__ if field in listed] == listed


def test_a_team_is_told_that_it_is_the_one_to_whom_something_is_said() -> None:
    """2023-06 has room for one team: each of them sees itself there."""
    played = Played([*small_contest(), *put(clarification("both", to_teams=["t2", "t1"]))], version=CONTEST_API_2023_06)
    said = {
        reader.team_id or reader.role: json.loads(played.shown(reader)["clarifications"]["both"]).get("to_team_id")
        for reader in (Reader("team", "t1"), Reader("team", "t2"), JUDGE)
    }
    assert said == {"t1": "t1", "t2": "t2", "judge": "t1"}
    assert "both" not in played.shown(Reader("team", "t3"))["clarifications"]
    assert "both" not in played.shown(PUBLIC)["clarifications"]


def lines_after(version: ServedVersion, before: list[ObjectChange], *changes: ContestObject) -> list[Json]:
    """What the judges are told of changes to a contest."""
    played = Played(before, version=version)
    place = played.last_sequence(JUDGE)
    played.play(put(*changes))
    return notifications(played.feed(JUDGE, place))


@pytest.mark.parametrize("version", EARLIER_VERSIONS, ids=lambda version: version.name)
def test_contest_times_follow_removed_intervals(version: ServedVersion) -> None:
    """A break that is taken out moves the contest times of the judgements and runs behind it."""
    interval = RemovedInterval(start=moment("1:00:00.000"), end=moment("1:20:00.000"), contest_time="1:00:00.000")
    lines = lines_after(
        version,
        small_contest(),
        msgspec.structs.replace(state(started=START), removed_intervals=[interval]),
    )
    moved = {(line["type"], line["id"]): line["data"] for line in lines}
    assert moved.keys() == {("judgements", "j2"), ("judgements", "j3"), ("runs", "r2"), ("runs", "r3")}
    assert moved["judgements", "j2"]["start_contest_time"] == "3:40:10.000"
    assert moved["judgements", "j2"]["end_contest_time"] == "3:40:20.000"
    assert moved["runs", "r2"]["contest_time"] == "3:40:11.000"


@pytest.mark.parametrize("version", EARLIER_VERSIONS, ids=lambda version: version.name)
def test_contest_times_follow_the_start(version: ServedVersion) -> None:
    """A contest that turns out to have begun a minute later."""
    later = moment("0:01:00.000")
    lines = lines_after(version, small_contest(), state(started=later))
    assert [(line["type"], line["id"]) for line in lines] == [
        ("state", None),
        *(("judgements", identifier) for identifier in ("j1", "j2", "j3")),
        *(("runs", identifier) for identifier in ("r1", "r2", "r3")),
    ]
    assert lines[1]["data"]["start_contest_time"] == "0:29:01.000"


def test_teams_are_hidden_when_the_main_group_changes() -> None:
    """2023-06 tells of the teams what we tell of the contest."""
    guests = msgspec.structs.replace(CONTEST, main_scoreboard_group_id="guests")
    lines = lines_after(CONTEST_API_2023_06, small_contest(), guests)
    assert {line["id"]: line["data"]["hidden"] for line in lines} == {"t1": True, "t2": True, "t3": False}
    assert {line["type"] for line in lines} == {"teams"}
    everybody = msgspec.structs.replace(CONTEST, main_scoreboard_group_id=None)
    lines = lines_after(CONTEST_API_2023_06, small_contest(), everybody)
    assert [(line["id"], line["data"]["hidden"]) for line in lines] == [("t3", False)]
    lines = lines_after(CONTEST_API_2023_06, small_contest(), team("t1", ["guests"]))
    assert [(line["id"], line["data"]["hidden"]) for line in lines if line["type"] == "teams"] == [("t1", True)]


def test_a_judgement_that_stops_counting_goes_with_its_runs() -> None:
    """And comes back with them, first itself and then they."""
    stopped = msgspec.structs.replace(judgement("j1", "s1", "AC", "0:30:01.000"), current=False)
    lines = lines_after(CONTEST_API_2023_06, small_contest(), stopped)
    assert [(line["type"], line["id"], line["data"]) for line in lines] == [
        ("runs", "r1", None),
        ("judgements", "j1", None),
    ]
    lines = lines_after(
        CONTEST_API_2023_06, [*small_contest(), *put(stopped)], judgement("j1", "s1", "AC", "0:30:01.000")
    )
    assert [(line["type"], line["id"]) for line in lines] == [("judgements", "j1"), ("runs", "r1")]


def test_a_reply_does_not_name_what_is_addressed_to_nobody() -> None:
    """What groups without a team are told is not told in 2023-06, until a team joins them."""
    before = [
        *small_contest(),
        *put(
            Group(id="empty", name="Empty"),
            clarification("lost", to_groups=["empty"]),
            clarification("answer", to_teams=["t1"], reply_to="lost"),
        ),
    ]
    shown = Played(before, version=CONTEST_API_2023_06).shown(JUDGE)["clarifications"]
    assert "lost" not in shown
    assert "reply_to_id" not in json.loads(shown["answer"])
    lines = lines_after(CONTEST_API_2023_06, before, team("t2", ["empty"]))
    said = [(line["id"], line["data"].get("to_team_id"), line["data"].get("reply_to_id")) for line in lines[1:]]
    assert said == [("lost", "t2", None), ("answer", "t1", "lost")]


def test_the_scoreboard_in_minutes() -> None:
    """2023-06, "Scoreboard": integers, rounded down; `score.time` is null where nothing is solved."""
    board = Board(Played(small_contest()).state, frozen=False).scoreboard()
    rows = json.loads(CONTEST_API_2023_06.scoreboard(board))["rows"]
    assert rows[0]["score"] == {"num_solved": 1, "total_time": 30, "time": 30}
    assert rows[0]["problems"][0] == {
        "problem_id": "a",
        "num_judged": 1,
        "num_pending": 0,
        "solved": True,
        "time": 30,
    }
    assert rows[1]["score"] == {"num_solved": 0, "total_time": 0, "time": None}
    assert rows[1]["problems"][1] == {"problem_id": "b", "num_judged": 1, "num_pending": 0, "solved": False}
    assert CONTEST_API_2026_01.scoreboard(board) == board
    assert DRAFT.scoreboard(board) == board


def test_the_scoreboard_of_a_score_contest_and_of_a_contest_with_a_break() -> None:
    """Scores stay as they are; removed intervals are in no earlier version."""
    interval = RemovedInterval(start=moment("1:00:00.000"), end=None, contest_time="1:00:00.000")
    changes = [
        *small_contest(),
        *put(
            msgspec.structs.replace(CONTEST, scoreboard_type="score", penalty_time=None),
            msgspec.structs.replace(judgement("j1", "s1", "AC", "0:30:01.000"), score=12.5),
            msgspec.structs.replace(state(started=START), removed_intervals=[interval]),
        ),
    ]
    board = Board(Played(changes).state, frozen=False).scoreboard()
    ours = json.loads(board)
    assert "removed_intervals" in ours["state"]
    for version in EARLIER_VERSIONS:
        theirs = json.loads(version.scoreboard(board))
        assert theirs["state"] == {n: value for n, value in ours["state"].items() if n != "removed_intervals"}
        assert [row["team_id"] for row in theirs["rows"]] == [row["team_id"] for row in ours["rows"]]
    (first, *_) = json.loads(CONTEST_API_2023_06.scoreboard(board))["rows"]
    assert first["score"] == {"score": 12.5, "time": 30}
