"""What breaks when: a pure function of a seed and the number of a round, so that a round can be repeated.

This module must not know how anything is broken.
"""

import random
from collections.abc import Sequence
from enum import StrEnum
from typing import Literal

import msgspec

Deployment = Literal["one", "group", "embedded", "embedded group"]
"""One server or a group of two workers; on a Postgres behind a proxy, or on the one in its own data directory."""


class Kind(StrEnum):
    """What can break."""

    KILL_SERVER = "server killed (SIGKILL)"
    KILL_WORKER = "worker killed (SIGKILL)"
    KILL_POSTGRES = "Postgres killed (SIGKILL)"
    KILL_KEEPER = "keeper of Postgres killed (SIGKILL)"
    KILL_SESSION = "one process of Postgres killed (SIGKILL)"
    PAUSE_SERVER = "server or worker paused (SIGSTOP)"
    PAUSE_POSTGRES = "Postgres paused (SIGSTOP)"
    CUT_DATABASE = "connections to Postgres cut"
    REFUSE_DATABASE = "Postgres not reachable"
    HOLD_DATABASE = "Postgres silent (connections open, no bytes)"
    SLOW_DATABASE = "Postgres slow"
    LOSE_NOTIFICATIONS = "NOTIFYs lost"
    FULL_DISK = "disk full (53100)"
    READ_ONLY = "database read-only (25006)"
    CUT_CLIENTS = "connections of clients cut"
    HOLD_CLIENTS = "network of clients silent"
    KILL_RELAY = "relay killed (SIGKILL)"


PROXIED = frozenset(
    {
        Kind.CUT_DATABASE,
        Kind.REFUSE_DATABASE,
        Kind.HOLD_DATABASE,
        Kind.SLOW_DATABASE,
        Kind.LOSE_NOTIFICATIONS,
    }
)
"""What needs a proxy in front of Postgres."""

OF_DATABASE = PROXIED - {Kind.SLOW_DATABASE, Kind.LOSE_NOTIFICATIONS} | {
    Kind.KILL_POSTGRES,
    Kind.KILL_KEEPER,
    Kind.KILL_SESSION,
    Kind.PAUSE_POSTGRES,
    Kind.FULL_DISK,
    Kind.READ_ONLY,
}
"""What keeps the database from taking writes; it is measured how soon after it the next one is acknowledged."""

RESTARTING = frozenset({Kind.KILL_POSTGRES, Kind.KILL_KEEPER, Kind.KILL_SESSION})
"""After which Postgres has to start anew, or to recover; it is back when it answers."""

LASTING = frozenset(
    {
        Kind.PAUSE_SERVER,
        Kind.PAUSE_POSTGRES,
        Kind.REFUSE_DATABASE,
        Kind.HOLD_DATABASE,
        Kind.SLOW_DATABASE,
        Kind.LOSE_NOTIFICATIONS,
        Kind.FULL_DISK,
        Kind.READ_ONLY,
        Kind.HOLD_CLIENTS,
    }
)
"""What goes on for a while; the rest happens at a moment."""

INTERRUPTING = frozenset(Kind) - {
    Kind.LOSE_NOTIFICATIONS,
    Kind.SLOW_DATABASE,
    Kind.CUT_CLIENTS,
    Kind.HOLD_CLIENTS,
    Kind.KILL_RELAY,
}
"""What may end a call to a webhook between its being taken and that being noted: then it comes again."""

WEIGHTS: dict[Kind, int] = dict.fromkeys(Kind, 2) | {
    Kind.KILL_SERVER: 4,
    Kind.KILL_WORKER: 4,
    Kind.KILL_POSTGRES: 3,
    Kind.CUT_DATABASE: 3,
    Kind.KILL_RELAY: 1,
}

LASTS_S = (0.2, 3.0)
PAUSE_S = (0.1, 1.5)
"""Between the end of one fault and the beginning of the next; some therefore come while another is being got over."""


class Planned(msgspec.Struct, frozen=True):
    """A fault: after so many seconds, for so many seconds (0: a moment); `choice` in [0, 1) says which of several."""

    at_s: float
    kind: Kind
    for_s: float
    choice: float


class Plan(msgspec.Struct, frozen=True):
    """A round."""

    seed: int
    number: int
    deployment: Deployment
    faults: Sequence[Planned]


def possible(kind: Kind, deployment: Deployment) -> bool:
    """Whether something can be broken there."""
    if kind in PROXIED:
        return not deployment.startswith("embedded")
    if kind is Kind.KILL_WORKER:
        return deployment.endswith("group")
    return True


def plan(
    seed: int,
    number: int,
    faults_s: float,
    deployment: Deployment | None = None,
    *,
    pause_s: tuple[float, float] = PAUSE_S,
    each_once: bool = False,
) -> Plan:
    """What happens in a round of a campaign, whose faults begin within `faults_s` seconds.

    `each_once`: first every kind that is possible there, in any order, and only then whatever comes.
    """
    generator = random.Random(f"{seed}/{number}")
    weights: dict[Deployment, int] = {"one": 2, "group": 4, "embedded": 1, "embedded group": 1}
    drawn = generator.choices(list(weights), weights=list(weights.values()))[0]
    chosen = deployment or drawn
    kinds = [kind for kind in Kind if possible(kind, chosen)]
    faults: list[Planned] = []
    first = generator.sample(kinds, len(kinds)) if each_once else []
    now_s = generator.uniform(0.2, 1.0)
    while now_s < faults_s:
        kind = first.pop() if first else generator.choices(kinds, weights=[WEIGHTS[kind] for kind in kinds])[0]
        for_s = round(generator.uniform(*LASTS_S), 3) if kind in LASTING else 0.0
        faults.append(Planned(round(now_s, 3), kind, for_s, generator.random()))
        now_s += for_s + generator.uniform(*pause_s)
    return Plan(seed, number, chosen, tuple(faults))
