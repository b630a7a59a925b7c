"""`cds follow`: its options, and what they mean for the source that is followed.

This module translates words into options; it must not know how a source is followed.
"""

import os
from pathlib import Path
from typing import TypedDict, Unpack

import click

from cds.command_line import database_options, run
from cds.configuration import LogFormat, LogLevel
from cds.log_options import line_options

USERNAME_VARIABLE = "CDS_FOLLOW_USERNAME"
PASSWORD_VARIABLE = "CDS_FOLLOW_PASSWORD"  # noqa: S105 - the name of a variable


class FollowOptions(TypedDict):
    """The options of `cds follow` that say who is followed and how, by the names that click gives them."""

    url: str
    contest_id: str | None
    shadow: str | None
    username: str | None
    password_file: Path | None
    certificates: Path | None
    files_from: tuple[str, ...]
    pause_s: float
    log_level: LogLevel
    log_format: LogFormat


@click.command()
@click.argument("url")
@click.option("--contest-id", metavar="ID", envvar="CDS_CONTEST_ID", help="The id here.  [default: the upstream's]")
@click.option(
    "--shadow",
    metavar="NAME",
    envvar="CDS_SHADOW",
    help="Take it as the judging of a second system of that name: to be compared only, and shown nowhere.",
)
@click.option("--username", envvar=USERNAME_VARIABLE, metavar="NAME", help="Who we are at the upstream.")
@click.option(
    "--password-file",
    envvar="CDS_FOLLOW_PASSWORD_FILE",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help=f"Holds the password there.  [default: what {PASSWORD_VARIABLE} says]",
)
@click.option(
    "--certificates",
    envvar="CDS_FOLLOW_CERTIFICATES",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="PEM file with the certificates to be trusted, where they are not the system's.",
)
@click.option(
    "--files-from",
    multiple=True,
    envvar="CDS_FOLLOW_FILES_FROM",
    metavar="HOST",
    help="Fetch files also from this host where it is none of the public internet; repeatable. The upstream's own is "
    "always asked.",
)
@click.option("--until-end", is_flag=True, envvar="CDS_UNTIL_END", help="Exit when the updates have ended.")
@click.option(
    "--pause",
    "pause_s",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0, 30, min_open=True),
    envvar="CDS_FOLLOW_PAUSE",
    metavar="SECONDS",
    help="How long to wait after an outage; twice as long after every further one, up to 30 s.",
)
@line_options
@database_options
def follow(*, until_end: bool, data_dir: Path, database_url: str | None, **options: Unpack[FollowOptions]) -> None:
    """Follow the contest at URL, such as http://host/api/contests/ID, on another contest server of any version.

    It goes on after outages of either side where it stopped. The password stands in CDS_FOLLOW_PASSWORD or in a file.
    """
    from cds.place import Place
    from cds.upstream import alone
    from cds.upstream.describing import source_options, with_file_hosts
    from cds.upstream.patience import Patience

    try:
        source = source_options(
            options["url"],
            contest_id=options["contest_id"],
            shadow=options["shadow"],
            username=options["username"],
            password=_password(options["password_file"]),
            certificates=options["certificates"],
            patience=Patience(pause_s=options["pause_s"]),
        )
        source = with_file_hosts(source, options["files_from"])
    except ValueError as refused:
        raise click.UsageError(str(refused)) from None
    run(
        alone.follow(source, Place(data_dir, database_url), until_end=until_end),
        log_format=options["log_format"],
        log_level=options["log_level"],
    )


def _password(password_file: Path | None) -> str | None:
    from cds.upstream.describing import password_in

    if password_file is not None:
        return password_in(password_file)
    return os.environ.get(PASSWORD_VARIABLE) or None
