"""Contests of any length, put straight into a log: a simulated one that runs, whose submissions come again and again.

This module must not know what is measured.
"""

from collections.abc import Iterator
from itertools import count, islice
from uuid import uuid4

import msgspec

from cds.live_contest import stream_of
from cds.simulation.contest import simulate
from cds.simulation.parameters import SimulationParameters
from eventstore.postgres import PostgresStore
from eventstore.store import Append, NewEvent
from schemas.object_types import OBJECT_TYPES, object_key
from schemas.objects import ContestObject, Judgement, Run, Submission

CONTEST_ID = "benchmark"
TEAMS = 100
SUBMISSIONS = 300
RUNS_PER_JUDGEMENT = 60
"""As at a large final: most of a long contest are runs, so that no team has thousands of submissions to a problem."""

REPEATED = ("submissions", "judgements", "runs")
"""The types of which there is more in a longer contest; of everything else there is the same."""

_encode = msgspec.json.Encoder().encode


async def write_grown_contest(dsn: str, events: int) -> None:
    """Append a contest of exactly so many events to an empty log."""
    store = await PostgresStore.open(dsn)
    try:
        await store.append(
            Append(
                stream=stream_of(CONTEST_ID),
                expected_position=0,
                events=list(islice(_events(), events)),
                actor="benchmark",
                cause="benchmark",
                batch_id=uuid4(),
                recorded_at_us=0,
            )
        )
    finally:
        await store.close()


def _events() -> Iterator[NewEvent]:
    """What is configured, then submissions with all that belongs to them, without end."""
    contest = simulate(
        SimulationParameters(
            contest_id=CONTEST_ID,
            teams=TEAMS,
            submissions=SUBMISSIONS,
            runs_per_judgement=RUNS_PER_JUDGEMENT,
            phase="running",
            logos=False,
            sources=False,
            statements=False,
        )
    )
    for name in OBJECT_TYPES:
        if name not in REPEATED:
            yield from (_event(name, instance) for instance in contest.objects[name])
    for generation in count():
        for name in REPEATED:
            yield from (_event(name, _again(instance, generation)) for instance in contest.objects[name])


def _again(instance: ContestObject, generation: int) -> ContestObject:
    """The same under other ids."""
    if isinstance(instance, Submission):
        return msgspec.structs.replace(instance, id=f"{generation}-{instance.id}")
    if isinstance(instance, Judgement):
        of = f"{generation}-{instance.submission_id}"
        return msgspec.structs.replace(instance, id=f"{generation}-{instance.id}", submission_id=of)
    if isinstance(instance, Run):
        of = f"{generation}-{instance.judgement_id}"
        return msgspec.structs.replace(instance, id=f"{generation}-{instance.id}", judgement_id=of)
    raise TypeError(f"nothing names {type(instance).__name__}")


def _event(name: str, instance: ContestObject) -> NewEvent:
    return NewEvent(type=name, id=object_key(OBJECT_TYPES[name], instance), data=_encode(instance))
