"""Tallies of attempts are added up in any grouping, in every mode: boards fold them in a tree."""

from fractions import Fraction
from functools import reduce
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from projections.scoring import NO_ATTEMPTS, Attempt, Tally
from projections.scoring.folding import Fold
from projections.scoring.score import ScoreRules, task_result
from schemas.extensions import CmsTask, ScoreMode
from schemas.objects import JudgementType, Problem
from tests.projections.scoreboard_builders import judgement_types
from tests.projections.scoring_histories import SUBTASKS, task

TYPES = [each for _, _, each in judgement_types() if isinstance(each, JudgementType)]
POINTS = st.sampled_from([Fraction(0), Fraction(1, 3), Fraction(10), Fraction(61, 2)])
SCORES = st.sampled_from([None, 0, 0.5, 20, 61, 100])
MODES: tuple[ScoreMode, ...] = get_args(ScoreMode)

made = st.tuples(st.none() | st.sampled_from(TYPES), SCORES, st.none() | st.tuples(POINTS, POINTS, POINTS))


def attempt(
    number: int, mode: ScoreMode, each: tuple[JudgementType | None, float | None, tuple[Fraction, ...] | None]
) -> Attempt:
    verdict, score, parts = each
    return Attempt(number * 1_000, verdict, score, (parts or ()) if mode == "max_subtask" else (), mode)


def problem(mode: ScoreMode) -> Problem:
    _, _, instance = task("a", 0, CmsTask(score_mode=mode, score_precision=2, subtasks=SUBTASKS))
    assert isinstance(instance, Problem)
    return instance


@given(st.sampled_from(MODES), st.lists(made, max_size=9), st.data())
def test_tallies_add_up_in_any_grouping(
    mode: ScoreMode,
    tried: list[tuple[JudgementType | None, float | None, tuple[Fraction, ...] | None]],
    data: st.DataObject,
) -> None:
    """One after the other, in two halves, and in the tree of a board."""
    tallies = [ScoreRules().tally(attempt(number, mode, each)) for number, each in enumerate(tried)]
    in_a_row = reduce(Tally.followed_by, tallies, NO_ATTEMPTS)
    half = data.draw(st.integers(0, len(tallies)))
    first, second = (reduce(Tally.followed_by, each, NO_ATTEMPTS) for each in (tallies[:half], tallies[half:]))
    assert first.followed_by(second) == in_a_row
    assert (Fold(Tally.followed_by, tallies).total or NO_ATTEMPTS) == in_a_row


@given(st.sampled_from(MODES), st.lists(made, min_size=1, max_size=7))
def test_a_score_has_the_time_of_the_first_attempt_with_which_it_was_there(
    mode: ScoreMode, tried: list[tuple[JudgementType | None, float | None, tuple[Fraction, ...] | None]]
) -> None:
    """Of the last attempt in the modes in which it alone counts; where it is rounded, of the last that improved it."""
    tallies = [ScoreRules().tally(attempt(number, mode, each)) for number, each in enumerate(tried)]
    after = [reduce(Tally.followed_by, tallies[: number + 1]) for number in range(len(tallies))]
    results = [task_result(problem(mode), each)[0] for each in after]
    score, time_ms = task_result(problem(mode), after[-1])
    if not score:
        assert time_ms is None
    elif mode in ("last", "max_tokened_last"):
        assert time_ms == max(number for number, each in enumerate(tried) if each[0] is not None) * 1_000
    elif mode == "max":
        assert time_ms == results.index(score) * 1_000
    else:
        sums = [sum(part.points for part in each.parts) for each in after]
        assert time_ms in (results.index(score) * 1_000, sums.index(sums[-1]) * 1_000)
