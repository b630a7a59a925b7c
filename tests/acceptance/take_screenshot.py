"""Take the picture of the scoreboard that the README shows: `python -m tests.acceptance.take_screenshot`.

A simulated contest is imported into a server of its own, on a Postgres in a temporary directory, and looked at in a
headless Chromium. This module must not know how the page is made.
"""

import asyncio
import io
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from PIL import Image

from cds.simulation.contest import simulate
from cds.simulation.parameters import SimulationParameters
from eventstore.embedded.launcher import embedded_postgres
from schemas.times import format_time
from tests.cds.contest_api.serving import running
from tests.cds.pages.browsing import looking, started_browser
from tests.cds.pages.shown_contests import stored

DESTINATION = Path("docs/scoreboard.png")
SIZE = (1600, 900)
COLOURS = 200
"""A picture of a table needs no more, and becomes a third as large."""

BEGAN_MINUTES_AGO = 169
NOT_BEFORE_THE_ANIMATIONS_MS = 1_500


async def taken(destination: Path) -> int:
    """Take the picture; returns its size in bytes."""
    contest = simulate(
        SimulationParameters(
            contest_id="finals",
            name="Northern Finals",
            teams=96,
            problems=13,
            seed=8,
            phase="running",
            start_time=format_time((int(time.time()) - BEGAN_MINUTES_AGO * 60) * 1000),
            accounts=False,
            sources=False,
            statements=False,
        )
    )
    # Postgres may still be leaving when the directory goes.
    with TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        async with embedded_postgres(Path(directory)) as dsn, running(dsn) as server, started_browser() as browser:
            await stored(server.store, contest)
            await server.level_with(contest.contest_id, contest.object_count)
            async with looking(browser, f"{server.root}/contests/{contest.contest_id}", SIZE, calm=True) as look:
                await look.becomes("document.getElementById('connection').dataset.kind === 'live'")
                await look.page.wait_for_timeout(NOT_BEFORE_THE_ANIMATIONS_MS)
                picture = await look.page.screenshot()
    destination.parent.mkdir(parents=True, exist_ok=True)
    colours = Image.open(io.BytesIO(picture)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    colours.save(destination, optimize=True)
    return destination.stat().st_size


@click.command()
@click.argument("destination", default=DESTINATION, type=click.Path(path_type=Path))
def main(destination: Path) -> None:
    """Write the picture to DESTINATION."""
    click.echo(f"{destination}: {asyncio.run(taken(destination))} bytes")


if __name__ == "__main__":
    main()
