"""`cds serve`: its options, and what they mean for the configuration.

This module translates words into a configuration; it must not know how a server is built.
"""

import os
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import urlsplit

import click

from cds.command_line import database_options, run
from cds.configuration import DEFAULT_HOST, DEFAULT_PORT, Configuration


def check_base_url(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """Let pass what has the form of a base URL: http or https with a host, or a path from the root."""
    if value is None:
        return None
    if not value.startswith("/") and not is_whole_url(value):
        raise click.BadParameter(f"{value!r} is not like https://example.com/x/y/api/")
    if set(value) & set(" ?#{}"):
        raise click.BadParameter(f"{value!r} is more than the address of a directory")
    return value


def check_networks(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[IPv4Network | IPv6Network, ...]:
    """The networks that are meant; a value may hold several, separated by commas."""
    texts = [text.strip() for value in values for text in value.split(",") if text.strip()]
    try:
        return tuple(ip_network(text, strict=False) for text in texts)
    except ValueError as error:
        raise click.BadParameter(f"{error}, nor an address") from None


def is_whole_url(value: str) -> bool:
    """Whether a text is an http or https URL with a host."""
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


@click.command()
@click.option("--host", default=DEFAULT_HOST, show_default=True, envvar="CDS_HOST", help="Address to listen on.")
@click.option(
    "--port", default=DEFAULT_PORT, show_default=True, type=click.IntRange(0, 65535), envvar="CDS_PORT", help="Port."
)
@click.option(
    "--base-url",
    envvar="CDS_BASE_URL",
    callback=check_base_url,
    help="Where clients see the API behind a proxy, such as https://example.com/x/y/api/.",
)
@click.option(
    "--trusted-proxy",
    "trusted_proxies",
    multiple=True,
    metavar="CIDR",
    callback=check_networks,
    envvar="CDS_TRUSTED_PROXIES",
    help="Address or network of a proxy that is believed when it says for whom it asks (X-Forwarded-For); repeatable.",
)
@click.option(
    "--auto-login",
    is_flag=True,
    envvar="CDS_AUTO_LOGIN",
    help="Log clients in by the address of an account (Account.ip) where they bring no credentials.",
)
@database_options
def serve(
    *,
    host: str,
    port: int,
    base_url: str | None,
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...],
    auto_login: bool,
    data_dir: Path,
    database_url: str | None,
) -> None:
    """Serve all contests of the log until SIGTERM.

    CDS_ADMIN_PASSWORD sets the password of the account `admin`; without it the first start makes one and prints it.
    """
    from cds import serving

    configuration = Configuration(
        host=host,
        port=port,
        base_url=base_url,
        data_dir=data_dir,
        database_url=database_url,
        admin_password=os.environ.get("CDS_ADMIN_PASSWORD") or None,
        trusted_proxies=trusted_proxies,
        auto_login=auto_login,
    )
    run(serving.serve_contests(configuration))
