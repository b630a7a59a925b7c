"""Who is asking: accounts and passwords, and bearer tokens, become viewers.

Accounts of a contest are valid in that contest alone; on other paths they read as public. The server's own accounts
are valid everywhere (roles.md, "Scope of accounts"). Passwords are argon2id hashes beside the log; hashing runs off
the event loop, and what was verified is remembered for a short time under a keyed hash of the password and of what the
login was then, so that a password that is changed, by any worker, is good for nobody from then on.
This module must not know the wire that brought the credentials.
"""

import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from hashlib import blake2b
from typing import cast

import msgspec

from cds.account_viewers import (
    accounts_named,
    is_disabled,
    known_networks_of,
    login_of,
    takes_part,
    viewer_of_account,
    viewer_of_server_account,
)
from cds.addresses import is_among, known_address
from cds.bearer_identity import BearerIdentity, Holder
from cds.bearer_tokens import BearerTokens
from cds.commands.accounts import PASSWORD_BYTES_MAX, accounts_of
from cds.ledgers import Ledger
from cds.live_contest import LiveContest
from cds.login_attempts import LoginAttempts, WrongCredentials
from cds.newest_kept import keep_newest
from cds.password_checking import PasswordChecks
from cds.server_accounts import ServerAccounts
from cds.users.ledger import users_ledger
from eventstore.store import EventStore
from projections.contest import ContestState
from projections.users import Users
from schemas.objects import Account
from schemas.viewers import ELSEWHERE, PUBLIC, Viewer

SERVER_SCOPE = ""

REMEMBERED_S = 600.0
REMEMBERED_MAX = 4_096
FOREIGN_ACCOUNTS_TRIED_MAX = 1_024
"""Accounts of the same name in other contests; beyond so many nobody is looked for any further."""

VERIFYING_AGAIN_MAX = 3
"""Times that credentials are looked at again because the login changed meanwhile."""

KEYED_BYTES = 32
"""The length of what credentials are remembered under."""

Find = Callable[[], Awaitable[tuple[str, Viewer] | None]]
"""Looks up whose password it may be: the hash, and who that is; None for nobody."""


class Elsewhere(msgspec.Struct, frozen=True):
    """That credentials are those of an account of another contest, as it was when they were verified."""

    until_s: float
    contest: LiveContest
    account_id: str
    login: str


class Attempt(msgspec.Struct, kw_only=True):
    """A login on the paths of `contest` (None: outside contests). `compared`: the password was with a hash."""

    username: str
    password: str
    contest: LiveContest | None
    others: Iterable[LiveContest]
    compared: bool = False


class Recognized(msgspec.Struct, frozen=True):
    """Who brought some credentials: the login that is remembered, and when a login of the contest had changed last."""

    login: bytes
    logins_position: int
    viewer: Viewer


class Identity:
    """Checks credentials against the store, and remembers shortly what it checked."""

    def __init__(
        self,
        store: EventStore,
        tokens: BearerTokens,
        *,
        throttled: bool = True,
        users: Ledger[Users] | None = None,
    ) -> None:
        """An identity service over the accounts of a store. `throttled`: whether failed logins are slowed down.

        `users`: those of the platform, where somebody else reads them too.
        """
        self._store = store
        self._passwords = PasswordChecks()
        self._remembering_key = secrets.token_bytes(32)
        self._remembered: OrderedDict[bytes, float] = OrderedDict()
        self._elsewhere: OrderedDict[bytes, Elsewhere] = OrderedDict()
        self._attempts = LoginAttempts(self._keyed, throttled=throttled)
        users = users or users_ledger(store)
        self._server_accounts = ServerAccounts(store, users.fresh)
        self._bearers = BearerIdentity(tokens, self._server_accounts, users)
        self._recognized: OrderedDict[bytes, Recognized] = OrderedDict()

    def close(self) -> None:
        """Let go of the hashing threads, and stop what runs beside the requests."""
        self._server_accounts.close()
        self._attempts.close()
        self._passwords.close()

    async def hashed(self, password: str) -> str:
        """The hash under which a new password is kept; made off the event loop, however many wait."""
        return await self._passwords.hashed(password)

    async def hashed_in_turn(self, password: str) -> str:
        """The same for users, who are so many as like to be. Raises TooManyLogins where too many wait."""
        return await self._passwords.hashed_in_turn(password)

    async def has_password(self, contest: LiveContest, account_id: str, password: str) -> bool:
        """Whether an account of a contest has this password already. Raises TooManyLogins."""
        stored = (await self._store.credentials(contest.stream)).get(account_id)
        return stored is not None and await self._passwords.good(stored, password)

    async def viewer(
        self,
        username: str,
        password: str,
        contest: LiveContest | None,
        others: Iterable[LiveContest],
        *,
        address: str,
    ) -> Viewer:
        """Who this is on the paths of `contest` (None: a path outside contests), asking from `address`.

        Raises WrongCredentials where they fit neither the contest, nor the server, nor any other contest; Throttled
        when too many others did not, and TooManyLogins.
        """
        if len(password.encode()) > PASSWORD_BYTES_MAX:
            raise WrongCredentials(username)
        remembered = self._remembered_viewer(username, password, contest)
        if remembered is not None:
            return remembered
        verify = partial(self._verified_viewer, username, password, contest, others)
        return await self._attempts.together(
            "" if contest is None else contest.stream, username, password, address, verify
        )

    async def participant(self, username: str, password: str, contest: LiveContest, *, address: str) -> Viewer:
        """The participant of a contest with this password, asking from `address`; no other account is looked at.

        A name that nobody has takes as long as a wrong password does. Raises as `viewer`.
        """
        if len(password.encode()) > PASSWORD_BYTES_MAX:
            raise WrongCredentials(username)
        verify = partial(self._verified_participant, username, password, contest)
        return await self._attempts.together(f"participant {contest.stream}", username, password, address, verify)

    async def viewer_of_token(self, token: str) -> Viewer:
        """Who comes with a bearer token, everywhere. Raises BearerRefused, and StoreUnavailable."""
        return await self._bearers.viewer(token, now_s=time.time())

    async def holder_of_token(self, token: str, *, now_s: float) -> Holder:
        """The user or the account that a bearer token stands for. Raises as `viewer_of_token`."""
        return await self._bearers.holder(token, now_s=now_s)

    async def found(self, place: str, username: str, password: str, find: Find, *, address: str) -> Viewer:
        """Whoever `find` knows by a password hash, if that is the hash of this password; asking from `address`.

        `place` tells one way of finding somebody of that name from another.
        A name that nobody has takes as long as a wrong password does. Raises as `viewer`, and what `find` raises.
        """
        if len(password.encode()) > PASSWORD_BYTES_MAX:
            raise WrongCredentials(username)

        async def verify() -> Viewer:
            known = await find()
            if known is None:
                await self._passwords.for_nobody(username, password)
            elif await self._passwords.good(known[0], password):
                return known[1]
            raise WrongCredentials(username)

        # People choose these passwords, so they are guarded against guesses from many addresses too.
        return await self._attempts.together(place, username, password, address, verify, anywhere=True)

    def recognized(self, contest: LiveContest, credentials: str) -> Viewer | None:
        """The account of the contest that the very same credentials were found to be a moment ago, by `recognize`.

        None for anybody else, and once any login of the contest has changed since.
        """
        found = self._recognized.get(self._keyed(contest.stream, credentials))
        if found is None or found.logins_position != contest.logins_position:
            return None
        return found.viewer if self._remembered.get(found.login, 0.0) > time.monotonic() else None

    def recognize(self, contest: LiveContest, credentials: str, viewer: Viewer, password: str) -> None:
        """Take note of who brought these credentials. Of accounts of the contest alone: its own log tells of them."""
        if viewer.account_id is not None:
            account_id = viewer.account_id
            login = self._keyed(contest.stream, account_id, login_of(contest.state, account_id), password)
            found = Recognized(login, contest.logins_position, viewer)
            keep_newest(self._recognized, self._keyed(contest.stream, credentials), found, REMEMBERED_MAX)

    def automatic(self, address: str, contest: LiveContest) -> Viewer | None:
        """Whom a client's address logs in: the one account that names it and is not disabled, else nobody."""
        at = known_address(address)
        fitting = [
            account
            for account in accounts_of(contest.state)
            if account.ip and not is_disabled(contest.state, account.id) and is_among(at, known_networks_of(account))
        ]
        return viewer_of_account(contest.state, fitting[0], address=address) if len(fitting) == 1 else None

    def valid(self, viewer: Viewer, contest: LiveContest | None) -> bool:
        """Whether somebody who was let in may go on: the account is there, not disabled, and has the same role,
        team and password (or address) as then; a token has neither expired nor been given back. All this as far as
        memory tells.
        """
        return self.valid_in(viewer, None if contest is None else contest.state)

    def valid_in(self, viewer: Viewer, state: ContestState | None) -> bool:
        """The same in a state of the contest (None: outside contests)."""
        if viewer.expires_at_s is not None and viewer.expires_at_s <= time.time():
            return False
        if viewer.server_username is not None:
            return self._is_server_account(viewer, viewer.server_username)
        if viewer.account_id is None:
            return True
        if state is None or is_disabled(state, viewer.account_id):
            return False
        account = cast("Account | None", state.objects["accounts"].get(viewer.account_id))
        if account is None or viewer_of_account(state, account, address=viewer.address) != viewer:
            return False
        return viewer.address is None or is_among(known_address(viewer.address), known_networks_of(account))

    def _is_server_account(self, viewer: Viewer, username: str) -> bool:
        account = self._server_accounts.named(username)
        if account is None or account.disabled:
            return False
        if viewer.token_mark is not None and self._bearers.is_given_back(viewer.token_mark):
            return False
        expires_at_s, token_mark = viewer.expires_at_s, viewer.token_mark
        return viewer_of_server_account(account, expires_at_s=expires_at_s, token_mark=token_mark) == viewer

    def watching(self, viewer: Viewer) -> AbstractContextManager[None]:
        """For as long as an answer to this viewer goes on, `valid` follows also what other processes change."""
        return nullcontext() if viewer.server_username is None else self._server_accounts.kept_fresh()

    # --- What was verified a short time ago: no hashing, no database.

    def _remembered_viewer(self, username: str, password: str, contest: LiveContest | None) -> Viewer | None:
        known_here = False
        for here, account in accounts_named(contest, username):
            known_here = True
            login = login_of(here.state, account.id)
            if not is_disabled(here.state, account.id) and self._is_remembered(
                here.stream, account.id, login, password
            ):
                return viewer_of_account(here.state, account)
        server_account = self._server_accounts.named(username)
        if server_account is not None and self._is_remembered(
            SERVER_SCOPE, username, server_account.password_hash, password
        ):
            return None if server_account.disabled else viewer_of_server_account(server_account)
        return _foreign(contest) if not known_here and self._is_remembered_elsewhere(username, password) else None

    def _is_remembered_elsewhere(self, username: str, password: str) -> bool:
        found = self._elsewhere.get(self._keyed(username, password))
        return (
            found is not None
            and found.until_s > time.monotonic()
            and found.login == login_of(found.contest.state, found.account_id)
            and not is_disabled(found.contest.state, found.account_id)
        )

    def _is_remembered(self, *login: str) -> bool:
        return self._remembered.get(self._keyed(*login), 0.0) > time.monotonic()

    def _remember(self, *login: str) -> None:
        keep_newest(self._remembered, self._keyed(*login), time.monotonic() + REMEMBERED_S, REMEMBERED_MAX)

    # --- One login.

    async def _verified_viewer(
        self, username: str, password: str, contest: LiveContest | None, others: Iterable[LiveContest]
    ) -> Viewer:
        attempt = Attempt(username=username, password=password, contest=contest, others=others)
        for _ in range(VERIFYING_AGAIN_MAX):
            viewer = await self._fitting_viewer(attempt)
            if viewer is None:
                break
            if self.valid(viewer, contest):
                return viewer
        if not attempt.compared:
            await self._passwords.for_nobody(username, password)
        raise WrongCredentials(username)

    async def _verified_participant(self, username: str, password: str, contest: LiveContest) -> Viewer:
        attempt = Attempt(username=username, password=password, contest=contest, others=())
        named = [account for _, account in accounts_named(contest, username) if takes_part(contest.state, account)]
        # They are read whether or not anybody has the name: that takes time too.
        credentials = await self._store.credentials(contest.stream)
        for account in named:
            viewer, stored = viewer_of_account(contest.state, account), credentials.get(account.id)
            if stored is not None and await self._compared(attempt, stored) and self.valid(viewer, contest):
                return viewer
        if not attempt.compared:
            await self._passwords.for_nobody(username, password)
        raise WrongCredentials(username)

    async def _fitting_viewer(self, attempt: Attempt) -> Viewer | None:
        """Whose credentials these are, None if nobody's."""
        username, password, contest = attempt.username, attempt.password, attempt.contest
        for here, account in accounts_named(contest, username):
            # Who this is is settled before the password is read: what changes meanwhile must not profit from it.
            viewer, login = viewer_of_account(here.state, account), login_of(here.state, account.id)
            if not is_disabled(here.state, account.id) and await self._has_password(attempt, here, account.id):
                self._remember(here.stream, account.id, login, password)
                return viewer
        await self._server_accounts.read()
        server_account = self._server_accounts.named(username)
        if server_account is not None and await self._compared(attempt, server_account.password_hash):
            self._remember(SERVER_SCOPE, username, server_account.password_hash, password)
            self._server_accounts.keep_fresh_for(REMEMBERED_S)
            return viewer_of_server_account(server_account)
        if any(is_disabled(here.state, account.id) for here, account in accounts_named(contest, username)):
            # Disabled here is refused here, also where another contest has an account of the same name.
            return None
        return _foreign(contest) if await self._known_elsewhere(attempt) else None

    async def _known_elsewhere(self, attempt: Attempt) -> bool:
        """Whether the account is one of another contest, which makes the viewer public and not refused."""
        others = (other for other in attempt.others if other is not attempt.contest)
        named = [found for other in others for found in accounts_named(other, attempt.username)]
        for other, account in named[:FOREIGN_ACCOUNTS_TRIED_MAX]:
            login = login_of(other.state, account.id)
            if not is_disabled(other.state, account.id) and await self._has_password(attempt, other, account.id):
                found = Elsewhere(time.monotonic() + REMEMBERED_S, other, account.id, login)
                keep_newest(self._elsewhere, self._keyed(attempt.username, attempt.password), found, REMEMBERED_MAX)
                return True
        return False

    async def _has_password(self, attempt: Attempt, contest: LiveContest, account_id: str) -> bool:
        stored = (await self._store.credentials(contest.stream)).get(account_id)
        return stored is not None and await self._compared(attempt, stored)

    async def _compared(self, attempt: Attempt, stored: str) -> bool:
        attempt.compared = True
        return await self._passwords.good(stored, attempt.password)

    def _keyed(self, *texts: str) -> bytes:
        # Whoever logs in may bring bytes that are no text.
        told = msgspec.msgpack.encode([text.encode("utf-8", "surrogateescape") for text in texts])
        return blake2b(told, key=self._remembering_key, digest_size=KEYED_BYTES).digest()


def _foreign(contest: LiveContest | None) -> Viewer:
    """Who has an account of another contest: the public in this one, and known outside contests."""
    return ELSEWHERE if contest is None else PUBLIC
