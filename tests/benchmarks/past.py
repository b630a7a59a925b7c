"""The scoreboard of random moments of the past, beside reading the log from its beginning up to them.

The contest is written as it happened: submissions, judgements and runs in the order of time, so that any moment lies
among all of them. This module must not know how the past is found.
"""

import asyncio
import random
import time
from itertools import islice
from pathlib import Path
from uuid import uuid4

import msgspec

from cds.checkpointing import make_checkpoint, make_snapshots
from cds.decoding import decoded
from cds.live_contest import stream_of
from cds.simulation.contest import simulate
from cds.simulation.parameters import SimulationParameters
from cds.token_keeping import token_maker
from eventstore.embedded.launcher import embedded_postgres
from eventstore.postgres import PostgresStore
from eventstore.store import Append, NewEvent
from projections.contest import ContestState
from projections.scoreboard import Board
from schemas.times import format_time
from tests.benchmarks.contest_package import CONTEST_ID
from tests.benchmarks.figures import Figure, Series
from tests.benchmarks.processes import RunningServer, contest_server
from tests.benchmarks.serving import OF_CONTEST, fetched

TEAMS = 150
EVENTS_OF_A_SUBMISSION = 6
"""No fewer than it has in the simulation, all that becomes of it included."""

BEGUN_MS = 1_700_000_000_000
EVENTS_AT_ONCE = 20
"""So many events are recorded at one moment, as many milliseconds after the last."""

MOMENTS = 100
MOMENTS_READ = 3
"""Random moments that are asked for after a start, and those to which the log is read from its beginning."""

LIMIT_MS = 100.0
SEED = 20_310_517
PAGE_EVENTS = 1_000

_encode = msgspec.json.Encoder().encode


def measure_past(data_dir: Path, events: int, repeats: int) -> list[Figure]:
    """Ask for the scoreboard at random moments of a contest of that many events, each time of a server just started."""
    asyncio.run(_prepare(data_dir, events))
    chance, ours, slowest = random.Random(SEED), list[float](), list[float]()
    for _ in range(repeats):
        with contest_server(data_dir) as server:
            took_ms = sorted(_asked_ms(server, chance.randrange(1, events)) for _ in range(MOMENTS))
        ours += took_ms
        slowest.append(took_ms[-MOMENTS // 20])
    read = asyncio.run(_read_ms(data_dir, [chance.randrange(1, events) for _ in range(MOMENTS_READ)]))
    subject = f"scoreboard at a random moment of {events:,} events"
    limit = ("the limit", Series((LIMIT_MS,)))
    log_read = ("reading the log up to it, and its board", Series(tuple(read)))
    return [
        Figure(
            subject=told,
            unit="ms",
            ours=Series(tuple(series)),
            baseline=baseline,
            baseline_is=name,
            more_is_better=False,
        )
        for told, series, (name, baseline) in (
            (subject, ours, limit),
            (subject, ours, log_read),
            (f"{subject}, one in twenty", slowest, log_read),
        )
    ]


async def _prepare(data_dir: Path, events: int) -> None:
    """A log with a contest of so many events, its checkpoint and its snapshots."""
    async with embedded_postgres(data_dir) as dsn:
        store = await PostgresStore.open(dsn)
        try:
            await _write(store, events)
            tokens = await token_maker(store)
            await make_checkpoint(store, CONTEST_ID, tokens)
            await make_snapshots(store, CONTEST_ID, tokens)
        finally:
            await store.close()


async def _write(store: PostgresStore, events: int) -> None:
    parameters = SimulationParameters(
        contest_id=CONTEST_ID,
        teams=TEAMS,
        submissions=events // EVENTS_OF_A_SUBMISSION,
        logos=False,
        sources=False,
        statements=False,
    )
    changes = islice(simulate(parameters).timeline(), events)
    position = 0
    while batch := list(islice(changes, EVENTS_AT_ONCE)):
        await store.append(
            Append(
                stream=stream_of(CONTEST_ID),
                expected_position=position,
                events=[
                    NewEvent(type=each.type, id=each.id, data=None if each.instance is None else _encode(each.instance))
                    for each in batch
                ],
                actor="benchmark",
                cause="benchmark",
                batch_id=uuid4(),
                recorded_at_us=(BEGUN_MS + position) * 1_000,
            )
        )
        position += len(batch)


def _asked_ms(server: RunningServer, position: int) -> float:
    """How long an answer takes that shows the contest about as it was at a position."""
    path = f"{OF_CONTEST}/scoreboard?at={format_time(BEGUN_MS + position)}"
    began_s = time.perf_counter()
    fetched(server, path)
    return (time.perf_counter() - began_s) * 1_000


async def _read_ms(data_dir: Path, positions: list[int]) -> list[float]:
    """How long it takes to read the log up to positions, and to make the board of what it comes to."""
    async with embedded_postgres(data_dir) as dsn:
        store = await PostgresStore.open(dsn)
        try:
            return [await _read_once_ms(store, position) for position in positions]
        finally:
            await store.close()


async def _read_once_ms(store: PostgresStore, position: int) -> float:
    began_s, state = time.perf_counter(), ContestState()
    while state.position < position:
        page = await store.read(stream_of(CONTEST_ID), state.position, min(PAGE_EVENTS, position - state.position))
        for event in page:
            state.apply(event.position, event.type, event.id, decoded(event))
    Board(state, frozen=True).scoreboard()
    return (time.perf_counter() - began_s) * 1_000
