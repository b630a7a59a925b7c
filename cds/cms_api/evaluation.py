"""How far the judging of a submission is, in the states of CMS (CMS ContestWebServer API, 2.8 and 5).

Without a judgement, or with one that has no runs yet, a submission is being compiled as far as anybody can tell; with
runs it is being evaluated. A judgement that has come to its verdict is scored as soon as there is a score. What counts
goes on counting while it is judged again. Pure; this module must not know phases, viewers or any wire.
"""

from collections.abc import Sequence
from enum import IntEnum

import msgspec

from projections.contest import ContestState
from projections.scoreboard import Board
from projections.scoring import COMPILE_ERRORS
from projections.scoring.subtasks import JudgementScore
from projections.scoring.terms import JUDGING_ERROR
from projections.submission_scores import runs_of
from projections.task_scores import NO_JUDGEMENT, submission_score
from schemas.objects import Judgement, Run
from schemas.times import parse_time_ms


class SubmissionStatus(IntEnum):
    """The states of a submission, as CMS counts them."""

    COMPILING = 1
    COMPILATION_FAILED = 2
    EVALUATING = 3
    SCORING = 4
    SCORED = 5


STATUS_TEXTS: dict[SubmissionStatus, str] = {
    SubmissionStatus.COMPILING: "Compiling...",
    SubmissionStatus.COMPILATION_FAILED: "Compilation failed",
    SubmissionStatus.EVALUATING: "Evaluating...",
    SubmissionStatus.SCORING: "Scoring...",
    SubmissionStatus.SCORED: "Evaluated",
}

FINAL = frozenset({SubmissionStatus.COMPILATION_FAILED, SubmissionStatus.SCORED})
"""The states behind which nothing comes, unless it is judged again."""


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a submission: the judgement that tells of it (None: there is none), its runs, what it brings."""

    status: SubmissionStatus
    judgement: Judgement | None
    runs: Sequence[Run]
    brought: JudgementScore


def evaluation_of(state: ContestState, board: Board, submission_id: str) -> Evaluation:
    """How far the judging of a submission is; `board` is a live one of this state."""
    counting = board.judgement_that_counts(submission_id)
    if counting is not None and counting.verdict != JUDGING_ERROR:
        brought = submission_score(state, board, submission_id)
        runs = runs_of(state, counting.id)
        return Evaluation(status=_status_of_verdict(counting, brought), judgement=counting, runs=runs, brought=brought)
    # A judge that failed has said nothing: the board waits for another judgement, too.
    judgement = _under_way(state, submission_id) or counting
    runs = [] if judgement is None else runs_of(state, judgement.id)
    status = SubmissionStatus.EVALUATING if runs else SubmissionStatus.COMPILING
    return Evaluation(status=status, judgement=judgement, runs=runs, brought=NO_JUDGEMENT)


def _status_of_verdict(judgement: Judgement, brought: JudgementScore) -> SubmissionStatus:
    if judgement.verdict in COMPILE_ERRORS:
        return SubmissionStatus.COMPILATION_FAILED
    return SubmissionStatus.SCORING if brought.score is None else SubmissionStatus.SCORED


def _under_way(state: ContestState, submission_id: str) -> Judgement | None:
    """The judgement without a verdict that began last; one that is called current goes first."""
    open_ones = [each for each in state.judgements_of(submission_id) if each.verdict is None]
    return max(open_ones, key=lambda each: (each.current is not False, parse_time_ms(each.start_time)), default=None)
