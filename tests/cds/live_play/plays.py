"""Small plays for the tests of this directory, made once."""

from functools import cache

from cds.live_play.requests import Cast, cast_of
from cds.live_play.script import Script, script_of
from cds.simulation.contest import SimulatedContest, simulate
from cds.simulation.parameters import SimulationParameters

SPEED = 3600.0
"""One hour in a second."""

PARAMETERS = SimulationParameters(
    seed=11, contest_id="rehearsed", teams=24, problems=4, submissions=90, runs_per_judgement=2, duration_s=7200
)


@cache
def contest() -> SimulatedContest:
    """A contest with everything: guests, corrected verdicts, clarifications of every direction, commentary."""
    return simulate(PARAMETERS)


@cache
def script() -> Script:
    """Its script, two seconds long."""
    return script_of(contest(), SPEED)


@cache
def players() -> Cast:
    """Who plays it."""
    return cast_of(contest())
