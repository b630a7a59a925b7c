"""Tokens of the event feed: opaque, of one length, and bound to a log, a place in it and a view.

A plain position would leak: during the freeze the holes would tell what was hidden. So the place is one encrypted
block of (position, index within the position, bits of the chain there), and behind it stands a keyed tag of the
view, the same for all lines of a feed. On resume the tag must be the caller's and the chain bits must match the
log; so tokens survive restarts and moves between workers, and a log restored from an older backup, or another
log, refuses them. The tag is made with a key of its own for each view (see `ViewTags`), so that a machine that serves
one view to others can be handed that key and learns nothing of any other. The key of all comes from outside; this
module must not know where it is kept.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from hashlib import blake2b

import msgspec
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

KEY_BYTES = 32
BLOCK_BYTES = 16
POSITION_BYTES = 6
INDEX_BYTES = 3
CHAIN_BYTES = BLOCK_BYTES - POSITION_BYTES - INDEX_BYTES
PLACE_CHARACTERS = 22
TYPES_BYTES = 3
TAG_BYTES = 9
TAG_CHARACTERS = 12
VIEW_KEY_BYTES = 32
TOKEN_CHARACTERS = PLACE_CHARACTERS + TAG_CHARACTERS
INDEX_BITS = 8 * INDEX_BYTES


class TokenRefused(Exception):
    """The token cannot be resumed from; the text says why, without telling anything of the log."""


class Place(msgspec.Struct, frozen=True):
    """Where a line stands: the position of its event, and its index among all that the event changed."""

    position: int
    index: int
    chain_bits: bytes

    @property
    def sequence(self) -> int:
        """Position and index in one number, ascending along every feed."""
        return sequence_of(self.position, self.index)


def sequence_of(position: int, index: int) -> int:
    """Position and index in one number."""
    return (position << INDEX_BITS) | index


class ViewTags:
    """Makes and checks the tags of one view, under the key of that view alone; knows nothing of places."""

    def __init__(self, view_key: bytes) -> None:
        """The tags of the view with that key (see `TokenMaker.view_key`)."""
        self._view_key = view_key

    def tag(self, types_mask: int) -> bytes:
        """The last TAG_CHARACTERS of the tokens of a feed that is limited to the types of the mask."""
        mask = types_mask.to_bytes(TYPES_BYTES, "big")
        digest = blake2b(mask, key=self._view_key, digest_size=TAG_BYTES - TYPES_BYTES)
        return urlsafe_b64encode(mask + digest.digest())

    def place_of(self, token: str, types_mask: int) -> bytes:
        """The place part of a token of this view and of at least these types, as it stands there.

        Raises TokenRefused, also where the token has the length of one and cannot be one.
        """
        if len(token) != TOKEN_CHARACTERS or not token.isascii():
            raise TokenRefused("since_token is not a token of this feed")
        place, tag = token[:PLACE_CHARACTERS].encode(), token[PLACE_CHARACTERS:].encode()
        try:
            encrypted = _block_of(place)
            mask = int.from_bytes(urlsafe_b64decode(tag)[:TYPES_BYTES], "big")
        except (Base64Error, ValueError):
            raise TokenRefused("since_token is not a token of this feed") from None
        if len(encrypted) != BLOCK_BYTES or urlsafe_b64encode(encrypted)[:PLACE_CHARACTERS] != place:
            raise TokenRefused("since_token is not a token of this feed")
        if not hmac.compare_digest(self.tag(mask), tag):
            raise TokenRefused("since_token was handed out to another view, or for another contest")
        if types_mask & ~mask:
            raise TokenRefused("since_token was handed out for a feed of fewer types")
        return place


class TokenMaker:
    """Makes and reads tokens under one key."""

    def __init__(self, key: bytes) -> None:
        """Derive the two keys that are needed from the one that is kept."""
        # A place is a single block and no two places are alike, so there is no pattern for ECB to show.
        self._cipher = Cipher(AES(_derived(key, b"place")), ECB())  # noqa: S305 - see above
        self._tag_key = _derived(key, b"view")

    def places(self, blocks: bytes) -> list[bytes]:
        """The place parts of tokens for many blocks (see `block`) at once."""
        encryptor = self._cipher.encryptor()
        encrypted = encryptor.update(blocks)
        return [
            urlsafe_b64encode(encrypted[start : start + BLOCK_BYTES])[:PLACE_CHARACTERS]
            for start in range(0, len(encrypted), BLOCK_BYTES)
        ]

    def view_key(self, view: str) -> bytes:
        """The key of one view's tags: whoever has it makes and checks the tags of that view, and of no other."""
        return blake2b(view.encode(), key=self._tag_key, digest_size=VIEW_KEY_BYTES).digest()

    def tag(self, view: str, types_mask: int) -> bytes:
        """The view part of the tokens of one feed: the types it is limited to, and a keyed hash of them."""
        return ViewTags(self.view_key(view)).tag(types_mask)

    def read(self, token: str, view: str, types_mask: int) -> Place:
        """The place a token stands for, if it is of this view and of at least these types. Raises TokenRefused."""
        return self._place(_block_of(ViewTags(self.view_key(view)).place_of(token, types_mask)))

    def _place(self, encrypted: bytes) -> Place:
        decryptor = self._cipher.decryptor()
        block = decryptor.update(encrypted)
        index_end = POSITION_BYTES + INDEX_BYTES
        return Place(
            position=int.from_bytes(block[:POSITION_BYTES], "big"),
            index=int.from_bytes(block[POSITION_BYTES:index_end], "big"),
            chain_bits=block[index_end:],
        )


def block(position: int, index: int, chain: bytes) -> bytes:
    """The sixteen bytes that stand for a place, before encryption."""
    return position.to_bytes(POSITION_BYTES, "big") + index.to_bytes(INDEX_BYTES, "big") + chain[:CHAIN_BYTES]


def _derived(key: bytes, purpose: bytes) -> bytes:
    return blake2b(purpose, key=key, digest_size=KEY_BYTES).digest()


def _block_of(place: bytes) -> bytes:
    return urlsafe_b64decode(place + b"==")
