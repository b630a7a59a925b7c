"""The chart: how many machines each resource alone would ask for, by the number of viewers.

This module must not know how the demands come about.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.capacity.assumptions import Assumptions
from tests.benchmarks.capacity.demands import ONE_OF, Demand, Resource
from tests.benchmarks.capacity.model import plan
from tests.benchmarks.capacity.reliefs import relieved
from tests.benchmarks.capacity.unit_costs import Numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZES = (10_000, 1_000_000, 10_000_000)
VIEWERS = tuple(round(10 ** (exponent / 8)) for exponent in range(3 * 8, 7 * 8 + 5))
ASKED_MIN, ASKED_MAX = 0.003, 4_000

STYLES: dict[Resource, tuple[str, str]] = {
    "processors of edges": ("#c1272d", "-"),
    "processors of edges, everybody arrives": ("#c1272d", ":"),
    "memory of edges": ("#e58606", "-"),
    "network of edges": ("#0a6ebd", "-"),
    "places at edges": ("#808080", "-"),
    "processors of the core": ("#7b3fa0", "-"),
    "processors of the core, everybody arrives": ("#7b3fa0", ":"),
    "processors of NATS": ("#2a9d4b", "-"),
    "ways out of the site": ("#0a6ebd", "--"),
    "commits of Postgres": ("#303030", "--"),
}
"""Colour and line of each resource that is drawn; the others lie far below."""

MANY = 10
"""From here on numbers of machines have no decimals."""

BELOW = "below: one is enough"
PAPER = {"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
MACHINES = [0.01, 0.1, 1, 10, 100, 1_000]
TICKS = {
    1_000: "1 thousand",
    10_000: "10 thousand",
    100_000: "100 thousand\nviewers",
    1_000_000: "1 million",
    10_000_000: "10 million",
}

PANELS: tuple[tuple[str, Callable[[Assumptions], Assumptions]], ...] = (
    ("As it comes: TLS in the edge, nothing in front, passwords", lambda assumptions: assumptions),
    ("With a proxy and a cache in front, longer ticks, tokens", relieved),
)


def draw(assumptions: Assumptions, numbers: Numbers, chart: Path) -> None:
    """Both panels as a PNG."""
    # It takes a second to import, and whoever only reckons needs none of it.
    from matplotlib.figure import Figure as Chart

    figure = Chart(figsize=(13, 6.4), layout="constrained")
    panels = figure.subplots(1, len(PANELS), sharey=True)
    for axes, (title, changed) in zip(panels, PANELS, strict=True):
        _panel(axes, changed(assumptions), numbers)
        axes.set_title(title, fontsize=11)
    panels[0].set_ylabel("how many of it this resource alone would ask for")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=9, frameon=False)
    figure.suptitle("What viewers of one contest ask for: the highest line is the bottleneck", fontsize=13)
    chart.parent.mkdir(exist_ok=True)
    figure.savefig(chart, dpi=110)


def _panel(axes: "Axes", assumptions: Assumptions, numbers: Numbers) -> None:
    plans = [plan(viewers, assumptions, numbers) for viewers in VIEWERS]
    for resource, (colour, line) in STYLES.items():
        asked = [each.demand(resource).asks_for for each in plans]
        label = f"{resource} ({ONE_OF[plans[0].demand(resource).tier]})"
        axes.plot(VIEWERS, asked, color=colour, linestyle=line, linewidth=2, label=label)
    axes.axhspan(ASKED_MIN, 1, color="#2a9d4b", alpha=0.07)
    axes.axhline(1, color="#2a9d4b", linewidth=1.2)
    axes.text(VIEWERS[-1] * 0.85, 0.84, BELOW, color="#1d7a3a", fontsize=9, ha="right", va="top", bbox=PAPER)
    for viewers in SIZES:
        _mark(axes, viewers, plan(viewers, assumptions, numbers).bottleneck)
    axes.set(xscale="log", yscale="log", xlim=(VIEWERS[0], VIEWERS[-1]), ylim=(ASKED_MIN, ASKED_MAX))
    axes.set_xticks(list(TICKS), list(TICKS.values()))
    axes.set_yticks(list(MACHINES), [f"{count:,g}" for count in MACHINES])
    axes.grid(visible=True, which="major", alpha=0.35)


def _mark(axes: "Axes", viewers: int, bottleneck: Demand) -> None:
    """A point on the highest line, with what it stands for."""
    asked = bottleneck.asks_for
    axes.plot([viewers], [asked], marker="o", markersize=9, color="#c1272d", markeredgecolor="white", zorder=5)
    many = f"{asked:,.{int(asked < MANY)}f} {ONE_OF[bottleneck.tier]}" if asked > 1 else f"{asked:.0%} of one"
    axes.annotate(
        f"{bottleneck.resource}:\n{many}",
        (viewers, asked),
        xytext=(-10, 12),
        textcoords="offset points",
        fontsize=8.5,
        ha="right",
        va="bottom",
        bbox={"boxstyle": "round,pad=0.3", "facecolor": "white", "edgecolor": "#c1272d", "alpha": 0.92},
    )
