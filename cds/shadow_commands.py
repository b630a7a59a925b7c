"""`cds shadow …`: which second systems there are, and taking one away.

This module translates words into calls; it must not hold rules.
"""

from pathlib import Path

import click

from cds.command_line import database_options, run


@click.group()
def shadow() -> None:
    """The second systems whose judging is compared (`--shadow NAME`); works while servers run on the same data."""


@shadow.command(name="list")
@click.argument("contest_id", required=False)
@database_options
def list_(*, contest_id: str | None, data_dir: Path, database_url: str | None) -> None:
    """List the second systems of a contest, or of all: contest, name, events."""
    from cds import transfer
    from cds.place import Place

    run(transfer.list_shadows(contest_id, Place(data_dir, database_url)))


@shadow.command()
@click.argument("contest_id")
@click.argument("name")
@database_options
def drop(*, contest_id: str, name: str, data_dir: Path, database_url: str | None) -> None:
    """Take a second system away; stop following it before. It may be imported or followed again under that name."""
    from cds import transfer
    from cds.place import Place

    run(transfer.drop_shadow(contest_id, name, Place(data_dir, database_url)))
