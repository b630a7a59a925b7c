"""How a round is carried out to its end, whatever becomes of it: what fails is a violation, and stays with the round.

This module must not know what a round is made of.
"""

import asyncio
import time
import traceback
from collections.abc import Coroutine, Iterator, Sequence
from pathlib import Path

from tests.faults.breaking import Breaking
from tests.faults.insisting import Findings
from tests.faults.outcomes import Outcome
from tests.faults.schedule import INTERRUPTING, Kind, Plan

TRACEBACK = "traceback.txt"
IN_FLIGHT_S = 0.05


async def performed(
    work: Coroutine[object, object, None], seconds_max: float, directory: Path, findings: Findings, outcome: Outcome
) -> Outcome:
    """The outcome of the work, which is given up after so many seconds."""
    begun_s = time.monotonic()
    (failure,) = await asyncio.gather(asyncio.wait_for(work, seconds_max), return_exceptions=True)
    if isinstance(failure, BaseException):
        (directory / TRACEBACK).write_text("".join(traceback.format_exception(failure)))
        findings.found(f"given up: {type(failure).__name__}: {failure}")
    outcome.violations = findings.violations
    outcome.counts = dict(findings.counts)
    outcome.seconds = round(time.monotonic() - begun_s, 1)
    return outcome


async def broken(plan: Plan, breaking: Breaking) -> None:
    """Carry out what the plan says, each thing in its time, or so much later as one before has taken longer."""
    loop = asyncio.get_running_loop()
    begun_s, late_s = loop.time(), 0.0
    for planned in plan.faults:
        await asyncio.sleep(begun_s + late_s + planned.at_s - loop.time())
        await breaking.carry_out(planned)
        late_s = max(late_s, loop.time() - begun_s - planned.at_s - planned.for_s)


def note_faults(breaking: Breaking, outcome: Outcome, acknowledged_s: Sequence[float] = ()) -> None:
    """What was broken; one interruption more for the server that is killed when everything is over.

    `acknowledged_s`: when writes were acknowledged, in seconds of the loop.
    """
    for kind, seconds in recoveries(breaking.begun_s, breaking.database_back_s, acknowledged_s):
        outcome.recoveries_s.setdefault(kind.value, []).append(seconds)
    outcome.faults = {kind.value: count for kind, count in breaking.done.items() if count}
    outcome.cut = breaking.connections_cut
    outcome.notifications_lost = breaking.notifications_lost
    outcome.interruptions = 1 + sum(breaking.done[kind] for kind in INTERRUPTING)


def recoveries(
    begun_s: Sequence[float], back_s: Sequence[tuple[float, Kind]], acknowledged_s: Sequence[float]
) -> Iterator[tuple[Kind, float]]:
    """How long after each time at which the database was back the next write was acknowledged, and after what.

    What was acknowledged in the first moment may have been written before; where something else has broken before
    the next, there is nothing to be told.
    """
    for back, kind in back_s:
        after = [moment for moment in acknowledged_s if moment > back + IN_FLIGHT_S]
        if after and not any(back < begun < min(after) for begun in begun_s):
            yield kind, round(min(after) - back, 2)
