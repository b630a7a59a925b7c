"""From the start of `cds serve` to readiness, beside a process that opens the same Postgres and reads all rows.

Both find their database asleep, and their first word counts as the end. This module must not know how a start is made
fast.
"""

import asyncio
import compileall
import subprocess
import sys
import time
from pathlib import Path

from cds.checkpointing import make_checkpoint
from cds.token_keeping import token_maker
from eventstore.embedded.launcher import embedded_postgres
from eventstore.postgres import PostgresStore
from tests.benchmarks.contest_package import CONTEST_ID
from tests.benchmarks.figures import Figure, Series, side_by_side
from tests.benchmarks.grown_contest import write_grown_contest
from tests.benchmarks.processes import PROJECT, contest_server
from tests.benchmarks.serving import FEED_PATH, OF_CONTEST, fetched
from tests.eventstore.embedded_processes import wait_until_ended

EVERYTHING = (FEED_PATH, *(f"{OF_CONTEST}/{name}" for name in ("submissions", "judgements", "runs", "scoreboard")))
"""What is asked for before memory is looked at, so that nothing is left that would only be decoded later."""

ROOMS = ("schemas", "eventstore", "projections", "cds")
READ_TIMEOUT_S = 120.0
EVENTS_OF_MEMORY = 100_000
MB_PER_MIB = 1.048576


def measure_restart(data_dir: Path, empty_data_dir: Path, events: int, repeats: int) -> list[Figure]:
    """Start again and again with the contest of that many events in `data_dir`, as its checkpoint lets it.

    The checkpoint is made here, once, as the server itself or an import leaves one behind.
    """
    asyncio.run(leave_checkpoint(data_dir))
    compile_program()
    memories: list[float] = []

    def started() -> float:
        with contest_server(data_dir) as server:
            for path in EVERYTHING:
                fetched(server, path)
            memories.append(server.memory_mb)
            return server.ready_s

    ours, baseline = side_by_side(repeats, started, lambda: read_s(data_dir))
    with contest_server(empty_data_dir) as server:
        empty_mb = server.memory_mb
    per_events = EVENTS_OF_MEMORY / events / MB_PER_MIB
    return [
        Figure(
            subject=f"restart to ready, {events:,} events",
            unit="s",
            ours=ours,
            baseline=baseline,
            baseline_is="process that opens Postgres and reads all rows, asyncpg",
            more_is_better=False,
        ),
        Figure(
            subject=f"memory per {EVENTS_OF_MEMORY:,} events, of {events:,}, all in use",
            unit="MiB",
            ours=Series(tuple((each - empty_mb) * per_events for each in memories)),
            baseline=Series((250.0,)),
            baseline_is="the limit",
            more_is_better=False,
        ),
    ]


def compile_program() -> None:
    """Compile the modules of the program, as an installer does; a checkout may be kept from keeping what it compiled.

    Of the process beside it all but two modules come from an installer.
    """
    for room in ROOMS:
        compileall.compile_dir(PROJECT / room, quiet=1)


def prepare_grown(data_dir: Path, events: int) -> None:
    """Make a data directory with a contest of exactly so many events."""

    async def write() -> None:
        async with embedded_postgres(data_dir) as dsn:
            await write_grown_contest(dsn, events)

    asyncio.run(write())


def read_s(data_dir: Path) -> float:
    """Seconds from starting the process to its word that everything has been read."""
    wait_until_ended(data_dir)
    began_s = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.bare_reader", str(data_dir)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        if process.stdout is None:
            raise RuntimeError("a process without a pipe")
        told = process.stdout.readline()
        took_s = time.perf_counter() - began_s
        process.wait(READ_TIMEOUT_S)
    if not told.strip().isdecimal():
        raise RuntimeError(f"the bare reader says {told!r}")
    return took_s


async def leave_checkpoint(data_dir: Path) -> None:
    """Make the checkpoint of the contest in this directory where its log ends."""
    async with embedded_postgres(data_dir) as dsn:
        store = await PostgresStore.open_beside(dsn)
        try:
            await make_checkpoint(store, CONTEST_ID, await token_maker(store))
        finally:
            await store.close()
