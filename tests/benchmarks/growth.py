"""`python -m tests.benchmarks.growth`: what an event costs in contests of ten thousand to a million events.

Downloading the feed, replaying the log, starting at a checkpoint, appending, and bringing the scoreboard up to date. A
flat line says that it costs no more per event in a longer contest. Draws docs/growth.png and prints the figures.
This module must not know how anything is done.
"""

import asyncio
import gc
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from typing import TypeVar

import click
import msgspec

from cds.circumstances import SYSTEM
from cds.live_contest import Decision, LiveContest
from cds.token_keeping import token_maker
from eventstore.embedded.launcher import embedded_postgres
from eventstore.postgres import PostgresStore
from eventstore.store import NewEvent
from projections.contest import ContestState
from schemas.objects import Judgement
from tests.benchmarks.generators import Downloads
from tests.benchmarks.grown_contest import CONTEST_ID
from tests.benchmarks.processes import PROJECT, contest_server
from tests.benchmarks.restarting import leave_checkpoint, prepare_grown
from tests.benchmarks.serving import FEED_PATH, fetched
from tests.eventstore.embedded_processes import wait_until_ended

T = TypeVar("T")

SIZES = (10_000, 100_000, 1_000_000)
SIZES_QUICK = (1_000, 2_000)
REPEATS = 3
APPENDS = 200
MICROSECONDS = 1_000_000
CHART = PROJECT / "docs" / "growth.png"

PER_EVENT = ("feed download", "replay", "start at a checkpoint, all decoded")
PER_CHANGE = ("append of one judgement", "scoreboard after it")
PANELS = ((PER_EVENT, "µs per event of the contest"), (PER_CHANGE, "µs per change"))


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured of one size: microseconds, by what was done."""

    events: int
    took_us: dict[str, float]


@click.command()
@click.option("--quick", is_flag=True, help="Small contests that show that everything works; the figures mean nothing.")
@click.option("--chart", default=CHART, show_default=True, type=click.Path(path_type=Path), help="The PNG to write.")
def main(*, quick: bool, chart: Path) -> None:
    """Measure every size, and draw."""
    measured = []
    for events in SIZES_QUICK if quick else SIZES:
        with tempfile.TemporaryDirectory(prefix="cds-growth-") as room:
            measured.append(measure(Path(room) / "data", events))
    draw(measured, chart)


def measure(data_dir: Path, events: int) -> Costs:
    """Everything about a contest of so many events, made in this directory."""
    prepare_grown(data_dir, events)
    took_us = asyncio.run(_measure_replay(data_dir, events))
    asyncio.run(leave_checkpoint(data_dir))
    took_us |= asyncio.run(_measure_changes(data_dir, events))
    took_us["feed download"] = _download_us(data_dir)
    wait_until_ended(data_dir)
    costs = Costs(events=events, took_us=took_us)
    print(f"{events:>9,} events: " + ", ".join(f"{what} {us:,.2f} µs" for what, us in took_us.items()), flush=True)
    return costs


def draw(measured: list[Costs], chart: Path) -> None:
    """The figures of all sizes on one chart."""
    # It takes a second to import, and all that is measured is told without it.
    from matplotlib.figure import Figure as Chart

    figure = Chart(figsize=(10, 4.2), layout="constrained")
    for axes, (subjects, unit) in zip(figure.subplots(1, len(PANELS)), PANELS, strict=True):
        for subject, marker in zip(subjects, "os^", strict=False):
            axes.plot(
                [costs.events for costs in measured],
                [costs.took_us[subject] for costs in measured],
                marker=marker,
                label=subject,
            )
        axes.set(xscale="log", yscale="log", xlabel="events in the contest", ylabel=unit)
        axes.grid(visible=True, which="major", alpha=0.4)
        axes.legend()
    figure.suptitle("What it costs in contests of different length; a flat line does not depend on the length")
    chart.parent.mkdir(exist_ok=True)
    figure.savefig(chart, dpi=120)


async def _measure_replay(data_dir: Path, events: int) -> dict[str, float]:
    """The whole log, without a checkpoint."""
    return {"replay": await _in_store(data_dir, lambda store: _replay_us(store, events))}


async def _measure_changes(data_dir: Path, events: int) -> dict[str, float]:
    """From the checkpoint; then changes, one after the other, and the scoreboard after each."""
    return await _in_store(data_dir, lambda store: _changes_us(store, events))


async def _replay_us(store: PostgresStore, events: int) -> float:
    took_s = [await _loaded_s(store) for _ in range(REPEATS if events < max(SIZES) else 1)]
    return median(took_s) / events * MICROSECONDS


async def _changes_us(store: PostgresStore, events: int) -> dict[str, float]:
    began_s = [await _loaded_s(store) for _ in range(REPEATS)]
    contest = await _contest(store)
    await contest.settle()
    contest.scoreboard("public", frozen=True, group_id=None)
    appends_s, boards_s = [], []
    submission_ids = list(contest.state.objects["submissions"])[-APPENDS:]
    for submission_id in submission_ids:
        start_s = time.perf_counter()
        await contest.transact(_judged(submission_id), actor="benchmark", cause="benchmark", circumstances=SYSTEM)
        appended_s = time.perf_counter()
        contest.scoreboard("public", frozen=True, group_id=None)
        appends_s.append(appended_s - start_s)
        boards_s.append(time.perf_counter() - appended_s)
    costs_s = {
        PER_EVENT[2]: median(began_s) / events,
        PER_CHANGE[0]: median(appends_s),
        PER_CHANGE[1]: median(boards_s),
    }
    return {what: took_s * MICROSECONDS for what, took_s in costs_s.items()}


def _judged(submission_id: str) -> Callable[[ContestState], Decision]:
    """Another judgement of a submission."""

    def decide(state: ContestState) -> Decision:
        judgement = next(state.judgements_of(submission_id), None)
        identifier = SYSTEM.identifier()
        again = Judgement(
            id=identifier,
            submission_id=submission_id,
            judgement_type_id=None if judgement is None else judgement.judgement_type_id,
            start_time="2031-05-17T12:00:00.000+02:00",
            end_time="2031-05-17T12:00:01.000+02:00",
        )
        return Decision(events=[NewEvent(type="judgements", id=identifier, data=msgspec.json.encode(again))])

    return decide


async def _loaded_s(store: PostgresStore) -> float:
    """Seconds until a contest is in memory, all of it decoded."""
    gc.collect()
    gc.disable()
    try:
        began_s = time.perf_counter()
        contest = await _contest(store)
        contest.audience("public").shown.items()
        contest.state.objects.items()
        return time.perf_counter() - began_s
    finally:
        gc.enable()


async def _contest(store: PostgresStore) -> LiveContest:
    contest = LiveContest(CONTEST_ID, store, await token_maker(store))
    await contest.catch_up()
    return contest


def _download_us(data_dir: Path) -> float:
    with contest_server(data_dir) as server:
        feed = fetched(server, FEED_PATH)
        downloads = Downloads(server.port, feed.path, feed.lines)
        return MICROSECONDS / median(downloads.rate(1) for _ in range(REPEATS))


async def _in_store(data_dir: Path, work: Callable[[PostgresStore], Awaitable[T]]) -> T:
    async with embedded_postgres(data_dir) as dsn:
        store = await PostgresStore.open(dsn)
        try:
            return await work(store)
        finally:
            await store.close()


if __name__ == "__main__":
    main()
