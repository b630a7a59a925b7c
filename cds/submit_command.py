"""`cds submit`: its options, and what they mean for what is handed in.

This module translates words; it must not know how anything is handed in.
"""

import os
import ssl
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import TypedDict, Unpack

import click

from cds.command_line import CommandRefused, configuration_file_option, run
from cds.serve_command import is_whole_url

URL_DEFAULT = "http://127.0.0.1:8080"
PASSWORD_VARIABLE = "CDS_SUBMIT_PASSWORD"  # noqa: S105 - the name of a variable
WAIT_S = 600.0
WAIT_S_MAX = 24 * 3600.0
FILE_BYTES_MAX = 32 * 1024 * 1024
"""Nobody hands in more; whether less is too much is the server's to say."""


class SubmitOptions(TypedDict):
    """The options of `cds submit`, by the names that click gives them."""

    task: str
    contest_id: str | None
    url: str
    username: str | None
    password_file: Path | None
    language: str | None
    entry_point: str | None
    wait_s: float
    certificates: Path | None


def check_server_url(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    """Let pass the address of a server, without a login in it."""
    if not is_whole_url(value) or set(value) & set(" ?#{}"):
        raise click.BadParameter(f"{value!r} is not like {URL_DEFAULT}")
    if "@" in value:
        raise click.BadParameter("give no login in the address: use --username")
    return value


@click.command(
    epilog="""\b
Examples:
  cds submit --task sum sum.cpp --username anna
  cds submit --task A Main.java --contest wf14 --url https://contest.example.org/api \\
      --username team7 --password-file team7.txt
  cds submit --task sum sum.py --url http://contest.example.org:8888/regional --username anna
  cds submit --task codes encoder.cpp decoder.cpp --language "C++17 / g++" --username anna
  cds submit --task maps output_000.txt output_001.txt --username anna --wait 0
"""
)
@click.argument(
    "files",
    nargs=-1,
    required=True,
    metavar="FILE...",
    type=click.Path(path_type=Path, exists=True, dir_okay=False, readable=True),
)
@click.option("--task", required=True, metavar="NAME", envvar="CDS_TASK", help="The task: its id, label or name.")
@click.option(
    "--contest",
    "contest_id",
    metavar="ID",
    envvar="CDS_CONTEST",
    help="The contest.  [default: the one in the address, else the only one there is]",
)
@click.option(
    "--url",
    default=URL_DEFAULT,
    show_default=True,
    metavar="URL",
    envvar="CDS_URL",
    callback=check_server_url,
    help="The server, its API, or the contest on it.",
)
@click.option("--username", metavar="NAME", envvar="CDS_SUBMIT_USERNAME", help="Who hands in.")
@click.option(
    "--password-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    envvar="CDS_SUBMIT_PASSWORD_FILE",
    help=f"Holds the password.  [default: what {PASSWORD_VARIABLE} says, else asked for]",
)
@click.option(
    "--language",
    metavar="NAME",
    envvar="CDS_LANGUAGE",
    help="The language, by its id or name.  [default: told by the names of the files]",
)
@click.option(
    "--entry-point",
    metavar="NAME",
    envvar="CDS_ENTRY_POINT",
    help="Where the program begins, in languages that ask for it.  [default: the first file, or its class]",
)
@click.option(
    "--wait",
    "wait_s",
    default=WAIT_S,
    show_default=True,
    type=click.FloatRange(0, WAIT_S_MAX),
    metavar="SECONDS",
    envvar="CDS_WAIT",
    help="For how long to look what becomes of it; 0: not at all.",
)
@click.option(
    "--certificates",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    envvar="CDS_SUBMIT_CERTIFICATES",
    metavar="FILE",
    help="PEM file with the certificates to be trusted, where they are not the system's.",
)
@configuration_file_option
def submit(*, files: tuple[Path, ...], **options: Unpack[SubmitOptions]) -> None:
    """Hand in FILE... for a task of a contest, and tell the state and the score as they arrive.

    The server may have the Contest API or the API of the Contest Management System (CMS); which of them is found by
    asking it. Without --username the server may still know who asks, by the address.

    Exit code 0: judged, whatever the verdict (with --wait 0: handed in), 1: refused, or not judged in time, 2: wrong
    usage.
    """
    from cds.submitting.submitting import Target
    from cds.submitting.submitting import submit as hand_in
    from cds.submitting.work import NotSubmitted, SourceFile, work_of

    sources = [SourceFile(file.name, _content(file)) for file in files]
    try:
        work = work_of(options["task"], sources, options["language"], options["entry_point"])
    except NotSubmitted as refused:
        raise click.UsageError(str(refused)) from None
    username = options["username"]
    target = Target(
        url=options["url"],
        contest_id=options["contest_id"],
        login=None if username is None else (username, _password(username, options["password_file"])),
        trusted=_trusted(options["certificates"]),
    )
    run(_refusing(hand_in(work, target, options["wait_s"])), log_level="warning")


async def _refusing(work: Coroutine[object, object, None]) -> None:
    """Say in the way of all commands that something was refused."""
    from cds.submitting.work import NotSubmitted

    try:
        await work
    except NotSubmitted as refused:
        raise CommandRefused(str(refused)) from None


def _content(path: Path) -> bytes:
    if path.stat().st_size > FILE_BYTES_MAX:
        raise click.BadParameter(f"{path} is larger than {FILE_BYTES_MAX} bytes")
    return path.read_bytes()


def _password(username: str, file: Path | None) -> str:
    password = file.read_text().rstrip("\r\n") if file is not None else os.environ.get(PASSWORD_VARIABLE)
    if not password and sys.stdin.isatty():
        asked: str = click.prompt(f"Password of {username}", hide_input=True, err=True)
        return asked
    if not password:
        raise click.UsageError(f"--username needs a password: --password-file or {PASSWORD_VARIABLE}")
    return password


def _trusted(certificates: Path | None) -> ssl.SSLContext | None:
    if certificates is None:
        return None
    try:
        return ssl.create_default_context(cafile=certificates)
    except (ssl.SSLError, OSError) as error:
        raise click.BadParameter(f"{certificates}: {error}", param_hint="--certificates") from None
