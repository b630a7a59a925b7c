"""Laws of score contests over random small histories with subtasks, modes, official submissions and runs.

The board equals the slow one after every event; nothing of a submission in the freeze changes a byte of the frozen
board but that it was made; what a participant is told of a task is what the board says.
"""

import json
from collections import Counter
from fractions import Fraction
from random import Random

from hypothesis import given, note, settings
from hypothesis import strategies as st

from projections.contest import ContestState
from projections.packed_state import UnpackedState, packed_state
from projections.scoreboard import Board
from projections.still import named, still
from projections.task_scores import task_score
from schemas.objects import Problem, Submission
from tests.effort import examples
from tests.projections.scoreboard_builders import START, Boards, Event, contest, moment, read, state, submission
from tests.projections.scoreboard_histories import IN_FREEZE, NAMES, PROBLEMS, TEAMS, configuration
from tests.projections.scoring_histories import (
    LATE,
    hidden_results,
    official,
    score_history,
    seen_attempts,
    some_task,
)
from tests.projections.slow_scoreboard import SlowScoreboard, fold
from tests.projections.slow_scores import brought_by, mode_of, result_of, rounded, task_of

SEEDS = st.integers(0, 2**32)
FROZEN_SUBMISSIONS = ["f1", "f2", "f3", "f4"]

SITUATIONS = (
    *("score from runs", "a run that came late", "a run that went", "a rejudgement", "a score that was rounded"),
    *("more than the best submission", "a last submission that is worse", "pending behind a score", "not official"),
    *("official after the end", "a changed task", "equal ranks", "a time of a run"),
)
"""What the histories must come through for the laws to mean something."""


def test_law_7_the_board_of_a_score_contest_is_that_of_the_slow_implementation_after_every_event() -> None:
    reached: Counter[str] = Counter()

    @settings(max_examples=examples(60), deadline=None)
    @given(SEEDS, st.integers(5, 25))
    def law(seed: int, length: int) -> None:
        events = score_history(seed, length)
        note(f"{events}")
        boards, looked = Boards(), len(events) // 3
        before = None
        for number, event in enumerate(events):
            boards.apply(event)
            if number < looked and number % 5:
                continue
            objects = fold(events[: number + 1])
            for frozen, board in ((False, boards.live), (True, boards.frozen)):
                slow = SlowScoreboard(objects, frozen=frozen, name_order=NAMES.index)
                assert json.loads(board.scoreboard()) == slow.board()
                assert board.first_to_solve() == slow.first_to_solve()
            slow = SlowScoreboard(objects, frozen=False, name_order=NAMES.index)
            after = boards.live.scoreboard()
            reached.update(situations(boards, slow, event, changed=before is not None and after != before))
            before = after
        for board, frozen in ((boards.live, False), (boards.frozen, True)):
            for same in (boards.state, named(still(boards.state, ())), unpacked(boards.state)):
                assert Board(same, frozen=frozen).scoreboard() == board.scoreboard()
            read(board.scoreboard())
        assert_everybody_is_told_their_score(boards)

    law()
    assert {situation for situation in SITUATIONS if not reached[situation]} == set()


def test_law_3_runs_and_verdicts_in_the_freeze_change_no_byte_of_the_frozen_board() -> None:
    reached: Counter[str] = Counter()

    @settings(max_examples=examples(75), deadline=None)
    @given(SEEDS)
    def law(seed: int) -> None:
        dice = Random(seed)
        tasks = [event for _ in range(3) for event in some_task(dice)]
        seen = seen_attempts(dice, 8)
        frozen = [
            official(
                submission(each, dice.choice(TEAMS), dice.choice(PROBLEMS), dice.choice([*IN_FREEZE, LATE])),
                dice.choice([None, True, True, False]),
            )
            for each in FROZEN_SUBMISSIONS
        ]
        first, second = (hidden_results(dice, FROZEN_SUBMISSIONS) for _ in range(2))
        note(f"{tasks} {seen} {frozen} {first} {second}")
        begun = [contest("score"), *configuration(), *tasks, *seen, *frozen]
        one, other, none = Boards([*begun, *first]), Boards([*begun, *second]), Boards(begun)
        assert one.frozen.scoreboard() == other.frozen.scoreboard() == none.frozen.scoreboard()
        for event in second:
            kept = none.frozen.scoreboard()
            none.apply(event)
            assert none.frozen.scoreboard() == kept
        assert none.live.scoreboard() == other.live.scoreboard()
        reached["live boards differ"] += one.live.scoreboard() != other.live.scoreboard()
        for boards in (one, other):
            boards.apply(state(started=START, frozen=moment("4:00:00.000"), thawed=moment("7:00:00.000")))
            assert boards.frozen.scoreboard() == boards.live.scoreboard()

    law()
    assert reached["live boards differ"] > 0


def unpacked(state: ContestState) -> ContestState:
    """The same state as it comes back from a checkpoint."""
    unpacking = UnpackedState()
    for part in packed_state(state):
        unpacking.take(part)
    return unpacking.state()


def assert_everybody_is_told_their_score(boards: Boards) -> None:
    """The score of a task that a participant is told is that of the cell, and never less than its public part."""
    contest_object = boards.state.contest
    if contest_object is None or contest_object.scoreboard_type != "score":
        return
    for row in json.loads(boards.live.scoreboard())["rows"]:
        for cell in row["problems"]:
            told = task_score(boards.state, boards.live, row["team_id"], cell["problem_id"])
            assert told.score == cell["score"]
            assert told.partial or not cell["num_pending"]
            problem = boards.state.objects["problems"][cell["problem_id"]]
            assert isinstance(problem, Problem)
            task = task_of(problem)
            if task is None or not task.subtasks or all(each.public is not False for each in task.subtasks):
                assert told.public_score == told.score


def situations(boards: Boards, slow: SlowScoreboard, event: Event, *, changed: bool) -> Counter[str]:
    """Which of the situations are there after this event."""
    if slow.contest is None or slow.contest.scoreboard_type != "score":
        return Counter()
    found: Counter[str] = Counter()
    found["a run that came late"] += event[0] == "runs" and event[2] is not None and changed
    found["a run that went"] += event[0] == "runs" and event[2] is None and changed
    found["a changed task"] += event[0] == "problems" and changed
    rows = json.loads(boards.live.scoreboard())["rows"]
    ranks = [row["rank"] for row in rows if row["score"]["score"]]
    found["equal ranks"] += len(ranks) != len(set(ranks))
    found["pending behind a score"] += any(c["score"] and c["num_pending"] for row in rows for c in row["problems"])
    found["a time of a run"] += json.loads(boards.live.scoreboard())["time"] in {run.time for run in slow.runs}
    for submission_object in slow.submissions:
        said = None if submission_object.ext is None or submission_object.ext.cms is None else submission_object.ext.cms
        found["not official"] += said is not None and said.official is False
        late = submission_object.contest_time == LATE and said is not None and said.official is True
        found["official after the end"] += late and slow.verdict(submission_object) is not None
        judgements = [each for each in slow.judgements if each.submission_id == submission_object.id]
        found["a rejudgement"] += len(judgements) > 1
    for team in slow.teams:
        for problem in slow.problems:
            found.update(situations_of_cell(slow, problem, slow.counted([team.id], problem.id)))
    return found


def situations_of_cell(slow: SlowScoreboard, problem: Problem, submissions: list[Submission]) -> Counter[str]:
    found: Counter[str] = Counter()
    tries = []
    for each in submissions:
        judgement = slow.judgement(each)
        if judgement is not None and slow.verdict(each) is not None:
            runs = [run for run in slow.runs if run.judgement_id == judgement.id]
            tries.append((each, brought_by(problem, judgement, runs, slow.types)))
            found["score from runs"] += judgement.score is None and bool(tries[-1][1]["score"])
    score, _ = result_of(problem, tries)
    scores = [brought["score"] or Fraction(0) for _, brought in tries]
    found["more than the best submission"] += bool(scores) and score > max(scores)
    found["a last submission that is worse"] += bool(scores) and mode_of(problem) == "last" and score < max(scores)
    for _, brought in tries:
        exact = sum(brought["parts"] or [], Fraction(0))
        found["a score that was rounded"] += exact > 0 and rounded(problem, exact) != exact
    return found
