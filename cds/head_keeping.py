"""The key under which this database signs heads, and heads of its log.

This module must not know how a head is written.
"""

import secrets
from collections.abc import Sequence

from cds.commands.decision import Refused
from cds.live_contest import STREAM_PREFIX
from cds.signed_heads import KEY_BYTES, SignedHead, public_key_of, signed_head
from eventstore.store import EventStore

HEADS_SECRET = "heads"  # noqa: S105 - the name of a secret, not one


async def head_public_key(store: EventStore) -> bytes:
    """The public key of this database, which is made with the private one when it is first asked for."""
    return public_key_of(await _private_key(store))


async def head_of(store: EventStore, names: Sequence[str], time_s: int) -> SignedHead:
    """Sign where these streams (none: all), or contests of these ids, end. Raises Refused for one that is not there."""
    heads = await store.heads()
    wanted = [name if name in heads else STREAM_PREFIX + name for name in names]
    if missing := sorted(set(wanted) - heads.keys()):
        raise Refused(f"there is no stream {missing[0]}", ground="unknown")
    chosen = [(name, head) for name, head in heads.items() if not names or name in wanted]
    return signed_head(chosen, time_s, await _private_key(store))


async def _private_key(store: EventStore) -> bytes:
    return await store.secret(HEADS_SECRET, lambda: secrets.token_bytes(KEY_BYTES))
