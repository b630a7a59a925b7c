"""The options that say where NATS is and as whom we come; they are the same for a core and for an edge.

This module translates words; it must not know what goes over NATS.
"""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TypedDict, TypeVar

import click
from click.core import ParameterSource

from cds.encryption_options import PEM_FILE
from cds.jetstream.server_urls import login_of
from cds.jetstream.settings import NatsServers
from cds.jetstream.subjects import DEFAULT_PREFIX, PREFIX_FORM
from cds.secret_options import SecretOption

Command = TypeVar("Command", bound=Callable[..., object])


FILES_OF_A_CONNECTION: Mapping[str, str] = {
    "nats_ca": "--nats-ca",
    "nats_cert": "--nats-cert",
    "nats_key": "--nats-key",
    "nats_credentials": "--nats-credentials",
}
"""What is said of a connection besides where it leads."""

GIVEN = frozenset({ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT, ParameterSource.DEFAULT_MAP})


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
    try:
        login_of(urls)
    except ValueError as refused:
        raise click.BadParameter(str(refused)) from None
    return urls


def check_prefix(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    """Let pass what can be the beginning of names in NATS."""
    if not PREFIX_FORM.fullmatch(value):
        raise click.BadParameter("letters, digits and _ alone, 32 at most")
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
            help="Certificate in PEM that is trusted when NATS shows it, or one that it has signed. With it, with "
            "--nats-cert or one tls:// nothing is said to any of the servers in plain text.",
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
            help="Server of NATS with JetStream, like nats://host:4222 or, encrypted, tls://host:4222; with a login "
            "user:password@, percent-encoded, or token@ before the host. Repeatable, or several separated by commas; "
            "all are of one cluster, with one login.",
        ),
    ):
        command = option(command)
    return command


def nats_servers_of(options: NatsOptions) -> NatsServers | None:
    """The servers that the options name, None where they name none. Raises UsageError for what does not go together.

    What the files hold is looked at here, since a connection would only be tried again.
    """
    if not options["nats_urls"]:
        refuse_alone("--nats", FILES_OF_A_CONNECTION)
        return None
    if options["nats_key"] is not None and options["nats_cert"] is None:
        raise click.UsageError("--nats-key needs --nats-cert, the certificate that it is the key of")
    servers = NatsServers(
        urls=options["nats_urls"],
        ca=options["nats_ca"],
        certificate=options["nats_cert"],
        key=options["nats_key"],
        credentials=options["nats_credentials"],
    )
    _check_files(servers)
    return servers


def refuse_alone(needed: str, names: Mapping[str, str], sources: Collection[ParameterSource] = GIVEN) -> None:
    """Refuse options that say nothing without another one, where they are given in one of these ways.

    `names`: how they are written, by the names that click gives them. Raises UsageError.
    """
    context = click.get_current_context()
    for name, written in names.items():
        if context.get_parameter_source(name) in sources:
            raise click.UsageError(f"{written} says nothing without {needed}")


def _check_files(servers: NatsServers) -> None:
    """Refuse files that no connection could be made with. Raises UsageError."""
    if servers.credentials is None and servers.ca is None and servers.certificate is None:
        return
    # Only who has such files waits for what reads them.
    from cds.encryption import EncryptionRefused
    from cds.jetstream.credentials import CredentialsRefused, read_credentials
    from cds.jetstream.encryption import context_of

    try:
        context_of(servers)
        if servers.credentials is not None:
            read_credentials(servers.credentials)
    except (EncryptionRefused, CredentialsRefused) as refused:
        raise click.UsageError(str(refused)) from None
