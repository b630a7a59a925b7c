"""The scoring information of a submission: the object that scripts poll (CMS ContestWebServer API, 2.8 and 2.9).

Everybody is told their own score, also while the scoreboard is frozen. What subtasks bring that are not public is told
by properties of their own, once it may be. Pure; this module must not know who asks, nor any wire.
"""

from fractions import Fraction
from typing import cast

import msgspec
from msgspec import UNSET, UnsetType

from cds.cms_api.evaluation import FINAL, STATUS_TEXTS, Evaluation, SubmissionStatus, evaluation_of
from projections.contest import ContestState
from projections.scoreboard import Board
from projections.scoring.numbers import exact, number
from projections.scoring.subtasks import task_of
from projections.task_scores import TaskScore, as_scored, task_score
from schemas.objects import Problem, Submission

NO_TOKENS = 0.0
"""What submissions bring for which a token was used: there are none (4.13)."""

DECIMALS_MAX = 9
"""As many as a task can ask for."""


class StatusObject(msgspec.Struct, frozen=True, kw_only=True):
    """How far a submission is; once nothing more comes also what the task and the submission have brought.

    The scores of the task are over all submissions that count. `max_score` and its companions are of tasks with
    subtasks that are not public.
    """

    status: int
    status_text: str
    task_public_score: float | UnsetType = UNSET
    task_tokened_score: float | UnsetType = UNSET
    task_score_is_partial: bool | UnsetType = UNSET
    task_public_score_message: str | UnsetType = UNSET
    task_tokened_score_message: str | UnsetType = UNSET
    max_public_score: float | UnsetType = UNSET
    public_score: float | UnsetType = UNSET
    public_score_message: str | UnsetType = UNSET
    max_score: float | UnsetType = UNSET
    score: float | UnsetType = UNSET
    score_message: str | UnsetType = UNSET


def status_object(state: ContestState, board: Board, submission: Submission, *, shows_private: bool) -> StatusObject:
    """What its team is told of a submission; `shows_private`: also of what is not public.

    `board` is a live one of this state. Raises LookupError for a submission of no team, or to no problem.
    """
    evaluation = evaluation_of(state, board, submission.id)
    told = StatusObject(status=evaluation.status, status_text=STATUS_TEXTS[evaluation.status])
    if evaluation.status not in FINAL:
        return told
    if submission.team_id is None:
        raise LookupError(f"submission {submission.id} is of no team")
    problem = as_scored(state, cast("Problem", state.objects["problems"][submission.problem_id]))
    of_task = task_score(state, board, submission.team_id, submission.problem_id)
    told = _with_task_score(told, problem, of_task)
    told = _with_public_score(told, problem, evaluation, of_task)
    return _with_private_score(told, problem, evaluation, of_task, shows_private=shows_private)


def rounded_score(problem: Problem, score: float) -> int | float:
    """A score with the decimals of the task, none where nothing is said (2.9); halves go to the even number."""
    task = task_of(problem)
    precision = 0 if task is None else task.score_precision or 0
    return number(Fraction(round(exact(score), precision)))


def score_message(problem: Problem, score: float, of: float | None) -> str:
    """A score as people read it, `40 / 100`; without the maximum where nobody says one."""
    reached = _written(rounded_score(problem, score))
    return reached if of is None else f"{reached} / {_written(rounded_score(problem, of))}"


def has_public_points(of_task: TaskScore) -> bool:
    """Whether there is anything on a task that contestants see themselves get during the contest."""
    return of_task.max_public_score is None or of_task.max_public_score > 0 or not has_private_points(of_task)


def has_private_points(of_task: TaskScore) -> bool:
    """Whether there is anything on a task that contestants do not see themselves get during the contest."""
    most, public = of_task.max_score, of_task.max_public_score
    return most is not None and public is not None and public < most


def _with_task_score(told: StatusObject, problem: Problem, of_task: TaskScore) -> StatusObject:
    return msgspec.structs.replace(
        told,
        task_public_score=_number(problem, of_task.public_score),
        task_tokened_score=NO_TOKENS,
        task_score_is_partial=of_task.partial,
        task_public_score_message=score_message(problem, of_task.public_score, of_task.max_public_score),
        task_tokened_score_message=score_message(problem, NO_TOKENS, of_task.max_score),
    )


def _with_public_score(
    told: StatusObject, problem: Problem, evaluation: Evaluation, of_task: TaskScore
) -> StatusObject:
    if not has_public_points(of_task):
        return told
    if of_task.max_public_score is not None:
        told = msgspec.structs.replace(told, max_public_score=_number(problem, of_task.max_public_score))
    if evaluation.status is not SubmissionStatus.SCORED:
        return told
    # Where the judge tells no test cases, nobody knows of any point that it is a public one.
    reached = evaluation.brought.public_score or 0
    return msgspec.structs.replace(
        told,
        public_score=_number(problem, reached),
        public_score_message=score_message(problem, reached, of_task.max_public_score),
    )


def _with_private_score(
    told: StatusObject, problem: Problem, evaluation: Evaluation, of_task: TaskScore, *, shows_private: bool
) -> StatusObject:
    if not has_private_points(of_task) or of_task.max_score is None:
        return told
    told = msgspec.structs.replace(told, max_score=_number(problem, of_task.max_score))
    if evaluation.status is not SubmissionStatus.SCORED or not shows_private:
        return told
    reached = evaluation.brought.score or 0
    return msgspec.structs.replace(
        told,
        score=_number(problem, reached),
        score_message=score_message(problem, reached, of_task.max_score),
    )


def _number(problem: Problem, score: float) -> float:
    """A score as it goes over the wire: always with a point, as scripts in languages with types expect it."""
    return float(rounded_score(problem, score))


def _written(score: float) -> str:
    if float(score).is_integer():
        return str(int(score))
    return f"{score:.{DECIMALS_MAX}f}".rstrip("0")
