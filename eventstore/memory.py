"""The event store in memory: the same contract, for tests and trials; everything is gone with the process.

Knows what `store.EventStore` promises. It must not know what a contest is.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from uuid import UUID
from weakref import WeakValueDictionary

from eventstore.addressing import address_of, file_address
from eventstore.chain import GENESIS, chain_values, origin_of, row_origin
from eventstore.checkpoints import checkpoint_part_address
from eventstore.codec import lift
from eventstore.hints import HintBoard, HintSubscription
from eventstore.limits import check_append, check_checkpoint_part, check_file, check_kept, check_page, check_turn
from eventstore.snapshots import MemoryPast
from eventstore.store import Append, Checkpoint, Event, Head, Hold, ServerAccount, StoreRefused, StoreUnavailable, Turn
from eventstore.turns import Places


class MemoryStore:
    """An EventStore that lives and dies with the process."""

    def __init__(self, clock_us: Callable[[], int] = lambda: time.time_ns() // 1_000) -> None:
        """Start empty. `clock_us` tells microseconds since the epoch, by which turns are taken."""
        self._clock_us = clock_us
        self._turns: dict[str, Places] = {}
        self._streams: dict[str, list[Event]] = {}
        self.past = MemoryPast(self._streams, self._check_open)
        self._batches: dict[UUID, Head] = {}
        self._files: dict[str, bytes] = {}
        self._credentials: dict[str, dict[str, str]] = {}
        self._accounts: dict[str, ServerAccount] = {}
        self._secrets: dict[str, bytes] = {}
        self._kept: dict[str, dict[str, bytes]] = {}
        self._checkpoints: dict[str, Checkpoint] = {}
        self._checkpoint_parts: dict[str, dict[bytes, bytes]] = {}
        # A lock is there for as long as somebody has to do with the name.
        self._held: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._board = HintBoard()
        self._closed = False

    @property
    def reachable(self) -> bool:
        """See EventStore.reachable: until close."""
        return not self._closed

    @property
    def waits_for_standby(self) -> bool:
        """Never; see EventStore.waits_for_standby."""
        return False

    @property
    def alone(self) -> bool:
        """See EventStore.alone: several may share a store in memory, and looking costs nothing."""
        return False

    @property
    def group_alone(self) -> bool:
        """See EventStore.group_alone: as above."""
        return False

    async def append(self, append: Append) -> Head | None:
        """See EventStore.append."""
        self._check_open()
        check_append(append)
        await asyncio.sleep(0)  # Others may come first, as they may with a database.
        self._check_open()
        end = self._end(append.stream)
        if append.expected_position != end.position:
            return self._batches.get(append.batch_id)
        chains = chain_values(end, append.events, origin_of(append))
        head = Head(position=end.position + len(chains), chain=chains[-1]) if chains else end
        self._keep_events(append, end.position, chains)
        self._keep_credentials(append)
        self._files.update((address_of(content), bytes(content)) for content in append.files)
        self._batches[append.batch_id] = head
        self._board.announce(append.stream, head.position)
        return head

    async def read(self, stream: str, after: int, limit: int) -> list[Event]:
        """See EventStore.read."""
        return [lift(event) for event in await self.read_stored(stream, after, limit)]

    async def read_stored(self, stream: str, after: int, limit: int) -> list[Event]:
        """See EventStore.read_stored."""
        self._check_open()
        check_page(limit)
        start = max(after, 0)
        return self._streams.get(stream, [])[start : start + limit]

    async def read_beginnings(self, streams: Sequence[str], limit: int) -> dict[str, list[Event]]:
        """See EventStore.read_beginnings."""
        check_page(len(streams) * limit)
        found = {stream: await self.read(stream, 0, limit) for stream in streams}
        return {stream: events for stream, events in found.items() if events}

    async def head(self, stream: str) -> Head:
        """See EventStore.head."""
        self._check_open()
        return self._end(stream)

    async def heads(self) -> dict[str, Head]:
        """See EventStore.heads."""
        self._check_open()
        return {stream: self._end(stream) for stream in self._streams}

    def heard_position(self, stream: str) -> int:
        """See EventStore.heard_position."""
        return self._board.known(stream)

    def hints(self) -> HintSubscription:
        """See EventStore.hints; from the moment of this call, not of the first step of the iteration."""
        return self._board.subscribe()

    async def put_file(self, content: bytes) -> str:
        """See EventStore.put_file."""
        self._check_open()
        check_file(content)
        address = await file_address(content)
        self._files[address] = bytes(content)
        return address

    async def file(self, address: str) -> bytes | None:
        """See EventStore.file."""
        self._check_open()
        return self._files.get(address)

    async def file_size_bytes(self, address: str) -> int | None:
        """See EventStore.file_size_bytes."""
        self._check_open()
        content = self._files.get(address)
        return None if content is None else len(content)

    async def credentials(self, scope: str) -> dict[str, str]:
        """See EventStore.credentials."""
        self._check_open()
        return dict(sorted(self._credentials.get(scope, {}).items()))

    async def credential_scopes(self) -> list[str]:
        """See EventStore.credential_scopes."""
        self._check_open()
        return sorted(scope for scope, hashes in self._credentials.items() if hashes)

    async def put_server_account(self, account: ServerAccount) -> None:
        """See EventStore.put_server_account."""
        self._check_open()
        self._accounts[account.username] = account

    async def remove_server_account(self, username: str) -> bool:
        """See EventStore.remove_server_account."""
        self._check_open()
        return self._accounts.pop(username, None) is not None

    async def server_accounts(self) -> dict[str, ServerAccount]:
        """See EventStore.server_accounts."""
        self._check_open()
        return dict(sorted(self._accounts.items()))

    async def secret(self, name: str, make: Callable[[], bytes]) -> bytes:
        """See EventStore.secret."""
        self._check_open()
        if name not in self._secrets:
            self._secrets[name] = make()
        return self._secrets[name]

    async def keep(self, kind: str, contents: Mapping[str, bytes | None]) -> None:
        """See EventStore.keep."""
        self._check_open()
        check_kept(kind, contents)
        of_kind = {**self._kept.get(kind, {}), **contents}
        self._kept[kind] = {identifier: bytes(data) for identifier, data in of_kind.items() if data is not None}

    async def kept(self, kind: str, ids: Collection[str] | None = None) -> dict[str, bytes]:
        """See EventStore.kept."""
        self._check_open()
        check_kept(kind, dict.fromkeys(ids or ()))
        found = sorted(self._kept.get(kind, {}).items())
        return {identifier: data for identifier, data in found if ids is None or identifier in ids}

    async def take_turn(self, name: str, *, interval_us: int, patience_us: int, held_us: int | None = None) -> Turn:
        """See EventStore.take_turn."""
        self._check_open()
        check_turn(name, interval_us, patience_us)
        return self._turns.setdefault(name, Places()).take(self._clock_us(), interval_us, patience_us, held_us)

    async def postpone_turns(self, name: str, wait_us: int) -> None:
        """See EventStore.postpone_turns."""
        self._check_open()
        check_turn(name, wait_us)
        self._turns.setdefault(name, Places()).postpone(self._clock_us(), wait_us)

    async def checkpoint(self, stream: str) -> Checkpoint | None:
        """See EventStore.checkpoint."""
        self._check_open()
        return self._checkpoints.get(stream)

    async def checkpoint_part(self, stream: str, address: bytes) -> bytes | None:
        """See EventStore.checkpoint_part."""
        self._check_open()
        content = self._checkpoint_parts.get(stream, {}).get(address)
        return content if content is None or checkpoint_part_address(content) == address else None

    async def checkpoint_parts_kept(self, stream: str) -> set[bytes]:
        """See EventStore.checkpoint_parts_kept."""
        self._check_open()
        kept = self._checkpoint_parts.get(stream, {})
        return {address for address, content in kept.items() if checkpoint_part_address(content) == address}

    async def keep_checkpoint_part(self, stream: str, content: bytes) -> bytes:
        """See EventStore.keep_checkpoint_part."""
        self._check_open()
        check_checkpoint_part(content)
        address = checkpoint_part_address(content)
        self._checkpoint_parts.setdefault(stream, {})[address] = bytes(content)
        return address

    async def put_checkpoint(self, checkpoint: Checkpoint) -> None:
        """See EventStore.put_checkpoint."""
        self._check_open()
        kept = self._checkpoint_parts.get(checkpoint.stream, {})
        if not kept.keys() >= set(checkpoint.parts):
            raise StoreRefused(f"parts of the checkpoint of {checkpoint.stream} at {checkpoint.position} are not kept")
        self._checkpoints[checkpoint.stream] = checkpoint
        self._checkpoint_parts[checkpoint.stream] = {address: kept[address] for address in checkpoint.parts}

    async def hold(self, name: str, work: Callable[[], Awaitable[None]]) -> bool:
        """See EventStore.hold; here nothing is ever lost."""
        self._check_open()
        async with self._held.setdefault(name, asyncio.Lock()):
            await work()
        return True

    async def hold_if_free(self, name: str, work: Callable[[], Awaitable[None]]) -> Hold:
        """See EventStore.hold_if_free; here nothing is ever lost."""
        self._check_open()
        if self.holds(name):
            return "taken"
        await self.hold(name, work)
        return "kept"

    def holds(self, name: str) -> bool:
        """See EventStore.holds."""
        lock = self._held.get(name)
        return lock is not None and lock.locked()

    async def close(self) -> None:
        """See EventStore.close."""
        self._closed = True
        self._board.close()

    def _check_open(self) -> None:
        """Raise StoreUnavailable after close."""
        if self._closed:
            raise StoreUnavailable("the store is closed")

    def _end(self, stream: str) -> Head:
        """The end of a stream."""
        events = self._streams.get(stream)
        return Head(position=events[-1].position, chain=events[-1].chain) if events else GENESIS

    def _keep_events(self, append: Append, after: int, chains: list[bytes]) -> None:
        """Put the events at the end of their stream."""
        if not append.events:
            return
        stream = self._streams.setdefault(append.stream, [])
        common = origin_of(append)
        for position, (event, chain) in enumerate(zip(append.events, chains, strict=True), after + 1):
            origin = row_origin(common, event)
            stream.append(
                Event(
                    stream=origin.stream,
                    position=position,
                    type=event.type,
                    id=event.id,
                    data=event.data,
                    recorded_at_us=origin.recorded_at_us,
                    actor=origin.actor,
                    cause=origin.cause,
                    version=origin.version,
                    chain=chain,
                )
            )

    def _keep_credentials(self, append: Append) -> None:
        """Write or remove the credentials of an append."""
        for credential in append.credentials:
            hashes = self._credentials.setdefault(credential.scope, {})
            if credential.password_hash is None:
                hashes.pop(credential.account_id, None)
            else:
                hashes[credential.account_id] = credential.password_hash
