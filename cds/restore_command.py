"""`cds restore`: a backup into an empty database.

This module speaks to the person at the command line; it must not know what a backup consists of.
"""

from datetime import UTC, datetime
from pathlib import Path

import click

from cds.command_line import database_options, run
from cds.place import Place


def read_moment(_context: click.Context, _parameter: click.Parameter, value: str | None) -> datetime | None:
    """A moment in ISO 8601; one without an offset is UTC."""
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is not like 2031-05-17T10:00:00Z") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option(
    "--at",
    "moment",
    metavar="TIME",
    envvar="CDS_AT",
    callback=read_moment,
    help="The last backup that was taken by then, such as 2031-05-17T10:00:00Z.  [default: the last one]",
)
@click.option("--check", is_flag=True, envvar="CDS_CHECK", help="Read and check the backup, and restore nothing.")
@database_options
def restore(*, directory: Path, moment: datetime | None, check: bool, data_dir: Path, database_url: str | None) -> None:
    """Restore the backup in DIRECTORY into an empty database, such as a new data directory.

    No server may run on that database yet. When this is interrupted no server starts there; the same command goes on.
    Afterwards everything is as it was: a feed token of then is good, one that was handed out later gets 400.
    """
    place = Place(data_dir, database_url)
    run(restore_or_check(directory, moment, place, check_alone=check), log_level="warning")


async def restore_or_check(directory: Path, moment: datetime | None, place: Place, *, check_alone: bool) -> None:
    """Restore a backup, or only read it, and tell what it came to. Raises StoreRefused and StoreUnavailable."""
    from cds.backups.putting_back import check, chosen_backup, restore_backup
    from cds.progress import shown_progress

    kept = chosen_backup(directory, moment)
    with shown_progress() as report:
        if check_alone:
            await check(directory, kept, report)
        else:
            async with place.dsn() as dsn:
                await restore_backup(dsn, directory, kept, report)
    manifest = kept.manifest
    click.echo(
        f"{directory}: backup {manifest.number} of {manifest.taken_at.isoformat(timespec='seconds')} "
        f"{'is intact' if check_alone else 'is restored'}: {len(manifest.streams)} streams, {manifest.rows} events, "
        f"{manifest.files} files"
    )
