"""Whether the database still holds the log that this process has read: looked at whenever a connection was lost.

A standby that followed behind takes over without the last commits; a backup is restored under a server that still
runs. What such a process has in memory is of another log then, and nothing in it may be shown or built on. This module
must not know what is done about it.
"""

import asyncio
from collections.abc import Mapping

import asyncpg

from eventstore.appending import Heads
from eventstore.connecting import QUERY_TIMEOUT_S, losses_as_unavailable
from eventstore.queries import QUERIES
from eventstore.restoring import refuse_half_restored
from eventstore.store import Head, StoreRefused


class Continuity:
    """Compares what this process knows of streams with what the database holds."""

    def __init__(self, heads: Heads) -> None:
        """Nothing has been looked at. `heads` hold what was read and written here."""
        self._heads = heads
        self._before: Mapping[str, Head] = {}
        self._broken = asyncio.Event()
        self._reason = ""

    @property
    def is_broken(self) -> bool:
        """Whether the database holds another log. That never becomes right again."""
        return self._broken.is_set()

    def require(self) -> None:
        """Raise StoreRefused when it does."""
        if self.is_broken:
            raise StoreRefused(self._reason)

    async def broken(self) -> str:
        """Come back when it does: with what is different."""
        await self._broken.wait()
        return self._reason

    def note_loss(self) -> None:
        """The connection is gone: what is read from here on, until `check`, may be of another log already."""
        self._before = self._before or dict(self._heads.seen)

    async def check(self, connection: asyncpg.Connection) -> None:
        """Look at every stream that was read or written here.

        Raises StoreRefused when one of them is not as it was, and while a backup is being restored there.
        """
        self.require()
        with losses_as_unavailable():
            await refuse_half_restored(connection)
        for seen in (self._before, dict(self._heads.seen)):
            await self._compare(connection, {stream: head for stream, head in seen.items() if head.position > 0})
        self._before = {}

    async def _compare(self, connection: asyncpg.Connection, seen: Mapping[str, Head]) -> None:
        """Raise StoreRefused unless the database holds all of these."""
        if not seen:
            return
        positions = [head.position for head in seen.values()]
        with losses_as_unavailable():
            rows = await connection.fetch(QUERIES["chains_at"], list(seen), positions, timeout=QUERY_TIMEOUT_S)
        found = {row[0]: row[1] for row in rows}
        for stream, head in seen.items():
            if found.get(stream) != head.chain:
                self._reason = (
                    f"the database holds another log than the one that was read: stream {stream!r} "
                    f"{'has no' if stream not in found else 'has another'} event at position {head.position}. "
                    "Start the program again (docs/replication.md)"
                )
                self._broken.set()
                self.require()
