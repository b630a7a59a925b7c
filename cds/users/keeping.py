"""What is kept of users beside the log: contacts and password hashes, each under an id of its own.

This module must not know what either says, nor which are in force.
"""

from collections.abc import Collection, Mapping
from typing import Generic, Protocol, TypeVar

import msgspec

from eventstore.limits import KEPT_AT_ONCE_MAX
from eventstore.store import EventStore

UNCLAIMED_MS = 3_600_000
"""What nobody names is erased when it is so old: the event that was to name it never came."""


class Made(Protocol):
    """Something that is kept."""

    @property
    def made_ms(self) -> int:
        """When it was kept, in milliseconds since the Unix epoch."""
        ...


K = TypeVar("K", bound=Made)


class Kept(Generic[K]):
    """Structures of one kind beside the log. Each method raises StoreUnavailable."""

    def __init__(self, store: EventStore, kind: str, structure: type[K]) -> None:
        """Those that are kept under `kind`."""
        self._store = store
        self._kind = kind
        self._decoder = msgspec.json.Decoder(structure)

    async def keep(self, things: Mapping[str, K]) -> None:
        """Keep things by id; durable when this returns."""
        if things:
            await self._store.keep(self._kind, {id: msgspec.json.encode(thing) for id, thing in things.items()})

    async def read(self, ids: Collection[str]) -> dict[str, K]:
        """What is kept under these ids; those under which nothing is are left out."""
        # So many are read faster with all others than one after the other.
        named = None if len(ids) > KEPT_AT_ONCE_MAX else ids
        kept = await self._store.kept(self._kind, named) if ids else {}
        return {id: self._decoder.decode(data) for id, data in kept.items() if id in ids}

    async def erase(self, ids: Collection[str]) -> None:
        """Erase what is kept under these ids."""
        gone = sorted(ids)
        for start in range(0, len(gone), KEPT_AT_ONCE_MAX):
            await self._store.keep(self._kind, dict.fromkeys(gone[start : start + KEPT_AT_ONCE_MAX]))

    async def unclaimed(self, named: Collection[str | None], now_ms: int) -> set[str]:
        """The ids, not among those `named`, of what has been there for long."""
        kept = await self._store.kept(self._kind)
        return {
            id
            for id, data in kept.items()
            if id not in named and abs(now_ms - self._decoder.decode(data).made_ms) > UNCLAIMED_MS
        }
