"""Options about users: how mails reach them, and for how long logins and codes are good.

This module translates words; it must not know how mails are sent.
"""

from collections.abc import Callable
from typing import TypedDict, TypeVar
from urllib.parse import unquote, urlsplit

import click

from cds.mail_settings import SENDER, MailSettings, SmtpScheme, SmtpServer
from cds.secret_options import SecretOption
from cds.users.settings import DAY_S, HOUR_S, UserSettings

Command = TypeVar("Command", bound=Callable[..., object])

SCHEMES: dict[str, SmtpScheme] = {"smtp": "smtp", "smtps": "smtps"}
PORT_OF_SCHEME: dict[SmtpScheme, int] = {"smtp": 25, "smtps": 465}

SESSION_DAYS = UserSettings().session_s / DAY_S
REMEMBERED_DAYS = UserSettings().remembered_s / DAY_S
DAYS_MAX = 366.0
DURATION_MIN = 0.001
RESET_HOURS = UserSettings().reset_s / HOUR_S
RESET_HOURS_MAX = 24.0
"""A code is good for a day at most (requirements-003, 3.4)."""


class UserOptions(TypedDict):
    """The options, by the names that click gives them."""

    smtp_url: SmtpServer | None
    mail_from: str
    mail_log: bool
    session_days: float
    remembered_session_days: float
    reset_hours: float


def read_smtp_url(_context: click.Context, _parameter: click.Parameter, value: str | None) -> SmtpServer | None:
    """The server that a URL names; what is refused is not repeated, for it may hold a password."""
    if not value:
        return None
    server = _smtp_server(value)
    if server is None:
        raise click.BadParameter("not like smtp://host:25, or smtps://user:password@host:465")
    return server


def _smtp_server(url: str) -> SmtpServer | None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    scheme = SCHEMES.get(parts.scheme)
    beyond = parts.path.strip("/") or parts.query or parts.fragment
    if (
        scheme is None
        or not parts.hostname
        or port == 0
        or beyond
        or (parts.username is None) != (parts.password is None)
    ):
        return None
    return SmtpServer(
        scheme=scheme,
        host=parts.hostname,
        port=port or PORT_OF_SCHEME[scheme],
        username=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
    )


def check_sender(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    """Let pass what can stand in the head of a mail as an address."""
    local, at, domain = value.rpartition("@")
    if not (local and at and domain) or not value.isprintable() or set(value) & set(' <>,;:"'):
        raise click.BadParameter(f"{value!r} is not like contest@example.com")
    return value


def user_options(command: Command) -> Command:
    """Mails, and how long logins and codes are good."""
    options = (
        click.option(
            "--smtp-url",
            cls=SecretOption,
            metavar="URL",
            callback=read_smtp_url,
            envvar="CDS_SMTP_URL",
            help="Send mails over this server, such as smtp://localhost:25, or smtps://user:password@host:465; "
            "without it none are sent.",
        ),
        click.option(
            "--mail-from",
            metavar="ADDRESS",
            default=SENDER,
            show_default=True,
            callback=check_sender,
            envvar="CDS_MAIL_FROM",
            help="From whom mails come.",
        ),
        click.option(
            "--mail-log",
            is_flag=True,
            envvar="CDS_MAIL_LOG",
            help="Print mails that are not sent on standard error, with the codes in them; for trials alone.",
        ),
        _duration_option("--session-days", SESSION_DAYS, DAYS_MAX, "For how long a login of a user is good."),
        _duration_option(
            "--remembered-session-days",
            REMEMBERED_DAYS,
            DAYS_MAX,
            "For how long one is good that is to be remembered; 30 is a wiser choice than what the contract has.",
        ),
        _duration_option(
            "--reset-hours",
            RESET_HOURS,
            RESET_HOURS_MAX,
            "For how long a code is good that lets a user choose a new password.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _duration_option(name: str, default: float, greatest: float, words: str) -> Callable[[Command], Command]:
    """For how long something is good, in the unit that the name of the option ends with."""
    return click.option(
        name,
        default=default,
        show_default=True,
        type=click.FloatRange(DURATION_MIN, greatest),
        envvar=f"CDS_{name.removeprefix('--').replace('-', '_').upper()}",
        help=words,
    )


def chosen_users(options: UserOptions) -> UserSettings:
    """The settings that the options come to."""
    return UserSettings(
        session_s=round(options["session_days"] * DAY_S),
        remembered_s=round(options["remembered_session_days"] * DAY_S),
        reset_s=round(options["reset_hours"] * HOUR_S),
        mail=MailSettings(server=options["smtp_url"], sender=options["mail_from"], printed=options["mail_log"]),
    )
