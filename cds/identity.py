"""Who is asking: accounts and passwords become viewers.

Accounts of a contest are valid in that contest alone; on other paths they read as public. The server's own accounts
are valid everywhere (roles.md, "Scope of accounts"). Passwords are argon2id hashes beside the log; hashing runs off
the event loop, and what was verified is remembered for a short time under a keyed hash of the password.
This module must not know the wire that brought the credentials.
"""

import asyncio
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import cast

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from cds.live_contest import LiveContest
from eventstore.store import EventStore, ServerAccount
from schemas.objects import Account
from schemas.viewers import PUBLIC, ROLE_OF_ACCOUNT_TYPE, Viewer

SERVER_SCOPE = ""
ELSEWHERE_SCOPE = "elsewhere:"
"""Where it is remembered that credentials belong to some other contest. No stream has this name."""

REMEMBERED_S = 30.0
REMEMBERED_MAX = 4_096
HASHING_THREADS = 2
HASHINGS_WAITING_MAX = 128
FOREIGN_ACCOUNTS_TRIED_MAX = 1_024
"""Accounts of the same name in other contests; beyond so many nobody is looked for any further."""

PASSWORD_BYTES_MAX = 1_024

# OWASP's first recommendation for argon2id (19 MiB, 2 passes): a contest imports hundreds of accounts at once,
# and their passwords are mostly generated.
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)

PHC_PREFIX = "$argon2"


class WrongCredentials(Exception):
    """User name and password belong together nowhere."""


class TooManyLogins(Exception):
    """More passwords wait to be checked than the server takes on."""


def password_hash(password: str) -> str:
    """The argon2id hash of a password; a text that is such a hash already is taken as it is. Slow on purpose."""
    return password if password.startswith(PHC_PREFIX) else _hasher.hash(password)


def matches(stored_hash: str, password: str) -> bool:
    """Whether the password has this hash. Slow on purpose."""
    try:
        return _hasher.verify(stored_hash, password)
    except (VerificationError, InvalidHashError):
        return False


class Identity:
    """Checks credentials against the store, and remembers shortly what it checked."""

    def __init__(self, store: EventStore) -> None:
        """An identity service over the accounts of a store."""
        self._store = store
        self._threads = ThreadPoolExecutor(HASHING_THREADS, thread_name_prefix="argon2")
        self._waiting = 0
        self._remembering_key = secrets.token_bytes(32)
        self._remembered: OrderedDict[bytes, float] = OrderedDict()
        self._checked: OrderedDict[bytes, tuple[bool, float]] = OrderedDict()
        self._server_accounts: dict[str, ServerAccount] = {}
        self._nobodys_hash = password_hash(secrets.token_hex())

    def close(self) -> None:
        """Let go of the hashing threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def viewer(
        self, username: str, password: str, contest: LiveContest | None, others: Iterable[LiveContest]
    ) -> Viewer:
        """Who this is on the paths of `contest` (None: a path outside contests).

        Raises WrongCredentials where they fit neither the contest, nor the server, nor any other contest.
        """
        if len(password.encode()) > PASSWORD_BYTES_MAX:
            raise WrongCredentials(username)
        remembered = self._remembered_viewer(username, password, contest)
        if remembered is not None:
            return remembered
        if contest is not None:
            for account in _accounts_named(contest, username):
                if await self._verified(contest.stream, account.id, password):
                    return viewer_of_account(account)
        self._server_accounts = await self._store.server_accounts()
        server_account = self._server_accounts.get(username)
        if server_account is not None and await self._hash_verified(
            SERVER_SCOPE, username, server_account.password_hash, password
        ):
            return _server_viewer(server_account)
        if await self._known_elsewhere(username, password, contest, others):
            self._remember(ELSEWHERE_SCOPE, username, password)
            return PUBLIC
        await self._check(self._nobodys_hash, password)
        raise WrongCredentials(username)

    def _remembered_viewer(self, username: str, password: str, contest: LiveContest | None) -> Viewer | None:
        """Who this is, as far as it was verified a short time ago: no hashing, no database."""
        accounts = [] if contest is None else _accounts_named(contest, username)
        for account in accounts:
            if contest is not None and self._is_remembered(contest.stream, account.id, password):
                return viewer_of_account(account)
        if self._is_remembered(SERVER_SCOPE, username, password) and username in self._server_accounts:
            return _server_viewer(self._server_accounts[username])
        return PUBLIC if not accounts and self._is_remembered(ELSEWHERE_SCOPE, username, password) else None

    async def _known_elsewhere(
        self, username: str, password: str, contest: LiveContest | None, others: Iterable[LiveContest]
    ) -> bool:
        """Whether the account is one of another contest, which makes the viewer public and not refused."""
        tried = 0
        for other in others:
            if other is contest:
                continue
            for account in _accounts_named(other, username):
                tried += 1
                if tried > FOREIGN_ACCOUNTS_TRIED_MAX:
                    return False
                if await self._verified(other.stream, account.id, password):
                    return True
        return False

    async def _verified(self, scope: str, account_id: str, password: str) -> bool:
        stored = (await self._store.credentials(scope)).get(account_id)
        return stored is not None and await self._hash_verified(scope, account_id, stored, password)

    async def _hash_verified(self, scope: str, account_id: str, stored: str, password: str) -> bool:
        if not await self._check(stored, password):
            return False
        self._remember(scope, account_id, password)
        return True

    async def _check(self, stored: str, password: str) -> bool:
        """Whether a password has a hash; either answer is remembered for a short time. Raises TooManyLogins."""
        checked = self._keyed(stored, password)
        good, until_s = self._checked.get(checked, (False, 0.0))
        if until_s > time.monotonic():
            return good
        if self._waiting >= HASHINGS_WAITING_MAX:
            raise TooManyLogins
        self._waiting += 1
        try:
            good = await asyncio.get_running_loop().run_in_executor(self._threads, matches, stored, password)
        finally:
            self._waiting -= 1
        self._checked[checked] = (good, time.monotonic() + REMEMBERED_S)
        while len(self._checked) > REMEMBERED_MAX:
            self._checked.popitem(last=False)
        return good

    def _is_remembered(self, scope: str, account_id: str, password: str) -> bool:
        return self._remembered.get(self._remembering(scope, account_id, password), 0.0) > time.monotonic()

    def _remember(self, scope: str, account_id: str, password: str) -> None:
        self._remembered[self._remembering(scope, account_id, password)] = time.monotonic() + REMEMBERED_S
        while len(self._remembered) > REMEMBERED_MAX:
            self._remembered.popitem(last=False)

    def _remembering(self, scope: str, account: str, password: str) -> bytes:
        return self._keyed(scope, account, password)

    def _keyed(self, *texts: str) -> bytes:
        return hmac.new(self._remembering_key, "\0".join(texts).encode(), sha256).digest()


def viewer_of_account(account: Account) -> Viewer:
    """The viewer that an account of a contest is, in that contest."""
    role = ROLE_OF_ACCOUNT_TYPE.get(account.type, "public")
    return Viewer(role=role, team_id=account.team_id if role == "team" else None, account_id=account.id)


def _accounts_named(contest: LiveContest, username: str) -> list[Account]:
    accounts = cast("dict[str, Account]", contest.state.objects["accounts"])
    return [account for account in accounts.values() if account.username == username]


def _server_viewer(account: ServerAccount) -> Viewer:
    return Viewer(role=ROLE_OF_ACCOUNT_TYPE.get(account.role, "public"), server_username=account.username)
