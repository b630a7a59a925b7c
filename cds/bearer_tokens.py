"""Bearer tokens (JWT, RFC 7519): made for an account of the server, and read again.

Signed with HS512 under a key of the database; no other algorithm is ever taken. What a token says is what was so when
it was made: `ver` is a keyed fingerprint of the account's password hash, so that whoever reads can see whether the
account has another password since. This module must not know accounts as they are now, nor any wire.
"""

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Annotated, Literal

import jwt
import msgspec

from eventstore.store import EventStore

ALGORITHM = "HS512"
ISSUER = "contest-data-server"
KEY_SECRET = "bearer tokens"  # noqa: S105 - the name of a secret, not one
KEY_BYTES = 64
"""As long as the hash, as RFC 7518, section 3.2, demands."""

TOKEN_CHARACTERS_MAX = 4_096
IDENTIFIER_BYTES = 16
FINGERPRINT_CHARACTERS = 24

CLAIMS = ("iss", "aud", "sub", "role", "iat", "exp", "jti", "ver")

NOBODY = ""
"""The subject of a token that is nobody's in particular; no account has this name."""

TEAM = "team"
"""The role of tokens that may name whom they like: teams have accounts of contests, and none of the server."""

USER = "user"
"""The role of tokens of users of the platform (schemas/users.py), whose subject is the id of the user."""

Audience = Literal["admin", "loc"]
"""For whom a token is: those who run contests (`admin`), or those who play (`loc`)."""

NO_PASSWORD_HASH = ""
"""In the place of a password hash, where a token is no account's."""

Fault = Literal["malformed", "not valid", "expired", "revoked", "unknown account"]
"""Why a token is good for nothing.

`malformed`: no JWT at all; `not valid`: another key, algorithm or issuer, or claims that are missing or wrong;
`revoked`: good once, but given back, or the account has another password since, or is disabled; `unknown account`: it
is gone, or the user is banned.
"""


class BearerRefused(Exception):
    """A token is good for nothing. Its text never holds the token."""

    def __init__(self, fault: Fault) -> None:
        """`fault`: why."""
        super().__init__(fault)
        self.fault = fault


Text = Annotated[str, msgspec.Meta(max_length=TOKEN_CHARACTERS_MAX)]
Moment = Annotated[int, msgspec.Meta(ge=0)]


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What a token says. Times are whole seconds since the Unix epoch; `token_id` tells one token from the next."""

    issuer: Text = msgspec.field(name="iss")
    audience: Audience = msgspec.field(name="aud")
    subject: Text = msgspec.field(name="sub")
    role: Text
    issued_at_s: Moment = msgspec.field(name="iat")
    expires_at_s: Moment = msgspec.field(name="exp")
    token_id: Text = msgspec.field(name="jti")
    version: Text = msgspec.field(name="ver")


class BearerTokens:
    """Makes tokens and reads them, under one key."""

    def __init__(self, key: bytes) -> None:
        """`key` has KEY_BYTES. Raises ValueError for another length."""
        if len(key) != KEY_BYTES:
            raise ValueError(f"the key of bearer tokens has {KEY_BYTES} bytes")
        self._key = key

    def token(self, *, subject: str, role: str, password_hash: str, now_s: int, lifetime_s: int) -> str:
        """A token for an account, as it is now, that is good for so many seconds."""
        return self._made(subject, role, self.version(subject, password_hash), now_s, lifetime_s)

    def token_of_user(
        self, user_id: str, generation: int, credential: str | None, *, now_s: int, lifetime_s: int
    ) -> str:
        """A token for a user of the platform, as they are now, that is good for so many seconds."""
        return self._made(user_id, USER, self.version_of_user(user_id, generation, credential), now_s, lifetime_s)

    def _made(self, subject: str, role: str, version: str, now_s: int, lifetime_s: int) -> str:
        claims = Claims(
            issuer=ISSUER,
            audience=audience_of(role),
            subject=subject,
            role=role,
            issued_at_s=now_s,
            expires_at_s=now_s + lifetime_s,
            token_id=secrets.token_hex(IDENTIFIER_BYTES),
            version=version,
        )
        return jwt.encode(msgspec.to_builtins(claims), self._key, algorithm=ALGORITHM)

    def claims(self, token: str, *, now_s: float) -> Claims:
        """What a token says that was made here and has not expired. Raises BearerRefused."""
        if len(token) > TOKEN_CHARACTERS_MAX or not token.isascii():
            raise BearerRefused("malformed")
        try:
            payload = jwt.decode(
                token,
                self._key,
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                # Whether it has expired is said by the clock that is given, and all claims are looked at below; nobody
                # is of two audiences here, so that `aud` is a text and goes with the role.
                options={"require": list(CLAIMS), "verify_exp": False, "verify_iat": False, "verify_aud": False},
            )
            claims = msgspec.convert(payload, Claims)
        except jwt.InvalidSignatureError:
            raise BearerRefused("not valid") from None
        except (jwt.DecodeError, RecursionError):
            # A header may be nested so deeply that the reader of JSON gives up.
            raise BearerRefused("malformed") from None
        except (jwt.InvalidTokenError, msgspec.ValidationError):
            raise BearerRefused("not valid") from None
        if not _is_canonical(token):
            raise BearerRefused("malformed")
        if claims.audience != audience_of(claims.role):
            raise BearerRefused("not valid")
        if claims.expires_at_s <= now_s:
            raise BearerRefused("expired")
        return claims

    def version(self, subject: str, password_hash: str) -> str:
        """What `ver` is of an account with this password hash; tells nothing of it without the key."""
        return self._fingerprint(subject, password_hash)

    def version_of_user(self, user_id: str, generation: int, credential: str | None) -> str:
        """What `ver` is of a user in this generation of tokens, with the credential of this id.

        Ids of users are counted, so an older log that was restored gives them to others once more; those of credentials
        are random, and never come back.
        """
        return self._fingerprint(USER, user_id, str(generation), credential or NO_PASSWORD_HASH)

    def _fingerprint(self, *texts: str) -> str:
        message = msgspec.json.encode(texts)
        return hmac.new(self._key, message, sha256).hexdigest()[:FINGERPRINT_CHARACTERS]


def audience_of(role: str) -> Audience:
    """For whom tokens of a role are."""
    return "loc" if role in (TEAM, USER) else "admin"


def token_mark(token_id: str) -> str:
    """What a token is known by once it was given back; nobody can make a token of it."""
    return sha256(token_id.encode()).hexdigest()


def _is_canonical(token: str) -> bool:
    """Whether no other text says the same: a token has no padding, and nothing in bits that mean nothing (RFC 7515)."""
    return all(
        urlsafe_b64encode(urlsafe_b64decode(f"{part}{'=' * (-len(part) % 4)}")).rstrip(b"=") == part.encode()
        for part in token.split(".")
    )


async def bearer_tokens(store: EventStore) -> BearerTokens:
    """Bearer tokens under the key that the database keeps."""
    return BearerTokens(await store.secret(KEY_SECRET, lambda: secrets.token_bytes(KEY_BYTES)))
