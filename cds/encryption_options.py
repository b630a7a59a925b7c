"""Options that say how connections are encrypted, and that nobody serves others in plain text without meaning to.

This module translates words; it must not know what a certificate is.
"""

import socket
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import TypedDict, TypeVar, Unpack

import click
import msgspec

Command = TypeVar("Command", bound=Callable[..., object])

SELF_SIGNED = "self-signed"
PEM_FILE = click.Path(path_type=Path, dir_okay=False, exists=True, readable=True)


class EncryptionOptions(TypedDict):
    """The options by the names that click gives them."""

    tls_cert: Path | None
    tls_key: Path | None
    tls: str | None
    behind_proxy: bool


class EncryptionChoice(msgspec.Struct, frozen=True, kw_only=True):
    """What the options come to; see Configuration."""

    certificate: Path | None
    key: Path | None
    self_signed: bool
    behind_proxy: bool


def encryption_options(command: Command) -> Command:
    """`--tls-cert`, `--tls-key`, `--tls` and `--behind-proxy`."""
    options = (
        click.option(
            "--tls-cert",
            type=PEM_FILE,
            envvar="CDS_TLS_CERT",
            metavar="FILE",
            help="Certificate in PEM, its issuers' behind it. SIGHUP makes the server read it again.",
        ),
        click.option(
            "--tls-key",
            type=PEM_FILE,
            envvar="CDS_TLS_KEY",
            metavar="FILE",
            help="Its key, not encrypted.  [default: in the file of the certificate]",
        ),
        click.option(
            "--tls",
            type=click.Choice([SELF_SIGNED]),
            envvar="CDS_TLS",
            help="A certificate that the server makes, signs itself and keeps in the data directory.",
        ),
        click.option(
            "--behind-proxy",
            is_flag=True,
            envvar="CDS_BEHIND_PROXY",
            help="A proxy in front of this server speaks TLS with clients: serve it in plain text, on any address.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def chosen_encryption(host: str, **options: Unpack[EncryptionOptions]) -> EncryptionChoice:
    """What the options mean together. Raises UsageError where they contradict each other, or the host is unknown.

    Others than this machine are not served in plain text unless that is asked for (Contest API: "HTTPS").
    """
    tls, tls_cert, tls_key = options["tls"], options["tls_cert"], options["tls_key"]
    if tls is not None and (tls_cert is not None or tls_key is not None):
        raise click.UsageError(f"give either --tls {SELF_SIGNED} or --tls-cert and --tls-key")
    if tls_key is not None and tls_cert is None:
        raise click.UsageError("--tls-key needs --tls-cert, the certificate that it is the key of")
    # Asked in any case: a host that nobody knows is named here, and would not be where the server fails to listen.
    alone = is_loopback(host)
    if tls is None and tls_cert is None and not options["behind_proxy"] and not alone:
        raise click.UsageError(
            f"{host or 'every address'} is reached from other machines, and passwords would cross the network in "
            f"plain text: give --tls-cert and --tls-key, or --tls {SELF_SIGNED}; or --behind-proxy, if a proxy in "
            "front of this server speaks TLS with clients"
        )
    return EncryptionChoice(
        certificate=tls_cert,
        key=tls_key or tls_cert,
        self_signed=tls == SELF_SIGNED,
        behind_proxy=options["behind_proxy"],
    )


def is_loopback(host: str) -> bool:
    """Whether a server that listens there is reached from this machine alone; a name is looked up.

    Raises UsageError for a name that nobody knows: what it will stand for a moment later nobody knows either.
    """
    if not host:
        return False
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as unknown:
        if host == "localhost":
            return True
        reason = unknown.strerror if isinstance(unknown, OSError) else unknown
        raise click.UsageError(f"--host {host!r} is no address of this machine: {reason}") from None
    return all(ip_address(str(address[0]).partition("%")[0]).is_loopback for *_, address in found)
