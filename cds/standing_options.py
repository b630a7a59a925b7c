"""The options of every server about where it stands: what is in front of it, and how it leaves.

This module translates words; it must not know what is served.
"""

from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TypeVar

import click

from cds.configuration import DRAIN_S_MAX

Command = TypeVar("Command", bound=Callable[..., object])


def check_networks(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[IPv4Network | IPv6Network, ...]:
    """The networks that are meant; a value may hold several, separated by commas."""
    texts = [text.strip() for value in values for text in value.split(",") if text.strip()]
    try:
        return tuple(ip_network(text, strict=False) for text in texts)
    except ValueError as error:
        raise click.BadParameter(f"{error}, nor an address") from None


def trusted_proxy_option(command: Command) -> Command:
    """`--trusted-proxy`."""
    return click.option(
        "--trusted-proxy",
        "trusted_proxies",
        multiple=True,
        metavar="CIDR",
        callback=check_networks,
        envvar="CDS_TRUSTED_PROXIES",
        help="Address or network of a proxy that is believed when it says for whom it asks (X-Forwarded-For); "
        "repeatable.",
    )(command)


def drain_option(command: Command) -> Command:
    """`--drain`."""
    return click.option(
        "--drain",
        "drain_s",
        default=0.0,
        show_default=True,
        type=click.FloatRange(0, DRAIN_S_MAX),
        envvar="CDS_DRAIN",
        metavar="SECONDS",
        help="Go on serving for so long after SIGTERM, with /readyz at 503, so that a balancer sends nobody here any "
        "more.",
    )(command)
