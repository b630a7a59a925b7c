"""Submissions, judgements, runs and states as objects, made from what was settled about them.

This module must not know in which order they are told.
"""

import msgspec

from cds.simulation.attempts import Attempt
from cds.simulation.catalogue import ACCEPTED_ID, LANGUAGES
from cds.simulation.contest_setup import MAX_SCORE
from cds.simulation.judging import Judging, max_run_time_ms, run_end_ms, run_time_ms
from cds.simulation.world import World
from schemas.objects import Judgement, Run, State, Submission

EMPTY_STATE = State(started=None, frozen=None, ended=None, thawed=None, finalized=None, end_of_updates=None)

_MS_PER_S = 1000


def make_submission(world: World, attempt: Attempt) -> Submission:
    """The submission object of an attempt."""
    team = world.teams[attempt.team]
    source = world.sources.get((attempt.language_id, attempt.problem, attempt.variant))
    return Submission(
        id=str(attempt.number),
        language_id=attempt.language_id,
        problem_id=world.problems[attempt.problem].problem.id,
        team_id=team.team.id,
        account_id=team.account_id,
        time=world.moments.time(attempt.contest_time_ms),
        contest_time=world.moments.contest_time(attempt.contest_time_ms),
        entry_point=LANGUAGES[attempt.language_id].entry_point,
        files=[source] if source is not None else [],
    )


def make_pending_judgement(world: World, judging: Judging) -> Judgement:
    """A judgement while it is under way; one that will replace another does not count yet."""
    return Judgement(
        id=str(judging.number),
        submission_id=str(judging.attempt.number),
        current=None if judging.corrects is None else False,
        start_time=world.moments.time(judging.start_ms),
    )


def make_judgement(world: World, judging: Judging) -> Judgement:
    """A judgement with its verdict, counting."""
    problem = world.problems[judging.attempt.problem]
    longest_ms = max_run_time_ms(judging, problem)
    return Judgement(
        id=str(judging.number),
        submission_id=str(judging.attempt.number),
        judgement_type_id=judging.verdict_id,
        score=judging_score(world, judging) if world.parameters.scoreboard_type == "score" else None,
        current=None if judging.corrects is None else True,
        start_time=world.moments.time(judging.start_ms),
        end_time=world.moments.time(judging.end_ms),
        max_run_time=None if longest_ms is None else longest_ms / _MS_PER_S,
    )


def replaced_judgement(world: World, judging: Judging) -> Judgement:
    """A judgement with its verdict that no longer counts."""
    return msgspec.structs.replace(make_judgement(world, judging), current=False)


def judging_score(world: World, judging: Judging) -> int:
    """The points of a judgement: in a score contest those of the passed test cases, else 1 when accepted."""
    accepted = judging.verdict_id == ACCEPTED_ID
    if world.parameters.scoreboard_type == "pass-fail":
        return int(accepted)
    # A problem without test cases has nothing to divide its points by.
    return MAX_SCORE if accepted else world.problems[judging.attempt.problem].points[judging.passed]


def make_run(world: World, judging: Judging, number: int, ordinal: int) -> Run:
    """Test case `ordinal` of a judgement; `number` counts all runs of the contest from 1."""
    problem = world.problems[judging.attempt.problem]
    right = ordinal <= judging.passed
    score = problem.points[ordinal] - problem.points[ordinal - 1] if right else 0
    return Run(
        id=str(number),
        judgement_id=str(judging.number),
        ordinal=ordinal,
        judgement_type_id=ACCEPTED_ID if right else judging.verdict_id,
        time=world.moments.time(run_end_ms(judging, problem, ordinal)),
        run_time=run_time_ms(judging, problem, ordinal) / _MS_PER_S,
        score=score if world.parameters.scoreboard_type == "score" else None,
    )


def told_runs(world: World, judging: Judging) -> int:
    """How many runs of a judgement have ended when the world stops."""
    if judging.end_ms <= world.until_ms:
        return judging.runs
    problem = world.problems[judging.attempt.problem]
    return sum(run_end_ms(judging, problem, ordinal) <= world.until_ms for ordinal in range(1, judging.runs + 1))
