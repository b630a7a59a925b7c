"""Options about students: where answers of Codeforces are cached, who may ask for a sync of a handle, and how often.

This module translates words; it must not know how a cache works.
"""

from collections.abc import Callable
from typing import TypedDict, TypeVar, get_args
from urllib.parse import urlsplit

import click

from cds.secret_options import SecretOption
from cds.student_api.request_buckets import REFILL_S
from cds.students.cache import CacheBacking
from cds.students.settings import StudentSettings

Command = TypeVar("Command", bound=Callable[..., object])

SYNCS_AT_ONCE_MAX = 1_000_000
"""The greatest limit that can be set; whoever wants none says 0."""

REDIS_SCHEMES = ("redis", "rediss", "unix")


class StudentOptions(TypedDict):
    """The options, by the names that click gives them."""

    student_cache: CacheBacking
    redis_url: str | None
    student_sync_login: bool
    student_sync_limit: int


def check_redis_url(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """Let pass what a Redis can be reached by; what is refused is not repeated, for it may hold a password."""
    if not value:
        return None
    try:
        parts = urlsplit(value)
        fit = parts.scheme in REDIS_SCHEMES and bool(parts.path if parts.scheme == "unix" else parts.hostname)
        fit = fit and parts.port != 0
    except ValueError:
        fit = False
    if not fit:
        raise click.BadParameter("not like redis://localhost:6379/0")
    return value


def student_options(command: Command) -> Command:
    """The cache, who may ask, and how often."""
    options = (
        click.option(
            "--student-cache",
            default="process",
            show_default=True,
            type=click.Choice(get_args(CacheBacking)),
            envvar="CDS_STUDENT_CACHE",
            help="Where Codeforces' answers on students are cached, unless in Redis: in each process, or for all of "
            "them in the database.",
        ),
        click.option(
            "--redis-url",
            cls=SecretOption,
            metavar="URL",
            callback=check_redis_url,
            envvar="CDS_REDIS_URL",
            help="Cache them in this Redis, such as redis://localhost:6379/0.",
        ),
        click.option(
            "--student-sync-login",
            is_flag=True,
            envvar="CDS_STUDENT_SYNC_LOGIN",
            help="Let only who has logged in sync a handle with Codeforces.",
        ),
        click.option(
            "--student-sync-limit",
            default=0,
            show_default=True,
            type=click.IntRange(0, SYNCS_AT_ONCE_MAX),
            envvar="CDS_STUDENT_SYNC_LIMIT",
            help=f"How many syncs of handles one address may ask for in a row, and one more every {REFILL_S:g} s; "
            "0: as many as it likes. Codeforces itself is never asked faster for it.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def chosen_students(options: StudentOptions) -> StudentSettings:
    """The settings that the options come to."""
    return StudentSettings(
        cache=options["student_cache"],
        redis_url=options["redis_url"],
        sync_requires_login=options["student_sync_login"],
        syncs_at_once=options["student_sync_limit"],
    )
