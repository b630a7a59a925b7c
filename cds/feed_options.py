"""The options that set limits, each by its name: here those of the delivery of feeds and scoreboards.

This module translates words; `cds/fan_out/limits.py` says what each limit of the delivery means.
"""

from collections.abc import Callable
from typing import TypeVar

import click
import msgspec

from cds.fan_out.limits import FeedLimits

Command = TypeVar("Command", bound=Callable[..., object])
Limits = TypeVar("Limits", bound=msgspec.Struct)


def limits_of(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> FeedLimits:
    """The limits that are meant."""
    return named_limits(values, FeedLimits)


def named_limits(values: tuple[str, ...], table: type[Limits]) -> Limits:
    """The limits of a table that are meant; a value may hold several, separated by commas. Raises BadParameter."""
    wanted = [text.partition("=") for value in values for text in value.split(",") if text.strip()]
    named = {name.strip().replace("-", "_"): number.strip() for name, _, number in wanted}
    unknown = sorted(named.keys() - set(table.__struct_fields__))
    if unknown:
        raise click.BadParameter(f"{unknown[0]!r} is none of {', '.join(table.__struct_fields__)}")
    try:
        return msgspec.convert(named, table, strict=False)
    except msgspec.ValidationError as error:
        raise click.BadParameter(str(error)) from None


def feed_options(command: Command) -> Command:
    """`--feed-limit`."""
    return click.option(
        "--feed-limit",
        "feed_limits",
        multiple=True,
        metavar="NAME=VALUE",
        callback=limits_of,
        envvar="CDS_FEED_LIMITS",
        help="A limit of the event feeds and followed scoreboards of each worker, such as stalled_s=60, "
        "clients_max=5000 or boards_max=5000; repeatable.",
    )(command)
