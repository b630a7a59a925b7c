"""All that has to do with students put together: the register, the cache, the sync.

This module must not hold rules; it wires.
"""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import msgspec

from cds.circumstances import Circumstances
from cds.platforms.client import PlatformClient
from cds.students.answers import HandleAnswers
from cds.students.cache import Cache, DatabaseCache, ForgivingCache, ProcessCache
from cds.students.handle_sync import HandleSync
from cds.students.register import Register
from cds.students.settings import StudentSettings
from eventstore.store import EventStore


class StudentParts(msgspec.Struct, frozen=True, kw_only=True):
    """What there is."""

    settings: StudentSettings
    register: Register
    cache: ForgivingCache
    syncing: HandleSync


@asynccontextmanager
async def opened_students(
    store: EventStore, client: PlatformClient, circumstances: Circumstances, settings: StudentSettings
) -> AsyncIterator[StudentParts]:
    """Students for the length of the block; `client` is the one that all of this process ask Codeforces through."""
    async with AsyncExitStack() as stack:
        cache = ForgivingCache(_cache(store, circumstances, settings))
        stack.push_async_callback(cache.close)
        register = Register(store, circumstances)
        answers = HandleAnswers(register.lists, client, cache, circumstances)
        syncing = HandleSync(store, register, answers, circumstances)
        stack.push_async_callback(syncing.close)
        yield StudentParts(settings=settings, register=register, cache=cache, syncing=syncing)


def _cache(store: EventStore, circumstances: Circumstances, settings: StudentSettings) -> Cache:
    if settings.redis_url is not None:
        # Only who has a Redis pays for its client.
        from cds.students.redis_cache import RedisCache

        return RedisCache(settings.redis_url)
    if settings.cache == "database":
        return DatabaseCache(store, lambda: circumstances.now_us() // 1_000)
    return ProcessCache(time.monotonic)
