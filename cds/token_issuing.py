"""Bearer tokens for whoever is at the command line.

This module speaks to the person there; it must not know how a token is read again.
"""

import time
from datetime import UTC, datetime

import click

from cds.administrator import ADMIN_USERNAME
from cds.bearer_tokens import NO_PASSWORD_HASH, NOBODY, TEAM, BearerTokens, bearer_tokens
from cds.commands.decision import Refused
from cds.place import Place
from eventstore.store import EventStore

ACCOUNT_OF_ROLE = {"admin": ADMIN_USERNAME, TEAM: NOBODY}
"""Whose a token is where no account is named. Accounts of teams belong to contests, so theirs is nobody's."""

FIRST_START = "`cds serve` makes it when it starts for the first time"


async def print_token(place: Place, *, role: str, username: str | None, lifetime_s: int) -> None:
    """Print a token for an account in its role, in the last line. Raises Refused where there is none such."""
    subject = ACCOUNT_OF_ROLE.get(role) if username is None else username
    if subject is None or username == NOBODY:
        raise Refused(f"name an account of the role {role} (--account)", "account")
    async with place.store(make=False) as store:
        password_hash = NO_PASSWORD_HASH if subject == NOBODY else await _password_hash(store, subject, role)
        tokens, now_s = await bearer_tokens(store), int(time.time())
    _tell(tokens, subject, role, password_hash, now_s, lifetime_s)


def _tell(tokens: BearerTokens, subject: str, role: str, password_hash: str, now_s: int, lifetime_s: int) -> None:
    made = tokens.token(subject=subject, role=role, password_hash=password_hash, now_s=now_s, lifetime_s=lifetime_s)
    until = datetime.fromtimestamp(now_s + lifetime_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    click.echo(f"token of {subject or 'nobody in particular'}, {role}, good until {until}")
    click.echo(made)


async def _password_hash(store: EventStore, username: str, role: str) -> str:
    """The password hash of an account that has this role. Raises Refused.

    A team is an account of some contest, and outside of that nobody: the name is the bearer's own word.
    """
    account = (await store.server_accounts()).get(username)
    if account is None and role == TEAM:
        return NO_PASSWORD_HASH
    if account is None:
        hint = f": {FIRST_START}" if username == ADMIN_USERNAME else ""
        raise Refused(f"there is no account {username} of the server{hint}", "account", ground="unknown")
    if account.role != role:
        raise Refused(f"account {username} is {account.role}, not {role}", "role")
    if account.disabled:
        raise Refused(f"account {username} is disabled", "account")
    return account.password_hash
