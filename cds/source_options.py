"""Options that say whom a server follows.

This module translates words; it must not know how a source is followed.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from cds.upstream.options import SourceOptions

Command = TypeVar("Command", bound=Callable[..., object])


def source_options(command: Command) -> Command:
    """`--source` and `--sources`."""
    options = (
        click.option(
            "--source",
            "followed",
            multiple=True,
            metavar="CONTEST_ID=URL",
            envvar="CDS_SOURCE",
            help="Follow the contest at URL on another server (http://host/api/contests/ID), as that contest; "
            "repeatable.",
        ),
        click.option(
            "--sources",
            "sources_file",
            type=click.Path(path_type=Path, dir_okay=False, exists=True),
            envvar="CDS_SOURCES",
            help="TOML file with a [[source]] for each that is followed: contest_id, url, username, password_file or "
            "password_env, shadow, certificates, files_from.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def chosen_sources(followed: tuple[str, ...], sources_file: Path | None) -> tuple[SourceOptions, ...]:
    """The sources that the options come to. Raises BadParameter."""
    from cds.upstream.describing import DescriptionRefused, option_of, read_sources, without_repetition

    sources = []
    for text in followed:
        try:
            sources.append(option_of(text))
        except DescriptionRefused as refused:
            # The text itself is not repeated: somebody may have put a password into the URL.
            raise click.BadParameter(f"--source: {refused}") from None
    try:
        return without_repetition([*sources, *(read_sources(sources_file) if sources_file is not None else ())])
    except DescriptionRefused as refused:
        raise click.BadParameter(str(refused)) from None
