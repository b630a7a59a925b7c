"""`cds compare`: its options, and how it ends.

This module translates words into calls; it must not hold rules.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import click

from cds.command_line import CommandRefused, database_options, run
from cds.compare_access import AccessOptions, access_options, chosen_access

if TYPE_CHECKING:
    from projections.comparison_results import Comparison

LISTED_MAX = 2_000


class NotCompared(CommandRefused):
    """What ends a comparison with exit code 2: whether there are differences is not known."""

    exit_code = 2


@click.command()
@click.argument("a")
@click.argument("b")
@click.option(
    "--ignore",
    "left_out",
    metavar="TYPE[.PROPERTY]",
    multiple=True,
    envvar="CDS_COMPARE_IGNORE",
    help="Leave out a type, or a property, such as runs or judgements.start_time; repeatable.",
)
@click.option(
    "--verdicts-only",
    is_flag=True,
    envvar="CDS_COMPARE_VERDICTS_ONLY",
    help="B judges by itself: compare verdicts, not judgements and runs with their ids and times. x-comparison does so "
    "with every second system.",
)
@click.option(
    "--html",
    "page",
    metavar="FILE",
    envvar="CDS_COMPARE_HTML",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a report for browsers too.",
)
@click.option("--json", "as_json", is_flag=True, envvar="CDS_COMPARE_JSON", help="Print all differences as JSON.")
@click.option(
    "--limit",
    "listed_max",
    envvar="CDS_COMPARE_LIMIT",
    default=LISTED_MAX,
    show_default=True,
    type=click.IntRange(1),
    help="Entries of each list in JSON and HTML; all are counted.",
)
@access_options
@click.option(
    "--base-url",
    envvar="CDS_COMPARE_BASE_URL",
    metavar="URL",
    help="Where the API of the log's own server is, such as http://127.0.0.1:8080/api; the HTML report links there.",
)
@database_options
def compare(  # noqa: PLR0913 - one argument for each option
    *,
    a: str,
    b: str,
    left_out: tuple[str, ...],
    verdicts_only: bool,
    page: Path | None,
    as_json: bool,
    listed_max: int,
    base_url: str | None,
    data_dir: Path,
    database_url: str | None,
    **access: Unpack[AccessOptions],
) -> None:
    """Compare two contests: verdicts, objects, properties, scoreboards and awards.

    A and B are each a contest of the log (ID, or contest:ID where a file has that name), a second system in the log
    (shadow:ID/NAME), a contest package (directory or .zip), a recorded event feed, or a contest on a server
    (http://host/api/contests/ID), whose feed is read.

    Exit code 0: no differences, 1: they differ, 2: they could not be compared, or wrong usage.
    """
    from cds.comparing import command
    from cds.place import Place

    choices = command.Choices(
        left_out=left_out,
        verdicts_only=verdicts_only,
        json=as_json,
        page=page,
        access=chosen_access(a, b, access),
        base_url=base_url,
        listed_max=listed_max,
    )
    found: list[Comparison] = []
    try:
        run(command.compare(a, b, Place(data_dir, database_url), choices, found.append))
    except CommandRefused as refused:
        raise NotCompared(refused.message) from refused
    if not all(comparison.equal for comparison in found):
        raise SystemExit(1)
