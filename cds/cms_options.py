"""Options about the ContestWebServer API: which contest is served at the root, and who may act for participants.

The token for that is a secret: it comes from the environment or a file, and never from the command line. This module
translates words; it must not know how the API works.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypedDict, TypeVar

import click

from cds.cms_api.settings import CmsSettings
from schemas.identifiers import is_contest_identifier

Command = TypeVar("Command", bound=Callable[..., object])

ADMIN_TOKEN_VARIABLE = "CDS_CMS_ADMIN_TOKEN"  # noqa: S105 - the name of a variable
ADMIN_TOKEN_FILE_OPTION = "--cms-admin-token-file"  # noqa: S105 - the name of an option


class CmsOptions(TypedDict):
    """The options, by the names that click gives them."""

    cms_contest: str | None
    cms_admin_token_file: Path | None


def check_contest_id(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """Let pass what can be the id of a contest."""
    if not value:
        return None
    if not is_contest_identifier(value):
        raise click.BadParameter(f"{value[:60]!r} is no id of a contest")
    return value


def cms_options(command: Command) -> Command:
    """The contest at the root, and the file of the token."""
    options = (
        click.option(
            "--cms-contest",
            metavar="ID",
            callback=check_contest_id,
            envvar="CDS_CMS_CONTEST",
            help="Serve this contest by the API of CMS at the root too (/api/login, /tasks/…), beside /cms/ID.",
        ),
        click.option(
            ADMIN_TOKEN_FILE_OPTION,
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            envvar=f"{ADMIN_TOKEN_VARIABLE}_FILE",
            help="Holds the token with which administrators act for participants by the API of CMS; 32 characters or "
            f"more.  [default: what {ADMIN_TOKEN_VARIABLE} says; without it nobody may]",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def chosen_cms(options: CmsOptions) -> CmsSettings:
    """The settings that the options and the environment come to. Raises UsageError for a file that cannot be read."""
    return CmsSettings(contest_id=options["cms_contest"], admin_token=_admin_token(options["cms_admin_token_file"]))


def _admin_token(file: Path | None) -> str | None:
    if file is None:
        return os.environ.get(ADMIN_TOKEN_VARIABLE) or None
    try:
        return file.read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        raise click.UsageError(f"{ADMIN_TOKEN_FILE_OPTION}: {file} cannot be read") from None
