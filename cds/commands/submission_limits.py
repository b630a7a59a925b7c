"""How often and how many times a participant may hand something in: in the contest, and on each task.

CMS ContestWebServer API, 2.12. What counts is everything that the team has handed in, by whatever way and whether it is
official or not. This module must not know phases, nor any wire.
"""

from collections.abc import Iterator
from typing import cast

import msgspec

from cds.commands.decision import Refused
from cds.commands.participation import MS_PER_S, Phase, Standing, contest_rules
from cds.commands.write import Overrides
from projections.contest import ContestState
from projections.scoring.subtasks import task_of
from schemas.objects import Problem, Submission
from schemas.times import parse_time_ms

TOO_MANY = "Too many submissions!"
TOO_FREQUENT = "Submissions too frequent!"


class LimitReached(Refused):
    """A submission that goes beyond a limit: `subject` says which kind in the words of CMS, `details` the limit."""

    def __init__(self, subject: str, details: str) -> None:
        super().__init__(f"{subject} {details}", ground="forbidden")
        self.subject = subject
        self.details = details


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """What limits the submissions in the contest (`problem_id` None) or on one task. `place` says which, in words.

    `min_interval_s` is in seconds.
    """

    place: str
    problem_id: str | None
    max_number: int | None
    min_interval_s: int | None


class HandedIn(msgspec.Struct, frozen=True):
    """Of a team, for each submission: to which problem, and when (milliseconds since the epoch)."""

    problem_id: str
    time_ms: int


def refuse_beyond_limits(
    state: ContestState, standing: Standing, overrides: Overrides, *, team_id: str, problem_id: str, time_ms: int
) -> None:
    """Raise LimitReached if a team may not hand in anything on a problem at a moment (milliseconds since the epoch).

    Unrestricted participations are not limited. In the last minutes of a window, as many as the contest says, nobody
    has to wait.
    """
    limits = [limit for limit in _limits(state, problem_id) if limit.max_number or limit.min_interval_s]
    if not limits or standing.participation.unrestricted:
        return
    handed_in = list(_handed_in(state, team_id))
    if not overrides.max_number:
        for limit in limits:
            _refuse_too_many(limit, handed_in)
    if not overrides.min_interval and not _in_last_minutes(state, standing, time_ms):
        for limit in limits:
            _refuse_too_frequent(limit, handed_in, time_ms)


def _limits(state: ContestState, problem_id: str) -> Iterator[Limit]:
    """Those of the contest, then those of the task."""
    rules = contest_rules(state)
    yield Limit(
        place="in this contest",
        problem_id=None,
        max_number=rules.max_submission_number,
        min_interval_s=rules.min_submission_interval,
    )
    problem = cast("Problem | None", state.objects["problems"].get(problem_id))
    task = None if problem is None else task_of(problem)
    if task is not None:
        yield Limit(
            place="on this task",
            problem_id=problem_id,
            max_number=task.max_submission_number,
            min_interval_s=task.min_submission_interval,
        )


def _handed_in(state: ContestState, team_id: str) -> Iterator[HandedIn]:
    submissions = state.objects["submissions"]
    for identifier in state.referrers.of_type(("teams", team_id), "submissions"):
        submission = cast("Submission", submissions[identifier])
        yield HandedIn(submission.problem_id, parse_time_ms(submission.time))


def _times_ms(limit: Limit, handed_in: list[HandedIn]) -> list[int]:
    """When what falls under a limit was handed in."""
    return [each.time_ms for each in handed_in if limit.problem_id in (None, each.problem_id)]


def _refuse_too_many(limit: Limit, handed_in: list[HandedIn]) -> None:
    if limit.max_number is not None and len(_times_ms(limit, handed_in)) >= limit.max_number:
        raise LimitReached(TOO_MANY, f"No more than {limit.max_number} may be made {limit.place}.")


def _refuse_too_frequent(limit: Limit, handed_in: list[HandedIn], time_ms: int) -> None:
    times_ms = _times_ms(limit, handed_in)
    if limit.min_interval_s and times_ms and time_ms - max(times_ms) < limit.min_interval_s * MS_PER_S:
        seconds = "second" if limit.min_interval_s == 1 else "seconds"
        raise LimitReached(TOO_FREQUENT, f"There must be {limit.min_interval_s} {seconds} between two {limit.place}.")


def _in_last_minutes(state: ContestState, standing: Standing, time_ms: int) -> bool:
    """Whether a participant competes and has so little time left that intervals do not matter any more."""
    grace_s = contest_rules(state).min_submission_interval_grace_period
    if grace_s is None or standing.window is None or standing.phase is not Phase.COMPETING:
        return False
    return standing.window.end_ms - state.timeline.contest_time_ms(time_ms) <= grace_s * MS_PER_S
