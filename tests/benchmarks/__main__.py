"""`python -m tests.benchmarks`: measure everything in one run, and print one table.

This module puts the parts together; it must not know how anything is measured.
"""

import asyncio
import os
import platform
import sys
import tempfile
from pathlib import Path

import click
import msgspec

from eventstore.embedded.launcher import embedded_postgres
from tests.benchmarks.contest_package import write_package
from tests.benchmarks.figures import Figure, print_table
from tests.benchmarks.generators import request_generator
from tests.benchmarks.serving import measure_answers, measure_start
from tests.benchmarks.storing import measure_import, measure_replay
from tests.eventstore.embedded_processes import wait_until_ended

EVENTS = 100_000
EVENTS_MIN = 500
REPEATS = 5
SECONDS = 2.0


class Scale(msgspec.Struct, frozen=True, kw_only=True):
    """How large, how often and how long (seconds of one run of requests)."""

    events: int
    repeats: int
    seconds: float
    quick: bool


QUICK = Scale(events=2_000, repeats=1, seconds=0.2, quick=True)


@click.command()
@click.option("--events", default=EVENTS, show_default=True, type=click.IntRange(EVENTS_MIN), help="About so many.")
@click.option("--repeats", default=REPEATS, show_default=True, type=click.IntRange(1), help="Of each measurement.")
@click.option("--quick", is_flag=True, help="A few seconds that show that everything works; the figures mean nothing.")
def main(events: int, repeats: int, *, quick: bool) -> None:
    """Measure this checkout side by side with bare COPY, bare reading and bare aiohttp handlers, on loopback."""
    scale = QUICK if quick else Scale(events=events, repeats=repeats, seconds=SECONDS, quick=False)
    with tempfile.TemporaryDirectory(prefix="cds-bench-") as room:
        measure(Path(room), scale)


def measure(room: Path, scale: Scale) -> None:
    """Measure in a directory that may be filled, and print the table."""
    package, data_dir, empty_data_dir = room / "package", room / "data", room / "empty"
    _say(f"writing a contest package of about {scale.events:,} events")
    events = write_package(package, scale.events)
    _say("import and replay")
    figures = asyncio.run(_measure_storing(package, data_dir, scale.repeats))
    _say("start to ready")
    asyncio.run(_prepare(empty_data_dir))
    figures += measure_start(data_dir, empty_data_dir, scale.repeats)
    _say("feeds, collections, scoreboard")
    generator = request_generator(scale.seconds, own=scale.quick)
    answers, maxima = measure_answers(data_dir, room, generator, scale.repeats)
    title = (
        f"{events:,} objects in the package, {scale.repeats} repeats, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, requests by {generator.name}, feeds by raw sockets"
    )
    print_table(title, [*figures, *answers], maxima)
    for directory in (data_dir, empty_data_dir):
        wait_until_ended(directory)


async def _measure_storing(package: Path, data_dir: Path, repeats: int) -> list[Figure]:
    async with embedded_postgres(data_dir) as dsn:
        return [*await measure_import(dsn, package, repeats), await measure_replay(dsn, repeats)]


async def _prepare(data_dir: Path) -> None:
    """Make an embedded Postgres without contests, so that no later start has to."""
    async with embedded_postgres(data_dir):
        pass


def _say(doing: str) -> None:
    sys.stderr.write(f"benchmarks: {doing}\n")


if __name__ == "__main__":
    main()
