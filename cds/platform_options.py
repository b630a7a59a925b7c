"""Options that say where the programming platforms are, which are synced, and how they are asked.

This module translates words; it must not know how a platform is asked.
"""

import re
from collections.abc import Callable, Sequence
from typing import NotRequired, TypedDict, TypeVar, get_args
from urllib.parse import urlsplit

import click

from cds.platforms.questions import PLATFORMS, USUAL_TOTAL_S, HostName, Platform
from cds.platforms.settings import ATTEMPTS, BACKOFF_S, BASE_URLS, COOL_DOWN_S, EVERY_S, PlatformSettings

Command = TypeVar("Command", bound=Callable[..., object])

NO_PLATFORMS = "none"
ATTEMPTS_MAX = 10
EVERY_S_MAX = 30 * 86_400
INTERVAL_S_MAX = 60
TIMEOUT_S_MAX = 600
BACKOFF_S_MAX = 60
COOL_DOWN_S_MAX = 86_400
CONTACT_CHARACTERS_MAX = 200

_CONTACT = re.compile(r"[!-\'*-\[\]-~]+")
"""Visible ASCII characters but for brackets and the backslash."""


class AskingOptions(TypedDict):
    """How platforms are asked, by the names that click gives the options."""

    upstream_timeout_s: float
    upstream_attempts: int
    upstream_backoff_s: float
    upstream_interval_s: float | None
    upstream_contact: str | None


class CodeforcesOptions(AskingOptions):
    """The same of one platform, with where it is, and which may be asked."""

    codeforces_url: str
    sync_platforms: tuple[Platform, ...]


class PlatformOptions(AskingOptions):
    """All options that have to do with platforms."""

    codeforces_url: str
    leetcode_url: str
    codechef_url: str
    atcoder_url: str
    kenkoooo_url: str
    sync_platforms: tuple[Platform, ...]
    sync_every_s: NotRequired[float]
    sync_cool_down_s: float


def check_base_url(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    """Let pass scheme and host (and port), which the platform's own paths can follow."""
    if not _is_base_url(value):
        raise click.BadParameter(f"{value!r} is not like https://example.com, without a path")
    return value


def _is_base_url(value: str) -> bool:
    try:
        parts = urlsplit(value)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    # A path is refused rather than put in front of the platform's own, or left out without a word.
    return whole and parts.path in ("", "/") and not parts.query and not parts.fragment and parts.username is None


def check_platforms(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[Platform, ...]:
    """The platforms of a list with commas, each once, in the usual order; `none`: no platform."""
    named = {name.strip() for name in value.split(",") if name.strip()} - {NO_PLATFORMS}
    for name in sorted(named - set(PLATFORMS)):
        raise click.BadParameter(f"{name!r} is none of {', '.join(PLATFORMS)}")
    return tuple(platform for platform in PLATFORMS if platform in named)


def check_contact(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """Let pass what can stand in a comment of a header (RFC 9110, section 5.6.5)."""
    if not value:
        return None
    if len(value) > CONTACT_CHARACTERS_MAX or not _CONTACT.fullmatch(value):
        raise click.BadParameter(f"{value[:60]!r} cannot stand in a header")
    return value


def platform_options(command: Command) -> Command:
    """Where platforms are, which are synced, how they are asked."""
    options = (
        *map(_base_url_option, get_args(HostName)),
        _enabled_option(),
        _seconds_option(
            "--sync-cool-down-s",
            COOL_DOWN_S,
            COOL_DOWN_S_MAX,
            "After a successful sync of a platform another is skipped for so long, unless it is forced.",
        ),
        *_asking_options(),
    )
    return _with_options(command, options)


def codeforces_options(command: Command) -> Command:
    """Where Codeforces is, whether it may be asked, and how."""
    return _with_options(command, (_base_url_option("codeforces"), _enabled_option(), *_asking_options()))


def schedule_option(command: Command) -> Command:
    """How often platforms are synced by themselves."""
    words = "Between two syncs of a platform that nobody asks for; 0: none, and no refresh of students."
    return _seconds_option("--sync-every-s", EVERY_S, EVERY_S_MAX, words)(command)


def _enabled_option() -> Callable[[Command], Command]:
    return click.option(
        "--sync-platforms",
        default=",".join(PLATFORMS),
        show_default=True,
        metavar="LIST",
        callback=check_platforms,
        envvar="CDS_SYNC_PLATFORMS",
        help="Platforms whose contests can be synced, separated by commas; none: no platform.",
    )


def _asking_options() -> tuple[Callable[[Command], Command], ...]:
    return (
        _seconds_option(
            "--upstream-timeout-s", USUAL_TOTAL_S, TIMEOUT_S_MAX, "How long an answer may take.", above_0=True
        ),
        click.option(
            "--upstream-attempts",
            default=ATTEMPTS,
            show_default=True,
            type=click.IntRange(1, ATTEMPTS_MAX),
            envvar="CDS_UPSTREAM_ATTEMPTS",
            help="How often a platform is asked the same before it counts as failed.",
        ),
        _seconds_option(
            "--upstream-backoff-s",
            BACKOFF_S,
            BACKOFF_S_MAX,
            "How long is waited before a platform is asked again, more each time.",
        ),
        _seconds_option(
            "--upstream-interval-s",
            None,
            INTERVAL_S_MAX,
            "Between two requests to a platform, of all processes on the database together; 0: at any speed.  "
            "[default: what suits each]",
        ),
        click.option(
            "--upstream-contact",
            metavar="TEXT",
            callback=check_contact,
            envvar="CDS_UPSTREAM_CONTACT",
            help="Where those who run the platforms reach you, a URL or an address: told in the User-Agent.",
        ),
    )


def _with_options(command: Command, options: Sequence[Callable[[Command], Command]]) -> Command:
    for option in reversed(options):
        command = option(command)
    return command


def _base_url_option(host: HostName) -> Callable[[Command], Command]:
    return click.option(
        f"--{host}-url",
        default=BASE_URLS[host],
        show_default=True,
        metavar="URL",
        callback=check_base_url,
        envvar=f"CDS_{host.upper()}_URL",
        help=f"Where {host} is: scheme and host (and port) alone; the paths stay its own.",
    )


def _seconds_option(
    name: str, default: float | None, greatest: float, words: str, *, above_0: bool = False
) -> Callable[[Command], Command]:
    return click.option(
        name,
        default=default,
        show_default=default is not None,
        type=click.FloatRange(0, greatest, min_open=above_0),
        envvar=f"CDS_{name.removeprefix('--').replace('-', '_').upper()}",
        metavar="SECONDS",
        help=words,
    )


def chosen_platforms(options: PlatformOptions, *, rate_limits: bool) -> PlatformSettings:
    """The settings that the options come to."""
    urls: dict[HostName, str] = {
        "codeforces": options["codeforces_url"],
        "leetcode": options["leetcode_url"],
        "codechef": options["codechef_url"],
        "atcoder": options["atcoder_url"],
        "kenkoooo": options["kenkoooo_url"],
    }
    return PlatformSettings(
        base_urls={host: url for host, url in urls.items() if url != BASE_URLS[host]},
        enabled=options["sync_platforms"],
        timeout_s=options["upstream_timeout_s"],
        attempts=options["upstream_attempts"],
        backoff_s=options["upstream_backoff_s"],
        interval_s=options["upstream_interval_s"],
        contact=options["upstream_contact"],
        every_s=options.get("sync_every_s", 0.0),
        cool_down_s=options["sync_cool_down_s"],
        rate_limits=rate_limits,
    )


def chosen_codeforces(options: CodeforcesOptions) -> PlatformSettings:
    """The settings under which Codeforces alone is asked, by somebody who wants it at this moment."""
    url = options["codeforces_url"]
    return PlatformSettings(
        base_urls={} if url == BASE_URLS["codeforces"] else {"codeforces": url},
        enabled=options["sync_platforms"],
        timeout_s=options["upstream_timeout_s"],
        attempts=options["upstream_attempts"],
        backoff_s=options["upstream_backoff_s"],
        interval_s=options["upstream_interval_s"],
        contact=options["upstream_contact"],
        rate_limits=False,
    )
