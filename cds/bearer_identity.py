"""Who comes with a bearer token: an account of the server or a user of the platform, as they are now.

A token counts while its account has the password that it had when the token was made, and is not disabled; that of a
user while the generation is the same, and the user neither banned nor erased. None counts that was given back. The role
is that of now. This module must not know passwords, nor the wire that brought the token.
"""

import msgspec

from cds.account_viewers import viewer_of_server_account, viewer_of_user
from cds.bearer_tokens import NO_PASSWORD_HASH, NOBODY, TEAM, USER, BearerRefused, BearerTokens, Claims, token_mark
from cds.ledgers import Ledger
from cds.server_accounts import ServerAccounts
from cds.shared_reading import SharedReading
from eventstore.store import ServerAccount, StoreUnavailable
from projections.users import Users
from schemas.users import User
from schemas.viewers import Viewer

FOLLOWED_S = 600.0
"""For so long after a token was seen, what other processes change about its account is followed."""


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Whose a token is, and what it says: an account, or a user, or neither where it is nobody's in particular."""

    claims: Claims
    account: ServerAccount | None = None
    user: User | None = None

    @property
    def viewer(self) -> Viewer:
        """Who this is in contests."""
        expires_at_s = self.claims.expires_at_s
        if self.account is not None:
            mark = token_mark(self.claims.token_id)
            return viewer_of_server_account(self.account, expires_at_s=expires_at_s, token_mark=mark)
        if self.user is not None:
            return viewer_of_user(self.user, expires_at_s=expires_at_s)
        return Viewer(role="public", expires_at_s=expires_at_s)


class BearerIdentity:
    """Tells whose tokens are, and whether they still count."""

    def __init__(self, tokens: BearerTokens, accounts: ServerAccounts, users: Ledger[Users]) -> None:
        """Tokens of accounts and users that are read by others too."""
        self._tokens = tokens
        self._accounts = accounts
        self._users = users
        self._looks = SharedReading(accounts.read, "read the server's accounts")

    async def viewer(self, token: str, *, now_s: float) -> Viewer:
        """Who this is. Raises as `holder`."""
        return (await self.holder(token, now_s=now_s)).viewer

    async def holder(self, token: str, *, now_s: float) -> Holder:
        """Whose token this is. Raises BearerRefused, and StoreUnavailable where accounts or users have to be read.

        Whatever is wrong with the account takes the same way, so that answers tell nothing by their time.
        """
        claims = self._tokens.claims(token, now_s=now_s)
        users = await self._users_for(claims)
        if claims.role == USER:
            found = Holder(claims=claims, user=self._user(users, claims))
        elif claims.subject == NOBODY or self._is_of_a_team(claims):
            self._check_version(claims, NO_PASSWORD_HASH)
            found = Holder(claims=claims)
        else:
            found = Holder(claims=claims, account=await self._account(claims))
        if users.is_logged_out(token_mark(claims.token_id)):
            raise BearerRefused("revoked")
        return found

    def is_given_back(self, mark: str) -> bool:
        """Whether a token of this mark was given back, as far as it is known in memory."""
        return self._users.state.is_logged_out(mark)

    async def _users_for(self, claims: Claims) -> Users:
        """All users, and the tokens that were given back. Raises StoreUnavailable.

        While the database is away, accounts of the server go by what was read last, as everything about them does.
        """
        try:
            return await self._users.fresh()
        except StoreUnavailable:
            if claims.role == USER:
                raise
            return self._users.state

    def _user(self, users: Users, claims: Claims) -> User:
        """That somebody is banned comes before anything that is wrong with the token."""
        user = users.find(claims.subject)
        if user is None or not user.active:
            raise BearerRefused("unknown account")
        if claims.version != self._tokens.version_of_user(user.id, user.generation, user.credential):
            raise BearerRefused("revoked")
        return user

    async def _account(self, claims: Claims) -> ServerAccount:
        account = self._account_in_memory(claims) if self._accounts.followed else None
        if account is None:
            # The account may have changed a moment ago, and the token may be newer than what is known here.
            await self._looks.now()
            account = self._checked_account(claims)
        self._accounts.keep_fresh_for(FOLLOWED_S)
        return account

    def _is_of_a_team(self, claims: Claims) -> bool:
        """Whether a token was made for a team, which has no account of the server."""
        return claims.role == TEAM and claims.version == self._tokens.version(claims.subject, NO_PASSWORD_HASH)

    def _account_in_memory(self, claims: Claims) -> ServerAccount | None:
        try:
            return self._checked_account(claims)
        except BearerRefused:
            return None

    def _checked_account(self, claims: Claims) -> ServerAccount:
        account = self._accounts.named(claims.subject)
        if account is None:
            raise BearerRefused("unknown account")
        self._check_version(claims, account.password_hash)
        if account.disabled:
            raise BearerRefused("revoked")
        return account

    def _check_version(self, claims: Claims, password_hash: str) -> None:
        if claims.version != self._tokens.version(claims.subject, password_hash):
            raise BearerRefused("revoked")
