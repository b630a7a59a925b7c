"""Options that say what is logged, and how.

This module translates words; it must not know what lines there are.
"""

from collections.abc import Callable
from typing import TypeVar, get_args

import click

from cds.configuration import LogFormat, LogLevel

Command = TypeVar("Command", bound=Callable[..., object])


def line_options(command: Command) -> Command:
    """`--log-level` and `--log-format`."""
    options = (
        click.option(
            "--log-level",
            type=click.Choice(get_args(LogLevel)),
            default="info",
            show_default=True,
            envvar="CDS_LOG_LEVEL",
            help="The least that is logged.",
        ),
        click.option(
            "--log-format",
            type=click.Choice(get_args(LogFormat)),
            default="auto",
            show_default=True,
            envvar="CDS_LOG_FORMAT",
            help="auto: for people on a terminal, else JSON.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def log_options(command: Command) -> Command:
    """`--log-level`, `--log-format` and `--access-log`."""
    access_log = click.option(
        "--access-log/--no-access-log",
        default=True,
        show_default=True,
        envvar="CDS_ACCESS_LOG",
        help="One line for each request.",
    )
    return line_options(access_log(command))
