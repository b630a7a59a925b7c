"""The commands that change the server's own accounts, which are valid in every contest.

Servers that run see the change within seconds. This module speaks to the person at the command line; it must not hold
rules.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import click
import msgspec

from cds.accounts import generated_password, print_disabled, print_password_once
from cds.commands.accounts import refuse_unfit
from cds.commands.decision import Refused
from cds.passwords import password_hash
from cds.place import Place
from eventstore.postgres import PostgresStore
from eventstore.store import ServerAccount
from schemas.objects import Account

WHERE = "server"


class OwnAccounts:
    """The accounts of the server itself."""

    def __init__(self, place: Place) -> None:
        """Those that are kept there."""
        self._place = place

    async def show(self) -> None:
        """Print every account: user name, role, and whether it may log in."""
        async with self._place.store() as store:
            for account in (await store.server_accounts()).values():
                click.echo(f"{account.username}\t{account.role}\t{'disabled' if account.disabled else 'enabled'}")

    async def add(self, username: str, role: str, password: str | None) -> None:
        """Create an account; password None: one that is made up. Raises Refused when there is one of that name."""
        refuse_unfit(Account(id=username, username=username, type=role))
        chosen = password or generated_password()
        async with self._place.store() as store:
            if username in await store.server_accounts():
                raise Refused(f"there is an account {username} of the server already", "username", ground="conflict")
            hashed = await asyncio.to_thread(password_hash, chosen)
            await store.put_server_account(ServerAccount(username=username, role=role, password_hash=hashed))
        click.echo(f"{WHERE}: account {username} is created, {role}")
        if password is None:
            print_password_once(username, chosen)

    async def set_disabled(self, name: str, *, disabled: bool) -> None:
        """Let an account log in no more, or again."""
        async with self._account(name) as (store, present):
            await store.put_server_account(msgspec.structs.replace(present, disabled=disabled))
        print_disabled(WHERE, name, disabled=disabled, before=present.disabled)

    async def set_password(self, name: str, password: str | None) -> None:
        """Give an account a new password; None: one that is made up and printed."""
        chosen = password or generated_password()
        hashed = await asyncio.to_thread(password_hash, chosen)
        async with self._account(name) as (store, present):
            await store.put_server_account(msgspec.structs.replace(present, password_hash=hashed))
        click.echo(f"{WHERE}: account {name} has a new password")
        if password is None:
            print_password_once(name, chosen)

    async def set_role(self, name: str, role: str, team_id: str | None) -> None:
        """Give an account another role. Raises Refused for a team: there are none outside contests."""
        if team_id is not None:
            raise Refused("an account of the server has no team", "team_id")
        async with self._account(name) as (store, present):
            await store.put_server_account(msgspec.structs.replace(present, role=role))
        click.echo(f"{WHERE}: account {name} is {role}")

    async def remove(self, name: str) -> None:
        """Remove an account."""
        async with self._place.store() as store:
            if not await store.remove_server_account(name):
                raise _unknown(name)
        click.echo(f"{WHERE}: account {name} is removed")

    @asynccontextmanager
    async def _account(self, name: str) -> AsyncIterator[tuple[PostgresStore, ServerAccount]]:
        """The store, and an account as it is now. Raises Refused when there is none of that name."""
        async with self._place.store() as store:
            account = (await store.server_accounts()).get(name)
            if account is None:
                raise _unknown(name)
            yield store, account


def _unknown(username: str) -> Refused:
    return Refused(f"there is no account {username} of the server", ground="unknown")
