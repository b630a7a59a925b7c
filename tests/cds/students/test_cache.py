"""The cache of Codeforces' answers: every backing does the same, and none stops anybody when it fails.

Redis is stood in for by a server that speaks its protocol over TCP.
"""

import threading
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager
from typing import Literal

import pytest
from fakeredis import TcpFakeServer

from cds.students import cache as cache_module
from cds.students.answers import CONTEST_S, INFO_S, SUBMISSIONS_S
from cds.students.cache import Cache, CacheFailed, DatabaseCache, ForgivingCache, ProcessCache, keys_of
from cds.students.redis_cache import RedisCache
from cds.students.settings import StudentSettings
from eventstore.memory import MemoryStore
from eventstore.store import StoreUnavailable
from tests.cds.student_api.stage import student_stage

Backing = Literal["process", "database", "redis"]
INFO, CONTEST, SUBMISSIONS = keys_of("tourist")


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    """The address of something that speaks as Redis does."""
    server = TcpFakeServer(("127.0.0.1", 0), server_type="redis")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"redis://127.0.0.1:{server.server_address[1]}/0"
    server.shutdown()
    server.server_close()
    thread.join()


@asynccontextmanager
async def opened(backing: Backing, redis_url: str) -> AsyncIterator[Cache]:
    """An empty cache."""
    made: Cache
    if backing == "redis":
        made = RedisCache(redis_url)
        await made.forget([INFO, CONTEST, SUBMISSIONS])
    elif backing == "database":
        made = DatabaseCache(MemoryStore(), lambda: 1_000_000)
    else:
        made = ProcessCache(lambda: 1_000.0)
    try:
        yield made
    finally:
        await made.close()


@pytest.mark.parametrize("backing", ["process", "database", "redis"])
async def test_what_is_put_is_there_until_it_is_forgotten(backing: Backing, redis_url: str) -> None:
    async with opened(backing, redis_url) as cache:
        assert await cache.get(INFO) is None
        await cache.put(INFO, b"one", 60)
        await cache.put(CONTEST, b"\x00\xff", 60)
        await cache.put(INFO, b"two", 60)
        assert (await cache.get(INFO), await cache.get(CONTEST)) == (b"two", b"\x00\xff")
        await cache.forget([INFO, SUBMISSIONS])
        assert (await cache.get(INFO), await cache.get(CONTEST)) == (None, b"\x00\xff")


async def test_redis_has_the_keys_of_the_contract_and_forgets_by_itself(redis_url: str) -> None:
    async with opened("redis", redis_url) as cache:
        assert isinstance(cache, RedisCache)
        for key, lifetime_s in zip(keys_of("tourist"), (INFO_S, CONTEST_S, SUBMISSIONS_S), strict=True):
            await cache.put(key, b"x", lifetime_s)
        client = cache._redis
        ttls_s = [await client.ttl(f"cf:{kind}:tourist") for kind in ("info", "contest", "submissions")]
    assert [round(ttl_s / 60) for ttl_s in ttls_s] == [360, 360, 120]


async def test_a_process_forgets_when_the_time_is_over() -> None:
    now_s = 100.0
    cache = ProcessCache(lambda: now_s)
    await cache.put(INFO, b"x", 10)
    now_s = 109.9
    assert await cache.get(INFO) == b"x"
    now_s = 110.0
    assert await cache.get(INFO) is None


async def test_a_process_keeps_no_more_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "ENTRIES_MAX", 2)
    cache = ProcessCache(lambda: 0.0)
    for key in (INFO, CONTEST, SUBMISSIONS):
        await cache.put(key, b"x", 10)
    assert [await cache.get(key) for key in (INFO, CONTEST, SUBMISSIONS)] == [None, b"x", b"x"]


async def test_the_database_forgets_when_the_time_is_over_and_is_there_for_all() -> None:
    now_ms, store = 0, MemoryStore()
    cache, other = DatabaseCache(store, lambda: now_ms), DatabaseCache(store, lambda: now_ms)
    await cache.put(INFO, b"x", 10)
    now_ms = 9_999
    assert await other.get(INFO) == b"x"
    now_ms = 10_000
    assert await other.get(INFO) is None


class AwayStore(MemoryStore):
    """A database that is away."""

    async def kept(self, kind: str, ids: Collection[str] | None = None) -> dict[str, bytes]:
        raise StoreUnavailable("away")

    async def keep(self, kind: str, contents: object) -> None:
        raise StoreUnavailable("away")


@pytest.mark.parametrize("broken", ["redis that is gone", "database that is away"])
async def test_a_cache_that_fails_says_so_and_stops_nobody(broken: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The address of a Redis may hold a password, and is not told."""
    cache: Cache = DatabaseCache(AwayStore(), lambda: 0)
    if broken.startswith("redis"):
        cache = RedisCache("redis://:geheim@127.0.0.1:9/0")
    with pytest.raises(CacheFailed):
        await cache.get(INFO)
    forgiving = ForgivingCache(cache)
    assert await forgiving.get(INFO) is None
    await forgiving.put(INFO, b"x", 10)
    await forgiving.forget([INFO])
    await forgiving.close()
    told = capsys.readouterr().out
    assert told.count("student_cache_failed") == 3
    assert "geheim" not in told


@pytest.mark.parametrize("backing", ["database", "redis"])
async def test_a_server_syncs_with_any_backing(backing: Backing, database_dsn: str, redis_url: str) -> None:
    settings = StudentSettings(cache="database") if backing == "database" else StudentSettings(redis_url=redis_url)
    async with student_stage(database_dsn, students=settings) as stage:
        await stage.enter()
        await stage.cache(*keys_of("tourist"))
        assert (await stage.sync()).status == 200
        assert len(await stage.cached()) == 3
        assert b"old" not in [await stage.parts.cache.get(key) for key in keys_of("tourist")]


async def test_a_server_syncs_while_its_redis_is_gone(database_dsn: str) -> None:
    settings = StudentSettings(redis_url="redis://:geheim@127.0.0.1:9/0")
    async with student_stage(database_dsn, students=settings) as stage:
        await stage.enter()
        assert (await stage.sync()).status == 200
