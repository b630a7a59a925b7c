"""`cds backup`: the whole log into a directory, also while servers run.

This module speaks to the person at the command line; it must not know what a backup consists of.
"""

from datetime import timedelta
from pathlib import Path

import click

from cds.command_line import database_options, run
from cds.place import Place

KEEP_DAYS_MAX = 36_500


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--verify",
    is_flag=True,
    envvar="CDS_VERIFY",
    help="Read everything in DIRECTORY again at the end, also what earlier backups have copied.",
)
@click.option(
    "--keep-days",
    type=click.IntRange(1, KEEP_DAYS_MAX),
    envvar="CDS_KEEP_DAYS",
    help="Forget the backups in DIRECTORY that are older than this.  [default: none]",
)
@database_options
def backup(*, directory: Path, verify: bool, keep_days: int | None, data_dir: Path, database_url: str | None) -> None:
    """Copy the whole log into DIRECTORY: all contests, files, accounts and keys, as they are at one moment.

    Servers may run meanwhile. A backup into the same directory again adds what is new, and goes on where one was
    interrupted. DIRECTORY holds password hashes and secrets: nobody else may read it, and no copy of it.
    """
    keep = None if keep_days is None else timedelta(days=keep_days)
    run(back_up(directory, Place(data_dir, database_url), verify=verify, keep=keep), log_level="warning")


async def back_up(directory: Path, place: Place, *, verify: bool, keep: timedelta | None) -> None:
    """Take a backup and tell what it came to. Raises StoreRefused and StoreUnavailable."""
    from cds.application import program_version
    from cds.backups.taking import take_backup
    from cds.progress import shown_progress

    async with place.dsn(make=False) as dsn:
        with shown_progress() as report:
            taken = await take_backup(dsn, directory, program_version(), report, verify=verify, keep=keep)
    manifest = taken.manifest
    click.echo(
        f"{directory}: backup {manifest.number} of {manifest.taken_at.isoformat(timespec='seconds')}, "
        f"{len(manifest.streams)} streams, {manifest.rows} events ({taken.rows} new), {manifest.files} files "
        f"({taken.files} new){', all of it read again' if verify else ''}"
        f"{'' if keep is None else f', {taken.forgotten} earlier ones forgotten'}"
    )
