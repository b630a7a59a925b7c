"""Score contests: the sum of the best scores, then the time of the last improvement.

The specification leaves open how scores add up; these are the rules we chose. On each problem the best score
of any verdict counts, partial ones too; its time is the contest time, not rounded, of the first attempt that
reached it. An attempt that is not judged yet makes a problem pending unless the full score is reached.
This module knows attempts in their order and must not know why a verdict is missing.
"""

import sys
from collections.abc import Iterable, Sequence
from fractions import Fraction

from msgspec import UNSET

from projections.scoring import COMPILE_ERRORS, Attempt, CellResult, Tally, TeamResult, last_improvement_ms
from schemas.aggregates import ProblemCell, Score
from schemas.objects import Problem
from schemas.times import format_relative_time

EXACT_INTEGER_MAX = 2**53
"""Whole scores up to here are written as integers; readers may keep larger ones as floating point anyway."""


class ScoreRules:
    """The rules of a score contest; see `ScoringRules`."""

    def tally(self, attempt: Attempt) -> Tally:
        """Every judged attempt is counted but those that did not compile; a score counts when it is above 0."""
        if attempt.verdict is None:
            return Tally(num_pending=1)
        num_judged = int(attempt.verdict.id not in COMPILE_ERRORS)
        if attempt.score is None or attempt.score <= 0:
            return Tally(num_judged=num_judged)
        return Tally(num_judged=num_judged, best=attempt.score, time_ms=attempt.contest_time_ms)

    def cell(self, problem: Problem, tally: Tally, _penalty_ms: int, /) -> CellResult:
        """The best score, and when it was reached; penalties play no part."""
        full = problem.max_score is not None and tally.best >= problem.max_score
        cell = ProblemCell(
            problem_id=problem.id,
            num_judged=tally.num_judged,
            num_pending=0 if full else tally.num_pending,
            score=exact_sum([tally.best]),
            time=UNSET if tally.time_ms is None else format_relative_time(tally.time_ms),
        )
        return CellResult(cell=cell, time_ms=tally.time_ms)

    def team(self, cells: Sequence[CellResult]) -> TeamResult:
        """The sum of the cells; an earlier last improvement goes first among equal sums."""
        total = exact_sum(cell.cell.score for cell in cells if cell.cell.score is not UNSET)
        last_ms = last_improvement_ms(cells)
        score = Score(score=total, time=None if last_ms is None else format_relative_time(last_ms))
        return TeamResult(score, (-total, last_ms or 0))


def exact_sum(scores: Iterable[int | float]) -> int | float:
    """The sum of scores as written in decimals: 0.1 and 0.2 give 0.3, and whole sums are integers."""
    total = sum((Fraction(str(score)) for score in scores), Fraction(0))
    if total.denominator == 1 and abs(total.numerator) <= EXACT_INTEGER_MAX:
        return total.numerator
    return float(min(total, Fraction(sys.float_info.max)))
