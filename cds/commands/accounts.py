"""What an account of a contest may be, and what becomes of the logins that belong to it.

Passwords are never here: whoever carries out a change keeps the hash beside the log, in the same batch as the record
that counts it (`login_change`). This module must not know how somebody logs in.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import cast

import msgspec

from cds.commands.decision import ObjectChange, Refused
from projections.contest import ContestState
from projections.integrity import dangling
from schemas.object_types import OBJECT_TYPES
from schemas.objects import Account
from schemas.records import Login

Network = IPv4Network | IPv6Network

PASSWORD_BYTES_MAX = 1_024
"""Longer passwords would cost the server more than they protect; nobody may have or try one."""

HASH_PREFIX = "$argon2"
"""What the text of a stored hash begins with (PHC); a password that looks so would be taken for one."""

NETWORKS_MAX = 64
"""Addresses and networks that one account may name."""

NETWORKS_REMEMBERED_MAX = 8_192

ACCOUNTS = "accounts"
LOGINS = "x-logins"

NO_LOGIN_RECORD = Login()


class WantedAccount(msgspec.Struct, frozen=True):
    """An account as it is to be; `new_password` says that a hash is kept together with it."""

    account: Account
    new_password: bool = False


@lru_cache(maxsize=NETWORKS_REMEMBERED_MAX)
def networks_of(text: str) -> tuple[Network, ...]:
    """The networks that an `ip` names: addresses or networks (10.0.0.0/24), separated by commas.

    Raises ValueError, with a text that says which part it is.
    """
    parts = [part.strip() for part in text.split(",")]
    if len(parts) > NETWORKS_MAX:
        raise ValueError(f"names more than {NETWORKS_MAX} addresses")
    return tuple(_network(part) for part in parts)


def _network(text: str) -> Network:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f"{text!r} is neither an address nor a network") from None


def account_named(state: ContestState, name: str) -> Account:
    """The account of that id, or else of that user name. Raises Refused (unknown, or conflict where several fit)."""
    by_id = {account.id: account for account in accounts_of(state)}
    fitting = [by_id[name]] if name in by_id else [each for each in by_id.values() if each.username == name]
    if not fitting:
        raise Refused(f"there is no account {name}", ground="unknown")
    if len(fitting) > 1:
        ids = ", ".join(each.id for each in fitting)
        raise Refused(f"several accounts have the user name {name}: {ids}; name one by its id", ground="conflict")
    return fitting[0]


def accounts_of(state: ContestState) -> Iterable[Account]:
    """Every account of the contest, in order of creation."""
    return cast("dict[str, Account]", state.objects[ACCOUNTS]).values()


def login_change(
    state: ContestState, account_id: str, *, new_password: bool, disabled: bool | None
) -> list[ObjectChange]:
    """The change of an account's login record: a new password is counted, `disabled` None stays as it is.

    Nothing when nothing changes.
    """
    present = state.logins.get(account_id, NO_LOGIN_RECORD)
    wanted = Login(
        disabled=present.disabled if disabled is None else disabled,
        generation=present.generation + (1 if new_password else 0),
    )
    return [] if wanted == present else [ObjectChange(LOGINS, account_id, wanted)]


def login_erased(account_id: str) -> ObjectChange:
    """The change that lets go of the login of an account that is deleted.

    Also where there is no record of it: that its version is another tells the logins of an id that is used again.
    """
    return ObjectChange(LOGINS, account_id, None)


def refuse_taken_username(state: ContestState, account: Account) -> None:
    """Raise Refused (conflict) when another account of the contest has the user name: a login must mean one."""
    for other in accounts_of(state):
        if other.username == account.username and other.id != account.id:
            raise Refused(
                f"the user name {account.username} is that of account {other.id}", "username", ground="conflict"
            )


def refuse_unfit(account: Account) -> None:
    """Raise Refused for an account that nobody could use as it is meant (JSON Format, "Accounts")."""
    if not account.username:
        raise Refused("the user name is empty", "username")
    # The first colon ends the user name, and control characters are in neither part (RFC 7617, section 2).
    if ":" in account.username or not account.username.isprintable():
        raise Refused("a user name holds neither ':' nor control characters", "username")
    if account.type == "team" and not account.team_id:
        raise Refused("an account of type team needs the team it is of", "team_id")
    if account.ip is not None:
        try:
            networks_of(account.ip)
        except ValueError as error:
            raise Refused(f"ip: {error}", "ip") from None


def refuse_unfit_password(password: str) -> None:
    """Raise Refused for a password with which nobody could log in, or that is a hash of one."""
    if not password:
        raise Refused("the password is empty", "password")
    if len(password.encode(errors="surrogatepass")) > PASSWORD_BYTES_MAX:
        raise Refused(f"the password is longer than {PASSWORD_BYTES_MAX} bytes", "password")
    if not password.isprintable():
        raise Refused("the password holds control characters", "password")
    if password.startswith(HASH_PREFIX):
        raise Refused("this is the hash of a password; the password itself is needed", "password")


def decide_accounts(state: ContestState, wanted: Sequence[WantedAccount]) -> list[ObjectChange]:
    """The changes that create or change these accounts and count their new passwords; others stay as they are.

    Raises Refused, naming the account.
    """
    _refuse_repeated(state, [each.account for each in wanted])
    changes: list[ObjectChange] = []
    for each in wanted:
        account = each.account
        _refuse_unfit_here(state, account)
        if state.objects[ACCOUNTS].get(account.id) != account:
            changes.append(ObjectChange(ACCOUNTS, account.id, account))
        changes.extend(login_change(state, account.id, new_password=each.new_password, disabled=None))
    return changes


def decide_removal(state: ContestState, account_id: str) -> list[ObjectChange]:
    """The changes that delete an account; its password is erased by whoever carries them out.

    Raises Refused (unknown; conflict where something refers to it: such an account can be disabled).
    """
    if account_id not in state.objects[ACCOUNTS]:
        raise Refused(f"there is no account {account_id}", ground="unknown")
    for type_name, identifier in state.referrers.of((ACCOUNTS, account_id)):
        raise Refused(
            f"account {account_id} cannot be deleted, {type_name} {identifier} refers to it; it can be disabled",
            ground="conflict",
        )
    return [login_erased(account_id), ObjectChange(ACCOUNTS, account_id, None)]


def _refuse_repeated(state: ContestState, wanted: Sequence[Account]) -> None:
    """No account may be wanted twice, and when all is done no wanted user name may mean two accounts."""
    by_id = {account.id: account for account in wanted}
    if len(by_id) < len(wanted):
        ids = [account.id for account in wanted]
        repeated = next(identifier for identifier in ids if ids.count(identifier) > 1)
        raise Refused(f"two accounts have the id {repeated}", "id", ground="conflict")
    holders: dict[str, list[str]] = {}
    for account in ({account.id: account for account in accounts_of(state)} | by_id).values():
        holders.setdefault(account.username, []).append(account.id)
    for account in wanted:
        if len(holders[account.username]) > 1:
            ids_text = ", ".join(holders[account.username])
            raise Refused(
                f"several accounts would have the user name {account.username}: {ids_text}",
                "username",
                ground="conflict",
            )


def _refuse_unfit_here(state: ContestState, account: Account) -> None:
    try:
        refuse_unfit(account)
    except Refused as refused:
        raise Refused(f"account {account.id}: {refused.reason}", refused.property, ground=refused.ground) from None
    for target_type, identifier in dangling(state.objects, OBJECT_TYPES[ACCOUNTS], account):
        property_name = next(each.property for each in OBJECT_TYPES[ACCOUNTS].references if each.target == target_type)
        raise Refused(f"account {account.id}: {property_name} {identifier} does not exist", property_name)
