"""Options about edges and JetStream: where the feeds are published, how they are kept there, and the edges' secret.

This module translates words; it must not know what is published.
"""

from collections.abc import Callable
from typing import TypeVar

import click

from cds.jetstream.settings import DEFAULT_REPLICAS, REPLICAS_MAX, PublishingSettings
from cds.nats_options import NatsOptions, nats_options, nats_servers_of
from cds.secret_options import SecretOption
from schemas.identifiers import is_contest_identifier

Command = TypeVar("Command", bound=Callable[..., object])

EDGE_SECRET_CHARACTERS_MIN = 32

HOUR_S = 3_600.0
MEBIBYTE = 1024 * 1024
KIBIBYTE = 1024
PAYLOAD_KIB_MIN = 8


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
    """Let pass what nobody guesses; what is refused is not repeated."""
    if not value:
        return None
    if len(value) < EDGE_SECRET_CHARACTERS_MIN:
        raise click.BadParameter(f"{EDGE_SECRET_CHARACTERS_MIN} characters are the least")
    return value


def edge_secret_option(command: Command) -> Command:
    """The secret between core and edges."""
    option = click.option(
        "--edge-secret",
        cls=SecretOption,
        metavar="SECRET",
        callback=check_edge_secret,
        envvar="CDS_EDGE_SECRET",
        help="What edges prove with that they are ours; 32 random characters or more, best in the environment or a "
        "file. Without it the core tells no edge anything.",
    )
    return option(command)


def jetstream_options(command: Command) -> Command:
    """`--nats` and what belongs to it, how streams are kept, and the secret of edges."""
    options = (
        edge_secret_option,
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
            type=click.FloatRange(0),
            envvar="CDS_NATS_MAX_AGE",
            metavar="HOURS",
            help="Drop lines that are older from JetStream; edges have them from the core. 0: never.",
        ),
        click.option(
            "--nats-max-size",
            "nats_max_mib",
            default=0,
            show_default=True,
            type=click.IntRange(0),
            envvar="CDS_NATS_MAX_SIZE",
            metavar="MIB",
            help="Drop the oldest lines of a contest's stream that is larger. 0: never.",
        ),
        click.option(
            "--nats-max-payload",
            "nats_max_payload_kib",
            default=0,
            type=click.IntRange(0),
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
