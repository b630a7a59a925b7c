"""The options that say where NATS is and as whom we come; they are the same for a core and for an edge.

This module translates words; it must not know what goes over NATS.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TypedDict, TypeVar
from urllib.parse import urlsplit

import click

from cds.jetstream.settings import NatsServers
from cds.jetstream.subjects import DEFAULT_PREFIX, PREFIX_FORM
from cds.secret_options import SecretOption

Command = TypeVar("Command", bound=Callable[..., object])

SCHEMES = frozenset({"nats", "tls", "ws", "wss"})
PEM_FILE = click.Path(path_type=Path, dir_okay=False, exists=True, readable=True)


class NatsOptions(TypedDict):
    """The options, by the names that click gives them."""

    nats_urls: tuple[str, ...]
    nats_ca: Path | None
    nats_cert: Path | None
    nats_key: Path | None
    nats_credentials: Path | None
    nats_prefix: str


def check_urls(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """The URLs that are meant; a value may hold several, separated by commas. None is repeated: it may hold a login."""
    urls = tuple(text.strip() for value in values for text in value.split(",") if text.strip())
    for url in urls:
        if urlsplit(url).scheme not in SCHEMES or not urlsplit(url).hostname:
            raise click.BadParameter("a URL is like nats://host:4222")
    return urls


def check_prefix(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    """Let pass what can be the beginning of names in NATS."""
    if not PREFIX_FORM.fullmatch(value):
        raise click.BadParameter("letters, digits, _ and - alone, 32 at most")
    return value


def nats_options(command: Command) -> Command:
    """`--nats` and what belongs to it."""
    for option in (
        click.option(
            "--nats-prefix",
            default=DEFAULT_PREFIX,
            show_default=True,
            callback=check_prefix,
            envvar="CDS_NATS_PREFIX",
            help="What the names of streams and subjects begin with.",
        ),
        click.option(
            "--nats-credentials",
            type=PEM_FILE,
            envvar="CDS_NATS_CREDENTIALS",
            metavar="FILE",
            help="Credentials (.creds) of the user of NATS that this server is.",
        ),
        click.option("--nats-key", type=PEM_FILE, envvar="CDS_NATS_KEY", metavar="FILE", help="Its key in PEM."),
        click.option(
            "--nats-cert",
            type=PEM_FILE,
            envvar="CDS_NATS_CERT",
            metavar="FILE",
            help="Certificate in PEM that NATS is shown.",
        ),
        click.option(
            "--nats-ca",
            type=PEM_FILE,
            envvar="CDS_NATS_CA",
            metavar="FILE",
            help="Certificate in PEM that is trusted when NATS shows it, or one that it has signed.",
        ),
        click.option(
            "--nats",
            "--nats-url",
            "nats_urls",
            cls=SecretOption,
            multiple=True,
            callback=check_urls,
            envvar="CDS_NATS_URL",
            metavar="URL",
            help="Server of NATS with JetStream, like nats://host:4222 or tls://host:4222; repeatable, or several "
            "separated by commas.",
        ),
    ):
        command = option(command)
    return command


def nats_servers_of(options: NatsOptions) -> NatsServers | None:
    """The servers that the options name; None where they name none."""
    if not options["nats_urls"]:
        return None
    return NatsServers(
        urls=options["nats_urls"],
        ca=options["nats_ca"],
        certificate=options["nats_cert"],
        key=options["nats_key"],
        credentials=options["nats_credentials"],
    )
