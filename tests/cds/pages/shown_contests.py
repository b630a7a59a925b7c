"""Contests to look at: as large as a finals, with names that nobody should trust, in any phase.

This module knows how to make and store them; it must not know how they look.
"""

import msgspec

from cds.packages.contents import Change
from cds.simulation.contest import SimulatedContest, simulate
from cds.simulation.parameters import SimulationParameters
from eventstore.postgres import PostgresStore
from schemas.object_types import OBJECT_TYPES, object_key
from schemas.objects import ContestObject, Team
from tests.cds.contest_api.serving import append

HOSTILE_NAME = "<img src=x onerror=alert(1)>\"'& \u202ereversed and a name that goes on and on without an end"
EVENTS_AT_ONCE = 2_000


def finals(**changed: object) -> SimulatedContest:
    """120 teams and 15 problems, the last hour frozen; the second team has a hostile name."""
    chosen: dict[str, object] = {
        "contest_id": "finals",
        "name": "Finals",
        "teams": 120,
        "problems": 15,
        "organizations": 8,
        "submissions": 700,
        "phase": "running-frozen",
        "accounts": False,
        "sources": False,
        "statements": False,
        "commentary": 0,
        "clarifications": 0,
        "runs_per_judgement": 0,
        **changed,
    }
    return simulate(msgspec.convert(chosen, SimulationParameters))


async def stored(store: PostgresStore, contest: SimulatedContest) -> None:
    """Write a contest to a store, as a source of events would."""
    for content in contest.contents.values():
        await store.put_file(content)
    changes = [
        Change(name, object_key(OBJECT_TYPES[name], instance), named(instance))
        for name, instances in contest.objects.items()
        for instance in instances
    ]
    for first in range(0, len(changes), EVENTS_AT_ONCE):
        await append(store, contest.contest_id, *changes[first : first + EVENTS_AT_ONCE])


def named(instance: ContestObject) -> ContestObject:
    """The same object; the second team with its hostile name."""
    if isinstance(instance, Team) and instance.id == "team002":
        return msgspec.structs.replace(instance, name=HOSTILE_NAME, display_name=HOSTILE_NAME)
    return instance
