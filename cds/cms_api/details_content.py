"""What the details of a submission tell: its result, what each subtask brings, and how every test case went.

A subtask that is not public keeps its result and its test cases to itself as long as it has to, and so does the
verdict on all of them. Pure; this module must not know how anything is shown.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, cast

import msgspec

from cds.cms_api.evaluation import STATUS_TEXTS, Evaluation, SubmissionStatus, evaluation_of
from cds.cms_api.status import score_message
from projections.contest import ContestState
from projections.scoreboard import Board
from projections.scoring.numbers import exact
from projections.scoring.subtasks import is_public, max_public_score, max_score, subtasks_of
from projections.task_scores import as_scored
from schemas.extensions import Subtask
from schemas.objects import JudgementType, Problem, Run, Submission
from schemas.times import parse_time_ms

Grade = Literal["correct", "partial", "wrong", "unknown"]

ALL_TEST_CASES = "Test cases"
OTHER_TEST_CASES = "Other test cases"


class TestCase(msgspec.Struct, frozen=True):
    """How a test case went. `run_time_s` and `score` are None where nobody says them, or it has not run."""

    ordinal: int
    grade: Grade
    result: str
    run_time_s: float | None
    score: float | None


class TestCases(msgspec.Struct, frozen=True):
    """Some test cases that belong together."""

    name: str
    cases: Sequence[TestCase]


class SubtaskResult(msgspec.Struct, frozen=True):
    """What a subtask brings; `score` is a text like `40 / 60`, None where it is not known or not told."""

    name: str
    grade: Grade
    told: bool
    score: str | None


class DetailsContent(msgspec.Struct, frozen=True, kw_only=True):
    """All that the details say. `verdict` and `score` are None where there is none, or it is not told."""

    submission_id: str
    outcome: str
    verdict: str | None
    score: str | None
    subtasks: Sequence[SubtaskResult]
    test_cases: Sequence[TestCases]


def details_content(
    state: ContestState, board: Board, submission: Submission, *, shows_private: bool
) -> DetailsContent:
    """What its team is told of a submission in detail; `shows_private`: also of what is not public.

    `board` is a live one of this state. Raises LookupError for a submission to no problem.
    """
    problem = as_scored(state, cast("Problem", state.objects["problems"][submission.problem_id]))
    types = cast("Mapping[str, JudgementType]", state.objects["judgement-types"])
    evaluation = evaluation_of(state, board, submission.id)
    told = [each for each in subtasks_of(problem) if shows_private or is_public(each)]
    tells_all = len(told) == len(subtasks_of(problem))
    return DetailsContent(
        submission_id=submission.id,
        outcome=STATUS_TEXTS[evaluation.status],
        verdict=_verdict(evaluation, types, tells_all=tells_all),
        score=_score(problem, evaluation, tells_all=tells_all),
        subtasks=list(_subtask_results(problem, evaluation, told)),
        test_cases=list(_test_cases(problem, evaluation, told, types)),
    )


def _verdict(evaluation: Evaluation, types: Mapping[str, JudgementType], *, tells_all: bool) -> str | None:
    """The verdict in words. What was not compiled tells nothing of any test case."""
    judgement = evaluation.judgement
    if judgement is None or judgement.verdict is None:
        return None
    if not tells_all and evaluation.status is not SubmissionStatus.COMPILATION_FAILED:
        return None
    named = types.get(judgement.verdict)
    return judgement.verdict if named is None else named.name


def _score(problem: Problem, evaluation: Evaluation, *, tells_all: bool) -> str | None:
    if evaluation.status is not SubmissionStatus.SCORED:
        return None
    if tells_all:
        return score_message(problem, evaluation.brought.score or 0, max_score(problem))
    return score_message(problem, evaluation.brought.public_score or 0, max_public_score(problem))


def _subtask_results(problem: Problem, evaluation: Evaluation, told: Sequence[Subtask]) -> Iterator[SubtaskResult]:
    """The subtasks in their order, those with their result that are told. None as long as there is no verdict."""
    brought = [(each.subtask, each.points) for each in evaluation.brought.parts]
    for subtask, points in brought:
        most = exact(subtask.max_score)
        if subtask not in told:
            yield SubtaskResult(subtask.name, "unknown", told=False, score=None)
            continue
        grade: Grade = "correct" if points >= most else "partial" if points > 0 else "wrong"
        yield SubtaskResult(
            subtask.name, grade, told=True, score=score_message(problem, float(points), subtask.max_score)
        )


def _test_cases(
    problem: Problem, evaluation: Evaluation, told: Sequence[Subtask], types: Mapping[str, JudgementType]
) -> Iterator[TestCases]:
    """The test cases of every subtask that is told, then those of none; all together where there are no subtasks."""
    runs = _by_ordinal(evaluation.runs)
    if not runs:
        return
    for subtask in told:
        ordinals = sorted(subtask.ordinals)
        yield TestCases(subtask.name, [_test_case(each, runs.get(each), types) for each in ordinals])
    of_subtasks = {ordinal for subtask in subtasks_of(problem) for ordinal in subtask.ordinals}
    others = sorted(runs.keys() - of_subtasks)
    if others:
        name = OTHER_TEST_CASES if of_subtasks else ALL_TEST_CASES
        yield TestCases(name, [_test_case(each, runs[each], types) for each in others])


def _test_case(ordinal: int, run: Run | None, types: Mapping[str, JudgementType]) -> TestCase:
    if run is None:
        return TestCase(ordinal, "unknown", "not run", None, None)
    named = types.get(run.judgement_type_id)
    solved = named is not None and named.solved
    in_part = not solved and run.score is not None and run.score > 0
    return TestCase(
        ordinal,
        "correct" if solved else "partial" if in_part else "wrong",
        run.judgement_type_id if named is None else named.name,
        run.run_time,
        run.score,
    )


def _by_ordinal(runs: Iterable[Run]) -> dict[int, Run]:
    """One run for each test case, the latest of several."""
    found: dict[int, Run] = {}
    for run in sorted(runs, key=lambda each: (parse_time_ms(each.time), each.id)):
        found[run.ordinal] = run
    return found
