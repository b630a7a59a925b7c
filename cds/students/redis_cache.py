"""The cache of Codeforces' answers in Redis, for all servers that share it.

The address may hold a password, so nothing of it is ever told. This module must not know what the values mean.
"""

from collections.abc import Sequence

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from cds.students.cache import CacheFailed, CacheKey

REDIS_S_MAX = 2.0
"""How long Redis may take for anything; a cache that is slower than that is none."""

FAILURES = (RedisError, OSError, TimeoutError)


class RedisCache:
    """In Redis, under the very keys of the contract."""

    def __init__(self, url: str) -> None:
        """Nothing is connected before something is asked. Raises ValueError for what is no address of a Redis."""
        self._redis = Redis.from_url(
            url,
            socket_timeout=REDIS_S_MAX,
            socket_connect_timeout=REDIS_S_MAX,
            retry=Retry(NoBackoff(), 1),
        )

    async def get(self, key: CacheKey) -> bytes | None:
        """See Cache."""
        try:
            value = await self._redis.get(str(key))
        except FAILURES as failure:
            raise _failed(failure) from failure
        return value if isinstance(value, bytes) else None

    async def put(self, key: CacheKey, value: bytes, lifetime_s: int) -> None:
        """See Cache."""
        try:
            await self._redis.set(str(key), value, ex=lifetime_s)
        except FAILURES as failure:
            raise _failed(failure) from failure

    async def forget(self, keys: Sequence[CacheKey]) -> None:
        """See Cache."""
        try:
            await self._redis.delete(*map(str, keys))
        except FAILURES as failure:
            raise _failed(failure) from failure

    async def close(self) -> None:
        """Close all connections."""
        await self._redis.aclose()


def _failed(failure: Exception) -> CacheFailed:
    """Of what Redis says only the kind is told: its text may quote the address."""
    return CacheFailed(f"Redis: {type(failure).__name__}")
