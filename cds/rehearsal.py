"""`cds simulate`: a made-up contest, as a package or played live on a running server.

This module speaks to the person at the command line; it must not know how a contest is made up or played.
"""

import asyncio
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import click
import msgspec

from cds.circumstances import SYSTEM
from cds.commands.decision import Refused
from cds.live_play.client import Login, PlayFailed, connected
from cds.live_play.play import BoardRow, Play, Played
from cds.live_play.requests import cast_of
from cds.live_play.script import script_of
from cds.progress import shown_progress
from cds.simulation.contest import simulate
from cds.simulation.package import DestinationRefused, write_simulated_package
from cds.simulation.parameters import SimulationParameters

LIVE_RUNS = 1
"""Test cases of a problem in a live play, unless chosen: every run is a request."""

NOT_LIVE: Mapping[str, object] = {"phase": "finished", "start_time": None, "sources": True}
"""Parameters that a live play has no choice about, with what they are: the server's clock runs the contest."""

ROWS_SHOWN = 10


async def write_simulation(destination: Path, choices: Mapping[str, object]) -> None:
    """Simulate and write. Raises Refused for a parameter out of its bounds or a destination that is taken."""
    try:
        contest = await asyncio.to_thread(simulate, _parameters(choices))
        with shown_progress() as report:
            await asyncio.to_thread(write_simulated_package, contest, destination, partial(report, "writing"))
    except (ValueError, DestinationRefused) as refused:
        raise Refused(str(refused)) from refused
    click.echo(f"{contest.contest_id}: {contest.object_count} objects written to {destination}")


async def play_simulation(url: str, administrator: Login, speed: float, choices: Mapping[str, object]) -> None:
    """Simulate and play on the server whose API is at `url`. Raises Refused when that cannot be done or goes wrong."""
    try:
        contest = await asyncio.to_thread(simulate, _live_parameters(choices))
        script, players = await asyncio.to_thread(script_of, contest, speed), cast_of(contest)
        with shown_progress() as report:
            async with connected(url, SYSTEM) as client:
                played = await Play(client, script, players, administrator, report, SYSTEM).perform()
    except (ValueError, PlayFailed) as refused:
        raise Refused(str(refused)) from refused
    for line in told(contest.contest_id, played):
        click.echo(line)


def told(contest_id: str, played: Played) -> list[str]:
    """How a play went: counts, lag, and the top of the scoreboard."""
    tally = played.tally
    late = sum(tally.late.values())
    return [
        f"{contest_id}: played on the server, set up in {played.set_up_s:.1f} s",
        *(f"  {count:6} {name}" for name, count in sorted(tally.sent.items())),
        f"  {late:6} refused because the contest was over, {tally.left_out} left out with them",
        f"  {played.retries:6} requests sent again; at worst {tally.lag_s:.2f} s behind schedule",
        *map(_row, played.board.rows[:ROWS_SHOWN]),
    ]


def _row(row: BoardRow) -> str:
    score = row.score
    shown = f"{score.score:g}" if score.score is not None else f"{score.num_solved} solved, {score.total_time}"
    return f"  {row.rank:4}. {row.team_id}  {shown}"


def _parameters(choices: Mapping[str, object]) -> SimulationParameters:
    return msgspec.convert(_chosen(choices), SimulationParameters)


def _live_parameters(choices: Mapping[str, object]) -> SimulationParameters:
    for name, only in NOT_LIVE.items():
        if choices.get(name) not in (None, only):
            raise ValueError(f"{name}: has no meaning with --live")
    return _parameters({"runs_per_judgement": LIVE_RUNS, **_chosen(choices)})


def _chosen(choices: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in choices.items() if value is not None}
