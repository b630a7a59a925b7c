"""What is done against each bottleneck, one after the other, until there is nothing left but more machines.

Pure. This module must not know how anything is shown.
"""

import msgspec

from tests.benchmarks.capacity.assumptions import Assumptions, assumed
from tests.benchmarks.capacity.demands import Resource
from tests.benchmarks.capacity.model import Plan, plan
from tests.benchmarks.capacity.unit_costs import Numbers


class Relief(msgspec.Struct, frozen=True, kw_only=True):
    """A measure, the bottlenecks against which it helps, and what it changes in the assumptions."""

    name: str
    text: str
    against: tuple[Resource, ...]
    changes: tuple[str, ...]


RELIEFS = (
    Relief(
        name="tokens",
        text="accounts log in with bearer tokens (`cds token`), so nothing is hashed",
        against=("processors of the core", "processors of the core, everybody arrives"),
        changes=("passwords=false",),
    ),
    Relief(
        name="TLS before the edges",
        text="TLS ends in a load balancer or proxy before the edges (`--behind-proxy`)",
        against=("memory of edges", "processors of edges, everybody arrives"),
        changes=("tls_at_edge=false", "page_connections=1"),
    ),
    Relief(
        name="cache for GETs",
        text="a cache before the edges (CDN, or nginx) keeps the answers of GET for one second",
        against=(
            "processors of edges",
            "processors of edges, everybody arrives",
            "network of edges, everybody arrives",
            "processors of the core, everybody arrives",
        ),
        changes=("requests_spared=0.97",),
    ),
    Relief(
        name="compressed stream",
        text="the proxy compresses the stream of the board",
        against=("network of edges", "ways out of the site"),
        changes=("stream_compression=0.35", "board_compression=0.06"),
    ),
    Relief(
        name="longer ticks",
        text="what changes within a second is sent together (`--feed-limit tick_s=1`, `--feed-limit board_beat_s=1`)",
        against=("processors of edges",),
        changes=("tick_s=1", "beat_s=1"),
    ),
)


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A plan, and what had been done before it against what was short in the one before; None for the first."""

    done: Relief | None
    against: Resource | None
    plan: Plan


def steps(viewers: int, assumptions: Assumptions, numbers: Numbers) -> list[Step]:
    """The plan as things are, and after each measure that helps against what binds then."""
    found = [Step(done=None, against=None, plan=plan(viewers, assumptions, numbers))]
    left = list(RELIEFS)
    while (helping := _helping(found[-1].plan, left)) is not None:
        relief, against = helping
        left.remove(relief)
        assumptions = assumed(relief.changes, assumptions)
        found.append(Step(done=relief, against=against, plan=plan(viewers, assumptions, numbers)))
    return found


def relieved(assumptions: Assumptions) -> Assumptions:
    """The assumptions with everything done that helps."""
    for relief in RELIEFS:
        assumptions = assumed(relief.changes, assumptions)
    return assumptions


def _helping(last: Plan, left: list[Relief]) -> tuple[Relief, Resource] | None:
    """What helps against the worst for which something is left; where one machine is enough nothing needs help."""
    for demand in sorted(last.demands, key=lambda each: -each.asks_for):
        for relief in left:
            if demand.asks_for > 1 and demand.resource in relief.against:
                return relief, demand.resource
    return None
