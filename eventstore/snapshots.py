"""What a store gives to those who look at the past: parts of the log, and snapshots of what it came to.

A snapshot is a checkpoint of which there are many: each holds its parts by their hash, and most are parts of many.
Nothing else rests on them: they may be dropped any time. This module must not know what a part says, nor why somebody
looks at the past.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Protocol

from eventstore.codec import event_of, lift
from eventstore.connecting import Connections
from eventstore.limits import check_checkpoint_part, check_page
from eventstore.queries import QUERIES
from eventstore.store import Checkpoint, Event, StoreRefused

PART_TIMEOUT_S = 120.0
"""How long writing one part, or forgetting parts, may take."""


class Past(Protocol):
    """The past of the streams of a store. All its methods raise StoreUnavailable when the database is away."""

    async def read_of_types(
        self, stream: str, after: int, until: int, types: Collection[str], limit: int
    ) -> list[Event]:
        """The events of some types behind a position, up to and with another, as `EventStore.read` gives them.

        At most `limit` of them. Raises StoreRefused as that does.
        """
        ...

    async def read_at(self, stream: str, positions: Collection[int]) -> list[Event]:
        """The events at these positions, in order, as `EventStore.read` gives them.

        Raises StoreRefused for more of them than limits.READ_EVENTS_MAX, or an event of a newer version.
        """
        ...

    async def recorded_times_us(self, stream: str, after: int, limit: int) -> list[int]:
        """When the events behind a position were recorded, in their order, at most `limit` of them.

        In microseconds since the epoch.
        """
        ...

    async def snapshot(self, stream: str, until: int, fingerprint: bytes) -> Checkpoint | None:
        """The last snapshot of a stream that a program has made and that does not stand behind a position; or None."""
        ...

    async def snapshot_parts(self, stream: str, addresses: Collection[bytes]) -> dict[bytes, bytes]:
        """The parts of these addresses; without those that are not kept, or not any more as they were written."""
        ...

    async def snapshot_parts_kept(self, stream: str) -> set[bytes]:
        """The addresses of all parts that are kept for a stream and are still as they were written."""
        ...

    async def keep_snapshot_part(self, stream: str, content: bytes) -> bytes:
        """Keep a part for a snapshot that is to come; its address. Keeping the same bytes twice is one.

        Raises StoreRefused for what `limits.check_checkpoint_part` refuses.
        """
        ...

    async def put_snapshot(self, snapshot: Checkpoint) -> None:
        """Put a snapshot beside the others of its stream, in the place of one at the same position.

        Raises StoreRefused when one of its parts is not kept.
        """
        ...

    async def forget_snapshots(self, stream: str, fingerprint: bytes) -> None:
        """Drop the snapshots of a stream that another program has made, and all parts that are of none."""
        ...


class PostgresPast:
    """The past of the streams in one Postgres database."""

    def __init__(self, connections: Connections) -> None:
        """Over the connections of its store."""
        self._connections = connections

    async def read_of_types(
        self, stream: str, after: int, until: int, types: Collection[str], limit: int
    ) -> list[Event]:
        """See Past.read_of_types."""
        check_page(limit)
        rows = await self._connections.fetch(QUERIES["read_of_types"], stream, after, until, list(types), limit)
        return [lift(event_of(stream, row)) for row in rows]

    async def read_at(self, stream: str, positions: Collection[int]) -> list[Event]:
        """See Past.read_at."""
        if not positions:
            return []
        check_page(len(positions))
        rows = await self._connections.fetch(QUERIES["read_at"], stream, list(positions))
        return [lift(event_of(stream, row)) for row in rows]

    async def recorded_times_us(self, stream: str, after: int, limit: int) -> list[int]:
        """See Past.recorded_times_us."""
        rows = await self._connections.fetch(QUERIES["recorded_times"], stream, after, limit)
        times_us: list[int] | None = rows[0][0]
        return times_us or []

    async def snapshot(self, stream: str, until: int, fingerprint: bytes) -> Checkpoint | None:
        """See Past.snapshot."""
        rows = await self._connections.fetch(QUERIES["snapshot"], stream, until, fingerprint)
        if not rows:
            return None
        position, chain, made_by, parts = rows[0]
        return Checkpoint(stream=stream, position=position, chain=chain, fingerprint=made_by, parts=tuple(parts))

    async def snapshot_parts(self, stream: str, addresses: Collection[bytes]) -> dict[bytes, bytes]:
        """See Past.snapshot_parts."""
        rows = await self._connections.fetch(QUERIES["snapshot_parts"], stream, list(addresses))
        return _as_written((address, content) for address, content in rows)

    async def snapshot_parts_kept(self, stream: str) -> set[bytes]:
        """See Past.snapshot_parts_kept."""
        async with self._connections.pooled() as connection:
            rows = await connection.fetch(QUERIES["snapshot_parts_kept"], stream, timeout=PART_TIMEOUT_S)
        return {row[0] for row in rows}

    async def keep_snapshot_part(self, stream: str, content: bytes) -> bytes:
        """See Past.keep_snapshot_part."""
        check_checkpoint_part(content)
        address = sha256(content).digest()
        async with self._connections.pooled() as connection:
            await connection.execute(QUERIES["keep_snapshot_part"], stream, address, content, timeout=PART_TIMEOUT_S)
        return address

    async def put_snapshot(self, snapshot: Checkpoint) -> None:
        """See Past.put_snapshot."""
        stream, parts = snapshot.stream, list(snapshot.parts)
        async with self._connections.pooled() as connection, connection.transaction():
            await connection.execute(QUERIES["lock_snapshots"], stream, timeout=PART_TIMEOUT_S)
            if await connection.fetchval(QUERIES["snapshot_parts_missing"], stream, parts):
                raise _parts_missing(snapshot)
            await connection.execute(
                QUERIES["put_snapshot"], stream, snapshot.position, snapshot.chain, snapshot.fingerprint, parts
            )

    async def forget_snapshots(self, stream: str, fingerprint: bytes) -> None:
        """See Past.forget_snapshots."""
        async with self._connections.pooled() as connection, connection.transaction():
            await connection.execute(QUERIES["lock_snapshots"], stream, timeout=PART_TIMEOUT_S)
            await connection.execute(QUERIES["forget_snapshots"], stream, fingerprint, timeout=PART_TIMEOUT_S)
            await connection.execute(QUERIES["forget_snapshot_parts"], stream, timeout=PART_TIMEOUT_S)


class MemoryPast:
    """The past of streams in memory."""

    def __init__(self, streams: Mapping[str, Sequence[Event]], check_open: Callable[[], None]) -> None:
        """The streams as they stand at any time; `check_open` raises StoreUnavailable once the store is closed."""
        self._streams = streams
        self._check_open = check_open
        self._snapshots: dict[str, dict[int, Checkpoint]] = {}
        self._parts: dict[str, dict[bytes, bytes]] = {}

    async def read_of_types(
        self, stream: str, after: int, until: int, types: Collection[str], limit: int
    ) -> list[Event]:
        """See Past.read_of_types."""
        self._check_open()
        check_page(limit)
        within = self._streams.get(stream, [])[max(after, 0) : max(until, 0)]
        return [lift(event) for event in within if event.type in types][:limit]

    async def read_at(self, stream: str, positions: Collection[int]) -> list[Event]:
        """See Past.read_at."""
        self._check_open()
        if not positions:
            return []
        check_page(len(positions))
        events = self._streams.get(stream, [])
        return [lift(events[position - 1]) for position in sorted(set(positions)) if 1 <= position <= len(events)]

    async def recorded_times_us(self, stream: str, after: int, limit: int) -> list[int]:
        """See Past.recorded_times_us."""
        self._check_open()
        start = max(after, 0)
        return [event.recorded_at_us for event in self._streams.get(stream, [])[start : start + limit]]

    async def snapshot(self, stream: str, until: int, fingerprint: bytes) -> Checkpoint | None:
        """See Past.snapshot."""
        self._check_open()
        snapshots = self._snapshots.get(stream, {})
        found = [each for at, each in snapshots.items() if at <= until and each.fingerprint == fingerprint]
        return max(found, key=lambda each: each.position, default=None)

    async def snapshot_parts(self, stream: str, addresses: Collection[bytes]) -> dict[bytes, bytes]:
        """See Past.snapshot_parts."""
        self._check_open()
        kept = self._parts.get(stream, {})
        return _as_written((address, kept[address]) for address in addresses if address in kept)

    async def snapshot_parts_kept(self, stream: str) -> set[bytes]:
        """See Past.snapshot_parts_kept."""
        self._check_open()
        return set(_as_written(self._parts.get(stream, {}).items()))

    async def keep_snapshot_part(self, stream: str, content: bytes) -> bytes:
        """See Past.keep_snapshot_part."""
        self._check_open()
        check_checkpoint_part(content)
        address = sha256(content).digest()
        self._parts.setdefault(stream, {})[address] = bytes(content)
        return address

    async def put_snapshot(self, snapshot: Checkpoint) -> None:
        """See Past.put_snapshot."""
        self._check_open()
        if not self._parts.get(snapshot.stream, {}).keys() >= set(snapshot.parts):
            raise _parts_missing(snapshot)
        self._snapshots.setdefault(snapshot.stream, {})[snapshot.position] = snapshot

    async def forget_snapshots(self, stream: str, fingerprint: bytes) -> None:
        """See Past.forget_snapshots."""
        self._check_open()
        snapshots = self._snapshots.get(stream, {})
        left = {position: each for position, each in snapshots.items() if each.fingerprint == fingerprint}
        named = {address for each in left.values() for address in each.parts}
        parts = self._parts.get(stream, {})
        self._snapshots[stream] = left
        self._parts[stream] = {address: content for address, content in parts.items() if address in named}


def _as_written(parts: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """The parts by address, but for those whose bytes are others by now."""
    return {address: content for address, content in parts if sha256(content).digest() == address}


def _parts_missing(snapshot: Checkpoint) -> StoreRefused:
    return StoreRefused(f"parts of the snapshot of {snapshot.stream} at {snapshot.position} are not kept")
