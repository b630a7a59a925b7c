"""What judgements bring in score contests a second time: slow, obvious, and independent of the projections.

Written straight from the rules, with loops over everything there is, and exact fractions all the way.
"""

from datetime import datetime
from fractions import Fraction
from functools import cache
from typing import Any

from schemas.extensions import CmsTask, Subtask
from schemas.objects import Judgement, JudgementType, Problem, Run, Submission

Brought = dict[str, Any]
"""What one judged submission brings: its `score` (None: not known), and its `parts` (None: not known)."""


@cache
def fraction(score: float) -> Fraction:
    return Fraction(str(score))


def plain(score: Fraction) -> int | float:
    return int(score) if score == int(score) else float(score)


def task_of(problem: Problem) -> CmsTask | None:
    return problem.ext.cms if problem.ext is not None else None


def mode_of(problem: Problem) -> str:
    task = task_of(problem)
    mode = (task.score_mode if task is not None else None) or "max"
    return "last" if mode == "max_tokened_last" else mode


def rounded(problem: Problem, score: Fraction) -> Fraction:
    """To the decimals of a task, if it says any; exactly between two goes to the even one."""
    task = task_of(problem)
    if task is None or task.score_precision is None:
        return score
    step = Fraction(1, 10**task.score_precision)
    below = score // step
    rest = score / step - below
    if rest > Fraction(1, 2) or (rest == Fraction(1, 2) and below % 2 == 1):
        below += 1
    return below * step


@cache
def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def in_time(runs: list[Run]) -> list[Run]:
    return sorted(runs, key=lambda each: (instant(each.time), each.id))


def points_of_subtask(problem: Problem, subtask: Subtask, runs: list[Run], types: dict[str, JudgementType]) -> Fraction:
    task = task_of(problem)
    scale = task.run_scores if task is not None else None
    most = fraction(subtask.max_score)
    worth = most / len(subtask.ordinals) if subtask.rule == "sum" else most
    brought = []
    for ordinal in subtask.ordinals:
        points = Fraction(0)
        for run in in_time(runs):
            if run.ordinal != ordinal:
                continue
            if run.score is None:
                solved = run.judgement_type_id in types and types[run.judgement_type_id].solved
                points = worth if solved else Fraction(0)
            elif scale == "points" or (scale != "share" and run.score > 1):
                points = max(Fraction(0), fraction(run.score))
            else:
                points = max(Fraction(0), min(Fraction(1), fraction(run.score))) * worth
        brought.append(points)
    return min(most, sum(brought, Fraction(0)) if subtask.rule == "sum" else min(brought))


def brought_by(problem: Problem, judgement: Judgement, runs: list[Run], types: dict[str, JudgementType]) -> Brought:
    """What a judgement brings, from its own score or from its runs."""
    task = task_of(problem)
    subtasks = list((task.subtasks if task is not None else None) or [])
    parts = [points_of_subtask(problem, each, runs, types) for each in subtasks] if runs and subtasks else None
    score = None
    if judgement.score is not None:
        score = rounded(problem, fraction(judgement.score))
    elif parts is not None:
        score = rounded(problem, sum(parts, Fraction(0)))
    elif not subtasks and runs and problem.max_score is not None:
        ordinals = sorted({run.ordinal for run in runs})
        if problem.test_data_count > 0:
            ordinals = [number + 1 for number in range(problem.test_data_count)]
        whole = Subtask(name="all", max_score=problem.max_score, ordinals=ordinals, rule="sum")
        score = rounded(problem, points_of_subtask(problem, whole, runs, types))
    return {"score": score, "parts": parts}


def needs_runs(problem: Problem, judgement: Judgement) -> bool:
    """Whether what is to be seen on a board rests on the runs of a judgement."""
    task = task_of(problem)
    subtasks = task.subtasks if task is not None else None
    return judgement.score is None or bool(mode_of(problem) == "max_subtask" and subtasks)


def value_after(problem: Problem, tries: list[Brought]) -> tuple[Fraction, Fraction]:
    """What some judged tries in a row bring: by the best or last of them, and by the best of each subtask."""
    scores = [each["score"] if each["score"] is not None else Fraction(0) for each in tries]
    if not scores:
        return Fraction(0), Fraction(0)
    if mode_of(problem) == "last":
        return scores[-1], Fraction(0)
    best = max(Fraction(0), *scores)
    parts = [each["parts"] for each in tries if each["parts"] is not None]
    if mode_of(problem) == "max" or not parts:
        return best, Fraction(0)
    return best, sum((max(column) for column in zip(*parts, strict=True)), Fraction(0))


def result_of(problem: Problem, tries: list[tuple[Submission, Brought]]) -> tuple[Fraction, Submission | None]:
    """The score of a task, and the submission with which it was reached: judged tries in their order, CE included."""
    judged = [brought for _, brought in tries]
    values = [value_after(problem, judged[: number + 1]) for number in range(len(judged))]
    if not values:
        return Fraction(0), None
    best, together = values[-1]
    score = max(best, rounded(problem, together))
    if score <= 0:
        return Fraction(0), None
    if mode_of(problem) == "last":
        return score, tries[-1][0]
    reached = []
    if best == score:
        reached.append(next(number for number, value in enumerate(values) if value[0] == best))
    if rounded(problem, together) == score:
        reached.append(next(number for number, value in enumerate(values) if value[1] == together))
    return score, tries[min(reached)][0]
