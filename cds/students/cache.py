"""What Codeforces said of a handle a while ago: three backings of one small cache.

Whatever becomes of the cache, nothing is lost but time: a cache that fails is told of in the log and counts as empty.
Values are small (the long lists are files, and a value names one). This module must not know what the values mean.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Literal, Protocol

import msgspec
import structlog

from eventstore.store import EventStore, StoreRefused, StoreUnavailable

KIND_PREFIX = "student-cache "
"""Before the handle: the kind under which the answers of one handle are kept in the database."""

ENTRIES_MAX = 65_536
"""Answers that a process keeps in memory; of more, those that were kept longest ago are forgotten early."""

CacheBacking = Literal["process", "database"]

log = structlog.get_logger(__name__)


class CacheKey(msgspec.Struct, frozen=True):
    """One answer about one handle: `cf:info:tourist`."""

    kind: Literal["info", "contest", "submissions"]
    handle: str

    def __str__(self) -> str:
        """The key as the contract writes it (seed 001)."""
        return f"cf:{self.kind}:{self.handle}"


def keys_of(handle: str) -> tuple[CacheKey, CacheKey, CacheKey]:
    """The three keys of a handle."""
    return CacheKey("info", handle), CacheKey("contest", handle), CacheKey("submissions", handle)


class CacheFailed(Exception):
    """The cache does not do what it should; the text says why and holds no secret."""


class Cache(Protocol):
    """Bytes that are forgotten after a time. Each method raises CacheFailed."""

    async def get(self, key: CacheKey) -> bytes | None:
        """What was put, None when there is nothing or its time is over."""
        ...

    async def put(self, key: CacheKey, value: bytes, lifetime_s: int) -> None:
        """Keep a value for so many seconds, in the place of another."""
        ...

    async def forget(self, keys: Sequence[CacheKey]) -> None:
        """Forget what is kept under these keys; nothing of it is there any more when this returns."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class ProcessCache:
    """In the memory of this process."""

    def __init__(self, clock_s: Callable[[], float]) -> None:
        """An empty cache. `clock_s` tells seconds that do not go back."""
        self._clock_s = clock_s
        self._entries: OrderedDict[CacheKey, tuple[float, bytes]] = OrderedDict()

    async def get(self, key: CacheKey) -> bytes | None:
        """See Cache."""
        until_s, value = self._entries.get(key, (0.0, b""))
        return value if until_s > self._clock_s() else None

    async def put(self, key: CacheKey, value: bytes, lifetime_s: int) -> None:
        """See Cache."""
        self._entries[key] = (self._clock_s() + lifetime_s, value)
        self._entries.move_to_end(key)
        while len(self._entries) > ENTRIES_MAX:
            self._entries.popitem(last=False)

    async def forget(self, keys: Sequence[CacheKey]) -> None:
        """See Cache."""
        for key in keys:
            self._entries.pop(key, None)

    async def close(self) -> None:
        """There is nothing to let go of."""


class _Kept(msgspec.Struct, frozen=True):
    until_ms: int
    value: bytes


_kept_decoder = msgspec.msgpack.Decoder(_Kept)


class DatabaseCache:
    """Beside the log, for all processes on the database."""

    def __init__(self, store: EventStore, clock_ms: Callable[[], int]) -> None:
        """`clock_ms` tells milliseconds since the Unix epoch."""
        self._store = store
        self._clock_ms = clock_ms

    async def get(self, key: CacheKey) -> bytes | None:
        """See Cache."""
        try:
            data = (await self._store.kept(KIND_PREFIX + key.handle)).get(key.kind)
            kept = None if data is None else _kept_decoder.decode(data)
        except (StoreUnavailable, msgspec.DecodeError, UnicodeDecodeError) as failure:
            raise CacheFailed(str(failure)) from failure
        return kept.value if kept is not None and kept.until_ms > self._clock_ms() else None

    async def put(self, key: CacheKey, value: bytes, lifetime_s: int) -> None:
        """See Cache."""
        kept = _Kept(until_ms=self._clock_ms() + lifetime_s * 1_000, value=value)
        await self._keep(key.handle, {key.kind: msgspec.msgpack.encode(kept)})

    async def forget(self, keys: Sequence[CacheKey]) -> None:
        """See Cache."""
        for handle in {key.handle for key in keys}:
            await self._keep(handle, {key.kind: None for key in keys if key.handle == handle})

    async def close(self) -> None:
        """The store is somebody else's."""

    async def _keep(self, handle: str, contents: dict[str, bytes | None]) -> None:
        try:
            await self._store.keep(KIND_PREFIX + handle, contents)
        except (StoreUnavailable, StoreRefused) as failure:
            raise CacheFailed(str(failure)) from failure


class ForgivingCache:
    """A cache whose failures are told in the log and stop nobody."""

    def __init__(self, cache: Cache) -> None:
        """A cache over one that may fail."""
        self._cache = cache

    async def get(self, key: CacheKey) -> bytes | None:
        """What was put, None when there is nothing, or the cache does not say."""
        try:
            return await self._cache.get(key)
        except CacheFailed as failure:
            _tell("get", failure)
            return None

    async def put(self, key: CacheKey, value: bytes, lifetime_s: int) -> None:
        """Keep a value if the cache takes it."""
        try:
            await self._cache.put(key, value, lifetime_s)
        except CacheFailed as failure:
            _tell("put", failure)

    async def forget(self, keys: Sequence[CacheKey]) -> None:
        """Forget what is kept under these keys, as far as the cache does."""
        try:
            await self._cache.forget(keys)
        except CacheFailed as failure:
            _tell("forget", failure)

    async def close(self) -> None:
        """Let go of connections."""
        await self._cache.close()


def _tell(doing: str, failure: CacheFailed) -> None:
    log.warning("student_cache_failed", doing=doing, reason=str(failure))
