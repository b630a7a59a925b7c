"""Pass-fail contests: problems solved, then total time with penalties, then the time of the last solve.

Contest Control System Requirements, "Scoring Data Generation".
This module knows attempts in their order and must not know why a verdict is missing.
"""

from collections.abc import Sequence

from msgspec import UNSET

from projections.scoring import COMPILE_ERRORS, Attempt, CellResult, Tally, TeamResult, last_improvement_ms
from schemas.aggregates import ProblemCell, Score
from schemas.objects import JudgementType, Problem
from schemas.times import format_relative_time

MINUTE_MS = 60_000


class PassFailRules:
    """The rules of a pass-fail contest; see `ScoringRules`."""

    def tally(self, attempt: Attempt) -> Tally:
        """The first accepted attempt closes the cell: nothing after it counts, nothing is pending in it."""
        if attempt.verdict is None:
            return Tally(num_pending=1)
        if attempt.verdict.solved:
            return Tally(num_judged=1, best=1, time_ms=whole_minutes_ms(attempt.contest_time_ms), closed=True)
        return Tally(
            num_judged=int(_counts_as_judged(attempt.verdict)), num_penalised=int(attempt.verdict.penalty is True)
        )

    def cell(self, problem: Problem, tally: Tally, penalty_ms: int, /) -> CellResult:
        """Only what is solved costs penalties."""
        num_pending = 0 if tally.closed else tally.num_pending
        return CellResult(
            cell=_cell(problem, tally.num_judged, num_pending, tally.time_ms),
            time_ms=tally.time_ms,
            penalty_ms=tally.num_penalised * penalty_ms if tally.closed else 0,
        )

    def team(self, cells: Sequence[CellResult]) -> TeamResult:
        """The total time is exact: whole minutes as long as the penalty is a number of whole minutes."""
        solve_times_ms = [cell.time_ms for cell in cells if cell.time_ms is not None]
        total_ms = sum(solve_times_ms) + sum(cell.penalty_ms for cell in cells)
        last_ms = last_improvement_ms(cells)
        score = Score(
            num_solved=len(solve_times_ms),
            total_time=format_relative_time(total_ms),
            time=None if last_ms is None else format_relative_time(last_ms),
        )
        return TeamResult(score, (-len(solve_times_ms), total_ms, last_ms or 0))


def whole_minutes_ms(contest_time_ms: int) -> int:
    """A contest time rounded down to the minute, as solve times are."""
    return contest_time_ms // MINUTE_MS * MINUTE_MS


def _counts_as_judged(rejection: JudgementType) -> bool:
    """Official boards leave out rejections without penalty; where a type says nothing of it, its id tells."""
    if rejection.penalty is None:
        return rejection.id not in COMPILE_ERRORS
    return rejection.penalty


def _cell(problem: Problem, num_judged: int, num_pending: int, time_ms: int | None) -> ProblemCell:
    return ProblemCell(
        problem_id=problem.id,
        num_judged=num_judged,
        num_pending=num_pending,
        solved=time_ms is not None,
        time=UNSET if time_ms is None else format_relative_time(time_ms),
    )
