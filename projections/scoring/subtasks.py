"""Tasks with subtasks: what the runs of a judgement bring in each of them, and all of it together.

What a task is made of stands in `problems[].ext.cms` (CMS ContestWebServer API, 2). A run brings its `score`; one
without brings all it can when its verdict is that of a solution, else nothing. Scores of runs come on two scales, and
`run_scores` says on which: the share that a run brings of what it can, or points. Where nothing is said, a score up to
1 is a share and a greater one points, each by itself: no other run has a say in it. A subtask with the rule `sum` is
worth its maximum divided by its test cases in each of them, and brings their sum; with the rule `min` each is worth all
of it, and the worst decides. A test case without a run brings nothing, and no subtask more than its maximum.

The score of a judgement is what the judge says it is. Where nothing is said, the subtasks add up to it; in a task
without subtasks all test cases are one, with the rule `sum`.
This module knows one judgement; it must not know other submissions, contests or viewers.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction

import msgspec

from projections.scoring.numbers import exact, number
from schemas.extensions import CmsTask, RunScores, ScoreMode, Subtask
from schemas.objects import Judgement, Problem, Run
from schemas.times import parse_time_ms

SHARE_MAX = 1
"""The greatest score of a run that is a share; where nobody says what it is, a greater one is a number of points."""

ALL_OF_IT = "total"
"""The name of the one subtask of a task that says none."""

LAST_MODES: frozenset[ScoreMode] = frozenset({"last", "max_tokened_last"})
"""The modes in which the last submission counts; nobody has tokens here."""

_NOTHING = Fraction(0)


class SubtaskScore(msgspec.Struct, frozen=True):
    """What a judgement brings in a subtask, exactly."""

    subtask: Subtask
    points: Fraction

    @property
    def score(self) -> int | float:
        """The points as they are written out."""
        return number(self.points)


class JudgementScore(msgspec.Struct, frozen=True, kw_only=True):
    """What a judgement brings: all of it, what its public subtasks bring, and what each subtask does.

    `score` is None as long as it is not known; `public_score` also where nobody can tell which part of it is public.
    Both have the decimals of the task. `parts` is empty in tasks without subtasks, and where there are no runs.
    """

    score: int | float | None
    public_score: int | float | None
    parts: tuple[SubtaskScore, ...] = ()


def task_of(problem: Problem) -> CmsTask | None:
    """What is said of a problem as a task."""
    return None if problem.ext is None else problem.ext.cms


def mode_of(problem: Problem) -> ScoreMode:
    """What of several submissions counts: the best where nothing is said."""
    task = task_of(problem)
    return "max" if task is None or task.score_mode is None else task.score_mode


def subtasks_of(problem: Problem) -> Sequence[Subtask]:
    """The subtasks of a problem, none in most contests."""
    task = task_of(problem)
    return () if task is None or task.subtasks is None else task.subtasks


def is_public(subtask: Subtask) -> bool:
    """Whether contestants see during the contest what a subtask brings them."""
    return subtask.public is not False


def max_score(problem: Problem) -> int | float | None:
    """The most that a problem brings: what is said of it, else of its subtasks; None where nothing is."""
    return problem.max_score if problem.max_score is not None else _most(subtasks_of(problem))


def max_public_score(problem: Problem) -> int | float | None:
    """The most that contestants see themselves get during the contest; None where nobody says it."""
    subtasks = subtasks_of(problem)
    public = [each for each in subtasks if is_public(each)]
    return max_score(problem) if len(public) == len(subtasks) else _most(public) or 0


def rounded(problem: Problem, score: Fraction) -> int | float:
    """A score with the decimals of the task, half to even; as it is where nothing is said of them."""
    task = task_of(problem)
    precision = None if task is None else task.score_precision
    return number(score if precision is None else Fraction(round(score, precision)))


def rests_on_runs(problem: Problem, judgement: Judgement) -> bool:
    """Whether runs have a say in what a judgement contributes to a scoreboard."""
    if judgement.verdict is None:
        return False
    return judgement.score is None or (mode_of(problem) == "max_subtask" and bool(subtasks_of(problem)))


def parts(problem: Problem, runs: Iterable[Run], solved: Mapping[str, bool]) -> tuple[SubtaskScore, ...]:
    """What the runs of a judgement bring in each subtask; nothing at all without subtasks, or without runs.

    `solved` says of each judgement type whether it is that of a solution. Of several runs of a test case the
    latest counts.
    """
    return _parts(subtasks_of(problem), _run_scores(problem), runs, solved)


def score_of(problem: Problem, judgement: Judgement, runs: Iterable[Run], solved: Mapping[str, bool]) -> JudgementScore:
    """What a judgement with these runs brings."""
    runs = list(runs)
    brought = parts(problem, runs, solved)
    total = _total(problem, judgement, runs, solved, brought)
    all_public = all(map(is_public, subtasks_of(problem)))
    public = sum((each.points for each in brought if is_public(each.subtask)), _NOTHING)
    return JudgementScore(
        score=total,
        public_score=total if all_public else rounded(problem, public) if brought else None,
        parts=brought,
    )


def _most(subtasks: Sequence[Subtask]) -> int | float | None:
    return number(sum((exact(each.max_score) for each in subtasks), _NOTHING)) if subtasks else None


def _total(
    problem: Problem,
    judgement: Judgement,
    runs: Sequence[Run],
    solved: Mapping[str, bool],
    brought: Sequence[SubtaskScore],
) -> int | float | None:
    if judgement.score is not None:
        return rounded(problem, exact(judgement.score))
    if not subtasks_of(problem):
        brought = _parts(_whole(problem, runs), _run_scores(problem), runs, solved)
    return rounded(problem, sum((each.points for each in brought), _NOTHING)) if brought else None


def _whole(problem: Problem, runs: Sequence[Run]) -> Sequence[Subtask]:
    """A problem without subtasks as one; () where nobody says what it is worth, or where nothing has run."""
    ordinals = range(1, problem.test_data_count + 1) or sorted({run.ordinal for run in runs if run.ordinal > 0})
    if problem.max_score is None or problem.max_score < 0 or not ordinals:
        return ()
    return (Subtask(name=ALL_OF_IT, max_score=problem.max_score, ordinals=list(ordinals), rule="sum"),)


def _run_scores(problem: Problem) -> RunScores | None:
    task = task_of(problem)
    return None if task is None else task.run_scores


def _parts(
    subtasks: Sequence[Subtask], run_scores: RunScores | None, runs: Iterable[Run], solved: Mapping[str, bool]
) -> tuple[SubtaskScore, ...]:
    if not subtasks:
        return ()
    brought = {ordinal: _brought(run, solved) for ordinal, run in _by_ordinal(runs).items()}
    if not brought:
        return ()
    return tuple(SubtaskScore(each, _points(each, brought, run_scores)) for each in subtasks)


def _by_ordinal(runs: Iterable[Run]) -> dict[int, Run]:
    """One run for each test case; a source may have several."""
    found: dict[int, Run] = {}
    for run in runs:
        other = found.get(run.ordinal)
        if other is None or _place(other) < _place(run):
            found[run.ordinal] = run
    return found


def _place(run: Run) -> tuple[int, str]:
    return parse_time_ms(run.time), run.id


def _brought(run: Run, solved: Mapping[str, bool]) -> int | float | None:
    """The score of a run; without one 0, or None for all it can bring."""
    if run.score is not None:
        return max(run.score, 0)
    return None if solved.get(run.judgement_type_id) else 0


def _points(subtask: Subtask, brought: Mapping[int, int | float | None], run_scores: RunScores | None) -> Fraction:
    """What the test cases of a subtask bring together."""
    worth, combine = _RULES[subtask.rule]
    most = exact(subtask.max_score)
    full = worth(most, len(subtask.ordinals))
    scores = Counter(brought.get(ordinal, 0) for ordinal in subtask.ordinals)
    points = [(_points_of(score, full, run_scores), cases) for score, cases in scores.items()]
    return min(combine(points), most)


def _points_of(score: float | None, full: Fraction, run_scores: RunScores | None) -> Fraction:
    """The points of a test case that is worth `full`, None being all of it; no share is more than all."""
    if score is None:
        return full
    if run_scores == "points" or (run_scores is None and score > SHARE_MAX):
        return exact(score)
    return exact(min(score, SHARE_MAX)) * full


_Points = Sequence[tuple[Fraction, int]]
"""What a test case brings, and how many of them do."""


def _sum(points: _Points) -> Fraction:
    return sum((each * cases for each, cases in points), _NOTHING)


def _worst(points: _Points) -> Fraction:
    return min(each for each, _ in points)


_RULES: dict[str, tuple[Callable[[Fraction, int], Fraction], Callable[[_Points], Fraction]]] = {
    "sum": (lambda most, cases: most / cases, _sum),
    "min": (lambda most, _cases: most, _worst),
}
"""By rule: what one test case is worth of the maximum, and what those of a subtask come to."""
