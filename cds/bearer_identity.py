"""Who comes with a bearer token: an account of the server, as it is now.

A token counts while its account has the password that it had when the token was made, and is not disabled; the role is
that of the account now. This module must not know passwords, nor the wire that brought the token.
"""

from cds.account_viewers import viewer_of_server_account
from cds.bearer_tokens import NO_PASSWORD_HASH, NOBODY, TEAM, BearerRefused, BearerTokens, Claims
from cds.server_accounts import ServerAccounts
from cds.shared_reading import SharedReading
from schemas.viewers import Viewer

FOLLOWED_S = 600.0
"""For so long after a token was seen, what other processes change about its account is followed."""


class BearerIdentity:
    """Tells whose tokens are, and whether they still count."""

    def __init__(self, tokens: BearerTokens, accounts: ServerAccounts) -> None:
        """Tokens of accounts that are read by others too."""
        self._tokens = tokens
        self._accounts = accounts
        self._looks = SharedReading(accounts.read, "read the server's accounts")

    async def viewer(self, token: str, *, now_s: float) -> Viewer:
        """Who this is. Raises BearerRefused, and StoreUnavailable where the accounts have to be read.

        Whatever is wrong with the account takes the same way, so that answers tell nothing by their time.
        """
        claims = self._tokens.claims(token, now_s=now_s)
        if claims.subject == NOBODY:
            self._check_version(claims, NO_PASSWORD_HASH)
        if claims.subject == NOBODY or self._is_of_a_team(claims):
            return Viewer(role="public", expires_at_s=claims.expires_at_s)
        viewer = self._viewer_in_memory(claims) if self._accounts.followed else None
        if viewer is None:
            # The account may have changed a moment ago, and the token may be newer than what is known here.
            await self._looks.now()
            viewer = self._viewer(claims)
        self._accounts.keep_fresh_for(FOLLOWED_S)
        return viewer

    def _is_of_a_team(self, claims: Claims) -> bool:
        """Whether a token was made for a team, which has no account of the server."""
        return claims.role == TEAM and claims.version == self._tokens.version(claims.subject, NO_PASSWORD_HASH)

    def _viewer_in_memory(self, claims: Claims) -> Viewer | None:
        try:
            return self._viewer(claims)
        except BearerRefused:
            return None

    def _viewer(self, claims: Claims) -> Viewer:
        account = self._accounts.named(claims.subject)
        if account is None:
            raise BearerRefused("unknown account")
        self._check_version(claims, account.password_hash)
        if account.disabled:
            raise BearerRefused("revoked")
        return viewer_of_server_account(account, expires_at_s=claims.expires_at_s)

    def _check_version(self, claims: Claims, password_hash: str) -> None:
        if claims.version != self._tokens.version(claims.subject, password_hash):
            raise BearerRefused("revoked")
