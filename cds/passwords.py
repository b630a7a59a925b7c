"""Passwords: how they are hashed and compared, on purpose slowly.

This module must not know whose they are, nor where hashes are kept.
"""

import secrets
from base64 import b64encode

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import ARGON2_VERSION

from cds.commands.accounts import HASH_PREFIX

PHC_PREFIX = HASH_PREFIX
"""How a hash begins where a password could stand (the PHC string format)."""

HASHING_THREADS = 2
"""Passwords that one process hashes at a time, off its event loop."""

# OWASP's first recommendation for argon2id (19 MiB, 2 passes): a contest imports hundreds of accounts at once,
# and their passwords are mostly generated.
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


def new_hash(password: str) -> str:
    """The argon2id hash of a password, also of one that looks like a hash."""
    return _hasher.hash(password)


def password_hash(password: str) -> str:
    """The argon2id hash of a password; a text that is such a hash already is taken as it is."""
    return password if password.startswith(PHC_PREFIX) else new_hash(password)


def nobodys_hash() -> str:
    """A hash that no password has: comparing one with it takes as long as with any other. Costs nothing to make."""
    salt, digest = (
        b64encode(secrets.token_bytes(length)).rstrip(b"=").decode() for length in (_hasher.salt_len, _hasher.hash_len)
    )
    costs = f"m={_hasher.memory_cost},t={_hasher.time_cost},p={_hasher.parallelism}"
    return f"$argon2id$v={ARGON2_VERSION}${costs}${salt}${digest}"


def matches(stored_hash: str, password: str) -> bool:
    """Whether the password has this hash."""
    try:
        return _hasher.verify(stored_hash, password)
    except (VerificationError, InvalidHashError):
        return False
