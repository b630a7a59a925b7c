"""Checkpoints in Postgres: what a stream came to, in parts that are kept by their hash beside the log.

Knows the two tables. It must not know what the parts say. Nothing else rests on these tables: they may be emptied any
time.
"""

from hashlib import sha256

from eventstore.connecting import Connections
from eventstore.limits import check_checkpoint_part
from eventstore.queries import QUERIES
from eventstore.store import Checkpoint, StoreRefused

PART_TIMEOUT_S = 120.0
"""How long writing one part, or replacing a checkpoint, may take."""


def checkpoint_part_address(content: bytes) -> bytes:
    """The address of a part: its SHA-256."""
    return sha256(content).digest()


async def checkpoint_of(connections: Connections, stream: str) -> Checkpoint | None:
    """See EventStore.checkpoint."""
    rows = await connections.fetch(QUERIES["checkpoint"], stream)
    if not rows:
        return None
    position, chain, fingerprint, parts = rows[0]
    return Checkpoint(stream=stream, position=position, chain=chain, fingerprint=fingerprint, parts=tuple(parts))


async def checkpoint_part(connections: Connections, stream: str, address: bytes) -> bytes | None:
    """See EventStore.checkpoint_part."""
    rows = await connections.fetch(QUERIES["checkpoint_part"], stream, address)
    content: bytes | None = rows[0][0] if rows else None
    return content if content is None or checkpoint_part_address(content) == address else None


async def checkpoint_parts_kept(connections: Connections, stream: str) -> set[bytes]:
    """See EventStore.checkpoint_parts_kept."""
    async with connections.pooled() as connection:
        rows = await connection.fetch(QUERIES["checkpoint_parts_kept"], stream, timeout=PART_TIMEOUT_S)
    return {row[0] for row in rows}


async def keep_checkpoint_part(connections: Connections, stream: str, content: bytes) -> bytes:
    """See EventStore.keep_checkpoint_part."""
    check_checkpoint_part(content)
    address = checkpoint_part_address(content)
    async with connections.pooled() as connection:
        await connection.execute(QUERIES["keep_checkpoint_part"], stream, address, content, timeout=PART_TIMEOUT_S)
    return address


async def put_checkpoint(connections: Connections, checkpoint: Checkpoint) -> None:
    """See EventStore.put_checkpoint."""
    stream, parts = checkpoint.stream, list(checkpoint.parts)
    async with connections.pooled() as connection, connection.transaction():
        await connection.execute(QUERIES["lock_checkpoint"], stream, timeout=PART_TIMEOUT_S)
        if await connection.fetchval(QUERIES["checkpoint_parts_missing"], stream, parts):
            raise StoreRefused(f"parts of the checkpoint of {stream} at {checkpoint.position} are not kept")
        await connection.execute(
            QUERIES["put_checkpoint"], stream, checkpoint.position, checkpoint.chain, checkpoint.fingerprint, parts
        )
        await connection.execute(QUERIES["forget_checkpoint_parts"], stream, parts, timeout=PART_TIMEOUT_S)
