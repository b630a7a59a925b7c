"""`python -m tests.benchmarks.capacity`: draws the chart and writes the tables, and measures anew where it is told to.

This module puts the parts together; it must not know what the numbers mean.
"""

import tempfile
from pathlib import Path

import click

from tests.benchmarks.capacity.assumptions import Assumptions, assumed
from tests.benchmarks.capacity.drawing import SIZES, draw
from tests.benchmarks.capacity.tables import sections, write_into
from tests.benchmarks.capacity.unit_costs import NUMBERS, read_numbers, write_numbers
from tests.benchmarks.processes import PROJECT

CHART = PROJECT / "docs" / "capacity.png"
DOCUMENT = PROJECT / "docs" / "capacity.md"
CLIENTS = 1_000
WRITES = 25
CLIENTS_QUICK, WRITES_QUICK = 20, 3


@click.command()
@click.option("--measure", is_flag=True, help="Take the numbers anew on this machine (some minutes).")
@click.option("--kind", type=click.Choice(["core", "edge"]), default="edge", show_default=True, help="Which server.")
@click.option("--clients", type=click.IntRange(10, 4_000), default=CLIENTS, show_default=True)
@click.option("--quick", is_flag=True, help="Few clients, to see that measuring works; the figures mean nothing.")
@click.option("--assume", multiple=True, metavar="NAME=VALUE", help="Another assumption: prints, and writes nothing.")
@click.option("--viewers", type=int, multiple=True, help="Other numbers of viewers: prints, and writes nothing.")
@click.option("--chart", type=click.Path(path_type=Path), help="Where to draw to, with --assume too.")
def main(
    *,
    measure: bool,
    kind: str,
    clients: int,
    quick: bool,
    assume: tuple[str, ...],
    viewers: tuple[int, ...],
    chart: Path | None,
) -> None:
    """What so many viewers of a contest need."""
    try:
        assumptions = assumed(assume)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if measure or quick:
        _measure(kind, CLIENTS_QUICK if quick else clients, WRITES_QUICK if quick else WRITES, keep=not quick)
    numbers = read_numbers()
    tables = sections(viewers or SIZES, assumptions, numbers)
    asked_for_others = assumptions != Assumptions() or bool(viewers) or quick
    if not asked_for_others:
        write_into(DOCUMENT, tables)
    if chart is not None or not asked_for_others:
        draw(assumptions, numbers, chart or CHART)
    print("\n\n".join((tables["as it comes"], tables["steps"], tables["relieved"])))


def _measure(kind: str, clients: int, writes: int, *, keep: bool) -> None:
    from tests.benchmarks.capacity.measuring import measure

    with tempfile.TemporaryDirectory(prefix="cds-capacity-") as room:
        numbers = measure(Path(room), kind, clients, writes)
        write_numbers(numbers, NUMBERS if keep else Path(room) / NUMBERS.name)


if __name__ == "__main__":
    main()
