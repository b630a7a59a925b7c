"""`cds log`: its options, and how it ends.

This module translates words into calls; it must not hold rules.
"""

import os
import sys
from pathlib import Path

import click

from cds.command_line import database_options, run

LIMIT_MAX = 100_000


@click.command()
@click.argument("name", metavar="CONTEST")
@click.option("--type", "types", metavar="TYPE", multiple=True, envvar="CDS_LOG_TYPE", help="Only this; repeatable.")
@click.option("--id", "identifier", metavar="ID", envvar="CDS_LOG_ID", help="Only objects of this id.")
@click.option("--actor", metavar="NAME", envvar="CDS_LOG_ACTOR", help="Only what this account did.")
@click.option(
    "--since",
    metavar="TIME",
    envvar="CDS_LOG_SINCE",
    help="From then on: 2031-05-17T15:00:00Z, or a contest time (1:23:45).",
)
@click.option("--until", metavar="TIME", envvar="CDS_LOG_UNTIL", help="Up to then.")
@click.option(
    "--limit",
    metavar="NUMBER",
    envvar="CDS_LOG_LIMIT",
    type=click.IntRange(1, LIMIT_MAX),
    help="Only the last so many.",
)
@click.option("--json", "as_json", is_flag=True, envvar="CDS_LOG_JSON", help="One JSON object a line.")
@database_options
def log(  # noqa: PLR0913 - one argument for each option
    *,
    name: str,
    types: tuple[str, ...],
    identifier: str | None,
    actor: str | None,
    since: str | None,
    until: str | None,
    limit: int | None,
    as_json: bool,
    data_dir: Path,
    database_url: str | None,
) -> None:
    """Tell what happened in a contest: when, by whom and why, and what it changed.

    Also records beside the objects (types that begin with x-), and streams outside contests, by name: users, matches,
    students, webhooks, sync:codeforces, shadow:CONTEST/NAME. Safe while servers run.
    """
    from cds.past.log import LogChoices, tell_log
    from cds.place import Place

    choices = LogChoices(
        types=frozenset(types),
        id=identifier,
        actor=actor,
        since=since,
        until=until,
        limit=limit,
        json=as_json,
    )
    try:
        run(tell_log(name, Place(data_dir, database_url), choices, _tell), log_level="warning")
    except _EnoughSeen:
        # What is left in the buffer is not to be complained about at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _EnoughSeen(Exception):
    """Nobody reads any more, as behind `| head`."""


def _tell(line: str) -> None:
    try:
        click.echo(line)
    except BrokenPipeError:
        raise _EnoughSeen from None
