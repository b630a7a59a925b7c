"""`cds serve`: its options, and what they mean for the configuration.

This module translates words into a configuration; it must not know how a server is built.
"""

import gc
from contextlib import nullcontext
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Unpack
from urllib.parse import urlsplit

import click

from cds.cms_options import CmsOptions, chosen_cms, cms_options
from cds.command_line import address_options, database_options, run
from cds.configuration import (
    CHECKPOINT_EVENTS,
    WORKERS_MAX,
    Configuration,
    LogFormat,
    LogLevel,
)
from cds.encryption_options import chosen_encryption, encryption_options
from cds.fan_out.limits import FeedLimits
from cds.feed_options import feed_options
from cds.jetstream_options import JetStreamOptions, chosen_publishing, jetstream_options
from cds.log_options import log_options
from cds.operations.leaving import leave_at_once
from cds.platform_options import PlatformOptions, chosen_platforms, platform_options, schedule_option
from cds.secret_options import ADMIN_PASSWORD_VARIABLE, secret_given
from cds.source_options import chosen_sources, source_options
from cds.standing_options import drain_option, trusted_proxy_option
from cds.student_options import StudentOptions, chosen_students, student_options
from cds.user_options import UserOptions, chosen_users, user_options
from cds.webhook_options import webhook_options
from eventstore.embedded.waking import woken_postgres


def check_base_url(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """Let pass what has the form of a base URL: http or https with a host, or a path from the root."""
    if value is None:
        return None
    if not value.startswith("/") and not is_whole_url(value):
        raise click.BadParameter(f"{value!r} is not like https://example.com/x/y/api/")
    if set(value) & set(" ?#{}"):
        raise click.BadParameter(f"{value!r} is more than the address of a directory")
    return value


def is_whole_url(value: str) -> bool:
    """Whether a text is an http or https URL with a host."""
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


class ServeOptions(PlatformOptions, StudentOptions, CmsOptions, UserOptions, JetStreamOptions):
    """The options of `cds serve`, by the names that click gives them."""

    host: str
    port: int
    base_url: str | None
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...]
    auto_login: bool
    tls_cert: Path | None
    tls_key: Path | None
    tls: str | None
    behind_proxy: bool
    drain_s: float
    workers: int
    log_level: LogLevel
    log_format: LogFormat
    access_log: bool
    webhook_allow_private: bool
    webhook_call_s_max: float
    checkpoint_events: int
    rate_limits: str
    feed_limits: FeedLimits
    followed: tuple[str, ...]
    sources_file: Path | None
    data_dir: Path
    database_url: str | None


@click.command()
@address_options
@click.option(
    "--base-url",
    envvar="CDS_BASE_URL",
    callback=check_base_url,
    help="Where clients see the API behind a proxy, such as https://example.com/x/y/api/.",
)
@trusted_proxy_option
@click.option(
    "--auto-login",
    is_flag=True,
    envvar="CDS_AUTO_LOGIN",
    help="Log clients in by the address of an account (Account.ip) where they bring no credentials.",
)
@encryption_options
@drain_option
@webhook_options
@click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(1, WORKERS_MAX),
    envvar="CDS_WORKERS",
    help="Processes that serve on the port together.",
)
@click.option(
    "--checkpoint-events",
    default=CHECKPOINT_EVENTS,
    show_default=True,
    type=click.IntRange(0),
    envvar="CDS_CHECKPOINT_EVENTS",
    metavar="EVENTS",
    help="Make a checkpoint when a contest has grown by so many, so that the next start is fast; 0: never.",
)
@click.option(
    "--rate-limits",
    default="on",
    show_default=True,
    type=click.Choice(("on", "off")),
    envvar="CDS_RATE_LIMITS",
    help="Whether failed logins are slowed down, and requests limited where a contract says so.",
)
@platform_options
@schedule_option
@student_options
@cms_options
@user_options
@feed_options
@source_options
@jetstream_options
@log_options
@database_options
def serve(**options: Unpack[ServeOptions]) -> None:
    """Serve all contests of the log until SIGTERM.

    CDS_ADMIN_PASSWORD, or the file that CDS_ADMIN_PASSWORD_FILE names, sets the password of the account `admin`;
    without it the first start makes one and prints it.
    """
    configuration = configuration_of(options, admin_password=secret_given(ADMIN_PASSWORD_VARIABLE))
    # The embedded Postgres starts meanwhile: on two cores it is up by the time the program has been imported.
    with nullcontext() if configuration.database_url else woken_postgres(configuration.data_dir):
        # What is imported stays for good; looking for garbage in it would take a quarter of the time.
        gc.disable()
        try:
            from cds import serving

            serve_in_its_way = serving.imported(options["workers"])
        finally:
            gc.enable()

        run(
            serving.serve_contests(serve_in_its_way, configuration),
            log_format=configuration.log_format,
            log_level=configuration.log_level,
        )
    leave_at_once(0)


def configuration_of(options: ServeOptions, *, admin_password: str | None) -> Configuration:
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
        base_url=options["base_url"],
        data_dir=options["data_dir"],
        database_url=options["database_url"],
        admin_password=admin_password,
        trusted_proxies=options["trusted_proxies"],
        auto_login=options["auto_login"],
        behind_proxy=encryption.behind_proxy,
        tls_certificate=encryption.certificate,
        tls_key=encryption.key,
        tls_self_signed=encryption.self_signed,
        log_level=options["log_level"],
        log_format=options["log_format"],
        access_log=options["access_log"],
        drain_s=options["drain_s"],
        webhook_allow_private=options["webhook_allow_private"],
        webhook_call_s_max=options["webhook_call_s_max"],
        checkpoint_events=options["checkpoint_events"] or None,
        rate_limits=options["rate_limits"] == "on",
        platforms=chosen_platforms(options, rate_limits=options["rate_limits"] == "on"),
        students=chosen_students(options),
        cms=chosen_cms(options),
        users=chosen_users(options),
        feed_limits=options["feed_limits"],
        sources=chosen_sources(options["followed"], options["sources_file"]),
        publishing=chosen_publishing(options),
        edge_secret=options["edge_secret"],
    )
