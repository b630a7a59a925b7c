"""The commands that change the accounts of a contest: they decide on the log itself, also while servers run.

This module speaks to the person at the command line; it must not hold rules.
"""

import asyncio
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import click
import msgspec

from cds.account_files import AccountWish, read_accounts
from cds.circumstances import SYSTEM
from cds.commands.accounts import (
    NO_LOGIN_RECORD,
    WantedAccount,
    account_named,
    accounts_of,
    decide_accounts,
    decide_removal,
    login_change,
    refuse_unfit_password,
)
from cds.commands.decision import ObjectChange, Refused
from cds.importing import encoded_events, refuse_costly_hash
from cds.live_contest import Decide, Decision, LiveContest
from cds.passwords import HASHING_THREADS, PHC_PREFIX, matches, password_hash
from cds.place import Place
from eventstore.store import Credential, NewEvent
from projections.contest import ContestState
from schemas.objects import Account

ACTOR = "command line"
NOTHING = "-"

READABLE_CHARACTERS = "abcdefghijkmnpqrstuvwxyz23456789"
"""What generated passwords consist of: nothing that is mistaken for something else on paper (0 O o, 1 l)."""

GENERATED_GROUPS = 3
GENERATED_GROUP_CHARACTERS = 4
"""Twelve characters of five bits each: 60 bits, far beyond what can be guessed through a login."""


class Tally(msgspec.Struct):
    """What became of the accounts of a batch."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    passwords: int = 0

    def __str__(self) -> str:
        return (
            f"{self.created} created, {self.changed} changed, {self.unchanged} unchanged, "
            f"{self.passwords} new passwords"
        )


def generated_password() -> str:
    """A new password, such as x7kp-m3qa-9wtz."""
    groups = (
        "".join(secrets.choice(READABLE_CHARACTERS) for _ in range(GENERATED_GROUP_CHARACTERS))
        for _ in range(GENERATED_GROUPS)
    )
    return "-".join(groups)


class ContestAccounts:
    """The accounts of one contest."""

    def __init__(self, place: Place, contest_id: str) -> None:
        """Those of the contest of this id in the log that is kept there."""
        self._place = place
        self._contest_id = contest_id

    async def show(self) -> None:
        """Print every account: id, user name, type, team, address, and whether it may log in."""
        async with self._place.contest(self._contest_id) as (store, contest):
            hashes = await store.credentials(contest.stream)
            for account in accounts_of(contest.state):
                login = contest.state.logins.get(account.id, NO_LOGIN_RECORD)
                access = "disabled" if login.disabled else "enabled" if account.id in hashes else "no password"
                columns = (account.id, account.username, account.type, account.team_id, account.ip, access)
                click.echo("\t".join(column or NOTHING for column in columns))

    async def add_from(self, file: Path, *, generate: bool) -> None:
        """Create or change the accounts of a file. Raises SourceRefused, and as `add`."""
        read = await asyncio.to_thread(read_accounts, file)
        for warning in read.warnings:
            click.echo(f"warning: {warning}", err=True)
        await self.add(read.wishes, generate=generate)

    async def add(self, wishes: Sequence[AccountWish], *, generate: bool) -> None:
        """Create or change accounts, all in one transaction or none. With `generate` who has no password gets one."""
        passwords = _passwords(wishes)
        async with self._place.contest(self._contest_id) as (store, contest):
            known = await store.credentials(contest.stream)
            without = [wish.account_id for wish in wishes if wish.account_id not in passwords.keys() | known.keys()]
            made_up = {account_id: generated_password() for account_id in without if generate}
            hashes = await _new_hashes(known, passwords | made_up)
            tally = Tally()

            def decide(state: ContestState) -> Decision:
                nonlocal tally
                wanted = [WantedAccount(_as_wished(state, wish), wish.account_id in hashes) for wish in wishes]
                tally = _tally(state, wanted)
                return _decision(contest, decide_accounts(state, wanted), hashes)

            await _transact(contest, decide, "accounts add")
            click.echo(f"{self._contest_id}: {tally}")
            for account in accounts_of(contest.state):
                if account.id in made_up:
                    print_password_once(account.username, made_up[account.id])

    async def set_disabled(self, name: str, *, disabled: bool) -> None:
        """Let an account log in no more, or again."""
        async with self._place.contest(self._contest_id) as (_, contest):

            def decide(state: ContestState) -> Decision:
                account = account_named(state, name)
                return _decision(contest, login_change(state, account.id, new_password=False, disabled=disabled))

            events = await _transact(contest, decide, "accounts disable" if disabled else "accounts enable")
            username = account_named(contest.state, name).username
            print_disabled(self._contest_id, username, disabled=disabled, before=disabled if not events else None)

    async def set_password(self, name: str, password: str | None) -> None:
        """Give an account a new password; None: one that is made up and printed."""
        async with self._place.contest(self._contest_id) as (_, contest):
            chosen = password or generated_password()
            hashed = await asyncio.to_thread(password_hash, chosen)

            def decide(state: ContestState) -> Decision:
                account = account_named(state, name)
                changes = login_change(state, account.id, new_password=True, disabled=None)
                return _decision(contest, changes, {account.id: hashed})

            await _transact(contest, decide, "accounts password")
            username = account_named(contest.state, name).username
            click.echo(f"{self._contest_id}: account {username} has a new password")
            if password is None:
                print_password_once(username, chosen)

    async def set_role(self, name: str, role: str, team_id: str | None) -> None:
        """Make an account one of another type; its team goes unless the type is team."""
        async with self._place.contest(self._contest_id) as (_, contest):

            def decide(state: ContestState) -> Decision:
                account = account_named(state, name)
                kept_team_id = account.team_id if role == "team" else None
                wanted = msgspec.structs.replace(account, type=role, team_id=team_id or kept_team_id)
                return _decision(contest, decide_accounts(state, [WantedAccount(wanted)]))

            await _transact(contest, decide, "accounts role")
            account = account_named(contest.state, name)
            of_team = "" if account.team_id is None else f" of team {account.team_id}"
            click.echo(f"{self._contest_id}: account {account.username} is {account.type}{of_team}")

    async def remove(self, name: str) -> None:
        """Delete an account with its password."""
        async with self._place.contest(self._contest_id) as (_, contest):
            removed = account_named(contest.state, name)

            def decide(state: ContestState) -> Decision:
                return _decision(contest, decide_removal(state, removed.id), {removed.id: None})

            await _transact(contest, decide, "accounts remove")
            click.echo(f"{self._contest_id}: account {removed.username} is removed")


def print_password_once(username: str, password: str) -> None:
    """Tell a password that was made up; it is kept nowhere."""
    click.echo(f"account {username}, password {password} (printed this once)")


def print_disabled(where: str, username: str, *, disabled: bool, before: bool | None) -> None:
    """Say whether an account may log in now; `before` is how it was, where that is known."""
    already = "already " if before == disabled else ""
    click.echo(f"{where}: account {username} is {already}{'disabled' if disabled else 'enabled'}")


async def _transact(contest: LiveContest, decide: Decide, cause: str) -> Sequence[NewEvent]:
    return await contest.transact(decide, actor=ACTOR, cause=cause, circumstances=SYSTEM)


def _decision(
    contest: LiveContest, changes: Sequence[ObjectChange], hashes: Mapping[str, str | None] | None = None
) -> Decision:
    return Decision(
        events=encoded_events(changes),
        credentials=[
            Credential(scope=contest.stream, account_id=account_id, password_hash=hashed)
            for account_id, hashed in (hashes or {}).items()
        ],
    )


def _as_wished(state: ContestState, wish: AccountWish) -> Account:
    """The account after the wish: what it says is changed, what it does not say stays. Raises Refused."""
    present = {account.id: account for account in accounts_of(state)}.get(wish.account_id)
    if present is not None:
        return msgspec.structs.replace(present, **wish.properties)
    if "type" not in wish.properties:
        raise Refused(f"account {wish.account_id} is new and needs a type", "type")
    return msgspec.convert({"username": wish.account_id, **wish.properties, "id": wish.account_id}, Account)


def _tally(state: ContestState, wanted: Iterable[WantedAccount]) -> Tally:
    tally = Tally()
    present = state.objects["accounts"]
    for each in wanted:
        tally.passwords += each.new_password
        if each.account.id not in present:
            tally.created += 1
        elif present[each.account.id] != each.account:
            tally.changed += 1
        else:
            tally.unchanged += 1
    return tally


def _passwords(wishes: Iterable[AccountWish]) -> dict[str, str]:
    """The passwords that are wished, by account. Raises Refused for one that nobody could use."""
    passwords = {wish.account_id: wish.password for wish in wishes if wish.password is not None}
    for account_id, password in passwords.items():
        if password.startswith(PHC_PREFIX):
            refuse_costly_hash(account_id, password)
            continue
        try:
            refuse_unfit_password(password)
        except Refused as refused:
            raise Refused(f"account {account_id}: {refused.reason}", refused.property) from None
    return passwords


async def _new_hashes(known: Mapping[str, str], passwords: Mapping[str, str]) -> dict[str, str | None]:
    """The hashes of passwords that are new or different, by account."""
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(HASHING_THREADS) as threads:
        hashings: list[Callable[[], str | None]] = [
            partial(_new_hash, known.get(account_id), password) for account_id, password in passwords.items()
        ]
        found = await asyncio.gather(*(loop.run_in_executor(threads, hashing) for hashing in hashings))
    return {account_id: hashed for account_id, hashed in zip(passwords, found, strict=True) if hashed is not None}


def _new_hash(known: str | None, password: str) -> str | None:
    """The hash to keep, None when the known one is good."""
    same = known is not None and (known == password if password.startswith(PHC_PREFIX) else matches(known, password))
    return None if same else password_hash(password)
