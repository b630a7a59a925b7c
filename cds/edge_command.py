"""`cds edge`: its options, and what they mean for the configuration.

This module translates words; it must not know how an edge is built.
"""

from typing import Literal, Unpack

import click

from cds.command_line import address_options, run
from cds.edge.limits import EdgeLimits
from cds.feed_options import named_limits
from cds.jetstream_options import edge_secret_option
from cds.nats_options import NatsOptions, nats_options, nats_servers_of
from cds.relay.limits import RelayLimits
from cds.relay_command import (
    RelayOptions,
    authority_option,
    check_source,
    configuration_of,
    kept_options,
    placed_options,
    trusted_authority,
)


class EdgeOptions(RelayOptions, NatsOptions):
    """The options of `cds edge`, by the names that click gives them."""

    core: str
    edge_secret: str
    writes: Literal["pass", "redirect"]
    core_public: str | None
    edge_limits: EdgeLimits


def edge_limits_of(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> EdgeLimits:
    """The limits that are meant; cds/edge/limits.py says what each of them means."""
    return named_limits(values, EdgeLimits)


def check_public_address(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Let pass what has the form of the URL of an API, if there is any."""
    return None if value is None else check_source(context, parameter, value)


@click.command()
@nats_options
@click.option(
    "--core",
    required=True,
    callback=check_source,
    envvar="CDS_CORE",
    metavar="URL",
    help="The API of the core, such as http://core:8080/api: it says who somebody is, and is asked for all that is "
    "not published.",
)
@edge_secret_option("What the core knows its edges by (its own --edge-secret).", required=True)
@click.option(
    "--writes",
    type=click.Choice(["pass", "redirect"]),
    default="pass",
    show_default=True,
    envvar="CDS_EDGE_WRITES",
    help="Whether writes are passed on to the core, or answered with 307 and where the core is.",
)
@click.option(
    "--core-public",
    callback=check_public_address,
    envvar="CDS_CORE_PUBLIC",
    metavar="URL",
    help="Where clients find the API of the core, for --writes redirect.  [default: what --core says]",
)
@address_options
@authority_option("--core-ca", "CDS_CORE_CA", "core")
@placed_options
@click.option(
    "--edge-limit",
    "edge_limits",
    multiple=True,
    metavar="NAME=VALUE",
    callback=edge_limits_of,
    envvar="CDS_EDGE_LIMITS",
    help="A limit of what is followed and kept of what is published, such as contests_max=50 or viewer_kept_s=5; "
    "repeatable.",
)
@kept_options(
    limits="A limit of what is passed on to the core, as for `cds relay`; repeatable.",
    directory="Directory of files that are kept while the edge runs, and of a certificate that it makes itself.",
)
def edge(**options: Unpack[EdgeOptions]) -> None:
    """Serve on what a core publishes over NATS JetStream, until SIGTERM.

    An edge has no database and no accounts. It answers feeds, collections, objects and scoreboards of every role by
    itself, with the tokens and entity tags of the core, so clients may move between the core, its relays and all its
    edges; who somebody is, the core says.
    """
    configuration = configuration_of(options)
    nats = nats_servers_of(options)
    if nats is None:
        raise click.UsageError("--nats is needed: an edge serves what is published there")
    trusted = trusted_authority(options["upstream_ca"], "--core-ca")

    from yarl import URL

    from cds.configuration import Configuration
    from cds.edge.application import Edged
    from cds.edge.application import edge as edge_until_told
    from cds.relay.application import Relayed
    from cds.serving import Announce, serve_contests

    edged = Edged(
        core=Relayed(url=URL(options["core"], encoded=True), trusted=trusted),
        secret=options["edge_secret"],
        nats=nats,
        prefix=options["nats_prefix"],
        writes=options["writes"],
        core_public=URL(options["core_public"] or options["core"], encoded=True),
    )
    limits: tuple[EdgeLimits, RelayLimits] = (options["edge_limits"], options["relay_limits"])

    async def serve(configuration: Configuration, announce: Announce) -> None:
        await edge_until_told(configuration, edged, limits, announce)

    run(
        serve_contests(serve, configuration),
        log_format=configuration.log_format,
        log_level=configuration.log_level,
    )
