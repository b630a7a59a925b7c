"""Demands: what is asked of a resource beside what one machine gives of it, and the units in which that is told.

Pure. This module must not know what asks for it.
"""

from typing import Literal

import msgspec

KIB = 1_024
GIB = 1_024**3
BITS_PER_BYTE = 8
GBIT = 1e9
SECOND_US = 1e6
MIB_PER_GIB = 1_024
STORM_HEADROOM = 0.95
"""What may be used for seconds: when those come back who have lost their edge, and at the thaw."""

Resource = Literal[
    "processors of edges",
    "processors of edges, everybody arrives",
    "memory of edges",
    "network of edges",
    "network of edges, everybody arrives",
    "places at edges",
    "processors of the core",
    "processors of the core, everybody arrives",
    "processors of NATS",
    "network of NATS",
    "ways out of the site",
    "commits of Postgres",
]

Tier = Literal["edge", "core", "nats", "site", "postgres"]
ONE_OF: dict[Tier, str] = {
    "edge": "machines",
    "core": "machines",
    "nats": "clusters",
    "site": "sites",
    "postgres": "databases",
}
"""What more of a tier would be."""


class Demand(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of a resource, and what one machine, cluster, site or database gives of it, in the same unit."""

    resource: Resource
    tier: Tier
    load: float
    one_gives: float
    unit: str

    @property
    def asks_for(self) -> float:
        """How many of these this resource alone would ask for."""
        return self.load / self.one_gives
