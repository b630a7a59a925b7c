"""Contents of files in Postgres, by their hash.

Knows how a file is cut into rows. It must not know names of files, or what refers to them.
"""

from eventstore.addressing import file_address
from eventstore.connecting import QUERY_TIMEOUT_S, Connections
from eventstore.limits import check_file
from eventstore.queries import QUERIES
from eventstore.store import StoreRefused

FILE_CHUNK_BYTES = 1024 * 1024
"""The length of the pieces that a file is kept in; the last one may be shorter."""


async def put_file(connections: Connections, content: bytes) -> str:
    """Keep a file, as EventStore.put_file says. Safe to be repeated, and for several processes at once.

    Raises StoreRefused when it is larger than limits.FILE_BYTES_MAX.
    """
    check_file(content)
    address = await file_address(content)
    async with connections.pooled() as connection, connection.transaction():
        # A second process waits here for the first; it gets no row when the first has committed.
        if await connection.fetchval(QUERIES["keep_file"], address, len(content), timeout=QUERY_TIMEOUT_S):
            for number, start in enumerate(range(0, len(content), FILE_CHUNK_BYTES)):
                chunk = content[start : start + FILE_CHUNK_BYTES]
                await connection.execute(QUERIES["keep_file_chunk"], address, number, chunk)
    return address


async def file_content(connections: Connections, address: str) -> bytes | None:
    """The bytes at an address, or None. Raises StoreRefused when pieces of it are missing."""
    size_bytes = await file_size_bytes(connections, address)
    if size_bytes is None:
        return None
    rows = await connections.fetch(QUERIES["file_chunks"], address)
    content = b"".join([row[0] for row in rows])
    if len(content) != size_bytes:
        raise StoreRefused(f"file {address} has {len(content)} of its {size_bytes} bytes: the database is damaged")
    return content


async def file_size_bytes(connections: Connections, address: str) -> int | None:
    """The length of the bytes at an address, or None."""
    rows = await connections.fetch(QUERIES["file_size_bytes"], address)
    return rows[0][0] if rows else None
