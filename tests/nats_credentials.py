"""A server of NATS that knows users by their keys, and users: an operator, an account, and credentials of users of it.

What they say of each other is signed with Ed25519 keys, whose names are base32. This module must not know what users
may do with it.
"""

import json
from base64 import b32encode, urlsafe_b64encode
from binascii import crc_hqx
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SEED = 18 << 3
OPERATOR, ACCOUNT, USER = 14 << 3, 0, 20 << 3
LIMITLESS = -1


class Party:
    """Somebody with a key: an operator, an account or a user."""

    def __init__(self, kind: int) -> None:
        """A new key."""
        self._kind = kind
        self._key = Ed25519PrivateKey.generate()

    @property
    def public_key(self) -> Ed25519PublicKey:
        """What others know it by."""
        return self._key.public_key()

    @property
    def name(self) -> str:
        """The same, as it is written."""
        return _encoded(bytes([self._kind]) + self.public_key.public_bytes_raw())

    @property
    def seed(self) -> str:
        """The private key."""
        kind = bytes([SEED | self._kind >> 5, (self._kind & 31) << 3])
        return _encoded(kind + self._key.private_bytes_raw())

    def says(self, of: "Party", nats: dict[str, Any]) -> str:
        """A JWT about somebody."""
        claims = {"jti": of.name, "iat": 1, "iss": self.name, "name": of.name, "sub": of.name, "nats": nats}
        head = _part({"typ": "JWT", "alg": "ed25519-nkey"})
        text = f"{head}.{_part(claims)}"
        return f"{text}.{_unpadded(self._key.sign(text.encode()))}"


class Accounts:
    """An operator with one account, which may have streams."""

    def __init__(self) -> None:
        """New keys."""
        self._operator, self._account, self._system = Party(OPERATOR), Party(ACCOUNT), Party(ACCOUNT)

    @property
    def settings(self) -> str:
        """Lines of the configuration of a server that believes the operator."""
        plain = dict.fromkeys(("subs", "data", "payload", "imports", "exports", "conn", "leaf"), LIMITLESS)
        plain["wildcards"] = True
        streams = dict.fromkeys(("mem_storage", "disk_storage", "streams", "consumer"), LIMITLESS)
        accounts = (
            f"{each.name}: {self._operator.says(each, {'type': 'account', 'version': 2, 'limits': limits})}"
            for each, limits in ((self._account, plain | streams), (self._system, plain))
        )
        of_operator = {"type": "operator", "version": 2, "system_account": self._system.name}
        return (
            f"operator: {self._operator.says(self._operator, of_operator)}\n"
            f"system_account: {self._system.name}\n"
            f"resolver: MEMORY\nresolver_preload: {{ {', '.join(accounts)} }}\n"
        )

    def credentials(self, path: Path) -> Path:
        """A file with the credentials of a new user."""
        user = Party(USER)
        limits = dict.fromkeys(("subs", "data", "payload"), LIMITLESS)
        jwt = self._account.says(user, {"type": "user", "version": 2, **limits})
        path.write_text(credentials_text(jwt, user.seed))
        return path


def credentials_text(jwt: str, seed: str) -> str:
    """A file of credentials, as the tools of NATS write it."""
    return (
        f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n"
        "************************* IMPORTANT *************************\nNKEY Seed printed below.\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    )


def _encoded(raw: bytes) -> str:
    return b32encode(raw + crc_hqx(raw, 0).to_bytes(2, "little")).decode().rstrip("=")


def _part(claims: dict[str, Any]) -> str:
    return _unpadded(json.dumps(claims).encode())


def _unpadded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")
