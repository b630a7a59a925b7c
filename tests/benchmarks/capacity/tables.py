"""The model's results as tables of Markdown, for the documentation and for a terminal.

This module must not know how the results come about.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec

from tests.benchmarks.capacity.assumptions import Assumptions
from tests.benchmarks.capacity.demands import ONE_OF, Demand
from tests.benchmarks.capacity.documented_properties import property_texts
from tests.benchmarks.capacity.model import Plan
from tests.benchmarks.capacity.reliefs import Step, steps
from tests.benchmarks.capacity.unit_costs import Numbers, RecordedLoad, UnitCosts
from tests.benchmarks.figures import shown

BEGIN, END = "<!-- capacity: {} -->", "<!-- capacity: end -->"
QUIET_LOAD_MAX = 1.0
DISTURBED = ": others were at work, so the costs are rather too high. They should be taken again."

NATS_NODES = Assumptions().nats_nodes

ROWS: tuple[tuple[str, Callable[[Plan], str]], ...] = (
    ("**first bottleneck**", lambda plan: f"**{_demand(plan.bottleneck)}**"),
    ("edge machines, one of them spare", lambda plan: f"{plan.edge_machines:,}"),
    ("edge processes, one for each core", lambda plan: f"{plan.edge_processes:,}"),
    ("processors of the edges at work", lambda plan: f"{shown(plan.edge_cores_used)} cores"),
    ("memory of the edges", lambda plan: f"{shown(plan.edge_memory_gib)} GiB"),
    ("out to viewers, busiest minute", lambda plan: f"{shown(plan.live_gbit_s)} Gbit/s"),
    ("… mean of the contest", lambda plan: f"{shown(plan.mean_gbit_s)} Gbit/s"),
    ("… while everybody arrives", lambda plan: f"{shown(plan.arrival_gbit_s)} Gbit/s"),
    ("NATS: deliveries to edges", lambda plan: f"{shown(plan.nats_deliveries_s)}/s"),
    ("… bytes", lambda plan: f"{shown(plan.into_edges_mbit_s)} Mbit/s"),
    ("… used of the node that leads the stream", lambda plan: _share(plan, "processors of NATS")),
    ("nodes of NATS", lambda _plan: str(NATS_NODES)),
    ("core", lambda plan: f"{shown(plan.core_cores_used)} cores, {_counted(plan.core_machines, 'machine')}"),
    (
        "… while everybody arrives",
        lambda plan: f"{shown(plan.core_cores_arrival)} cores, {shown(plan.passed_on_arrival_s)} requests/s of edges",
    ),
    ("Postgres", lambda plan: f"{_share(plan, 'commits of Postgres')} of its commits"),
    ("sites", lambda plan: str(plan.sites)),
    ("the thaw: until everybody has it", lambda plan: f"{plan.thaw_s:.2g} s"),
    ("an edge machine fails: viewers who move", lambda plan: f"{plan.viewers_moved:,.0f}"),
    ("… work for the others, beside 1 to 4 s of waiting", lambda plan: f"{plan.back_s:.2g} s"),
)


def sections(sizes: Sequence[int], assumptions: Assumptions, numbers: Numbers) -> dict[str, str]:
    """Every table by its name."""
    found = {size: steps(size, assumptions, numbers) for size in sizes}
    return {
        "as it comes": _plans({size: each[0].plan for size, each in found.items()}),
        "relieved": _plans({size: each[-1].plan for size, each in found.items()}),
        "steps": _steps(found),
        "costs": _costs(numbers),
        "assumptions": _properties(Assumptions, assumptions),
    }


def write_into(document: Path, tables: dict[str, str]) -> None:
    """Put each table between its marks. Raises ValueError for a document that lacks one."""
    text = document.read_text(encoding="utf-8")
    for name, table in tables.items():
        before, begin, rest = text.partition(BEGIN.format(name))
        _, end, after = rest.partition(END)
        if not begin or not end:
            raise ValueError(f"{document.name} has no place for {name}")
        text = f"{before}{begin}\n{table}\n{end}{after}"
    document.write_text(text, encoding="utf-8")


def _plans(plans: dict[int, Plan]) -> str:
    return _table(
        ("viewers", *(f"{size:,}" for size in plans)),
        ((name, *(cell(plan) for plan in plans.values())) for name, cell in ROWS),
    )


def _steps(found: dict[int, list[Step]]) -> str:
    rows = []
    for size, each in found.items():
        for number, step in enumerate(each):
            done = "as it comes" if step.done is None else step.done.text
            viewers = f"{size:,}" if number == 0 else ""
            binds = _demand(step.plan.bottleneck)
            rows.append((viewers, step.against or "", done, binds, f"{step.plan.edge_machines:,}"))
    return _table(("viewers", "against", "what is done", "what binds then", "edge machines"), rows)


def _costs(numbers: Numbers) -> str:
    on = numbers.measured_on
    head = (
        f"Measured on {on.day}: {on.cores} cores ({on.processor}), Python {on.python}, `cds "
        f"{'edge' if on.kind == 'edge' else 'serve'}`, {on.clients:,} clients, "
        f"load average {on.load_average:.2g} when it began{DISTURBED if on.load_average > QUIET_LOAD_MAX else '.'}"
    )
    return "\n\n".join((head, _properties(UnitCosts, numbers.costs), _properties(RecordedLoad, numbers.load)))


def _properties(structure: type[msgspec.Struct], instance: msgspec.Struct) -> str:
    texts = property_texts(structure)
    rows = ((f"`{name}`", _value(getattr(instance, name)), texts.get(name, "″")) for name in instance.__struct_fields__)
    return _table(("name", "value", "what it is"), rows)


def _value(value: object) -> str:
    return f"{value:,.6g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _demand(demand: Demand) -> str:
    asked = demand.asks_for
    load = f"{shown(demand.load)} {demand.unit}"
    if asked < 1:
        return f"{demand.resource}: {load}, {asked:.0%} of what one has"
    return f"{demand.resource}: {load}, {asked:,.1f} {ONE_OF[demand.tier]}"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count > 1)}"


def _share(plan: Plan, resource: str) -> str:
    return next(f"{each.asks_for:.0%}" for each in plan.demands if each.resource == resource)
