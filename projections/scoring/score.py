"""Score contests: the sum of what the problems bring, then the time of the last improvement.

The specification leaves open how scores add up; these are the rules we chose. What of several submissions counts is
the mode of the problem: the best score of any verdict, partial ones too (`max`, where nothing is said); the best of
each subtask, added up, unless one submission is worth more than that (`max_subtask`); or the last that is judged
(`last`, which is `max_tokened_last` without tokens). The time is the contest time, not rounded, at which the score was
first reached. An attempt that is not judged yet makes a problem pending, unless the full score is reached and cannot
be lost again.
This module knows attempts in their order and must not know why a verdict is missing.
"""

from collections.abc import Sequence
from fractions import Fraction

from msgspec import UNSET

from projections.scoring import (
    COMPILE_ERRORS,
    Attempt,
    CellResult,
    Reached,
    Tally,
    TeamResult,
    last_improvement_ms,
)
from projections.scoring.numbers import exact_sum
from projections.scoring.subtasks import LAST_MODES, max_score, mode_of, rounded
from schemas.aggregates import ProblemCell, Score
from schemas.objects import Problem
from schemas.times import format_relative_time


class ScoreRules:
    """The rules of a score contest; see `ScoringRules`."""

    def tally(self, attempt: Attempt) -> Tally:
        """Every judged attempt is counted but those that did not compile; a score counts when it is above 0."""
        if attempt.verdict is None:
            return Tally(num_pending=1)
        best = attempt.score if attempt.score is not None and attempt.score > 0 else 0
        time_ms = attempt.contest_time_ms
        return Tally(
            num_judged=int(attempt.verdict.id not in COMPILE_ERRORS),
            best=best,
            time_ms=time_ms if best else None,
            replaces=attempt.mode in LAST_MODES,
            parts=tuple(Reached(points, time_ms) for points in attempt.parts),
        )

    def cell(self, problem: Problem, tally: Tally, _penalty_ms: int, /) -> CellResult:
        """What counts, and when it was reached; penalties play no part."""
        score, time_ms = task_result(problem, tally)
        most = max_score(problem)
        settled = most is not None and score >= most and mode_of(problem) not in LAST_MODES
        cell = ProblemCell(
            problem_id=problem.id,
            num_judged=tally.num_judged,
            num_pending=0 if settled else tally.num_pending,
            score=exact_sum([score]),
            time=UNSET if time_ms is None else format_relative_time(time_ms),
        )
        return CellResult(cell=cell, time_ms=time_ms)

    def team(self, cells: Sequence[CellResult]) -> TeamResult:
        """The sum of the cells; an earlier last improvement goes first among equal sums."""
        total = exact_sum(cell.cell.score for cell in cells if cell.cell.score is not UNSET)
        last_ms = last_improvement_ms(cells)
        score = Score(score=total, time=None if last_ms is None else format_relative_time(last_ms))
        return TeamResult(score, (-total, last_ms or 0))


def task_result(problem: Problem, tally: Tally) -> tuple[int | float, int | None]:
    """What attempts on a problem bring, and the contest time at which that was first reached; None for nothing."""
    together = rounded(problem, sum((each.points for each in tally.parts), Fraction(0))) if tally.parts else 0
    if not together or together < tally.best:
        return tally.best, tally.time_ms
    reached_ms = max(each.time_ms for each in tally.parts)  # those that bring nothing were reached at the very first
    if together > tally.best or tally.time_ms is None:
        return together, reached_ms
    return together, min(tally.time_ms, reached_ms)
