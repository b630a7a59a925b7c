"""POST of submissions to `cds serve`, beside a bare aiohttp handler that inserts a row for each on the same Postgres.

Sixty-four clients submit at the same time for many teams, each time another archive with one small source. The bare
handler does the least that can be done: it reads the JSON, and commits one INSERT with the same bytes. This module must
not know how either server does its work.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from eventstore.embedded.launcher import embedded_postgres
from tests.benchmarks.figures import Figure, Maximum, Series, print_table
from tests.benchmarks.posting_client import CONNECTIONS, Posted
from tests.benchmarks.posting_contest import PATH, TEAMS, Submissions, make_contest
from tests.benchmarks.posting_generators import PostGenerator, post_generator
from tests.benchmarks.processes import bare_process, contest_server
from tests.eventstore.embedded_processes import wait_until_ended

BARE_CONNECTIONS = 16
"""Connections of the bare handler to Postgres: with more or fewer it is no faster."""

SECONDS = 2.0
REPEATS = 5

SUBJECT = f"POST of a submission, {CONNECTIONS} at once"
BASELINE_IS = "bare aiohttp handler, one INSERT and commit each"


def measure_posting(
    data_dir: Path, scratch: Path, generator: PostGenerator, repeats: int, teams: int = TEAMS
) -> list[Figure]:
    """Both servers in turn on one Postgres, in a data directory of their own."""
    submissions = Submissions(scratch, generator.seconds, teams)
    with contest_server(data_dir) as ours:
        asyncio.run(make_contest(ours.port, teams))
        with bare_process(
            "tests.benchmarks.bare_poster", asyncio.run(_address_of(data_dir)), str(BARE_CONNECTIONS)
        ) as bare:
            for server in (ours, bare):
                # Every team logs in, every statement is prepared; this is not measured.
                generator.post(server.port, PATH, submissions.file())
            pairs = [
                (
                    generator.post(ours.port, PATH, submissions.file()),
                    generator.post(bare.port, PATH, submissions.file()),
                )
                for _ in range(repeats)
            ]
    return _figures(pairs)


def measure_posting_maximum(scratch: Path, generator: PostGenerator, repeats: int) -> Maximum:
    """What the load generator reaches against a process that only hands over a ready answer."""
    body = scratch / "posted"
    body.write_bytes(b"{}")
    submissions = Submissions(scratch, generator.seconds)
    with bare_process("tests.benchmarks.raw_server", str(body), "stay") as server:
        reached = [generator.post(server.port, PATH, submissions.file()).rate for _ in range(repeats)]
    return Maximum(subject=f"{generator.name} POST", unit="requests/s", reached=Series(tuple(reached)))


def _figures(pairs: list[tuple[Posted, Posted]]) -> list[Figure]:
    told = (("", "rate", "requests/s", True), (", p50", "p50_ms", "ms", False), (", p99", "p99_ms", "ms", False))
    return [
        Figure(
            subject=SUBJECT + addition,
            unit=unit,
            ours=Series(tuple(getattr(ours, value) for ours, _ in pairs)),
            baseline=Series(tuple(getattr(bare, value) for _, bare in pairs)),
            baseline_is=BASELINE_IS,
            more_is_better=more_is_better,
        )
        for addition, value, unit, more_is_better in told
    ]


async def _address_of(data_dir: Path) -> str:
    """The address of a Postgres that runs already, and goes on when this ends."""
    async with embedded_postgres(data_dir) as dsn:
        return dsn


def main() -> None:
    """Measure this alone, and print its table."""
    with tempfile.TemporaryDirectory(prefix="cds-bench-") as directory:
        room, generator = Path(directory), post_generator(SECONDS, own="--own" in sys.argv)
        figures = measure_posting(room / "data", room, generator, REPEATS)
        wait_until_ended(room / "data")
        print_table("Posting", figures, [measure_posting_maximum(room, generator, 1)])


if __name__ == "__main__":
    main()
