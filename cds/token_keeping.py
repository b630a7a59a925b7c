"""The key of feed tokens: every process on a database makes and reads them under the same one.

This module must not know what a token says.
"""

import secrets

from eventstore.store import EventStore
from projections.tokens import KEY_BYTES, TokenMaker

TOKENS_SECRET = "tokens"  # noqa: S105 - the name of a secret, not one


async def token_maker(store: EventStore) -> TokenMaker:
    """The maker of feed tokens, under the key that the database keeps."""
    return TokenMaker(await store.secret(TOKENS_SECRET, new_key))


def new_key() -> bytes:
    """A random key, for a secret that a database does not have yet."""
    return secrets.token_bytes(KEY_BYTES)
