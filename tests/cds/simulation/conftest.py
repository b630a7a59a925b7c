"""Simulated contests of many shapes, made once for all tests of this directory."""

from functools import cache
from typing import get_args

import pytest

from cds.simulation.contest import SimulatedContest, simulate
from cds.simulation.parameters import Phase, SimulationParameters

SHAPES: dict[str, SimulationParameters] = {
    "default": SimulationParameters(),
    "score": SimulationParameters(seed=2, scoreboard_type="score", teams=24, problems=7),
    "simplified": SimulationParameters(seed=3, teams=20, problems=6, simplified_judgement_types=True, photos=True),
    "smallest": SimulationParameters(seed=4, teams=1, problems=1, submissions=1, runs_per_judgement=1, groups=1),
    "silent": SimulationParameters(seed=5, teams=3, problems=2, submissions=0, clarifications=0, commentary=0),
    "bare": SimulationParameters(
        seed=6, teams=8, problems=30, accounts=False, logos=False, sources=False, statements=False, freeze_s=0
    ),
    "without runs": SimulationParameters(seed=7, teams=6, runs_per_judgement=0, scoreboard_type="score"),
    "crowded": SimulationParameters(seed=8, teams=5, problems=3, submissions=900, duration_s=600, freeze_s=120),
    **{phase: SimulationParameters(seed=9, teams=40, phase=phase) for phase in get_args(Phase)},
}


@cache
def contest_of(shape: str) -> SimulatedContest:
    return simulate(SHAPES[shape])


@pytest.fixture(params=SHAPES, scope="session")
def contest(request: pytest.FixtureRequest) -> SimulatedContest:
    """A contest of every shape, one after the other."""
    shape: str = request.param
    return contest_of(shape)


@pytest.fixture(scope="session")
def default_contest() -> SimulatedContest:
    """The contest that comes without choosing anything."""
    return contest_of("default")
