"""Options about edges and JetStream: where the feeds are published, how they are kept there, and the edges' secret.

This module translates words; it must not know what is published.
"""

from collections.abc import Callable, Mapping
from typing import TypeVar

import click
from click.core import ParameterSource

from cds.jetstream.settings import DEFAULT_REPLICAS, REPLICAS_MAX, PublishingSettings
from cds.nats_options import NatsOptions, nats_options, nats_servers_of, refuse_alone
from cds.secret_options import SecretOption
from schemas.identifiers import is_contest_identifier

Command = TypeVar("Command", bound=Callable[..., object])

EDGE_SECRET_CHARACTERS_MIN = 32
EDGE_SECRET_CHARACTERS_MAX = 1024

HOUR_S = 3_600.0
MEBIBYTE = 1024 * 1024
KIBIBYTE = 1024

AGE_H_MIN = 1 / 60
AGE_H_MAX = 100_000
STREAM_MIB_MAX = 1024 * 1024
PAYLOAD_KIB_MIN = 8
PAYLOAD_KIB_MAX = 64 * 1024
"""What JetStream and the servers of NATS take, or more than anybody has."""

OF_STREAMS: Mapping[str, str] = {
    "nats_replicas": "--nats-replicas",
    "nats_max_age_h": "--nats-max-age",
    "nats_max_mib": "--nats-max-size",
    "nats_max_payload_kib": "--nats-max-payload",
    "nats_contests": "--nats-contest",
}
"""How streams are kept. The environment may say so beforehand, for all that are started in it."""


class JetStreamOptions(NatsOptions):
    """The options, by the names that click gives them."""

    nats_replicas: int
    nats_max_age_h: float
    nats_max_mib: int
    nats_max_payload_kib: int
    nats_contests: tuple[str, ...]
    edge_secret: str | None


def check_contest_ids(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """Let pass what can be ids of contests."""
    for value in values:
        if not is_contest_identifier(value):
            raise click.BadParameter(f"{value[:60]!r} is no id of a contest")
    return values


def check_edge_secret(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """Let pass what nobody guesses and a header can hold; what is refused is not repeated."""
    if value is None:
        return None
    if not EDGE_SECRET_CHARACTERS_MIN <= len(value) <= EDGE_SECRET_CHARACTERS_MAX:
        raise click.BadParameter(
            f"at least {EDGE_SECRET_CHARACTERS_MIN} characters, and {EDGE_SECRET_CHARACTERS_MAX} at most"
        )
    if not (value.isascii() and value.isprintable()) or value != value.strip():
        raise click.BadParameter("printable characters of ASCII alone, and no blank at either end")
    return value


def edge_secret_option(help_text: str, *, required: bool = False) -> Callable[[Command], Command]:
    """The secret between core and edges; `help_text` says what it is for at this end."""
    return click.option(
        "--edge-secret",
        cls=SecretOption,
        required=required,
        metavar="SECRET",
        callback=check_edge_secret,
        envvar="CDS_EDGE_SECRET",
        help=help_text,
    )


def check_age(_context: click.Context, _parameter: click.Parameter, hours: float) -> float:
    """Let pass an age that JetStream can keep to, or 0."""
    if hours and not AGE_H_MIN <= hours <= AGE_H_MAX:
        raise click.BadParameter(f"0, or from one minute to {AGE_H_MAX:,} hours")
    return hours


def jetstream_options(command: Command) -> Command:
    """`--nats` and what belongs to it, how streams are kept, and the secret of edges."""
    options = (
        edge_secret_option(
            f"What edges prove with that they are ours; {EDGE_SECRET_CHARACTERS_MIN} random characters or more, best "
            "in the environment or a file. Without it the core tells no edge anything."
        ),
        nats_options,
        click.option(
            "--nats-replicas",
            default=DEFAULT_REPLICAS,
            show_default=True,
            type=click.IntRange(1, REPLICAS_MAX),
            envvar="CDS_NATS_REPLICAS",
            help="How many servers of NATS each keep every stream; 3 in a cluster of three.",
        ),
        click.option(
            "--nats-max-age",
            "nats_max_age_h",
            default=0.0,
            show_default=True,
            type=float,
            callback=check_age,
            envvar="CDS_NATS_MAX_AGE",
            metavar="HOURS",
            help="Drop lines that are older from JetStream; edges have them from the core. 0: never.",
        ),
        click.option(
            "--nats-max-size",
            "nats_max_mib",
            default=0,
            show_default=True,
            type=click.IntRange(0, STREAM_MIB_MAX),
            envvar="CDS_NATS_MAX_SIZE",
            metavar="MIB",
            help="Drop the oldest lines of a contest's stream that is larger. JetStream sets so much aside for each "
            "contest, whatever it holds. 0: never.",
        ),
        click.option(
            "--nats-max-payload",
            "nats_max_payload_kib",
            default=0,
            type=click.IntRange(0, PAYLOAD_KIB_MAX),
            envvar="CDS_NATS_MAX_PAYLOAD",
            metavar="KIB",
            help=f"The largest message, {PAYLOAD_KIB_MIN} at least; 0: what the servers take. Edges have larger lines "
            "from the core.  [default: 0]",
        ),
        click.option(
            "--nats-contest",
            "nats_contests",
            multiple=True,
            callback=check_contest_ids,
            envvar="CDS_NATS_CONTESTS",
            metavar="ID",
            help="Publish this contest; repeatable.  [default: all]",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def chosen_publishing(options: JetStreamOptions) -> PublishingSettings | None:
    """The settings that the options come to, None where they name no servers. Raises UsageError."""
    servers = nats_servers_of(options)
    if servers is None:
        refuse_alone("--nats", OF_STREAMS, {ParameterSource.COMMANDLINE})
        return None
    if 0 < options["nats_max_payload_kib"] < PAYLOAD_KIB_MIN:
        raise click.UsageError(f"--nats-max-payload: {PAYLOAD_KIB_MIN} is the least")
    return PublishingSettings(
        servers=servers,
        prefix=options["nats_prefix"],
        replicas=options["nats_replicas"],
        age_s_max=options["nats_max_age_h"] * HOUR_S or None,
        bytes_max=options["nats_max_mib"] * MEBIBYTE or None,
        payload_bytes_max=options["nats_max_payload_kib"] * KIBIBYTE or None,
        contest_ids=frozenset(options["nats_contests"]) or None,
    )
