"""`cds serve`: a server on a terminal, announced to whoever started it.

This module must not know how the server is built.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol

import click

from cds.administrator import ADMIN_USERNAME
from cds.configuration import API_PREFIX, Configuration
from cds.operations.leaving import keep_to_the_end

if TYPE_CHECKING:
    from cds.encryption import Encryption


class Serving(Protocol):
    """What there is to tell of one server, or of a group of workers."""

    made_up_password: str | None
    encryption: "Encryption | None"

    @property
    def port(self) -> int:
        """The port, also when it was left to the system."""
        ...


Announce = Callable[[Serving], Awaitable[None]]
Serve = Callable[[Configuration, Announce], Awaitable[None]]
"""Serves until SIGTERM."""


def imported(workers: int) -> Serve:
    """The way to serve, in this process or with several workers below it. Importing it takes most of a start."""
    # Each has its own way, so that a supervisor does not carry what only workers need.
    if workers == 1:
        from cds.application import serve

        return serve
    from cds.workers.supervisor import supervise

    async def supervised(configuration: Configuration, announce: Announce) -> None:
        await supervise(configuration, workers, announce)

    return supervised


async def serve_contests(serve: Serve, configuration: Configuration) -> None:
    """Serve until SIGTERM, and tell the terminal where."""

    async def announce(server: Serving) -> None:
        keep_to_the_end(server)
        print_address(configuration, server)

    await serve(configuration, announce)


def print_address(configuration: Configuration, server: Serving) -> None:
    """Tell where the API is, and the password of the administrator where one was made up."""
    host = f"[{configuration.host}]" if ":" in configuration.host else configuration.host
    scheme = "https" if configuration.encrypted else "http"
    click.echo(f"serving on {scheme}://{host}:{server.port}{API_PREFIX}/")
    click.echo(f"scoreboards at {scheme}://{host}:{server.port}/")
    if server.encryption is not None and configuration.tls_self_signed:
        click.echo(f"certificate signed by itself, SHA-256 {server.encryption.fingerprint}")
    if server.made_up_password is not None:
        click.echo(f"account {ADMIN_USERNAME}, password {server.made_up_password} (printed this once)")
