"""`cds verify` on a large contest with a checkpoint and snapshots, beside a process that reads all rows once.

Both are whole processes that find their database asleep. This module must not know how a log is verified.
"""

import asyncio
import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from cds.live_contest import stream_of
from cds.past.snapshots import keep_snapshots
from cds.token_keeping import token_maker
from eventstore.embedded.launcher import embedded_postgres
from eventstore.postgres import PostgresStore
from tests.benchmarks.figures import Figure, Series, side_by_side
from tests.benchmarks.grown_contest import CONTEST_ID
from tests.benchmarks.processes import CDS
from tests.benchmarks.restarting import leave_checkpoint, read_s
from tests.eventstore.embedded_processes import wait_until_ended

VERIFY_TIMEOUT_S = 1_800.0
LIMIT_S = 60.0
EVENTS_OF_LIMIT = 1_000_000
"""A million events within a minute."""


def measure_verifying(data_dir: Path, events: int, repeats: int) -> list[Figure]:
    """Verify the contest of that many events in `data_dir` again and again: everything, and rows alone."""
    asyncio.run(leave_checkpoint(data_dir))
    asyncio.run(_leave_snapshots(data_dir))
    whole = tuple(_verified_s(data_dir) for _ in range(repeats))
    quick, bare = side_by_side(repeats, lambda: _verified_s(data_dir, "--quick"), lambda: read_s(data_dir))
    return [
        Figure(
            subject=f"cds verify, {events:,} events, with a replay",
            unit="s",
            ours=Series(whole),
            baseline=Series((LIMIT_S * events / EVENTS_OF_LIMIT,)),
            baseline_is=f"a minute for a million, {os.cpu_count()} cores",
            more_is_better=False,
        ),
        Figure(
            subject=f"cds verify --quick, {events:,} events",
            unit="s",
            ours=quick,
            baseline=bare,
            baseline_is="process that opens Postgres and reads all rows, asyncpg",
            more_is_better=False,
        ),
    ]


async def _leave_snapshots(data_dir: Path) -> None:
    """As a server leaves them behind."""
    async with embedded_postgres(data_dir) as dsn:
        store = await PostgresStore.open_beside(dsn)
        try:
            await keep_snapshots(store, stream_of(CONTEST_ID), await token_maker(store))
        finally:
            await store.close()


def _verified_s(data_dir: Path, *options: str) -> float:
    """Seconds from starting the command to its end, at which nothing may differ."""
    wait_until_ended(data_dir)
    command: Sequence[str] = (str(CDS), "verify", "--data-dir", str(data_dir), *options)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CDS_")}
    began_s = time.perf_counter()
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=VERIFY_TIMEOUT_S)
    return time.perf_counter() - began_s
