"""`cds accounts …`: who may log in, in one contest or on the whole server.

This module translates words into calls; it must not hold rules.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

import click

from cds.command_line import CommandRefused, database_options, run

Command = TypeVar("Command", bound=Callable[..., object])

SERVER_ROLES = ("admin", "staff", "judge", "analyst", "proxy")
"""Roles of accounts of the server; a team is of one contest."""

CONTEST_ROLES = (*SERVER_ROLES, "team", "coach")

STANDARD_INPUT = Path("-")


class AccountChanges(Protocol):
    """What can be done with any account, of a contest or of the server."""

    async def show(self) -> None:
        """Print all accounts."""

    async def set_disabled(self, name: str, *, disabled: bool) -> None:
        """Let an account log in no more, or again."""

    async def set_password(self, name: str, password: str | None) -> None:
        """Give an account a new password, None: one that is made up."""

    async def set_role(self, name: str, role: str, team_id: str | None) -> None:
        """Give an account another role."""

    async def remove(self, name: str) -> None:
        """Delete an account."""


@click.group()
def accounts() -> None:
    """See and change who may log in; works while servers run on the same data.

    Accounts belong to the contest whose id comes first. With --server in place of the id the accounts of the server
    itself are meant, which are valid in every contest. ACCOUNT is an id or a user name.
    """


def target_options(command: Command) -> Command:
    """Whose accounts, the server's or those of a contest named first; and where the log is kept."""
    server = click.option("--server", is_flag=True, help="The server's own accounts, in place of CONTEST_ID.")
    return server(database_options(command))


def password_options(command: Command) -> Command:
    """Where a password comes from."""
    options = (
        click.option("--generate", is_flag=True, help="Make a password up, and print it once."),
        # Named unlike other options: what a configuration file says of the administrator's must not end up here.
        click.option(
            "--password-file",
            "account_password_file",
            type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
            help="Holds the password in its first line; - is standard input.",
        ),
        click.option(
            "--password", "account_password", help="The password itself: visible to all on this machine (ps, history)."
        ),
    )
    for option in options:
        command = option(command)
    return command


@accounts.command(name="list")
@click.argument("names", nargs=-1, metavar="[CONTEST_ID]")
@target_options
def list_(*, names: Sequence[str], server: bool, data_dir: Path, database_url: str | None) -> None:
    """List accounts: id, user name, type, team, address, and whether they may log in."""
    contest_id, () = _target(names, 0, server=server)
    run(_changes(contest_id, data_dir, database_url).show())


@accounts.command()
@click.argument("names", nargs=-1, metavar="[CONTEST_ID] [ACCOUNT]")
@click.option(
    "--from",
    "file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="All accounts of an accounts.yaml or accounts.json, as in a contest package.",
)
@click.option("--username", "account_username", help="User name.  [default: the id]")
@click.option("--type", "account_type", help=f"{', '.join(CONTEST_ROLES)}; others read as public.")
@click.option("--name", "account_name", help="Name to show.")
@click.option("--team-id", "account_team_id", help="Team of the account; every one of type team has one.")
@click.option("--person-id", "account_person_id", help="Person whose account it is.")
@click.option("--ip", "account_ip", help="Addresses or networks that log in by themselves (see serve --auto-login).")
@password_options
@target_options
def add(
    *,
    names: Sequence[str],
    file: Path | None,
    account_password_file: Path | None,
    generate: bool,
    server: bool,
    data_dir: Path,
    database_url: str | None,
    **properties: str | None,
) -> None:
    """Create an account, or change it where it is there already; with --from many, all of them or none.

    What is not said of an account that is there stays as it is. Without a password it cannot log in.
    """
    visible_password = properties.pop("account_password")
    said = {name.removeprefix("account_"): value for name, value in properties.items() if value is not None}
    contest_id, account = _target(names, 0 if file else 1, server=server)
    password = _chosen(visible_password, account_password_file, generate=generate)
    from cds.account_files import AccountWish
    from cds.accounts import ContestAccounts
    from cds.place import Place
    from cds.server_account_changes import OwnAccounts

    place = Place(data_dir, database_url)
    if file is not None:
        if contest_id is None or said or password is not None:
            raise click.UsageError("--from says all about the accounts of one contest; only --generate goes with it")
        run(ContestAccounts(place, contest_id).add_from(file, generate=generate))
    elif contest_id is not None:
        wish = AccountWish(account[0], said, password)
        run(ContestAccounts(place, contest_id).add([wish], generate=generate))
    else:
        if said.keys() != {"type"} or said["type"] not in SERVER_ROLES:
            raise click.UsageError(f"an account of the server has a --type ({', '.join(SERVER_ROLES)}) and no more")
        password = password if generate or password is not None else _asked_for()
        run(OwnAccounts(place).add(account[0], said["type"], password))


@accounts.command()
@click.argument("names", nargs=-1, metavar="[CONTEST_ID] ACCOUNT")
@target_options
def disable(*, names: Sequence[str], server: bool, data_dir: Path, database_url: str | None) -> None:
    """Let an account log in no more, at once; its open event feeds end."""
    contest_id, (name,) = _target(names, 1, server=server)
    run(_changes(contest_id, data_dir, database_url).set_disabled(name, disabled=True))


@accounts.command()
@click.argument("names", nargs=-1, metavar="[CONTEST_ID] ACCOUNT")
@target_options
def enable(*, names: Sequence[str], server: bool, data_dir: Path, database_url: str | None) -> None:
    """Let an account log in again."""
    contest_id, (name,) = _target(names, 1, server=server)
    run(_changes(contest_id, data_dir, database_url).set_disabled(name, disabled=False))


@accounts.command()
@click.argument("names", nargs=-1, metavar="[CONTEST_ID] ACCOUNT")
@password_options
@target_options
def password(
    *,
    names: Sequence[str],
    account_password: str | None,
    account_password_file: Path | None,
    generate: bool,
    server: bool,
    data_dir: Path,
    database_url: str | None,
) -> None:
    """Give an account a new password; the old one is good for nothing at once.

    Unless an option says where the password is, it is asked for on a terminal, or read from standard input.
    """
    contest_id, (name,) = _target(names, 1, server=server)
    chosen = _chosen(account_password, account_password_file, generate=generate)
    chosen = chosen if generate or chosen is not None else _asked_for()
    run(_changes(contest_id, data_dir, database_url).set_password(name, chosen))


@accounts.command()
@click.argument("names", nargs=-1, metavar="[CONTEST_ID] ACCOUNT ROLE")
@click.option("--team-id", "account_team_id", help="Team of the account, where ROLE is team.")
@target_options
def role(
    *, names: Sequence[str], account_team_id: str | None, server: bool, data_dir: Path, database_url: str | None
) -> None:
    """Give an account another role: admin, staff, judge, analyst, proxy, team or coach."""
    contest_id, (name, wanted) = _target(names, 2, server=server)
    known = SERVER_ROLES if contest_id is None else CONTEST_ROLES
    if wanted not in known:
        raise click.UsageError(f"{wanted!r} is none of the roles {', '.join(known)}")
    run(_changes(contest_id, data_dir, database_url).set_role(name, wanted, account_team_id))


@accounts.command()
@click.argument("names", nargs=-1, metavar="[CONTEST_ID] ACCOUNT")
@target_options
def remove(*, names: Sequence[str], server: bool, data_dir: Path, database_url: str | None) -> None:
    """Delete an account with its password. One that has submitted can only be disabled."""
    contest_id, (name,) = _target(names, 1, server=server)
    run(_changes(contest_id, data_dir, database_url).remove(name))


def _target(names: Sequence[str], count: int, *, server: bool) -> tuple[str | None, Sequence[str]]:
    """The contest (None: the server itself) and the other words. Raises UsageError for too few or too many."""
    if len(names) != count + (0 if server else 1):
        raise click.UsageError("give CONTEST_ID, or --server in its place, and the rest as the usage says")
    return (None, names) if server else (names[0], names[1:])


def _changes(contest_id: str | None, data_dir: Path, database_url: str | None) -> AccountChanges:
    from cds.accounts import ContestAccounts
    from cds.place import Place
    from cds.server_account_changes import OwnAccounts

    place = Place(data_dir, database_url)
    return OwnAccounts(place) if contest_id is None else ContestAccounts(place, contest_id)


def _chosen(password: str | None, password_file: Path | None, *, generate: bool) -> str | None:
    """The password that the options give, None without one. Raises UsageError, and CommandRefused."""
    if sum((password is not None, password_file is not None, generate)) > 1:
        raise click.UsageError("give one of --password-file, --generate and --password")
    if password_file is not None:
        password = _first_line(password_file)
    return None if password is None else _fit(password)


def _asked_for() -> str:
    """The password that somebody types, or that is piped in."""
    if sys.stdin.isatty():
        typed: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        return _fit(typed)
    return _fit(_first_line(STANDARD_INPUT))


def _first_line(file: Path) -> str:
    try:
        with click.open_file(str(file), encoding="utf-8") as opened:
            line: str = opened.readline()
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"the password cannot be read from {file}: {error}") from None
    return line.rstrip("\r\n")


def _fit(password: str) -> str:
    from cds.commands.accounts import refuse_unfit_password
    from cds.commands.decision import Refused

    try:
        refuse_unfit_password(password)
    except Refused as refused:
        raise CommandRefused(refused.reason) from None
    return password
