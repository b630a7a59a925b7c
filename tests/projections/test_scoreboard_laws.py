"""Laws of the scoreboard over random small histories.

The board equals a slow, obvious implementation of the rules after every event; a frozen board does not depend on
one verdict in the freeze; after thaw it is the live one; a board made late equals one that was there all along.
"""

import json
from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import example, given, note, settings
from hypothesis import strategies as st

from projections.scoreboard import Board, UnknownGroup
from schemas.objects import Submission
from tests.effort import examples
from tests.projections.scoreboard_builders import START, Boards, Event, contest, moment, read, state, submission
from tests.projections.scoreboard_histories import (
    GROUPS,
    IN_FREEZE,
    KINDS,
    NAMES,
    PROBLEMS,
    TEAMS,
    configuration,
    hidden_judgements,
    history,
    some_attempt,
)
from tests.projections.slow_scoreboard import SlowScoreboard, fold

SEEDS = st.integers(0, 2**32)
FROZEN_SUBMISSIONS = ["f1", "f2", "f3", "f4"]


def test_law_7_the_board_is_that_of_the_slow_implementation_after_every_event() -> None:
    reached: Counter[str] = Counter()

    @settings(max_examples=examples(50))
    @given(SEEDS, st.integers(10, 40))
    def law(seed: int, length: int) -> None:
        events = history(seed, length)
        note(f"{events}")
        boards = Boards()
        for number, event in enumerate(events):
            reached["moved submission"] += moves_a_submission(boards, event)
            boards.apply(event)
            objects = fold(events[: number + 1])
            for frozen, board in ((False, boards.live), (True, boards.frozen)):
                slow = SlowScoreboard(objects, frozen=frozen, name_order=NAMES.index)
                reached.update(compare(board, slow, GROUPS[number % 3], known=objects.get("groups", {})))
            reached.update(situations(boards, event))
        for board, frozen in ((boards.live, False), (boards.frozen, True)):
            late = Board(boards.state, frozen=frozen)
            assert late.scoreboard() == board.scoreboard()
            assert late.first_to_solve() == board.first_to_solve()
            read(board.scoreboard())

    law()
    assert {situation for situation in SITUATIONS if not reached[situation]} == set()


def test_law_3_a_frozen_board_does_not_depend_on_verdicts_in_the_freeze() -> None:
    """Two contests that differ only in the judgements of frozen submissions: the same bytes, until thaw."""
    reached: Counter[str] = Counter()

    # In these the two contests have other first solves, which one in fifteen has at random.
    @settings(max_examples=examples(50))
    @given(SEEDS)
    @example(34)
    @example(43)
    @example(65)
    def law(seed: int) -> None:
        dice = Random(seed)
        kind = contest(dice.choice(KINDS), main_scoreboard_group_id="main")
        seen = [event for _ in range(15) for event in some_attempt(dice)]
        frozen = [
            submission(each, dice.choice(TEAMS), dice.choice(PROBLEMS), dice.choice(IN_FREEZE))
            for each in FROZEN_SUBMISSIONS
        ]
        verdicts = [hidden_judgements(dice, FROZEN_SUBMISSIONS) for _ in range(2)]
        note(f"{kind} {seen} {frozen} {verdicts}")
        first, second = (Boards([kind, *configuration(), *seen, *frozen, *hidden]) for hidden in verdicts)
        for group_id in (None, "main"):
            assert first.frozen.scoreboard(group_id) == second.frozen.scoreboard(group_id)
        assert first.frozen.first_to_solve() == second.frozen.first_to_solve()
        reached["live boards differ"] += first.live.scoreboard() != second.live.scoreboard()
        reached["first solves differ"] += first.live.first_to_solve() != second.live.first_to_solve()
        for boards in (first, second):
            boards.apply(state(started=START, frozen=moment("4:00:00.000"), thawed=moment("7:00:00.000")))
            assert boards.frozen.scoreboard() == boards.live.scoreboard()

    law()
    assert min(reached["live boards differ"], reached["first solves differ"]) > 0


def compare(board: Board, slow: SlowScoreboard, group_id: str, known: dict[str, Any]) -> Counter[str]:
    """The two in everything they offer."""
    assert json.loads(board.scoreboard()) == slow.board()
    assert json.loads(board.scoreboard(problems_visible=False)) == slow.board(problems_visible=False)
    assert board.first_to_solve() == slow.first_to_solve()
    if group_id in known:
        assert json.loads(board.scoreboard(group_id)) == slow.board(group_id)
        return Counter({"group board": 1})
    with pytest.raises(UnknownGroup):
        board.scoreboard(group_id)
    return Counter({"unknown group": 1})


SITUATIONS = (
    *("moved submission", "group board", "unknown group", "tie below another rank", "pending", "first solve"),
    *("solve after a rejection", "points after several tries", "decimal sum", "thawed with verdicts"),
    *("freeze hides a verdict", "freeze hides a time", "removed main group", "no rows"),
    *("deleted submissions", "deleted judgements", "deleted teams", "deleted problems", "deleted groups"),
)
"""What the histories must come through for the law to mean something."""


def situations(boards: Boards, event: Event) -> Counter[str]:
    """Which of the situations are there after this event."""
    live, frozen = json.loads(boards.live.scoreboard()), json.loads(boards.frozen.scoreboard())
    ranks = [row["rank"] for row in live["rows"]]
    cells = [cell for row in live["rows"] for cell in row["problems"]]
    thawed = live["state"].get("thawed") is not None
    main_group_id = getattr(boards.state.contest, "main_scoreboard_group_id", None)
    return Counter(
        {
            "tie below another rank": any(ranks.count(rank) > 1 for rank in ranks if rank > 1),
            "pending": any(cell["num_pending"] for cell in cells),
            "first solve": bool(boards.live.first_to_solve()),
            "solve after a rejection": any(cell.get("solved") and cell["num_judged"] > 1 for cell in cells),
            "points after several tries": any(cell.get("score") and cell["num_judged"] > 1 for cell in cells),
            "decimal sum": any(isinstance(row["score"].get("score"), float) for row in live["rows"]),
            "thawed with verdicts": thawed and any(cell["num_judged"] for cell in cells),
            "freeze hides a verdict": live["rows"] != frozen["rows"],
            "freeze hides a time": live["time"] != frozen["time"],
            "removed main group": main_group_id is not None and main_group_id not in boards.state.objects["groups"],
            "no rows": not ranks,
            f"deleted {event[0]}": event[2] is None,
        }
    )


def moves_a_submission(boards: Boards, event: Event) -> bool:
    """Whether an event gives a submission to another team."""
    before = boards.state.objects["submissions"].get(event[1]) if event[0] == "submissions" else None
    if not isinstance(before, Submission) or not isinstance(event[2], Submission):
        return False
    return before.team_id != event[2].team_id
