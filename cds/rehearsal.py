"""`cds simulate`: a made-up contest package.

This module speaks to the person at the command line; it must not know how a contest is made up.
"""

import asyncio
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import click
import msgspec

from cds.commands.decision import Refused
from cds.progress import shown_progress
from cds.simulation.contest import simulate
from cds.simulation.package import DestinationRefused, write_simulated_package
from cds.simulation.parameters import SimulationParameters


async def write_simulation(destination: Path, choices: Mapping[str, object]) -> None:
    """Simulate and write. Raises Refused for a parameter out of its bounds or a destination that is taken."""
    try:
        parameters = msgspec.convert(
            {name: value for name, value in choices.items() if value is not None}, SimulationParameters
        )
        contest = await asyncio.to_thread(simulate, parameters)
        with shown_progress() as report:
            await asyncio.to_thread(write_simulated_package, contest, destination, partial(report, "writing"))
    except (ValueError, DestinationRefused) as refused:
        raise Refused(str(refused)) from refused
    click.echo(f"{contest.contest_id}: {contest.object_count} objects written to {destination}")
