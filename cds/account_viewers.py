"""Who accounts are: the viewer that each is, and what tells one login of it from the next. Pure.

This module must not know passwords, nor who is asking.
"""

from hashlib import sha256

from cds.commands.accounts import LOGINS, NO_LOGIN_RECORD, Network, accounts_of, networks_of
from cds.live_contest import LiveContest
from eventstore.store import ServerAccount
from projections.contest import ContestState
from schemas.objects import Account
from schemas.users import User
from schemas.viewers import ROLE_OF_ACCOUNT_TYPE, Viewer

GENERATION_BYTES = 6


def viewer_of_account(state: ContestState, account: Account, *, address: str | None = None) -> Viewer:
    """The viewer that an account of a contest is, in that contest; `address` where that has logged it in."""
    role = ROLE_OF_ACCOUNT_TYPE.get(account.type, "public")
    return Viewer(
        role=role,
        team_id=account.team_id if role == "team" else None,
        account_id=account.id,
        generation=state.logins.get(account.id, NO_LOGIN_RECORD).generation,
        address=address,
    )


def is_disabled(state: ContestState, account_id: str) -> bool:
    """Whether an account of a contest may not log in."""
    return state.logins.get(account_id, NO_LOGIN_RECORD).disabled


def takes_part(state: ContestState, account: Account) -> bool:
    """Whether an account is that of a participant, a team, who may log in."""
    return account.type == "team" and account.team_id is not None and not is_disabled(state, account.id)


def login_of(state: ContestState, account_id: str) -> str:
    """What tells a login from those that the same id had before and will have: any change, also by deletion."""
    return f"{state.versions.get(('accounts', account_id), 0)}/{state.versions.get((LOGINS, account_id), 0)}"


def accounts_named(contest: LiveContest | None, username: str) -> list[tuple[LiveContest, Account]]:
    """The accounts of that name in a contest, each with the contest; none without one."""
    if contest is None:
        return []
    return [(contest, account) for account in accounts_of(contest.state) if account.username == username]


def known_networks_of(account: Account) -> tuple[Network, ...]:
    """The networks that an account names; none where they cannot be read, as a source may have written them."""
    try:
        return networks_of(account.ip or "")
    except ValueError:
        return ()


def viewer_of_server_account(
    account: ServerAccount, *, expires_at_s: int | None = None, token_mark: str | None = None
) -> Viewer:
    """The viewer that an account of the server is, everywhere; the last two are of the token that has let it in."""
    return Viewer(
        role=ROLE_OF_ACCOUNT_TYPE.get(account.role, "public"),
        server_username=account.username,
        generation=int.from_bytes(sha256(account.password_hash.encode()).digest()[:GENERATION_BYTES]),
        expires_at_s=expires_at_s,
        token_mark=token_mark,
    )


def viewer_of_user(user: User, *, expires_at_s: int | None = None) -> Viewer:
    """The viewer that a user of the platform is: the public in every contest (roles.md, "Scope of accounts")."""
    return Viewer(
        role="public",
        user_id=user.id,
        user_is_admin=user.role == "admin",
        generation=user.generation,
        expires_at_s=expires_at_s,
    )
