"""The options of `cds compare` that say how the servers are asked to which URLs lead.

Two servers hardly share an account, and a password for one is none of the other's business: each side has options of
its own, and those for both are for one server alone. This module translates words; it must not ask anybody.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, TypeVar

import click

if TYPE_CHECKING:
    from cds.comparing.fetching import Access

Command = TypeVar("Command", bound=Callable[..., object])

PASSWORD_VARIABLE = "CDS_COMPARE_PASSWORD"  # noqa: S105 - the name of a variable, not a password


class AccessOptions(TypedDict):
    """These options, by the names that click gives them."""

    username: str | None
    password_file: Path | None
    username_a: str | None
    password_file_a: Path | None
    username_b: str | None
    password_file_b: Path | None
    certificates: Path | None


def access_options(command: Command) -> Command:
    """An account for the server of both sides, or one for that of each, and what certificates are trusted."""
    options = (
        *_login_options("", "An account of the server that a URL leads to; of both, where that is one server."),
        *_login_options("-a", "An account of the server of A, where it is none of the server of B."),
        *_login_options("-b", "An account of the server of B, where it is none of the server of A."),
        click.option(
            "--certificates",
            envvar="CDS_COMPARE_CERTIFICATES",
            type=click.Path(path_type=Path, dir_okay=False, exists=True),
            help="PEM file with the certificates to be trusted, where they are not the system's.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def chosen_access(a: str, b: str, options: AccessOptions) -> "tuple[Access, Access]":
    """How the servers of the two sides are asked.

    Raises UsageError for half a login, and where one login would be sent to two servers.
    """
    from cds.comparing.fetching import Access, is_url, origin_of

    logins = (
        _login("-a", options["username_a"], options["password_file_a"]),
        _login("-b", options["username_b"], options["password_file_b"]),
    )
    shared = _login("", options["username"], options["password_file"])
    asked = [side for side, login in zip((a, b), logins, strict=True) if login is None and is_url(side)]
    if shared is not None and len({origin_of(side) for side in asked}) > 1:
        raise click.UsageError("--username would be sent to two servers: give --username-a and --username-b")
    own_a, own_b = (shared if login is None else login for login in logins)
    return Access(own_a, options["certificates"]), Access(own_b, options["certificates"])


def _login_options(side: str, words: str) -> tuple[Callable[[Command], Command], ...]:
    of_side = side.replace("-", "_").upper()
    return (
        click.option(f"--username{side}", metavar="NAME", envvar=f"CDS_COMPARE_USERNAME{of_side}", help=words),
        click.option(
            f"--password-file{side}",
            envvar=f"CDS_COMPARE_PASSWORD_FILE{of_side}",
            type=click.Path(path_type=Path, dir_okay=False, exists=True),
            help=f"Holds its password.  [default: what {PASSWORD_VARIABLE}{of_side} says]",
        ),
    )


def _login(side: str, username: str | None, password_file: Path | None) -> tuple[str, str] | None:
    if username is None:
        return None
    variable = f"{PASSWORD_VARIABLE}{side.replace('-', '_').upper()}"
    password = password_file.read_text().rstrip("\r\n") if password_file else os.environ.get(variable)
    if not password:
        raise click.UsageError(f"--username{side} needs a password: --password-file{side} or {variable}")
    return username, password
