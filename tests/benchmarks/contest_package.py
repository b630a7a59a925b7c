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
"""Submissions of the two trials that tell how many events a submission brings."""


def write_package(directory: Path, events: int) -> None:
    """Write a contest package whose import into an empty log gives about so many events."""
    none, some = (simulate(_parameters(events, tried)).object_count for tried in (0, SUBMISSIONS_TRIED))
    submissions = max(round((events - none) * SUBMISSIONS_TRIED / (some - none)), 1)
    write_simulated_package(simulate(_parameters(events, submissions)), directory)


def _parameters(events: int, submissions: int) -> SimulationParameters:
    return SimulationParameters(
        contest_id=CONTEST_ID,
        teams=TEAMS if events > SMALL_EVENTS_MAX else TEAMS_OF_A_SMALL_CONTEST,
        submissions=submissions,
    )
