"""The short form of `make faults`: a round of it, and one of a group of workers where there is time for that."""

from pathlib import Path

import pytest

from tests.effort import takes_long
from tests.faults.rounds import Round
from tests.faults.schedule import Deployment, Kind, Plan, Planned

FAULTS_S = 3.0
SEED = 20_261_122
"""In the short form it only chooses at which line readers leave by themselves."""

SHORT: dict[Deployment, tuple[Planned, ...]] = {
    "one": (
        Planned(0.3, Kind.CUT_DATABASE, 0.0, 0.9),
        Planned(0.6, Kind.FULL_DISK, 0.3, 0.0),
        Planned(1.2, Kind.KILL_SERVER, 0.0, 0.0),
        Planned(2.0, Kind.CUT_CLIENTS, 0.0, 0.9),
        Planned(2.2, Kind.HOLD_DATABASE, 0.5, 0.0),
    ),
    "group": (
        Planned(0.3, Kind.KILL_POSTGRES, 0.0, 0.0),
        Planned(0.9, Kind.PAUSE_SERVER, 0.4, 0.9),
        Planned(1.4, Kind.KILL_WORKER, 0.0, 0.1),
        Planned(1.8, Kind.LOSE_NOTIFICATIONS, 0.6, 0.0),
        Planned(2.5, Kind.READ_ONLY, 0.3, 0.0),
    ),
}


@pytest.mark.parametrize("deployment", ["one", pytest.param("group", marks=takes_long)])
async def test_nothing_that_was_acknowledged_is_lost_whatever_breaks(deployment: Deployment, tmp_path: Path) -> None:
    """Law 8, in a round whose faults are chosen so that most kinds are among them."""
    chosen = Plan(SEED, 0, deployment, SHORT[deployment])
    outcome = await Round(chosen, tmp_path, FAULTS_S).run(durable=False)
    assert outcome.violations == []
    assert sum(outcome.faults.values()) > 0
    assert outcome.acknowledged > 0
    assert outcome.resumed > 0
    assert outcome.calls > 0
