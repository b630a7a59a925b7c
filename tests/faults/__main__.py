"""`make faults`: rounds of faults for so many minutes, a whole contest at the end, and what it all came to.

Exit code 0 when nothing was lost, doubled, out of order or altered. This module must not know what a round is made of.
"""

import asyncio
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import click

from tests.faults.final_act import FinalAct
from tests.faults.outcomes import FINAL, TAMPERING, Outcome, line_of, page, read, recovery, summary, write
from tests.faults.rounds import Round
from tests.faults.schedule import plan
from tests.faults.tampering import TamperingAct

FAULTS_S = 9.0
"""How long things break in a round."""

ROUNDS_MAX = 10_000
FINAL_ACT_S = 240.0
"""What of the time is left for the final act and for tampering.

Where there is less than twice that, they are left out.
"""

SEED_MAX = 1_000_000


class Campaign:
    """Rounds of one seed."""

    def __init__(self, seed: int, directory: Path) -> None:
        self.seed = seed
        self.directory = directory
        self.outcomes: list[Outcome] = []

    async def rounds(self, until_s: float) -> None:
        """One after the other, until a time of the monotonic clock."""
        for number in range(ROUNDS_MAX):
            if time.monotonic() >= until_s:
                return
            await self.round(number)

    async def round(self, number: int) -> None:
        """One of them; the directory of one that fails stays."""
        room = self._room(f"round-{number}")
        chosen = plan(self.seed, number, FAULTS_S)
        self._note(await Round(chosen, room, FAULTS_S).run(), room)

    async def final_act(self) -> None:
        """The whole contest."""
        room = self._room("final")
        self._note(await FinalAct(self.seed, room).run(), room)

    async def tampering(self, until_s: float) -> None:
        """With the log, in every way; again until a time of the monotonic clock."""
        room = self._room("tampering")
        self._note(await TamperingAct(self.seed, room, until_s).run(), room)

    def _room(self, name: str) -> Path:
        room = self.directory / name
        room.mkdir()
        return room

    def _note(self, outcome: Outcome, room: Path) -> None:
        self.outcomes.append(outcome)
        write(self.outcomes, self.directory / "outcomes.ndjson")
        click.echo(line_of(outcome))
        if not outcome.violations:
            shutil.rmtree(room)
            return
        for violation in outcome.violations:
            click.echo(f"  {violation}", err=True)
        acts = {FINAL: "--final-only", TAMPERING: "--tampering-only"}
        which = acts.get(outcome.deployment, f"--round {outcome.number}")
        click.echo(f'  kept in {room}; again: make faults SEED={self.seed} FAULTS="{which}"', err=True)


@click.command()
@click.option("--minutes", type=click.FloatRange(0.1, 600), default=10, show_default=True, help="For how long.")
@click.option(
    "--seed", type=click.IntRange(0), help="From which everything follows that breaks.  [default: another one]"
)
@click.option("--round", "number", type=click.IntRange(0, ROUNDS_MAX), help="This round alone.")
@click.option("--final-only", is_flag=True, help="The whole contest alone.")
@click.option("--tampering-only", is_flag=True, help="Tampering with the log alone.")
@click.option(
    "--document", type=click.Path(path_type=Path, dir_okay=False), help="Write the page of documentation here."
)
@click.option(
    "--of", "kept", type=click.Path(path_type=Path, exists=True), multiple=True, help="Play nothing: tell of these."
)
def main(
    *,
    minutes: float,
    seed: int | None,
    number: int | None,
    final_only: bool,
    tampering_only: bool,
    document: Path | None,
    kept: tuple[Path, ...],
) -> None:
    """Break things while many write and read, and judge by an independent record what is left."""
    directory: Path | None = None
    outcomes = [outcome for file in kept for outcome in read(file)]
    if not kept:
        directory = Path(tempfile.mkdtemp(prefix="cds-faults-"))
        campaign = Campaign(random.randrange(SEED_MAX) if seed is None else seed, directory)
        click.echo(f"seed {campaign.seed}, in {directory}")
        asyncio.run(_played(campaign, minutes * 60, number, final_only=final_only, tampering_only=tampering_only))
        outcomes = campaign.outcomes
    for what, count in summary(outcomes):
        click.echo(f"{count:10,} {what}")
    for kind, times, middle, most in recovery(outcomes):
        click.echo(f"written again after: {kind}: {middle} at the median, {most} at most, of {times}")
    if document is not None:
        document.write_text(page(outcomes))
    failed = any(outcome.violations for outcome in outcomes)
    if directory is not None and not failed:
        shutil.rmtree(directory)
    sys.exit(1 if failed else 0)


async def _played(
    campaign: Campaign, for_s: float, number: int | None, *, final_only: bool, tampering_only: bool
) -> None:
    """What was asked for; told to end, everything that was started is ended first."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    if number is not None:
        await campaign.round(number)
        return
    until_s = time.monotonic() + for_s
    is_whole = for_s >= 2 * FINAL_ACT_S and not (final_only or tampering_only)
    if not (final_only or tampering_only):
        await campaign.rounds(until_s - (FINAL_ACT_S if is_whole else 0))
    if final_only or is_whole:
        await campaign.final_act()
    if tampering_only or is_whole:
        await campaign.tampering(until_s)


if __name__ == "__main__":
    main()
