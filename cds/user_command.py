"""`cds users` and `cds forget`: what is done about users of the platform from the command line.

Also beside a running server, which knows of it at once. This module speaks to the person at the command line; it must
not hold rules.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from cds.command_line import CommandRefused, database_options, run
from schemas.users import UserRole

if TYPE_CHECKING:
    from cds.users.register import UserRegister
    from schemas.users import User

ACTOR = "users"
"""Who has written what is written here, as the log names it."""


@click.group()
def users() -> None:
    """Users of the platform, who sign up over the League of Code API."""


@users.command(name="list")
@database_options
def list_users(*, data_dir: Path, database_url: str | None) -> None:
    """Print every user: user name, id, role, and whether they are banned."""
    run(_list(data_dir, database_url), log_level="warning")


@users.command(name="role")
@click.argument("name")
@click.argument("role", type=click.Choice(get_args(UserRole)))
@database_options
def set_role(*, name: str, role: UserRole, data_dir: Path, database_url: str | None) -> None:
    """Give a user a role: an admin manages matches and users over the API, and syncs platforms."""
    run(_set_role(name, role, data_dir, database_url), log_level="warning")


@users.command(name="ban")
@click.argument("name")
@database_options
def ban(*, name: str, data_dir: Path, database_url: str | None) -> None:
    """Let a user log in no more; nothing of theirs is erased, and tokens are good for nothing at once."""
    run(_set_banned(name, data_dir, database_url, banned=True), log_level="warning")


@users.command(name="unban")
@click.argument("name")
@database_options
def unban(*, name: str, data_dir: Path, database_url: str | None) -> None:
    """Let a user who is banned log in again."""
    run(_set_banned(name, data_dir, database_url, banned=False), log_level="warning")


@click.command()
@click.argument("name", metavar="USER")
@database_options
def forget(*, name: str, data_dir: Path, database_url: str | None) -> None:
    """Delete a user for good: name, address, password and follows are erased, and cannot be had back.

    USER is a user name, or an id such as u12. The log goes on naming the id, which tells nothing; whatever is shown has
    `deleted-` and the id in place of the name. The name and the address can be taken again.
    """
    run(_forget(name, data_dir, database_url), log_level="warning")


@asynccontextmanager
async def _opened(data_dir: Path, database_url: str | None) -> "AsyncIterator[UserRegister]":
    from cds.circumstances import SYSTEM
    from cds.commands.decision import Refused
    from cds.store_opening import opened_store
    from cds.users.ledger import users_ledger
    from cds.users.register import UserRegister
    from cds.users.reset_codes import ResetCodes

    async with opened_store(data_dir, database_url, make=False) as store:
        try:
            yield UserRegister(store, users_ledger(store), ResetCodes(store), SYSTEM)
        except Refused as refused:
            raise CommandRefused(refused.reason) from None


async def _found(register: "UserRegister", name: str) -> "User":
    """The user of that name, or else of that id, also one who is banned. Raises CommandRefused."""
    people = await register.people()
    user = people.named_ever(name) or people.state.find(name)
    if user is None or user.erased:
        raise CommandRefused(f"there is no user {name}")
    return user


async def _list(data_dir: Path, database_url: str | None) -> None:
    async with _opened(data_dir, database_url) as register:
        people = await register.people()
        for user in [*people.active_users(), *people.banned_users()]:
            click.echo(f"{people.username(user.id)}\t{user.id}\t{user.role}\t{'active' if user.active else 'banned'}")


async def _set_role(name: str, role: UserRole, data_dir: Path, database_url: str | None) -> None:
    async with _opened(data_dir, database_url) as register:
        user = await _found(register, name)
        await register.set_role(user.id, role, actor=ACTOR)
    click.echo(f"user {name} is {role}")


async def _set_banned(name: str, data_dir: Path, database_url: str | None, *, banned: bool) -> None:
    async with _opened(data_dir, database_url) as register:
        user = await _found(register, name)
        if user.active is not banned:
            raise CommandRefused(f"user {name} is {'' if banned else 'not '}banned already")
        await register.ban(user.id, banned=banned, actor=ACTOR)
    click.echo(f"user {name} is {'banned' if banned else 'banned no more'}")


async def _forget(name: str, data_dir: Path, database_url: str | None) -> None:
    from eventstore.store import StoreUnavailable

    async with _opened(data_dir, database_url) as register:
        user = await _found(register, name)
        try:
            await register.erase(user.id, actor=ACTOR)
        except StoreUnavailable as away:
            # The name may be gone already, by which the user could be found.
            again = f"the server goes on with it, or: cds forget {user.id}"
            raise CommandRefused(f"user {user.id} may not be forgotten to the end ({away}); {again}") from None
    click.echo(f"user {user.id} is forgotten: nothing is kept of them but this id")
