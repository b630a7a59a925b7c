"""The login data of participants: signed tokens (JWT, RFC 7519) that hold no secret.

A token says whose account of which contest it is for, whether somebody else acts for that participant, and until when
it is good (CMS ContestWebServer API, 4.6). `ver` is a keyed fingerprint of the login that the account had when the
token was made: a new password, disabling and removing end all tokens, and no other change of the account does. That of
a token for somebody who acts for the participant rests on the admin token too, so another one, or none, ends those.
This module must not know passwords, nor any wire.
"""

import hmac
import secrets
from hashlib import sha256
from typing import Annotated

import jwt
import msgspec

from cds.commands.accounts import LOGINS
from eventstore.store import EventStore
from projections.contest import ContestState
from schemas.objects import Account

ALGORITHM = "HS512"
KEY_SECRET = "cms tokens"  # noqa: S105 - the name of a secret, not one
KEY_BYTES = 64
"""As long as the hash, as RFC 7518, section 3.2, demands."""

LIFETIME_S = 1_800
"""A token is good for so long from its issue, and is never renewed (CMS ContestWebServer API, 1.6)."""

TOKEN_CHARACTERS_MAX = 4_096
FINGERPRINT_CHARACTERS = 24

CLAIMS = ("sub", "contest", "imp", "ver", "exp")

Text = Annotated[str, msgspec.Meta(max_length=TOKEN_CHARACTERS_MAX)]
Moment = Annotated[int, msgspec.Meta(ge=0)]


class TokenRefused(Exception):
    """A token is good for nothing. Its text never holds the token."""


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What a token says; `expires_at_s` in whole seconds since the Unix epoch."""

    account_id: Text = msgspec.field(name="sub")
    contest_id: Text = msgspec.field(name="contest")
    impersonated: bool = msgspec.field(name="imp")
    version: Text = msgspec.field(name="ver")
    expires_at_s: Moment = msgspec.field(name="exp")


class CmsTokens:
    """Makes tokens and reads them, under one key that no other kind of token has."""

    def __init__(self, key: bytes, admin_token: str | None = None) -> None:
        """`key` has KEY_BYTES. Raises ValueError for another length."""
        if len(key) != KEY_BYTES:
            raise ValueError(f"the key of CMS tokens has {KEY_BYTES} bytes")
        self._key = key
        self._admin_token = admin_token

    def token(self, contest_id: str, state: ContestState, account: Account, *, now_s: int, impersonated: bool) -> str:
        """A token for an account of a contest, as its login is now."""
        claims = Claims(
            account_id=account.id,
            contest_id=contest_id,
            impersonated=impersonated,
            version=self._version(contest_id, state, account, impersonated=impersonated),
            expires_at_s=now_s + LIFETIME_S,
        )
        return jwt.encode(msgspec.to_builtins(claims), self._key, algorithm=ALGORITHM)

    def claims(self, token: str, contest_id: str, *, now_s: float) -> Claims:
        """What a token says that was made here for this contest and has not expired. Raises TokenRefused."""
        if len(token) > TOKEN_CHARACTERS_MAX or not token.isascii():
            raise TokenRefused("malformed")
        try:
            payload = jwt.decode(
                token,
                self._key,
                algorithms=[ALGORITHM],
                # Whether it has expired is said by the clock that is given.
                options={"require": list(CLAIMS), "verify_exp": False, "verify_aud": False},
            )
            claims = msgspec.convert(payload, Claims)
        except (jwt.InvalidTokenError, msgspec.ValidationError, RecursionError):
            # A header may be nested so deeply that the reader of JSON gives up.
            raise TokenRefused("not valid") from None
        if claims.contest_id != contest_id:
            raise TokenRefused("of another contest")
        if claims.expires_at_s <= now_s:
            raise TokenRefused("expired")
        return claims

    def counts_for(self, claims: Claims, state: ContestState, account: Account) -> bool:
        """Whether the login of the account is still the one for which the token was made."""
        if claims.impersonated and not self._admin_token:
            return False
        present = self._version(claims.contest_id, state, account, impersonated=claims.impersonated)
        return hmac.compare_digest(claims.version.encode(), present.encode())

    def _version(self, contest_id: str, state: ContestState, account: Account, *, impersonated: bool) -> str:
        """The fingerprint of a login: who it is, and the last event of the record of its passwords and disabling."""
        acting_by = self._admin_token if impersonated else None
        login = (contest_id, account.id, account.username, state.versions.get((LOGINS, account.id), 0), acting_by)
        return hmac.new(self._key, msgspec.json.encode(login), sha256).hexdigest()[:FINGERPRINT_CHARACTERS]


async def cms_tokens(store: EventStore, admin_token: str | None = None) -> CmsTokens:
    """Tokens under the key that the database keeps."""
    return CmsTokens(await store.secret(KEY_SECRET, lambda: secrets.token_bytes(KEY_BYTES)), admin_token)
