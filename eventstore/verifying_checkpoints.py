"""What is kept of checkpoints and snapshots in Postgres, as it stands at one moment, and which parts are as written.

Knows the tables. It must not know what the parts say, nor whether that is right.
"""

from collections.abc import Sequence

import asyncpg
import msgspec

from eventstore.connecting import losses_as_unavailable
from eventstore.queries import QUERIES
from eventstore.store import Checkpoint
from eventstore.verifying import STATEMENT_TIMEOUT_S

CHECKPOINT, SNAPSHOT = "checkpoint", "snapshot"
"""The kinds of what is kept, which are the kinds of differences in it."""


class _Statements(msgspec.Struct, frozen=True):
    """What is kept of a stream, which of its parts are as they were written, and the bytes of one."""

    kept: str
    parts: str
    content: str


_STATEMENTS = {
    CHECKPOINT: _Statements(
        QUERIES["checkpoints_kept"], QUERIES["checkpoint_parts_looked_at"], QUERIES["checkpoint_part_content"]
    ),
    SNAPSHOT: _Statements(
        QUERIES["snapshots_kept"], QUERIES["snapshot_parts_looked_at"], QUERIES["snapshot_part_content"]
    ),
}


class KeptOfStream(msgspec.Struct, frozen=True, kw_only=True):
    """All that is kept of one kind for one stream.

    `chains`: the log's chain values at the positions of the checkpoints. `sound` and `altered` are addresses of parts
    whose bytes are, and are not, those that were written. `first_parts`: the bytes of the first part of each
    checkpoint, by address.
    """

    kind: str
    checkpoints: Sequence[Checkpoint]
    chains: dict[int, bytes]
    sound: frozenset[bytes]
    altered: frozenset[bytes]
    first_parts: dict[bytes, bytes]


async def streams_with_checkpoints(connection: asyncpg.Connection) -> list[str]:
    """The streams for which a checkpoint or a snapshot is kept."""
    with losses_as_unavailable():
        return [name for (name,) in await connection.fetch(QUERIES["streams_with_checkpoints"])]


async def kept_of_stream(connection: asyncpg.Connection, stream: str, kind: str) -> KeptOfStream:
    """What is kept, as one moment has it: whoever makes another checkpoint meanwhile takes away parts of the last."""
    with losses_as_unavailable():
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            rows = await connection.fetch(_STATEMENTS[kind].kept, stream)
            parts = await connection.fetch(_STATEMENTS[kind].parts, stream, timeout=STATEMENT_TIMEOUT_S)
            positions = [position for position, *_ in rows]
            chains = await connection.fetch(QUERIES["chains_of_positions"], stream, positions)
            first_parts = {
                addresses[0]: await connection.fetchval(_STATEMENTS[kind].content, stream, addresses[0])
                for *_, addresses in rows
                if addresses
            }
    checkpoints = [
        Checkpoint(stream=stream, position=position, chain=chain, fingerprint=fingerprint, parts=tuple(addresses))
        for position, chain, fingerprint, addresses in rows
    ]
    return KeptOfStream(
        kind=kind,
        checkpoints=checkpoints,
        chains={row[0]: row[1] for row in chains},
        sound=frozenset(address for address, sound in parts if sound),
        altered=frozenset(address for address, sound in parts if not sound),
        first_parts={address: content for address, content in first_parts.items() if content is not None},
    )


async def part_content(connection: asyncpg.Connection, stream: str, kind: str, address: bytes) -> bytes | None:
    """The bytes of a part, None when it is not kept any more."""
    with losses_as_unavailable():
        content: bytes | None = await connection.fetchval(_STATEMENTS[kind].content, stream, address)
    return content
