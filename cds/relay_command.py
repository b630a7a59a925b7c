"""`cds relay`: its options, and what they mean for the configuration.

This module translates words; it must not know how a relay is built.
"""

import ssl
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import TypedDict, TypeVar, Unpack

import click

from cds.command_line import address_options, configuration_file_option, data_dir_option, run
from cds.configuration import Configuration, LogFormat, LogLevel
from cds.encryption_options import PEM_FILE, chosen_encryption, encryption_options
from cds.fan_out.limits import FeedLimits
from cds.feed_options import feed_options, named_limits
from cds.log_options import log_options
from cds.relay.limits import RelayLimits
from cds.serve_command import is_whole_url
from cds.standing_options import drain_option, trusted_proxy_option

Command = TypeVar("Command", bound=Callable[..., object])


class RelayOptions(TypedDict):
    """The options of `cds relay`, by the names that click gives them."""

    host: str
    port: int
    any_upstream: bool
    upstream_ca: Path | None
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...]
    tls_cert: Path | None
    tls_key: Path | None
    tls: str | None
    behind_proxy: bool
    drain_s: float
    feed_limits: FeedLimits
    relay_limits: RelayLimits
    log_level: LogLevel
    log_format: LogFormat
    access_log: bool
    data_dir: Path


def check_source(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    """Let pass what has the form of the URL of an API, without a login in it; a slash at its end is left out."""
    if not is_whole_url(value) or set(value) & set(" ?#"):
        raise click.BadParameter(f"{value!r} is not like http://source:8080/api")
    if "@" in value:
        raise click.BadParameter("give no login: a relay passes on those of its clients, and has none of its own")
    return value.rstrip("/")


def relay_limits_of(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> RelayLimits:
    """The limits that are meant; cds/relay/limits.py says what each of them means."""
    return named_limits(values, RelayLimits)


def placed_options(command: Command) -> Command:
    """What is in front of a server of another's contests, how it leaves, and how it delivers."""
    for option in reversed((trusted_proxy_option, encryption_options, drain_option, feed_options)):
        command = option(command)
    return command


def kept_options(*, limits: str, directory: str) -> Callable[[Command], Command]:
    """What such a server keeps, and where, with these words of help; its log, and the file of its options."""
    limits_option = click.option(
        "--relay-limit",
        "relay_limits",
        multiple=True,
        metavar="NAME=VALUE",
        callback=relay_limits_of,
        envvar="CDS_RELAY_LIMITS",
        help=limits,
    )

    def with_options(command: Command) -> Command:
        return limits_option(log_options(data_dir_option(directory)(configuration_file_option(command))))

    return with_options


def authority_option(name: str, variable: str, whose: str) -> Callable[[Command], Command]:
    """The option of a certificate by which the other server is known; `whose` certificate it is."""
    return click.option(
        name,
        "upstream_ca",
        type=PEM_FILE,
        envvar=variable,
        metavar="FILE",
        help=f"Certificate in PEM that is trusted when the {whose} shows it, or one that it has signed.",
    )


@click.command()
@click.argument("url", callback=check_source)
@address_options
@click.option(
    "--any-upstream",
    is_flag=True,
    envvar="CDS_ANY_UPSTREAM",
    help="Relay also a server that is not like this one. Its tokens must be unique for each line, and stay so.",
)
@authority_option("--upstream-ca", "CDS_UPSTREAM_CA", "upstream")
@placed_options
@kept_options(
    limits="A limit of what is followed and kept of the upstream, such as audiences_max=500, lines_bytes_max=536870912 "
    "or silence_s_max=60; repeatable.",
    directory="Directory of a certificate that the relay makes itself; nothing else is kept.",
)
def relay(url: str, **options: Unpack[RelayOptions]) -> None:
    """Serve on what another contest data server serves at URL, such as http://source:8080/api, until SIGTERM.

    A relay has no database and no accounts: it follows one feed for each login, contest and selection that its
    clients ask for, passes on whatever else they want to read, and lets the other server decide who may see what.
    Tokens are those of the other server, so clients may move between it and all its relays.
    """
    configuration = configuration_of(options)
    trusted = trusted_authority(options["upstream_ca"], "--upstream-ca")

    from yarl import URL

    from cds.relay.application import Relayed
    from cds.relay.application import relay as relay_until_told
    from cds.serving import Announce, serve_contests

    relayed = Relayed(url=URL(url, encoded=True), any_provider=options["any_upstream"], trusted=trusted)

    async def serve(configuration: Configuration, announce: Announce) -> None:
        await relay_until_told(configuration, relayed, options["relay_limits"], announce)

    run(
        serve_contests(serve, configuration),
        log_format=configuration.log_format,
        log_level=configuration.log_level,
    )


def configuration_of(options: RelayOptions) -> Configuration:
    """The configuration that the options come to. Raises UsageError where they do not go together."""
    encryption = chosen_encryption(
        options["host"],
        tls_cert=options["tls_cert"],
        tls_key=options["tls_key"],
        tls=options["tls"],
        behind_proxy=options["behind_proxy"],
    )
    return Configuration(
        host=options["host"],
        port=options["port"],
        data_dir=options["data_dir"],
        trusted_proxies=options["trusted_proxies"],
        behind_proxy=encryption.behind_proxy,
        tls_certificate=encryption.certificate,
        tls_key=encryption.key,
        tls_self_signed=encryption.self_signed,
        log_level=options["log_level"],
        log_format=options["log_format"],
        access_log=options["access_log"],
        drain_s=options["drain_s"],
        feed_limits=options["feed_limits"],
    )


def trusted_authority(file: Path | None, option: str) -> ssl.SSLContext | None:
    """What says that the certificate of the other server is good, None for the usual ones. Raises BadParameter."""
    if file is None:
        return None
    try:
        return ssl.create_default_context(cafile=file)
    except (ssl.SSLError, OSError) as error:
        raise click.BadParameter(f"{file}: {error}", param_hint=option) from None
