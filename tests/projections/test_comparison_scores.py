"""Comparing score contests: what another verdict would make of a cell, also where the tasks are not the same."""

import pytest

from projections.comparison_verdicts import side_of, submission_differences
from projections.contest import ContestState
from schemas.extensions import CmsTask, Subtask
from tests.projections.scoreboard_builders import Event, judged, started
from tests.projections.scoring_histories import SUBTASKS, run, task


def played(subtasks: list[Subtask] | None, *events: Event) -> ContestState:
    said = CmsTask(score_mode="max_subtask", score_precision=1, subtasks=subtasks)
    return started(task("a", 0, said), *events, scoreboard_type="score").state


def tries(first: float, second: float) -> list[Event]:
    """Two submissions with these scores, each with a run."""
    return [
        *judged("1", "t1", "a", "0:10:00.000", "WA", score=first),
        run("r1", "j1", 1),
        *judged("2", "t1", "a", "0:20:00.000", "WA", score=second),
        run("r2", "j2", 2),
    ]


def test_scores_that_runs_come_to_are_compared_as_well() -> None:
    """Where neither judge says a score."""
    silent = [*judged("1", "t1", "a", "0:10:00.000", "WA"), run("r1", "j1", 1)]
    a = side_of("a", played(SUBTASKS, *silent), lambda _: None)
    b = side_of("b", played(SUBTASKS, *silent, run("r2", "j1", 2), run("r3", "j1", 3)), lambda _: None)
    (found,) = submission_differences(a, b, {"1": "1"})
    assert (found.a.score, found.b.score, found.matters) == (10, 80.2, True)
    assert list(submission_differences(a, a, {"1": "1"})) == []


def test_scores_are_compared_as_they_count() -> None:
    """A judge that says the score that the runs of the other come to says the same, whatever is rounded."""
    said = judged("1", "t1", "a", "0:10:00.000", "WA", score=10.04)
    a = side_of("a", played(SUBTASKS, *said), lambda _: None)
    b = side_of("b", played(SUBTASKS, *judged("1", "t1", "a", "0:10:00.000", "WA"), run("r1", "j1", 1)), lambda _: None)
    assert list(submission_differences(a, b, {"1": "1"})) == []
    assert a.score("1") == b.score("1") == 10


@pytest.mark.parametrize("theirs", [SUBTASKS, SUBTASKS[:2], [], None])
@pytest.mark.parametrize(("other", "matters"), [(70, True), (30, False)])
def test_a_difference_matters_when_the_cell_would_be_another(
    theirs: list[Subtask] | None, other: float, *, matters: bool
) -> None:
    """Parts of other subtasks than ours are no parts of ours."""
    a = side_of("a", played(SUBTASKS, *tries(60, 40)), lambda _: None)
    b = side_of("b", played(theirs, *tries(60, other)), lambda _: None)
    (found,) = submission_differences(a, b, {"1": "1", "2": "2"})
    assert (found.a.score, found.b.score, found.matters) == (40, other, matters)
