"""Contents of files in Postgres, by their hash.

Knows how a file is cut into rows. It must not know names of files, or what refers to them.
"""

import asyncio

from eventstore.addressing import file_address
from eventstore.connecting import QUERY_TIMEOUT_S, Connections
from eventstore.limits import check_file
from eventstore.queries import QUERIES
from eventstore.store import StoreRefused

FILE_CHUNK_BYTES = 1024 * 1024
"""The length of the pieces that a file is kept in; the last one may be shorter."""


GROUP_FILES_MAX = 500
GROUP_BYTES_MAX = 8 * 1024 * 1024
"""Files of one piece that are kept in one transaction; beyond so many or so much the rest waits for the next."""


class FileKeeper:
    """Keeps files. Small ones that come while others are being written go into the next transaction together."""

    def __init__(self, connections: Connections) -> None:
        """Nothing waits."""
        self._connections = connections
        self._waiting: dict[str, tuple[bytes, asyncio.Future[None]]] = {}
        self._writing: asyncio.Task[None] | None = None

    async def put(self, content: bytes) -> str:
        """Keep a file, as EventStore.put_file says. Safe to be repeated, and for several processes at once.

        Raises StoreRefused when it is larger than limits.FILE_BYTES_MAX.
        """
        check_file(content)
        address = await file_address(content)
        if len(content) > FILE_CHUNK_BYTES:
            await _put_in_pieces(self._connections, address, content)
            return address
        if address not in self._waiting:
            self._waiting[address] = (content, asyncio.get_running_loop().create_future())
        _, kept = self._waiting[address]
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write(), name="keep files")
        await asyncio.shield(kept)
        return address

    async def _write(self) -> None:
        """Keep what waits, group after group."""
        while self._waiting:
            group = self._take_group()
            error: Exception | None = None
            try:
                await self._connections.fetch(
                    QUERIES["keep_files"],
                    list(group),
                    [len(content) for content, _ in group.values()],
                    [content for content, _ in group.values()],
                )
            except Exception as failure:  # noqa: BLE001 - not swallowed: all who wait for the group are told
                error = failure
            for _, kept in group.values():
                if kept.done():
                    continue
                if error is None:
                    kept.set_result(None)
                else:
                    kept.set_exception(error)

    def _take_group(self) -> dict[str, tuple[bytes, asyncio.Future[None]]]:
        group: dict[str, tuple[bytes, asyncio.Future[None]]] = {}
        size_bytes = 0
        while self._waiting and len(group) < GROUP_FILES_MAX and size_bytes < GROUP_BYTES_MAX:
            address = next(iter(self._waiting))
            group[address] = self._waiting.pop(address)
            size_bytes += len(group[address][0])
        return group


async def _put_in_pieces(connections: Connections, address: str, content: bytes) -> None:
    """Keep a large file in a transaction of its own."""
    async with connections.pooled() as connection, connection.transaction():
        # A second process waits here for the first; it gets no row when the first has committed.
        if await connection.fetchval(QUERIES["keep_file"], address, len(content), timeout=QUERY_TIMEOUT_S):
            for number, start in enumerate(range(0, len(content), FILE_CHUNK_BYTES)):
                chunk = content[start : start + FILE_CHUNK_BYTES]
                await connection.execute(QUERIES["keep_file_chunk"], address, number, chunk)


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
