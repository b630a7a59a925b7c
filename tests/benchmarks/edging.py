"""An edge with a thousand clients beside a core with as many: live lines, and from a write at the core to its line.

The edge is the command as it is, behind a core that publishes and a nats-server; the baseline is the same core without
either, whose own clients get the same lines. This module must not know how lines are delivered.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec

from tests.benchmarks.capacity.processes_seen import processor_s
from tests.benchmarks.feed_crowd import Ages, Crowd, LiveServer, compiled_client, crowd_at, live_server
from tests.benchmarks.feed_server import NATS_URL_VARIABLE
from tests.benchmarks.feeding import (
    BURST,
    CLIENTS,
    ROUNDS_SECONDS,
    SETTLE_S,
    ages_of_writes,
    deliveries,
    high_ms,
    median_ms,
)
from tests.benchmarks.figures import Figure, Series
from tests.benchmarks.processes import edge_server, nats_server, nats_url

WRITES_PER_SECOND = (10.0, 100.0)
"""A modest pace, at which a line has a server to itself, and one at which lines come while others are on their way."""

SECONDS_OF_WRITES = 5
"""Writes come for so many times as long as a run of requests takes."""

WRITES_MIN = 10
THE_CORE = "clients of a core without edges"

Measured = TypeVar("Measured")


class Delivered(msgspec.Struct, frozen=True):
    """How many lines reached all clients together, in each second that passed and in each of the server's processor."""

    per_second: float
    per_processor_second: float


class Telling(msgspec.Struct, frozen=True):
    """Where lines come from, who reads them, and the processor time of the server that they are read of."""

    core: LiveServer
    crowd: Crowd
    processor_s: Callable[[], float]

    def join(self, clients: int) -> None:
        """Have so many clients with everything that there is."""
        self.crowd.join(clients, self.core.lines())

    def delivered(self, rounds: int, size: int, clients: int) -> Delivered:
        """So many rounds of lines, so many at a time, to all clients.

        Each round begins when all have the one before: otherwise lines come to an edge together that were committed one
        by one. Counted is the time from the first byte of a round to its last.
        """
        before_s, seconds = self.processor_s(), 0.0
        for _ in range(rounds):
            seconds += clients * size / deliveries(self.core, self.crowd, 1, size)
        return Delivered(rounds * size * clients / seconds, rounds * size * clients / (self.processor_s() - before_s))

    def ages(self, writes: int, per_second: float) -> Ages:
        """How old lines are when they come."""
        return ages_of_writes(self.core, self.crowd, writes, per_second)


def measure_edge(scratch: Path, repeats: int, seconds: float, clients: int = CLIENTS) -> list[Figure]:
    """Live lines and their ages, at an edge and at a core. Raises RuntimeError unless all get the same lines."""
    with at_an_edge(scratch) as edge, at_a_core(scratch) as core:
        for each in (edge, core):
            each.join(clients)
        time.sleep(SETTLE_S)
        figures = [*_ages(edge, core, repeats, seconds, clients), *_live(edge, core, repeats, seconds, clients)]
        if not (edge.crowd.tell("same")[0] and core.crowd.tell("same")[0]):
            raise RuntimeError("not all clients have got the same lines")
    return figures


@contextmanager
def at_an_edge(scratch: Path) -> Iterator[Telling]:
    """A core that publishes, a nats-server, an edge, and a crowd at the edge that has not connected yet."""
    program = compiled_client(scratch)
    with ExitStack() as stack:
        nats = stack.enter_context(nats_server(scratch / "jetstream"))
        core = stack.enter_context(live_server("publishing", scratch, **{NATS_URL_VARIABLE: nats_url(nats.port)}))
        edge = stack.enter_context(edge_server(core.port, nats.port, scratch / "edge"))
        yield Telling(core, stack.enter_context(crowd_at(edge, program)), partial(processor_s, edge.pid))


@contextmanager
def at_a_core(scratch: Path) -> Iterator[Telling]:
    """A core and a crowd at it that has not connected yet."""
    with live_server("ours", scratch) as core, crowd_at(core, compiled_client(scratch)) as crowd:
        yield Telling(core, crowd, core.processor_s)


def _live(edge: Telling, core: Telling, repeats: int, seconds: float, clients: int) -> Iterator[Figure]:
    rounds = max(round(ROUNDS_SECONDS * seconds), 5)
    for size, name in ((1, "one at a time"), (BURST, f"in bursts of {BURST}")):
        pairs = [tuple(each.delivered(rounds, size, clients) for each in (edge, core)) for _ in range(repeats)]
        subject = f"live lines to {clients:,} clients of an edge, {name}"
        yield _figure(subject, "lines/s", pairs, lambda delivered: delivered.per_second)
        subject = "the same for each second of the server's processor"
        yield _figure(subject, "lines/s", pairs, lambda delivered: delivered.per_processor_second)


def _ages(edge: Telling, core: Telling, repeats: int, seconds: float, clients: int) -> Iterator[Figure]:
    for per_second in WRITES_PER_SECOND:
        writes = max(round(per_second * seconds * SECONDS_OF_WRITES), WRITES_MIN)
        for each in (edge, core):
            each.ages(WRITES_MIN, per_second)
        pairs = [tuple(each.ages(writes, per_second) for each in (edge, core)) for _ in range(repeats)]
        subject = f"write to line at an edge, {clients:,} clients, {per_second:.0f} writes/s"
        yield _figure(f"{subject}, median", "ms", pairs, median_ms, more_is_better=False)
        yield _figure(f"{subject}, 99th percentile", "ms", pairs, high_ms, more_is_better=False)


def _figure(
    subject: str,
    unit: str,
    pairs: Sequence[tuple[Measured, ...]],
    value: Callable[[Measured], float],
    *,
    more_is_better: bool = True,
) -> Figure:
    """One value of what was measured at the edge and at the core, in turn."""
    ours, baseline = (Series(tuple(value(pair[place]) for pair in pairs)) for place in (0, 1))
    return Figure(
        subject=subject,
        unit=unit,
        ours=ours,
        baseline=baseline,
        baseline_is=THE_CORE,
        more_is_better=more_is_better,
    )
