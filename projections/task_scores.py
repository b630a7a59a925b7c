"""What a participant has reached on a task, as the CMS ContestWebServer API tells it (requirements 2.8, 2.9).

It is what the scoreboard says of the team, without a freeze, since everybody sees their own score; and the same over
public subtasks alone. In a contest that does not count scores a problem is worth one point, for whoever solves it.
This module must not know phases: which of the two somebody is told is decided elsewhere.
"""

from collections.abc import Iterable, Iterator
from functools import reduce
from typing import cast

import msgspec

from projections.contest import ContestState
from projections.scoreboard import Board
from projections.scoring import COMPILE_ERRORS, NO_ATTEMPTS, Attempt, Tally
from projections.scoring.score import ScoreRules, task_result
from projections.scoring.subtasks import JudgementScore, is_public, max_public_score, max_score, subtasks_of
from projections.submission_scores import judgement_score
from schemas.objects import Judgement, JudgementType, Problem

NO_JUDGEMENT = JudgementScore(score=None, public_score=None)

SOLVED_SCORE = 1
"""What a problem is worth in a contest that does not count scores."""

_RULES = ScoreRules()


class TaskScore(msgspec.Struct, frozen=True, kw_only=True):
    """The score of a task, of a participant or of one submission: all of it, and what its public subtasks bring.

    `partial`: a submission that counts has no score yet. The maxima are None where nobody says them.
    """

    score: int | float
    public_score: int | float
    partial: bool
    max_score: int | float | None
    max_public_score: int | float | None


def task_score(state: ContestState, board: Board, team_id: str, problem_id: str) -> TaskScore:
    """What a team has reached on a problem; `board` is a live one of this state. Raises LookupError."""
    problem = as_scored(state, cast("Problem", state.objects["problems"][problem_id]))
    counted = dict(_counted(state, board, team_id, problem_id))
    attempts = public = list(counted.values())
    if not all(map(is_public, subtasks_of(problem))):
        judged = [submission_score(state, board, identifier) for identifier in counted]
        public = list(map(_public, attempts, judged))
    return TaskScore(
        score=_reached(problem, attempts),
        public_score=_reached(problem, public),
        partial=any(map(_is_open, attempts)),
        max_score=max_score(problem),
        max_public_score=max_public_score(problem),
    )


def as_scored(state: ContestState, problem: Problem) -> Problem:
    """A problem as it counts in a contest: without scores there is nothing to it but whether it is solved."""
    return problem if _counts_scores(state) else msgspec.structs.replace(problem, max_score=SOLVED_SCORE, ext=None)


def submission_score(state: ContestState, board: Board, submission_id: str) -> JudgementScore:
    """What the judgement that counts brings a submission, subtask by subtask; no score as long as there is none."""
    judgement = board.judgement_that_counts(submission_id)
    problem_id = getattr(state.objects["submissions"].get(submission_id), "problem_id", None)
    if judgement is None or problem_id is None:
        return NO_JUDGEMENT
    return judgement_score(state, problem_id, judgement) if _counts_scores(state) else _passed(state, judgement)


def _counts_scores(state: ContestState) -> bool:
    return state.contest is not None and state.contest.scoreboard_type == "score"


def _passed(state: ContestState, judgement: Judgement) -> JudgementScore:
    """What a judgement brings in a contest without scores."""
    verdict = state.objects["judgement-types"].get(judgement.verdict or "")
    score = SOLVED_SCORE if isinstance(verdict, JudgementType) and verdict.solved else 0
    return JudgementScore(score=score, public_score=score)


def _counted(state: ContestState, board: Board, team_id: str, problem_id: str) -> Iterator[tuple[str, Attempt]]:
    """The attempts of a team at a problem in their order, by submission."""
    terms, known = board.terms, board.submitted()
    own = [each for each in state.referrers.of_type(("teams", team_id), "submissions") if each in known]
    for identifier in sorted(own, key=lambda each: known[each].order):
        submitted = known[identifier]
        if submitted.problem_id == problem_id and terms.counts(submitted):
            attempt = terms.attempt(submitted)
            yield identifier, attempt if _counts_scores(state) else _without_mode(state, board, identifier, attempt)


def _without_mode(state: ContestState, board: Board, submission_id: str, attempt: Attempt) -> Attempt:
    """An attempt in a contest without scores: the best counts, whatever the task says."""
    score = submission_score(state, board, submission_id).score
    return msgspec.structs.replace(attempt, score=score, parts=(), mode="max")


def _public(attempt: Attempt, judged: JudgementScore) -> Attempt:
    """An attempt as it is without the subtasks that are not public."""
    parts = tuple(each.points for each in judged.parts if is_public(each.subtask)) if attempt.parts else ()
    return msgspec.structs.replace(attempt, score=judged.public_score, parts=parts)


def _reached(problem: Problem, attempts: Iterable[Attempt]) -> int | float:
    return task_result(problem, reduce(Tally.followed_by, map(_RULES.tally, attempts), NO_ATTEMPTS))[0]


def _is_open(attempt: Attempt) -> bool:
    """Whether an attempt has no score yet. One that did not compile never gets any."""
    return attempt.verdict is None or (attempt.score is None and attempt.verdict.id not in COMPILE_ERRORS)
