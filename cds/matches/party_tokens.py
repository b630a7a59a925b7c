"""The tokens with which parties invite: made of a key and of what the log says, so that none ever stands in a log.

This module must not know who may see a token.
"""

import hmac
import secrets
from hashlib import sha256
from string import ascii_lowercase, ascii_uppercase, digits

from eventstore.store import EventStore
from schemas.matches import Party

TOKEN_CHARACTERS = 32
"""As long as the seed has them."""

ALPHABET = digits + ascii_uppercase + ascii_lowercase
KEY_BYTES = 32
SECRET = "party tokens"  # noqa: S105 - the name of a secret, not one


class PartyTokens:
    """Makes the token of a party: another one in each of its generations."""

    def __init__(self, key: bytes) -> None:
        """Tokens under a key."""
        self._key = key

    def of(self, party: Party) -> str:
        """The token of a party."""
        text = f"{party.match}/{party.id}/{party.generation}"
        number = int.from_bytes(hmac.digest(self._key, text.encode(), sha256))
        characters = []
        for _ in range(TOKEN_CHARACTERS):
            number, index = divmod(number, len(ALPHABET))
            characters.append(ALPHABET[index])
        return "".join(characters)


async def party_tokens(store: EventStore) -> PartyTokens:
    """The maker of party tokens, under the key that the database keeps."""
    return PartyTokens(await store.secret(SECRET, lambda: secrets.token_bytes(KEY_BYTES)))
