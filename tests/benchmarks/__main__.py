"""`python -m tests.benchmarks`: measure everything in one run, and print one table.

This module puts the parts together; it must not know how anything is measured.
"""

import asyncio
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import click
import msgspec

from eventstore.embedded.launcher import embedded_postgres
from tests.benchmarks.contest_package import write_package
from tests.benchmarks.edging import measure_edge
from tests.benchmarks.feed_crowd import has_compiler
from tests.benchmarks.feeding import (
    measure_idle,
    measure_latency,
    measure_live,
    measure_reconnecting,
    measure_resuming,
    measure_stalled,
)
from tests.benchmarks.figures import Figure, Maximum, print_table
from tests.benchmarks.following import measure_following
from tests.benchmarks.generators import request_generator
from tests.benchmarks.past import measure_past
from tests.benchmarks.peer import measure_peer
from tests.benchmarks.posting import measure_posting, measure_posting_maximum
from tests.benchmarks.posting_contest import TEAMS
from tests.benchmarks.posting_generators import post_generator
from tests.benchmarks.restarting import measure_restart, prepare_grown
from tests.benchmarks.serving import FEED_CLIENTS, measure_answers
from tests.benchmarks.storing import measure_import, measure_replay
from tests.benchmarks.verifying import measure_verifying
from tests.eventstore.embedded_processes import wait_until_ended

EVENTS = 100_000
EVENTS_MIN = 500
MANY_EVENTS = 1_000_000
REPEATS = 5
SECONDS = 2.0

Measured = tuple[list[Figure], list[Maximum]]


class Scale(msgspec.Struct, frozen=True, kw_only=True):
    """How large, how often and how long (seconds of one run of requests)."""

    events: int
    repeats: int
    seconds: float
    quick: bool


TEAMS_OF_A_QUICK_RUN = 2
"""To make an account and to log in takes longer than all that is measured in a quick run."""

QUICK = Scale(events=EVENTS_MIN, repeats=1, seconds=0.05, quick=True)


class Bench:
    """A directory that may be filled, and what several parts share in it."""

    def __init__(self, room: Path, scale: Scale) -> None:
        """An empty room."""
        self.room = room
        self.scale = scale
        self.package = room / "package"
        self.data_dir = room / "data"
        self.objects = write_package(self.package, scale.events)

    def storing(self) -> Measured:
        """Import and replay; leaves the imported contest for the parts that follow."""

        async def measure() -> list[Figure]:
            async with embedded_postgres(self.data_dir) as dsn:
                imported = await measure_import(dsn, self.package, self.scale.repeats)
                return [*imported, await measure_replay(dsn, self.scale.repeats)]

        return asyncio.run(measure()), []

    def restarting(self) -> Measured:
        """Restart to ready, of a large contest and of a very large one."""
        empty, figures = self.room / "empty", list[Figure]()
        asyncio.run(_make_database(empty))
        for events in (self.scale.events,) if self.scale.quick else (self.scale.events, MANY_EVENTS):
            grown = self._grown(events)
            figures += measure_restart(grown, empty, events, self.scale.repeats)
            wait_until_ended(grown)
        wait_until_ended(empty)
        return figures, []

    def verifying(self) -> Measured:
        """`cds verify`, of a large contest or of a very large one."""
        events = self.scale.events if self.scale.quick else MANY_EVENTS
        grown = self._grown(events)
        figures = measure_verifying(grown, events, self.scale.repeats)
        wait_until_ended(grown)
        return figures, []

    def answers(self) -> Measured:
        """Whole feeds, collections, the scoreboard."""
        generator = request_generator(self.scale.seconds, own=self.scale.quick)
        crowds = FEED_CLIENTS[:-1] if self.scale.quick else FEED_CLIENTS
        return measure_answers(self.data_dir, self.room, generator, self.scale.repeats, crowds)

    def resuming(self) -> Measured:
        """Feeds from the middle."""
        return measure_resuming(self.data_dir, self.room, self.scale.repeats), []

    def live(self) -> Measured:
        """Lines as they come, to a thousand clients."""
        return measure_live(self.room, self.scale.repeats, self.scale.seconds)

    def latency(self) -> Measured:
        """From a write to its line at a thousand clients."""
        return measure_latency(self.room, self.scale.repeats, self.scale.seconds), []

    def edge(self) -> Measured:
        """The same at an edge, beside a core."""
        return measure_edge(self.room, self.scale.repeats, self.scale.seconds), []

    def crowds(self) -> Measured:
        """Crowds that take nothing, that wait, and that come back at once."""
        figures = [measure_stalled(self.room, self.scale.repeats), *measure_idle(self.room, self.scale.repeats)]
        return [*figures, *measure_reconnecting(self.room, 1)], []

    def posting(self) -> Measured:
        """Submissions."""
        data_dir = self.room / "posting"
        generator = post_generator(self.scale.seconds, own=self.scale.quick)
        teams = TEAMS_OF_A_QUICK_RUN if self.scale.quick else TEAMS
        figures = measure_posting(data_dir, self.room, generator, self.scale.repeats, teams)
        wait_until_ended(data_dir)
        return figures, [measure_posting_maximum(self.room, generator, self.scale.repeats)]

    def peer(self) -> Measured:
        """The same beside another server."""
        return measure_peer(self.package, self.scale.repeats, self.scale.seconds), []

    def past(self) -> Measured:
        """Scoreboards of past moments."""
        data_dir = self.room / "past"
        figures = measure_past(data_dir, self.scale.events, self.scale.repeats)
        wait_until_ended(data_dir)
        return figures, []

    def following(self) -> Measured:
        """An upstream that is followed."""
        return measure_following(self.room, self.scale.events, self.scale.repeats, self.scale.seconds), []

    def _grown(self, events: int) -> Path:
        """A data directory with a contest of exactly so many events, made for the part that asks for it first."""
        grown = self.room / f"grown-{events}"
        if not grown.exists():
            prepare_grown(grown, events)
        return grown


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One part: what is measured, what it needs, and whether a quick run has it too."""

    measure: Callable[[Bench], Measured]
    needs_imported: bool = False
    needs_compiler: bool = False
    quick: bool = True


PARTS = {
    "storing": Part(measure=Bench.storing),
    "restarting": Part(measure=Bench.restarting),
    "verifying": Part(measure=Bench.verifying),
    "answers": Part(measure=Bench.answers, needs_imported=True),
    "resuming": Part(measure=Bench.resuming, needs_imported=True, quick=False),
    "live": Part(measure=Bench.live, needs_compiler=True, quick=False),
    "latency": Part(measure=Bench.latency, needs_compiler=True, quick=False),
    "edge": Part(measure=Bench.edge, needs_compiler=True, quick=False),
    "crowds": Part(measure=Bench.crowds, needs_compiler=True, quick=False),
    "posting": Part(measure=Bench.posting),
    "peer": Part(measure=Bench.peer, quick=False),
    "following": Part(measure=Bench.following),
    "past": Part(measure=Bench.past),
}
IMPORTED_BY = "storing"
"""The part without which there is no contest for those that need one."""


@click.command()
@click.option("--events", default=EVENTS, show_default=True, type=click.IntRange(EVENTS_MIN), help="About so many.")
@click.option("--repeats", default=REPEATS, show_default=True, type=click.IntRange(1), help="Of each measurement.")
@click.option("--quick", is_flag=True, help="A few seconds that show that everything works; the figures mean nothing.")
@click.option("--only", multiple=True, type=click.Choice(tuple(PARTS)), help="This part alone; repeatable.")
def main(events: int, repeats: int, *, quick: bool, only: tuple[str, ...]) -> None:
    """Measure this checkout side by side with baselines that do the minimum, on loopback."""
    scale = QUICK if quick else Scale(events=events, repeats=repeats, seconds=SECONDS, quick=False)
    with tempfile.TemporaryDirectory(prefix="cds-bench-") as room:
        measure(Path(room), scale, only or tuple(PARTS))


def measure(room: Path, scale: Scale, names: tuple[str, ...]) -> None:
    """Measure in a directory that may be filled, and print the table."""
    _say(f"writing a contest package of about {scale.events:,} events")
    bench, figures, maxima = Bench(room, scale), list[Figure](), list[Maximum]()
    needs_imported = any(PARTS[name].needs_imported for name in names)
    for name, part in PARTS.items():
        wanted = name in names or (name == IMPORTED_BY and needs_imported)
        if not wanted or (scale.quick and not part.quick):
            continue
        if part.needs_compiler and not has_compiler():
            _say(f"{name}: left out, there is no C compiler for the crowd of clients")
            continue
        _say(name)
        new_figures, new_maxima = part.measure(bench)
        figures += new_figures
        maxima += new_maxima
    for data_dir in (bench.data_dir, *room.glob("live-*")):
        wait_until_ended(data_dir)
    title = (
        f"{bench.objects:,} objects in the package, {scale.repeats} repeats, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}"
    )
    print_table(title, figures, maxima)


async def _make_database(data_dir: Path) -> None:
    """Make an embedded Postgres without contests, so that no later start has to."""
    async with embedded_postgres(data_dir):
        pass


def _say(doing: str) -> None:
    sys.stderr.write(f"benchmarks: {doing}\n")


if __name__ == "__main__":
    main()
