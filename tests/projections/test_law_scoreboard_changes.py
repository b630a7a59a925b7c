"""Law: a board and the changes that followed it make the board that GET answers with, byte for byte.

Over random histories, live and frozen, of every group, before and after the problems are visible; with boards left out
in between, as a slow reader has it.
"""

import json
from collections import Counter
from random import Random
from typing import Any

from hypothesis import given, note, settings
from hypothesis import strategies as st

from projections.scoreboard import Board, UnknownGroup
from projections.scoreboard_changes import encoded_changes, read_board
from tests.effort import examples
from tests.projections.scoreboard_builders import Boards, judged, started, team
from tests.projections.scoreboard_histories import GROUPS, history

Json = Any

SITUATIONS = ("moved only", "new content", "team appears", "team goes", "nothing", "ties share a rank", "new state")


def applied(board: Json, changes: Json) -> Json:
    """What a client makes of a board and the changes, as the documentation of the stream says."""
    rows = {row["team_id"]: row for row in board["rows"] if row["team_id"] not in changes["removed"]}
    places = {index: row["team_id"] for index, row in enumerate(board["rows"]) if row["team_id"] in rows}
    for row in changes["rows"]:
        kept = {} if "score" in row else rows[row["team_id"]]
        rows[row["team_id"]] = {**kept, **{k: row[k] for k in row if k != "index"}}
    named = {row["team_id"] for row in changes["rows"]}
    order = {index: team_id for index, team_id in places.items() if team_id not in named}
    order |= {row["index"]: row["team_id"] for row in changes["rows"]}
    assert sorted(order) == list(range(len(rows))), "every index has one team"
    return {
        "time": changes["time"],
        "contest_time": changes["contest_time"],
        "state": changes["state"],
        "rows": [rows[order[index]] for index in range(len(rows))],
    }


def encoded(board: Json) -> bytes:
    """A board as the server writes it."""
    return json.dumps(board, separators=(",", ":"), ensure_ascii=False).encode()


def boards_of(board: Board) -> dict[tuple[str | None, bool], bytes]:
    """Everything that a board answers: the main group and the others, with and without problems."""
    answers = {}
    for group_id in (None, *GROUPS):
        for visible in (True, False):
            try:
                answers[group_id, visible] = board.scoreboard(group_id, problems_visible=visible)
            except UnknownGroup:
                continue
    return answers


def test_law_changes_lead_from_any_board_to_any_later_one() -> None:
    reached: Counter[str] = Counter()

    @settings(max_examples=examples(30))
    @given(st.integers(0, 2**32), st.integers(10, 40))
    def law(seed: int, length: int) -> None:
        dice, boards = Random(seed), Boards()
        events = history(seed, length)
        note(f"{events}")
        kept: dict[tuple[bool, str | None, bool], bytes] = {}
        for event in events:
            boards.apply(event)
            for frozen, board in ((False, boards.live), (True, boards.frozen)):
                for (group_id, visible), answer in boards_of(board).items():
                    view = (frozen, group_id, visible)
                    if view in kept and dice.random() < 0.3:
                        continue  # a slow reader misses this one
                    if view in kept:
                        check(kept[view], answer, reached)
                    kept[view] = answer

    law()
    assert [situation for situation in SITUATIONS if not reached[situation]] == []


def check(before: bytes, after: bytes, reached: Counter[str]) -> None:
    """The changes lead from one board to the other, and name nothing that is the same in both."""
    changes = json.loads(encoded_changes(read_board(before), read_board(after)))
    old, new = json.loads(before), json.loads(after)
    assert encoded(applied(old, changes)) == after
    rows = {row["team_id"]: (index, row) for index, row in enumerate(old["rows"])}
    for row in changes["rows"]:
        was = rows.get(row["team_id"])
        same_place = was is not None and (was[0], was[1]["rank"]) == (row["index"], row["rank"])
        if "score" not in row:
            assert "problems" not in row
            assert not same_place
        else:
            assert was is None or (was[1]["score"], was[1]["problems"]) != (row["score"], row["problems"])
        reached["moved only"] += "score" not in row
        reached["new content"] += "score" in row and was is not None
        reached["team appears"] += was is None
    reached["team goes"] += bool(changes["removed"])
    reached["nothing"] += not changes["rows"]
    reached["new state"] += old["state"] != new["state"]
    ranks = [row["rank"] for row in new["rows"]]
    reached["ties share a rank"] += len(set(ranks)) < len(ranks) and bool(changes["rows"])


def test_a_solve_sends_one_row_and_where_the_others_went() -> None:
    boards = started(
        *(team(f"x{number}") for number in range(5)),
        *(event for number in range(5) for event in judged(f"s{number}", f"x{number}", "a", "0:10:00.000", "AC")),
    )
    before = boards.live.scoreboard()
    boards.apply(*judged("1", "t1", "a", "0:09:00.000", "AC"))
    changes = json.loads(encoded_changes(read_board(before), read_board(boards.live.scoreboard())))
    assert [(row["index"], row["rank"], row["team_id"]) for row in changes["rows"]] == [
        (0, 1, "t1"),
        *((number + 1, 2, f"x{number}") for number in range(5)),
        (6, 7, "t2"),
    ]
    assert [row["team_id"] for row in changes["rows"] if "problems" in row] == ["t1"]
    assert changes["removed"] == []
