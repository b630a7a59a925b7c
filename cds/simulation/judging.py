"""When each submission is judged, with which outcome, and in which judgements judges erred.

A queue before a few judging hosts, as in a real contest; now and then a judging error that is judged again at once,
and verdicts that are corrected later. This module must not know the objects that tell of it.
"""

import heapq
from collections.abc import Iterator, Sequence

import msgspec

from cds.simulation.attempts import Attempt
from cds.simulation.catalogue import ACCEPTED_ID, JUDGING_ERROR_ID, VERDICTS, WRONG_ANSWER_ID
from cds.simulation.chance import Chance
from cds.simulation.contest_setup import RUN_SLOWNESS_MAX, SimulatedProblem
from cds.simulation.parameters import SimulationParameters

_QUEUE_MS = (150, 900)
_COMPILE_MS = 1400
_CASE_MS = 40
_SLOWNESS = (50, RUN_SLOWNESS_MAX)
_PERCENT = 100
_HOSTS_MIN = 2
_SPARE_HOSTS = 1.6
_CORRECTED_SHARE = 0.003
_JUDGING_ERROR_SHARE = 0.001
_CORRECTED_AFTER_MS = (4 * 60_000, 25 * 60_000)
_JUDGED_AGAIN_AFTER_MS = (20_000, 90_000)


class Judging(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One judgement as it will happen; times are contest times.

    `number` counts from 1 in the order of starting. `runs` test cases are run, the first `passed` of them right, each
    taking `slowness` percent of its usual time. `corrects` is the number of the judgement that this one replaces,
    `corrected` says that a later one replaces it.
    """

    number: int
    attempt: Attempt
    verdict_id: str
    runs: int
    passed: int
    slowness: int
    start_ms: int
    end_ms: int
    corrects: int | None
    corrected: bool


class _Work(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    attempt: Attempt
    verdict_id: str
    runs: int
    passed: int
    slowness: int
    lasts_ms: int


def make_judgings(
    parameters: SimulationParameters, attempts: Sequence[Attempt], problems: Sequence[SimulatedProblem]
) -> list[Judging]:
    """All judgements by number."""
    chance = Chance(parameters.seed, "judging")
    errors = _errors(chance, attempts)
    first = [_work(parameters, chance, attempt, problems, errors.get(attempt.number)) for attempt in attempts]
    starts = list(_queued(parameters, chance, first))
    drafts = [(start_ms, work, None) for start_ms, work in zip(starts, first, strict=True)]
    again: list[tuple[int, _Work, int | None]] = [
        (
            start_ms + work.lasts_ms + chance.between(*_pause(work.verdict_id)),
            _work(parameters, chance, work.attempt, problems, None),
            work.attempt.number,
        )
        for start_ms, work in zip(starts, first, strict=True)
        if work.attempt.number in errors
    ]
    ordered = sorted([*drafts, *again], key=lambda draft: (draft[0], draft[1].attempt.number))
    number_of_first = {work.attempt.number: n for n, (_, work, of) in enumerate(ordered, start=1) if of is None}
    return [
        Judging(
            number=number,
            attempt=work.attempt,
            verdict_id=work.verdict_id,
            runs=work.runs,
            passed=work.passed,
            slowness=work.slowness,
            start_ms=start_ms,
            end_ms=start_ms + work.lasts_ms,
            corrects=number_of_first[of] if of is not None else None,
            corrected=of is None and work.attempt.number in errors,
        )
        for number, (start_ms, work, of) in enumerate(ordered, start=1)
    ]


def run_end_ms(judging: Judging, problem: SimulatedProblem, ordinal: int) -> int:
    """The contest time at which test case `ordinal` (from 1) has been run."""
    summed_ms = problem.summed_ms
    if VERDICTS[judging.verdict_id].exceeds_time and ordinal > judging.passed:
        running_ms = summed_ms[judging.passed] * judging.slowness // _PERCENT
        running_ms += (ordinal - judging.passed) * problem.time_limit_ms
    else:
        running_ms = summed_ms[ordinal] * judging.slowness // _PERCENT
    return judging.start_ms + _COMPILE_MS + running_ms + ordinal * _CASE_MS


def run_time_ms(judging: Judging, problem: SimulatedProblem, ordinal: int) -> int:
    """How long test case `ordinal` (from 1) took."""
    if VERDICTS[judging.verdict_id].exceeds_time and ordinal > judging.passed:
        return problem.time_limit_ms
    return problem.usual_run_times_ms[ordinal - 1] * judging.slowness // _PERCENT


def max_run_time_ms(judging: Judging, problem: SimulatedProblem) -> int | None:
    """The longest run, None where there was none."""
    if not judging.runs:
        return None
    if VERDICTS[judging.verdict_id].exceeds_time:
        return problem.time_limit_ms
    return problem.longest_ms[judging.runs] * judging.slowness // _PERCENT


def _errors(chance: Chance, attempts: Sequence[Attempt]) -> dict[int, str]:
    """Which submissions are first judged wrongly, and how; at least one verdict is corrected in any larger contest."""
    errors: dict[int, str] = {}
    for attempt in attempts:
        drawn = chance.fraction()
        if drawn < _JUDGING_ERROR_SHARE:
            errors[attempt.number] = JUDGING_ERROR_ID
        elif drawn < _JUDGING_ERROR_SHARE + _CORRECTED_SHARE and VERDICTS[attempt.verdict_id].compiled:
            errors[attempt.number] = _opposite(attempt)
    accepted = [attempt for attempt in attempts if attempt.verdict_id == ACCEPTED_ID]
    if accepted and all(verdict_id == JUDGING_ERROR_ID for verdict_id in errors.values()):
        errors[accepted[len(accepted) // 2].number] = WRONG_ANSWER_ID
    return errors


def _opposite(attempt: Attempt) -> str:
    return WRONG_ANSWER_ID if attempt.verdict_id == ACCEPTED_ID else ACCEPTED_ID


def _pause(verdict_id: str) -> tuple[int, int]:
    return _JUDGED_AGAIN_AFTER_MS if verdict_id == JUDGING_ERROR_ID else _CORRECTED_AFTER_MS


def _work(
    parameters: SimulationParameters,
    chance: Chance,
    attempt: Attempt,
    problems: Sequence[SimulatedProblem],
    wrong_verdict_id: str | None,
) -> _Work:
    problem = problems[attempt.problem]
    tests = len(problem.usual_run_times_ms)
    verdict = VERDICTS[wrong_verdict_id or attempt.verdict_id]
    passed = tests if verdict.solved else min(attempt.passed, max(tests - 1, 0))
    if not verdict.compiled:
        runs = passed = 0
    elif parameters.scoreboard_type == "score":
        runs = tests
    else:
        runs = min(passed + 1, tests)
    slowness = chance.between(*_SLOWNESS)
    running_ms = problem.summed_ms[runs] * slowness // _PERCENT
    if verdict.exceeds_time:
        running_ms = problem.summed_ms[passed] * slowness // _PERCENT + (runs - passed) * problem.time_limit_ms
    return _Work(
        attempt=attempt,
        verdict_id=verdict.id,
        runs=runs,
        passed=passed,
        slowness=slowness,
        lasts_ms=_COMPILE_MS + running_ms + (runs + 1) * _CASE_MS,
    )


def _queued(parameters: SimulationParameters, chance: Chance, works: Sequence[_Work]) -> Iterator[int]:
    """The start of each judgement: in the order of submission, on the host that is free first."""
    busy_ms = sum(work.lasts_ms for work in works)
    hosts = _HOSTS_MIN + int(_SPARE_HOSTS * busy_ms / parameters.duration_ms)
    free_ms = [0] * hosts
    last_ms = 0
    for work in works:
        ready_ms = work.attempt.contest_time_ms + chance.between(*_QUEUE_MS)
        last_ms = max(ready_ms, last_ms, free_ms[0])
        heapq.heapreplace(free_ms, last_ms + work.lasts_ms)
        yield last_ms
