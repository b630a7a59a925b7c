"""What was measured: series of values, ours beside a baseline, and the one table that shows them.

This module must not know how anything is measured.
"""

from collections.abc import Callable, Iterable
from math import isnan
from statistics import median

import msgspec
from rich.console import Console
from rich.table import Table

TABLE_WIDTH_MIN = 150
"""Columns of the table where the output is no terminal, or a narrow one."""

WRITTEN_AS: tuple[tuple[float, str, float, int], ...] = (
    (1_000_000, " M", 1_000_000, 2),
    (100_000, " k", 1_000, 0),
    (100, "", 1, 0),
    (0, "", 1, 2),
)
"""From which value on: the unit prefix, what it is divided by, and its decimals."""

UNKNOWN = "–"
"""Stands where there was nothing to measure (not a number)."""


class Series(msgspec.Struct, frozen=True):
    """The same thing measured several times, in one unit."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The value in the middle."""
        return median(self.values)

    def __str__(self) -> str:
        """Median, and the smallest and largest value."""
        if isnan(self.median):
            return UNKNOWN
        return f"{shown(self.median)} ({shown(min(self.values))}–{shown(max(self.values))})"


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table. `more_is_better` is true of rates, false of durations and memory."""

    subject: str
    unit: str
    ours: Series
    baseline: Series
    baseline_is: str
    more_is_better: bool = True

    @property
    def ratio(self) -> float:
        """How good ours is against the baseline: 1 is as good, more is better, whatever the unit."""
        ratio = self.ours.median / self.baseline.median
        return ratio if self.more_is_better else 1 / ratio


class Maximum(msgspec.Struct, frozen=True, kw_only=True):
    """What a load generator reaches where the server does next to nothing: figures near it say nothing of servers."""

    subject: str
    unit: str
    reached: Series


def side_by_side(repeats: int, ours: Callable[[], float], baseline: Callable[[], float]) -> tuple[Series, Series]:
    """Measure both in turn, so that whatever else the machine does strikes both alike."""
    pairs = [(ours(), baseline()) for _ in range(repeats)]
    return Series(tuple(mine for mine, _ in pairs)), Series(tuple(other for _, other in pairs))


def print_table(title: str, figures: Iterable[Figure], maxima: Iterable[Maximum]) -> None:
    """Print everything that was measured."""
    table = Table(title=title, title_justify="left", caption_justify="left")
    table.caption = (
        "Median (smallest to largest). Ratio: 1.00 is as good as the baseline, more is better, also for s and MB."
    )
    for heading in ("what", "unit", "ours", "baseline"):
        table.add_column(heading, justify="right" if heading in ("ours", "baseline") else "left")
    table.add_column("ratio", justify="right")
    table.add_column("the baseline is")
    for figure in figures:
        table.add_row(
            figure.subject,
            figure.unit,
            str(figure.ours),
            str(figure.baseline),
            UNKNOWN if isnan(figure.ratio) else f"{figure.ratio:.2f}",
            figure.baseline_is,
        )
    table.add_section()
    for maximum in maxima:
        table.add_row(maximum.subject, maximum.unit, "", str(maximum.reached), "", "what the load generator can take")
    console = Console()
    Console(width=max(console.width, TABLE_WIDTH_MIN)).print(table)


def shown(value: float) -> str:
    """A number as the table shows it."""
    if isnan(value):
        return UNKNOWN
    _, prefix, divisor, decimals = next(row for row in WRITTEN_AS if value >= row[0])
    return f"{value / divisor:,.{decimals}f}{prefix}"
