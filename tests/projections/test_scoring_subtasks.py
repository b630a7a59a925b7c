"""What judgements bring in tasks with subtasks, rule by rule, and what of several submissions counts."""

from fractions import Fraction
from typing import Any, NoReturn

import msgspec
import pytest

from projections.scoreboard import Board
from projections.scoring.subtasks import JudgementScore, max_public_score, max_score, parts, score_of
from projections.task_scores import TaskScore, submission_score, task_score
from schemas.extensions import CmsTask, RunScores, ScoreMode, Subtask
from schemas.objects import ContestObject, Judgement, Problem, Run
from tests.projections.scoreboard_builders import (
    Boards,
    Event,
    cell_of,
    judged,
    judgement,
    moment,
    read,
    started,
    submission,
)
from tests.projections.scoring_histories import official, run, task

SOLVED = {"AC": True, "WA": False}

SMALL = Subtask(name="Small", max_score=40, ordinals=[1, 2], rule="min")
LARGE = Subtask(name="Large", max_score=60, ordinals=[2, 3, 4], rule="sum")
HIDDEN_LARGE = msgspec.structs.replace(LARGE, public=False)

Ran = dict[int, str | float]
"""By test case: the score of its run, or the verdict of one without."""


def runs_of(ran: Ran) -> list[Run]:
    events = [
        run(str(ordinal), "j", ordinal, said) if isinstance(said, str) else run(str(ordinal), "j", ordinal, "WA", said)
        for ordinal, said in ran.items()
    ]
    return [instance for _, _, instance in events if isinstance(instance, Run)]


def problem_of(said: CmsTask | None, max_score: float | None = 100) -> Problem:
    _, _, instance = task("a", 0, said, max_score)
    assert isinstance(instance, Problem)
    return instance


def judgement_of(score: float | None = None, verdict: str = "WA") -> Judgement:
    _, _, instance = judgement("j", "s", verdict, score=score)
    assert isinstance(instance, Judgement)
    return instance


@pytest.mark.parametrize(
    ("ran", "small", "large"),
    [
        ({}, None, None),
        ({1: "AC", 2: "AC", 3: "AC", 4: "AC"}, 40, 60),
        ({1: "AC", 2: "AC", 3: "WA", 4: "AC"}, 40, 40),
        ({1: "AC", 2: "WA", 3: "AC", 4: "AC"}, 0, 40),
        ({1: "AC", 2: "AC"}, 40, 20),
        ({1: "AC", 3: "AC"}, 0, 20),
        ({1: 1, 2: 0.5, 3: 1.0, 4: 0}, 20, 30),
        ({1: 1, 2: 1, 3: 1, 4: 1}, 40, 60),
        ({1: 0.25, 2: "AC", 3: "AC", 4: 0.1}, 10, 42),
        ({1: 40, 2: 20, 3: 20, 4: 20}, 20, 60),
        ({1: 40, 2: 1, 3: 0.5, 4: 10}, 40, 40),
        ({1: 1.5, 2: 1, 3: 2, 4: 0}, 1.5, 22),
        ({1: 50, 2: "AC", 3: 50, 4: "AC"}, 40, 60),
        ({1: -3, 2: "AC", 3: -0.5, 4: "AC"}, 0, 40),
        ({1: "CE", 2: "no type"}, 0, 0),
        ({7: 50}, 0, 0),
    ],
)
def test_runs_bring_their_outcome_or_their_points(ran: Ran, small: float | None, large: float | None) -> None:
    """A case without a run brings nothing; each score over 1 is points by itself; no subtask exceeds its maximum."""
    task_said = CmsTask(subtasks=[SMALL, LARGE], score_precision=1)
    found = parts(problem_of(task_said), runs_of(ran), SOLVED)
    assert [each.score for each in found] == ([] if small is None else [small, large])
    together = None if small is None or large is None else small + large
    assert score_of(problem_of(task_said), judgement_of(), runs_of(ran), SOLVED).score == together


@pytest.mark.parametrize(
    ("run_scores", "small", "large"),
    [(None, 20, 54), ("share", 20, 50), ("points", 0.5, 35)],
)
def test_a_task_says_on_which_scale_its_runs_are_scored(
    run_scores: RunScores | None, small: float, large: float
) -> None:
    """Where nothing is said each score is what it looks like; no share is more than all that a test case is worth."""
    task_said = CmsTask(subtasks=[SMALL, LARGE], run_scores=run_scores)
    found = parts(problem_of(task_said), runs_of({1: 1, 2: 0.5, 3: 24, 4: 1 if run_scores is None else 10.5}), SOLVED)
    assert [each.score for each in found] == [small, large]


def test_more_points_are_never_worth_less() -> None:
    """Of a judge that gives points, in a task that says so: every single one of them counts as one."""
    said = CmsTask(subtasks=[LARGE], run_scores="points")
    brought = [score_of(problem_of(said), judgement_of(), runs_of({2: points}), SOLVED).score for points in (1, 2, 3)]
    assert brought == [1, 2, 3]


def test_of_two_runs_of_a_test_case_the_latest_counts() -> None:
    early, late = runs_of({1: "WA"})[0], runs_of({1: "AC"})[0]
    late = msgspec.structs.replace(late, id="late", time=moment("4:59:59.999"))
    said = CmsTask(subtasks=[msgspec.structs.replace(SMALL, ordinals=[1])])
    for order in ([early, late], [late, early]):
        assert [each.points for each in parts(problem_of(said), order, SOLVED)] == [Fraction(40)]


@pytest.mark.parametrize(
    ("said", "score", "ran", "expected"),
    [
        (CmsTask(subtasks=[SMALL, LARGE]), 70, {1: "AC", 2: "AC"}, 70),
        (CmsTask(subtasks=[SMALL, LARGE]), 70, {}, 70),
        (CmsTask(subtasks=[SMALL, LARGE]), None, {}, None),
        (CmsTask(), None, {1: "AC", 2: "AC", 3: 0.5}, 62.5),
        (CmsTask(score_precision=0), None, {1: "AC", 2: "AC", 3: 0.5}, 62),
        (CmsTask(run_scores="points"), None, {1: "AC", 2: "AC", 3: 0.5}, 50.5),
        (CmsTask(score_precision=1), None, {1: "AC", 2: "AC", 3: 0.5}, 62.5),
        (None, None, {1: "AC", 2: "AC", 3: 0.5}, 62.5),
        (None, None, {1: 12.25, 2: 10}, 22.25),
        (None, 12.345, {1: "AC"}, 12.345),
        (None, None, {}, None),
    ],
)
def test_the_judge_has_the_first_word_and_the_runs_the_second(
    said: CmsTask | None, score: float | None, ran: Ran, expected: float | None
) -> None:
    """Without subtasks all test cases are one; of a problem of which nothing is said nothing is rounded."""
    assert score_of(problem_of(said), judgement_of(score), runs_of(ran), SOLVED).score == expected


@pytest.mark.parametrize(
    ("precision", "score", "expected"),
    [
        (None, 66.6, 66.6),
        (0, 12.5, 12),
        (0, 13.5, 14),
        (1, 0.25, 0.2),
        (2, 2.675, 2.68),
        (2, 33.333, 33.33),
        (9, 0.1234567894, 0.123456789),
    ],
)
def test_scores_have_the_decimals_of_the_task(precision: int | None, score: float, expected: float) -> None:
    """All that there are where nothing is said; halves go to the even number, as written in decimals.

    So another word on the task, a limit say, changes no score.
    """
    problem = problem_of(CmsTask(score_precision=precision))
    assert score_of(problem, judgement_of(score), (), SOLVED).score == expected


def test_public_is_what_the_public_subtasks_bring() -> None:
    problem = problem_of(CmsTask(subtasks=[SMALL, HIDDEN_LARGE]))
    told = score_of(problem, judgement_of(), runs_of({1: "AC", 2: "AC", 3: "AC"}), SOLVED)
    assert (told.score, told.public_score) == (80, 40)
    assert score_of(problem, judgement_of(80), (), SOLVED) == JudgementScore(score=80, public_score=None)
    assert (max_score(problem), max_public_score(problem)) == (100, 40)
    everything_hidden = problem_of(CmsTask(subtasks=[HIDDEN_LARGE]))
    assert max_public_score(everything_hidden) == 0
    assert max_public_score(problem_of(CmsTask(subtasks=[SMALL]))) == 100
    assert max_score(problem_of(CmsTask(subtasks=[SMALL]), None)) == 40
    assert max_score(problem_of(None, None)) is None


def tried(
    identifier: str, at: str, ran: Ran, said: bool | None = None, verdict: str = "WA", **more: Any
) -> list[Event]:
    """A submission of t1 to the problem a, judged, with runs."""
    made, verdict_event = judged(identifier, "t1", "a", at, verdict, **more)
    ran_events = [("runs", f"{identifier}{each.ordinal}", renamed(each, identifier)) for each in runs_of(ran)]
    return [official(made, said), verdict_event, *ran_events]


def renamed(each: Run, submission_id: str) -> Run:
    return msgspec.structs.replace(each, id=f"{submission_id}{each.ordinal}", judgement_id=f"j{submission_id}")


def in_mode(mode: ScoreMode | None, *events: Event, subtasks: list[Subtask] | None = None) -> Boards:
    said = CmsTask(score_mode=mode, subtasks=[SMALL, LARGE] if subtasks is None else subtasks)
    return started(task("a", 0, said), *events, scoreboard_type="score")


def told(boards: Boards) -> TaskScore:
    return task_score(boards.state, boards.live, "t1", "a")


ALL: Ran = {1: "AC", 2: "AC", 3: "AC", 4: "AC"}
ONLY_SMALL: Ran = {1: "AC", 2: "AC"}
ONLY_LARGE: Ran = {3: "AC", 4: "AC"}


@pytest.mark.parametrize(
    ("mode", "score", "time"),
    [
        (None, 60, "0:10:00.000"),
        ("max", 60, "0:10:00.000"),
        ("max_subtask", 80, "0:30:00.000"),
        ("last", 40, "0:30:00.000"),
        ("max_tokened_last", 40, "0:30:00.000"),
    ],
)
def test_modes_take_the_best_the_best_of_each_subtask_or_the_last(
    mode: ScoreMode | None, score: float, time: str
) -> None:
    """40 and 20, nothing, then 40 in the large one alone: together 40 and 40."""
    boards = in_mode(
        mode,
        *tried("1", "0:10:00.000", ONLY_SMALL),
        *tried("2", "0:20:00.000", {1: "WA"}),
        *tried("3", "0:30:00.000", ONLY_LARGE),
    )
    cell = cell_of(read(boards.live.scoreboard()), "t1", "a")
    assert (cell.score, cell.time, cell.num_judged) == (score, time, 3)
    assert told(boards).score == score


def test_the_last_counts_when_it_is_judged_and_may_be_worse() -> None:
    boards = in_mode("last", *tried("1", "0:10:00.000", ALL), submission("2", "t1", "a", "0:20:00.000"))
    cell = cell_of(read(boards.live.scoreboard()), "t1", "a")
    assert (cell.score, cell.num_pending, told(boards).partial) == (100, 1, True)
    boards.apply(judgement("j2", "2", "CE"))
    cell = cell_of(read(boards.live.scoreboard()), "t1", "a")
    assert (cell.score, cell.num_pending, told(boards).partial) == (0, 0, False)
    assert isinstance(cell.time, msgspec.UnsetType)


def test_one_submission_may_be_worth_more_than_its_subtasks() -> None:
    """A judge that tells no runs of it leaves nothing to add up."""
    boards = in_mode(
        "max_subtask",
        *tried("1", "0:10:00.000", ONLY_SMALL),
        *tried("2", "0:20:00.000", {}, score=70),
        *tried("3", "0:30:00.000", {1: "AC", 2: "AC"}),
    )
    cell = cell_of(read(boards.live.scoreboard()), "t1", "a")
    assert (cell.score, cell.time) == (70, "0:20:00.000")
    boards.apply(*tried("4", "0:40:00.000", {2: "WA", 3: 0.5, 4: "WA"}))
    assert cell_of(read(boards.live.scoreboard()), "t1", "a").score == 70
    boards.apply(*tried("5", "0:50:00.000", {3: "AC", 4: "AC"}))
    cell = cell_of(read(boards.live.scoreboard()), "t1", "a")
    assert (cell.score, cell.time) == (80, "0:50:00.000")


def test_a_score_that_is_reached_again_keeps_its_time() -> None:
    """By a submission of the same score, and by the same subtasks in another."""
    boards = in_mode(
        "max_subtask",
        *tried("1", "0:10:00.000", ONLY_SMALL),
        *tried("2", "0:20:00.000", ONLY_SMALL),
        *tried("3", "0:30:00.000", ONLY_LARGE),
    )
    assert cell_of(read(boards.live.scoreboard()), "t1", "a").time == "0:30:00.000"
    boards.apply(*tried("4", "0:40:00.000", ONLY_LARGE), *tried("5", "0:50:00.000", {}, score=80))
    cell = cell_of(read(boards.live.scoreboard()), "t1", "a")
    assert (cell.score, cell.time) == (80, "0:30:00.000")
    boards.apply(*tried("0", "0:05:00.000", {}, score=80))
    assert cell_of(read(boards.live.scoreboard()), "t1", "a").time == "0:05:00.000"


def test_what_is_not_official_never_counts_and_what_is_also_after_the_end() -> None:
    boards = in_mode(
        "last",
        *tried("1", "1:00:00.000", ONLY_SMALL, None),
        *tried("2", "1:10:00.000", ALL, said=False),
        *tried("3", "5:00:00.000", ALL),
    )
    assert told(boards).score == cell_of(read(boards.live.scoreboard()), "t1", "a").score == 60
    boards.apply(*tried("4", "5:10:00.000", ONLY_LARGE, said=True), *tried("5", "5:20:00.000", ALL, said=False))
    cell = cell_of(read(boards.live.scoreboard()), "t1", "a")
    assert (cell.score, cell.time, cell.num_judged) == (40, "5:10:00.000", 2)
    assert told(boards).score == 40


def test_an_official_submission_before_the_start_does_not_count() -> None:
    boards = in_mode("max", *tried("1", "-0:00:01.000", ALL, said=True))
    assert cell_of(read(boards.live.scoreboard()), "t1", "a").num_judged == 0


def test_runs_that_come_late_or_go_change_the_score() -> None:
    """The time of the board is then that of the run; runs of a judgement that is under way say nothing yet."""
    boards = in_mode("max", *tried("1", "0:10:00.000", {1: "AC"}))
    assert cell_of(read(boards.live.scoreboard()), "t1", "a").score == 0
    boards.apply(run("r2", "j1", 2))
    board = read(boards.live.scoreboard())
    assert (cell_of(board, "t1", "a").score, board.contest_time) == (60, "4:40:30.000")
    boards.apply(("runs", "r2", None))
    assert cell_of(read(boards.live.scoreboard()), "t1", "a").score == 0
    boards.apply(submission("2", "t1", "a", "0:20:00.000"), judgement("j2", "2", None, "0:20:00.000"))
    kept = boards.live.scoreboard()
    computed = boards.live.recomputed_teams
    boards.apply(*(run(f"r{ordinal}", "j2", ordinal) for ordinal in (1, 2, 3, 4)))
    assert (boards.live.scoreboard(), boards.live.recomputed_teams) == (kept, computed)
    boards.apply(judgement("j2", "2", "AC", "0:20:00.000"))
    assert cell_of(read(boards.live.scoreboard()), "t1", "a").score == 100


def test_a_run_that_moves_to_another_judgement_changes_both() -> None:
    boards = in_mode("last", *tried("1", "0:10:00.000", ALL), *tried("2", "0:20:00.000", ONLY_SMALL))
    assert told(boards).score == 60
    boards.apply(("runs", "13", renamed(runs_of(ALL)[2], "2")), ("runs", "22", renamed(runs_of(ALL)[1], "1")))
    assert told(boards).score == cell_of(read(boards.live.scoreboard()), "t1", "a").score == 20


def test_a_rejudgement_counts_from_its_verdict_on() -> None:
    boards = in_mode("max", *tried("1", "0:10:00.000", ONLY_SMALL))
    boards.apply(judgement("again", "1", None, "0:40:00.000"), *(run(f"r{n}", "again", n) for n in (1, 2, 3, 4)))
    assert told(boards).score == 60
    boards.apply(judgement("again", "1", "AC", "0:40:00.000"))
    assert told(boards).score == cell_of(read(boards.live.scoreboard()), "t1", "a").score == 100


def test_tasks_and_kinds_that_change_are_scored_anew() -> None:
    boards = in_mode("max", *tried("1", "0:10:00.000", ONLY_SMALL))
    read(boards.live.scoreboard())
    boards.apply(task("a", 0, CmsTask(subtasks=[SMALL])))
    assert cell_of(read(boards.live.scoreboard()), "t1", "a").score == 40
    boards.apply(task("a", 0, None))
    assert cell_of(read(boards.live.scoreboard()), "t1", "a").score == 50


def test_a_limit_on_a_task_changes_no_score() -> None:
    """Only what is said of its decimals rounds them."""
    boards = started(
        task("a", 0, None),
        *tried("1", "0:10:00.000", {}, score=33.46),
        *tried("2", "0:20:00.000", {1: 0.5}),
        scoreboard_type="score",
    )
    kept = boards.live.scoreboard()
    boards.apply(task("a", 0, CmsTask(max_submission_number=30)))
    assert boards.live.scoreboard() == kept
    boards.apply(task("a", 0, CmsTask(score_precision=1)))
    assert cell_of(read(boards.live.scoreboard()), "t1", "a").score == 33.5


class Untouchable(dict[str, ContestObject]):
    """Objects that nobody may look at."""

    def get(self, key: str, default: object = None, /) -> NoReturn:
        raise AssertionError(f"{key} was looked at")

    def __getitem__(self, key: str) -> NoReturn:
        raise AssertionError(f"{key} was looked at")


def test_a_pass_fail_contest_never_looks_at_a_run() -> None:
    """Neither when one comes nor when the board is made, early or late."""
    boards = started(*tried("1", "0:10:00.000", ALL))
    kept, position = boards.live.scoreboard(), boards.live.ranked_position
    boards.state.objects["runs"] = Untouchable(boards.state.objects["runs"])
    for ordinal in ALL:
        boards.live.note(("runs", f"1{ordinal}"))
    assert (boards.live.scoreboard(), boards.live.ranked_position) == (kept, position)
    assert Board(boards.state, frozen=False).scoreboard() == kept


def test_runs_below_a_score_that_is_said_compute_nothing() -> None:
    boards = in_mode("max", *tried("1", "0:10:00.000", {}, score=50))
    kept, position = boards.live.scoreboard(), boards.live.ranked_position
    computed = boards.live.recomputed_teams
    boards.apply(*(run(f"r{ordinal}", "j1", ordinal) for ordinal in ALL))
    assert (boards.live.scoreboard(), boards.live.ranked_position) == (kept, position)
    assert boards.live.recomputed_teams == computed


def test_a_participant_is_told_what_is_public_of_a_task() -> None:
    boards = in_mode(
        "max_subtask",
        *tried("1", "0:10:00.000", ONLY_LARGE),
        *tried("2", "0:20:00.000", ONLY_SMALL),
        subtasks=[SMALL, HIDDEN_LARGE],
    )
    assert told(boards) == TaskScore(score=80, public_score=40, partial=False, max_score=100, max_public_score=40)
    assert submission_score(boards.state, boards.live, "1").public_score == 0
    assert submission_score(boards.state, boards.live, "nothing").score is None


@pytest.mark.parametrize("mode", ["max", "max_subtask", "last"])
def test_where_everything_is_public_the_board_has_the_scores_already(mode: ScoreMode) -> None:
    """Nobody reads the runs of all submissions again to tell a participant of a task."""
    boards = in_mode(mode, *tried("1", "0:10:00.000", ONLY_LARGE), *tried("2", "0:20:00.000", ONLY_SMALL))
    expected = told(boards)
    assert expected.score == expected.public_score > 0
    boards.state.objects["runs"] = Untouchable(boards.state.objects["runs"])
    assert told(boards) == expected


def test_a_submission_in_the_freeze_is_told_to_its_own_team() -> None:
    boards = in_mode("max", *tried("1", "4:30:00.000", ALL))
    assert cell_of(read(boards.frozen.scoreboard()), "t1", "a").score == 0
    assert told(boards).score == 100
