"""Import and replay, beside COPY and reading of the same rows with asyncpg and nothing else.

This module knows databases and the parts of the program that fill and fold the log. It must not know HTTP.
"""

import asyncio
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from cds.circumstances import SYSTEM
from cds.importing import import_contest
from cds.live_contest import PAGE_EVENTS, LiveContest, stream_of
from cds.packages.reading import read_contest
from eventstore.copying import EVENT_COLUMNS
from eventstore.postgres import PostgresStore
from projections.tokens import KEY_BYTES, TokenMaker
from tests.benchmarks.contest_package import CONTEST_ID
from tests.benchmarks.figures import Figure, Series

WRITING = "writing events"
"""What an import says it does while its events are appended."""

_COLUMNS = ", ".join(EVENT_COLUMNS)
_PAGE_QUERY = (
    "SELECT position, type, id, data, recorded_at_us, actor, cause, version, chain FROM event "  # noqa: S608 - no input
    "WHERE stream = $1 AND position > $2 ORDER BY position LIMIT " + str(PAGE_EVENTS)
)

BY_INDEX = {"enable_bitmapscan": "off", "enable_seqscan": "off"}
"""Settings of the session that reads bare: right after an import Postgres has no statistics to choose a plan by."""

Row = tuple[object, ...]


class _WritingClock:
    """Takes the time between the first and the last word about the events being written."""

    def __init__(self) -> None:
        self.began_s = 0.0
        self.took_s = 0.0

    def __call__(self, doing: str, done: int, _total: int | None) -> None:
        if doing == WRITING and done == 0:
            self.began_s = time.perf_counter()
        elif doing == WRITING:
            self.took_s = time.perf_counter() - self.began_s


async def measure_import(dsn: str, package: Path, repeats: int) -> list[Figure]:
    """Import the package again and again, each time into an empty database, the last time into that of `dsn`."""
    whole, writing, bare = [], [], []
    for number in range(repeats):
        last = number == repeats - 1
        target = dsn if last else await _new_database(dsn, f"import_{number}")
        whole_rate, writing_rate = await _import_rates(target, package)
        whole.append(whole_rate)
        writing.append(writing_rate)
        bare.append(await _copy_rate(target))
        if not last:
            await _execute(dsn, f"DROP DATABASE import_{number}")
    baseline = Series(tuple(bare))
    told = "COPY of the same rows, asyncpg"
    return [
        Figure(
            subject="import of a package, reading to COPY",
            unit="events/s",
            ours=Series(tuple(whole)),
            baseline=baseline,
            baseline_is=told,
        ),
        Figure(
            subject="… of that the append with chain hash",
            unit="events/s",
            ours=Series(tuple(writing)),
            baseline=baseline,
            baseline_is=told,
        ),
    ]


async def measure_replay(dsn: str, repeats: int) -> Figure:
    """Fold the whole log with the feed of the public, as a server does at start, beside reading its rows."""
    ours, bare = [], []
    for _ in range(repeats):
        ours.append(await _replay_rate(dsn))
        bare.append(await _read_rate(dsn))
    return Figure(
        subject="replay: read, fold, make the public feed",
        unit="events/s",
        ours=Series(tuple(ours)),
        baseline=Series(tuple(bare)),
        baseline_is="reading the same pages, asyncpg",
    )


async def _import_rates(dsn: str, package: Path) -> tuple[float, float]:
    """Events per second of the import as a whole, and of the append alone."""
    store = await PostgresStore.open(dsn)
    try:
        clock = _WritingClock()
        began_s = time.perf_counter()
        contents = await asyncio.to_thread(read_contest, package)
        imported = await import_contest(store, contents, cause="benchmark", circumstances=SYSTEM, progress=clock)
        took_s = time.perf_counter() - began_s
    finally:
        await store.close()
    return imported.events / took_s, imported.events / clock.took_s


async def _copy_rate(dsn: str) -> float:
    """Events per second of a bare COPY into a table made like the log's."""
    connection = await asyncpg.connect(dsn)
    try:
        rows: list[Row] = [tuple(row) for row in await connection.fetch(f"SELECT {_COLUMNS} FROM event")]  # noqa: S608 - no input
        await connection.execute("CREATE TABLE bare_event (LIKE event INCLUDING ALL)")
        began_s = time.perf_counter()
        await connection.copy_records_to_table("bare_event", records=rows, columns=EVENT_COLUMNS)
        took_s = time.perf_counter() - began_s
        await connection.execute("DROP TABLE bare_event")
    finally:
        await connection.close()
    return len(rows) / took_s


async def _replay_rate(dsn: str) -> float:
    store = await PostgresStore.open(dsn)
    try:
        contest = LiveContest(CONTEST_ID, store, TokenMaker(bytes(KEY_BYTES)))
        with _without_garbage_collection():
            began_s = time.perf_counter()
            await contest.catch_up()
            took_s = time.perf_counter() - began_s
    finally:
        await store.close()
    return contest.position / took_s


async def _read_rate(dsn: str) -> float:
    """Rows per second, in pages of the size that a replay reads, always by the index, whatever the planner thinks."""
    connection = await asyncpg.connect(dsn, server_settings=BY_INDEX)
    try:
        stream = await connection.fetchval("SELECT number FROM stream WHERE name = $1", stream_of(CONTEST_ID))
        position = 0
        began_s = time.perf_counter()
        while page := await connection.fetch(_PAGE_QUERY, stream, position):
            position = page[-1][0]
        took_s = time.perf_counter() - began_s
    finally:
        await connection.close()
    return position / took_s


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """As the server loads its contests at start."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def _new_database(dsn: str, name: str) -> str:
    """The address of an empty database on the same server."""
    await _execute(dsn, f"CREATE DATABASE {name}")
    return urlsplit(dsn)._replace(path=f"/{name}").geturl()


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
