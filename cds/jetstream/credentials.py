"""Credentials of a user of NATS (a .creds file): the user's JWT, and the seed whose key signs what the server asks.

A seed is base32 of two bytes that say what it is for, 32 bytes of an Ed25519 key and a checksum. Nothing that is raised
here repeats any of it. This module must not know a connection.
"""

import re
from base64 import b32decode, b64encode
from binascii import Error as NotBase32
from binascii import crc_hqx
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

FILE_BYTES_MAX = 64 * 1024

SEED_PREFIX = 18 << 3
USER_PREFIX = 20 << 3
"""What the first bytes of a seed say, and of a user's: five bits each, in all that NATS writes so."""

KEY_BYTES = 32
SEED_BYTES = 2 + KEY_BYTES + 2
BASE32_CHARACTERS = 8

JWT = re.compile(r"-----BEGIN NATS USER JWT-----\s+([\w.-]+)\s+-{3,}END NATS USER JWT")
SEED = re.compile(r"-----BEGIN USER NKEY SEED-----\s+([A-Z2-7]+)\s+-{3,}END USER NKEY SEED")


class CredentialsRefused(Exception):
    """A file that holds no credentials of a user. The text names the file and says what is wrong with it."""


class UserCredentials(msgspec.Struct, frozen=True):
    """A user: what the account says of it, and its key."""

    jwt: str
    key: bytes

    def __repr__(self) -> str:
        """Nothing of either."""
        return "UserCredentials()"

    def signed(self, nonce: str) -> bytes:
        """What proves that the key is ours, as base64."""
        return b64encode(Ed25519PrivateKey.from_private_bytes(self.key).sign(nonce.encode()))


def read_credentials(path: Path) -> UserCredentials:
    """The credentials in a file. Raises CredentialsRefused."""
    try:
        with path.open("rb") as file:
            text = file.read(FILE_BYTES_MAX).decode("ascii")
    except OSError as error:
        raise CredentialsRefused(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CredentialsRefused(f"{path}: these are no credentials of a user of NATS") from None
    jwt, seed = JWT.search(text), SEED.search(text)
    if jwt is None or seed is None:
        raise CredentialsRefused(f"{path}: there are no JWT and seed of a user of NATS in this file")
    key = _key_of(seed[1])
    if key is None:
        raise CredentialsRefused(f"{path}: the seed in this file is not one of a user of NATS")
    return UserCredentials(jwt[1], key)


def _key_of(seed: str) -> bytes | None:
    """The key that a seed holds, None where it is damaged or not a user's."""
    try:
        raw = b32decode(seed + "=" * (-len(seed) % BASE32_CHARACTERS))
    except NotBase32:
        return None
    if len(raw) != SEED_BYTES or crc_hqx(raw[:-2], 0) != int.from_bytes(raw[-2:], "little"):
        return None
    kind = (raw[0] & 0b11111000, (raw[0] & 0b111) << 5 | raw[1] >> 3)
    return raw[2:-2] if kind == (SEED_PREFIX, USER_PREFIX) else None
