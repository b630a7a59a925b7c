"""Who tries which problem when, in which language, and what the try is worth.

A team works on one problem after the other, the easy ones first; strong teams are quick and right, hard problems take
long and many tries. This module knows the truth about each submission; it must not know how and when it is judged.
"""

from collections.abc import Iterator

import msgspec

from cds.simulation.catalogue import ACCEPTED_ID, LANGUAGES, VERDICTS, WRONG_TRIES
from cds.simulation.chance import Chance
from cds.simulation.contest_setup import SimulatedProblem
from cds.simulation.parameters import SimulationParameters
from cds.simulation.participants import SimulatedTeam
from cds.simulation.sources import VARIANTS

FIVE_HOURS_MS = 5 * 3_600_000
"""All working times below are those of a contest of five hours; they shrink and grow with the contest."""

_LEAST_WORK_MS = 14 * 60_000
_HARDEST_WORK_MS = 110 * 60_000
_RETRY_MS = (3 * 60_000, 16 * 60_000)
_WRONG_TRIES_MAX = 9
_AFTER_ACCEPTED = 0.015
_OTHER_LANGUAGE = 0.08
_FIRST_MOMENT_MS = 1000


class Attempt(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A submission as it will come. `number` counts from 1 in the order of time; `team` and `problem` are indices.

    `passed` test cases it passes of its problem. `verdict_id` is what a judge without errors says.
    """

    number: int
    contest_time_ms: int
    team: int
    problem: int
    language_id: str
    verdict_id: str
    passed: int
    variant: int


class _Chain(msgspec.Struct, kw_only=True):
    """All tries of one team at one problem: moments of the wrong ones, and of the accepted one if there is any."""

    team: int
    problem: int
    language_id: str
    since_ms: int
    wrong_ms: list[int]
    solved_ms: int | None

    @property
    def tries(self) -> int:
        return len(self.wrong_ms) + (self.solved_ms is not None)


def make_attempts(
    parameters: SimulationParameters, teams: list[SimulatedTeam], problems: list[SimulatedProblem]
) -> list[Attempt]:
    """All submissions in the order of time; exactly as many as the parameters ask for, when they do."""
    chance = Chance(parameters.seed, "attempts")
    chains = [chain for index, row in enumerate(teams) for chain in _work(parameters, chance, index, row, problems)]
    if parameters.submissions is not None:
        chains = _resized(parameters, chance, chains, teams, parameters.submissions)
    moments = [moment for chain in chains for moment in _submissions(parameters, chance, chain)]
    if parameters.submissions is not None:
        moments = moments[: parameters.submissions]
    # Equal moments go by team and problem, so that the order never hangs on the order of making.
    moments.sort(key=lambda submission: (submission[0], submission[1].team, submission[1].problem))
    return [
        _make_attempt(chance, number, contest_time_ms, chain, problems[chain.problem], solved=solved)
        for number, (contest_time_ms, chain, solved) in enumerate(moments, start=1)
    ]


def _work(
    parameters: SimulationParameters,
    chance: Chance,
    index: int,
    row: SimulatedTeam,
    problems: list[SimulatedProblem],
) -> Iterator[_Chain]:
    """What one team does: problems by felt difficulty until the time is over."""
    pace = parameters.duration_ms / FIVE_HOURS_MS
    felt = sorted((problem.difficulty + 0.3 * chance.fraction(), at) for at, problem in enumerate(problems))
    now_ms = _FIRST_MOMENT_MS
    for _, at in felt:
        difficulty = problems[at].difficulty
        work_ms = _LEAST_WORK_MS + _HARDEST_WORK_MS * difficulty * difficulty
        since_ms = now_ms
        now_ms += int(work_ms * (1.5 - row.strength) * (0.6 + 0.8 * chance.fraction()) * pace)
        wrong_ms: list[int] = []
        clumsiness = 0.45 + 0.4 * difficulty - 0.25 * row.strength
        while len(wrong_ms) < _WRONG_TRIES_MAX and chance.happens(clumsiness):
            wrong_ms.append(now_ms)
            now_ms += int(chance.between(*_RETRY_MS) * pace)
        solves = chance.happens(min(0.97, 0.7 + 1.1 * (row.strength - difficulty)))
        other = chance.happens(_OTHER_LANGUAGE)
        yield _Chain(
            team=index,
            problem=at,
            language_id=chance.one_of(list(LANGUAGES)) if other else row.language_id,
            since_ms=since_ms,
            wrong_ms=[moment for moment in wrong_ms if moment < parameters.duration_ms],
            solved_ms=now_ms if solves and now_ms < parameters.duration_ms else None,
        )
        if now_ms >= parameters.duration_ms:
            return


def _resized(
    parameters: SimulationParameters,
    chance: Chance,
    chains: list[_Chain],
    teams: list[SimulatedTeam],
    wanted: int,
) -> list[_Chain]:
    """The chains with at least `wanted` tries in all, and no more chains than that needs."""
    tries = sum(chain.tries for chain in chains)
    if tries > wanted:
        return _fewer(chance, chains, wanted)
    if not chains:
        chains = [_Chain(team=0, problem=0, language_id=teams[0].language_id, since_ms=0, wrong_ms=[], solved_ms=None)]
    mixed = chance.shuffled(chains)
    for extra in range(wanted - tries):
        chain = mixed[extra % len(mixed)]
        until_ms = chain.solved_ms if chain.solved_ms is not None else parameters.duration_ms
        since_ms = min(chain.since_ms, until_ms - 1)
        chain.wrong_ms.append(chance.between(max(since_ms, _FIRST_MOMENT_MS), until_ms - 1))
    return chains


def _fewer(chance: Chance, chains: list[_Chain], wanted: int) -> list[_Chain]:
    kept: list[_Chain] = []
    left = wanted
    for chain in chance.shuffled(chains):
        if left <= 0:
            break
        left -= chain.tries
        kept.append(chain)
    return kept


def _submissions(parameters: SimulationParameters, chance: Chance, chain: _Chain) -> Iterator[tuple[int, _Chain, bool]]:
    """The tries of a chain; now and then one more after it is solved, which changes nothing."""
    if chain.solved_ms is not None:
        yield chain.solved_ms, chain, True
    for moment_ms in chain.wrong_ms:
        yield moment_ms, chain, False
    # An exact number was asked for, or the natural one: only the latter is loosened by chance.
    if parameters.submissions is None and chain.solved_ms is not None and chance.happens(_AFTER_ACCEPTED):
        again_ms = chain.solved_ms + chance.between(*_RETRY_MS)
        if again_ms < parameters.duration_ms:
            yield again_ms, chain, chance.happens(0.5)


def _make_attempt(
    chance: Chance, number: int, contest_time_ms: int, chain: _Chain, problem: SimulatedProblem, *, solved: bool
) -> Attempt:
    verdict = VERDICTS[ACCEPTED_ID] if solved else chance.weighted(WRONG_TRIES)
    tests = len(problem.usual_run_times_ms)
    passed = tests if verdict.solved else 0
    if not verdict.solved and verdict.compiled:
        passed = chance.below(tests)
    return Attempt(
        number=number,
        contest_time_ms=contest_time_ms,
        team=chain.team,
        problem=chain.problem,
        language_id=chain.language_id,
        verdict_id=verdict.id,
        passed=passed,
        variant=chance.below(VARIANTS),
    )
