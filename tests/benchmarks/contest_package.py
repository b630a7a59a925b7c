"""The contest that is measured with: simulated, realistic, of about as many events as asked for.

This module must not know what is measured.
"""

from pathlib import Path

from cds.simulation.contest import simulate
from cds.simulation.package import write_simulated_package
from cds.simulation.parameters import SimulationParameters

CONTEST_ID = "benchmark"
TEAMS = 150
TEAMS_OF_A_SMALL_CONTEST = 12
SMALL_EVENTS_MAX = 10_000
SUBMISSIONS_TRIED = 500
"""Submissions of the first trial."""

ROUNDS_MAX = 5
NEAR = 0.01
"""How far from the number of events asked for is near enough, as a share of it."""


def write_package(directory: Path, events: int) -> int:
    """Write a contest package whose import into an empty log gives about so many events; how many it gives."""
    fixed = simulate(_parameters(events, 0)).object_count
    submissions = SUBMISSIONS_TRIED
    contest = simulate(_parameters(events, submissions))
    for _ in range(ROUNDS_MAX):
        if abs(contest.object_count - events) <= NEAR * events:
            break
        # What a submission brings differs with how many there are, so the next guess starts from the last trial.
        submissions = max(round(submissions * (events - fixed) / (contest.object_count - fixed)), 1)
        contest = simulate(_parameters(events, submissions))
    write_simulated_package(contest, directory)
    return contest.object_count


def _parameters(events: int, submissions: int) -> SimulationParameters:
    return SimulationParameters(
        contest_id=CONTEST_ID,
        teams=TEAMS if events > SMALL_EVENTS_MAX else TEAMS_OF_A_SMALL_CONTEST,
        submissions=submissions,
    )
