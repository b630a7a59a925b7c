"""`cds serve`: a server on a terminal, announced to whoever started it.

This module must not know how the server is built.
"""

import click

from cds.application import ADMIN_USERNAME, Server, serve
from cds.configuration import API_PREFIX, Configuration


async def serve_contests(configuration: Configuration) -> None:
    """Serve until SIGTERM."""

    async def announce(server: Server) -> None:
        print_address(configuration, server)

    await serve(configuration, announce)


def print_address(configuration: Configuration, server: Server) -> None:
    """Tell where the API is, and the password of the administrator where one was made up."""
    host = f"[{configuration.host}]" if ":" in configuration.host else configuration.host
    click.echo(f"serving on http://{host}:{server.port}{API_PREFIX}/")
    if server.made_up_password is not None:
        click.echo(f"account {ADMIN_USERNAME}, password {server.made_up_password} (printed this once)")
