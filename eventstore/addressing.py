"""The address of a file: a hash of its bytes.

Knows SHA-256. It must not know where files are kept.
"""

import asyncio
from hashlib import sha256

HASH_IN_THREAD_BYTES_MIN = 1024 * 1024
"""Files of at least this length are hashed outside the event loop."""


def address_of(content: bytes) -> str:
    """SHA-256 of the bytes, lower-case hex."""
    return sha256(content).hexdigest()


async def file_address(content: bytes) -> str:
    """The same; large contents are hashed outside the event loop."""
    if len(content) < HASH_IN_THREAD_BYTES_MIN:
        return address_of(content)
    return await asyncio.to_thread(address_of, content)
