"""Boards of real contests: what we compute is what was official.

The contests are read here by a small lenient loader of our own, so that this proves the scoreboard alone.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from schemas.object_types import OBJECT_TYPES, SINGLETON_ID
from schemas.objects import ContestObject, State
from schemas.properties import FileReference, Location
from schemas.times import canonical_relative_time, canonical_time, parse_relative_time_ms
from tests.projections.scoreboard_builders import SCHEMAS, SHARED, Boards, Event, read

DATA = SHARED / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="needs the recorded contests in ../shared/data")

FILLED_IN: dict[str, dict[str, Any]] = {
    "contest": {"scoreboard_type": "pass-fail"},
    "problems": {"test_data_count": 0},
    "submissions": {"entry_point": None, "files": []},
    "languages": {"entry_point_required": False, "extensions": []},
}
SCORED_TYPES = ("contest", "state", "judgement-types", "problems", "groups", "teams", "submissions", "judgements")
LEFT_OUT_STRUCTURES = (FileReference, Location)


def instance_of(type_name: str, plain: dict[str, Any]) -> ContestObject:
    """An object from whatever a source says of it: known properties, files and places left out, times canonical."""
    row = OBJECT_TYPES[type_name]
    values = FILLED_IN.get(type_name, {}) | plain
    if isinstance(values.get("penalty_time"), int):
        values["penalty_time"] = f"0:{values['penalty_time']:02}:00"
    left_out = {each.property for each in row.file_properties} | {"location"}
    values = {name: values[name] for name in row.properties if name in values and name not in left_out}
    for name in ("name", "label", "icpc_id"):
        if name in row.required and name not in values:
            values[name] = values["id"]
    for name in row.time_properties:
        values |= {name: canonical_time(values[name])} if values.get(name) else {}
    for name in row.relative_time_properties:
        values |= {name: canonical_relative_time(values[name])} if values.get(name) else {}
    if row.structure is State:
        values = {name: values.get(name) for name in row.time_properties}
    return row.structure(**values)


def package(name: str) -> list[Event]:
    """The events of a contest package: every object that matters to a board."""
    events: list[Event] = []
    for type_name in SCORED_TYPES:
        content: Any = json.loads((DATA / name / "package" / f"{type_name}.json").read_text(encoding="utf-8"))
        plains: list[dict[str, Any]] = content if isinstance(content, list) else [content]
        for plain in plains:
            identifier = SINGLETON_ID if OBJECT_TYPES[type_name].singleton else plain["id"]
            events.append((type_name, identifier, instance_of(type_name, plain)))
    return events


def feed(path: Path) -> Iterator[Event]:
    """The events of a recorded feed, one object a line."""
    for line in filter(str.strip, path.read_text(encoding="utf-8").splitlines()):
        notification: Any = json.loads(line)
        type_name, plain = notification["type"], notification.get("data")
        if type_name in SCORED_TYPES:
            identifier = SINGLETON_ID if OBJECT_TYPES[type_name].singleton else notification["id"]
            yield type_name, identifier, None if plain is None else instance_of(type_name, plain)


def official(name: str) -> list[dict[str, Any]]:
    board = json.loads((DATA / name / "scoreboard-final.json").read_text(encoding="utf-8"))
    rows: list[dict[str, Any]] = board["rows"]
    return rows


def minutes(relative_time: str) -> int:
    whole, rest = divmod(parse_relative_time_ms(relative_time), 60_000)
    assert rest == 0
    return whole


def test_the_schemas_are_there() -> None:
    """Where they are, every board of these tests is checked against them."""
    assert (SCHEMAS / "scoreboard.json").is_file()


def test_the_final_board_of_a_world_finals_in_every_cell_rank_and_total() -> None:
    encoded = Boards(package("wf44-2020")).live.scoreboard()
    read(encoded)
    rows = json.loads(encoded)["rows"]
    expected = official("wf44-2020")
    assert len(rows) == len(expected) == 117
    ours = {row["team_id"]: row for row in rows}
    for row in expected:
        mine = ours[row["team_id"]]
        assert mine["rank"] == row["rank"]
        assert mine["score"]["num_solved"] == row["score"]["num_solved"]
        assert minutes(mine["score"]["total_time"]) == row["score"]["total_time"]
        cells = [cell | ({"time": minutes(cell["time"])} if "time" in cell else {}) for cell in mine["problems"]]
        plain = [{name: value for name, value in cell.items() if name != "label"} for cell in row["problems"]]
        assert cells == plain
    untied = [row["team_id"] for row in expected if row["score"]["num_solved"] > 0]
    assert [row["team_id"] for row in rows if row["score"]["num_solved"] > 0] == untied


def test_the_frozen_board_of_a_world_finals_differs_until_thaw() -> None:
    boards = Boards(package("wf44-2020"))
    frozen = read(boards.frozen.scoreboard())
    pending = [cell.num_pending for row in frozen.rows for cell in row.problems]
    assert sum(pending) > 100
    assert not any(cell.num_pending for row in frozen.rows for cell in row.problems if cell.solved)
    assert sum(cell.num_pending for row in read(boards.live.scoreboard()).rows for cell in row.problems) == 0
    state = boards.state.state
    assert state is not None
    boards.apply(("state", SINGLETON_ID, msgspec.structs.replace(state, thawed=state.ended)))
    assert boards.frozen.scoreboard() == boards.live.scoreboard()


def test_the_final_board_of_an_olympiad_in_every_score() -> None:
    encoded = Boards(package("roi-2021-mini")).live.scoreboard()
    read(encoded)
    ours = [
        (row["rank"], row["team_id"], row["score"]["score"], [cell["score"] for cell in row["problems"]])
        for row in json.loads(encoded)["rows"]
    ]
    assert ours == [
        (row["rank"], row["team_id"], row["score"]["score"], [cell["score"] for cell in row["problems"]])
        for row in official("roi-2021-mini")
    ]
    assert encoded.count(b'"time":null') == 1


def golden_cells() -> dict[tuple[str, str], tuple[int, int, int | None]]:
    """What another parser makes of the regional: judged, pending and the minute of the solve, by team and problem."""
    golden = json.loads((DATA / "swerc-2022" / "live-v3-golden.json").read_text(encoding="utf-8"))
    runs: defaultdict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for run in sorted(golden["runs"], key=lambda run: run["time"]):
        if run["time"] < golden["contestInfo"]["contestLengthMs"]:
            runs[run["teamId"], run["problemId"]].append(run)
    cells = {}
    for key, tries in runs.items():
        verdicts = [run["result"].get("verdict") for run in tries]
        solved = [bool(verdict and verdict["isAccepted"]) for verdict in verdicts]
        first = solved.index(True) if any(solved) else None
        until = verdicts if first is None else verdicts[: first + 1]
        counted = [verdict for verdict in until if verdict and (verdict["isAccepted"] or verdict["isAddingPenalty"])]
        minute = None if first is None else tries[first]["time"] // 60_000
        cells[key] = (len(counted), verdicts.count(None) if first is None else 0, minute)
    return cells


def test_the_board_of_a_regional_agrees_with_another_parser_in_every_cell() -> None:
    """The feed was recorded from outside, so both boards are the frozen one: what was hidden is pending."""
    boards = Boards(feed(DATA / "swerc-2022" / "event-feed.ndjson"))
    board = read(boards.live.scoreboard())
    assert len(board.rows) == 120
    ours = {
        (row.team_id, cell.problem_id): (
            cell.num_judged,
            cell.num_pending,
            minutes(cell.time) if isinstance(cell.time, str) else None,
        )
        for row in board.rows
        for cell in row.problems
    }
    golden = golden_cells()
    assert {key: cell for key, cell in ours.items() if key in golden} == golden
    assert {cell for key, cell in ours.items() if key not in golden} == {(0, 0, None)}
    assert read(boards.frozen.scoreboard()).rows == board.rows
