"""Who takes himself to be alone on a database: never somebody who is not, whatever words get lost."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import asyncpg
import pytest

from eventstore import listening
from eventstore.listening import HintListener
from eventstore.postgres import PostgresStore
from eventstore.presence import PRESENCE_CLASS, drawn_number
from tests.eventstore.builders import DEADLINE_S


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.fixture
async def group(database_dsn: str) -> AsyncIterator[list[PostgresStore]]:
    """The stores of two workers of one group."""
    number = drawn_number()
    async with AsyncExitStack() as stack:
        stores = [await PostgresStore.open(database_dsn, presence_number=number) for _ in range(2)]
        for store in stores:
            stack.push_async_callback(store.close)
        yield stores


async def test_a_group_is_alone_together_until_somebody_else_comes(
    group: list[PostgresStore], database_dsn: str
) -> None:
    await until(lambda: all(store.group_alone for store in group))
    stranger = await PostgresStore.open(database_dsn)
    assert [store.group_alone for store in (*group, stranger)] == [False] * 3
    assert not stranger.alone
    await stranger.close()
    await until(lambda: all(store.group_alone for store in group))
    assert not any(store.alone for store in group)


async def test_two_groups_are_not_alone(group: list[PostgresStore], database_dsn: str) -> None:
    other = await PostgresStore.open(database_dsn, presence_number=drawn_number())
    assert [store.group_alone for store in (*group, other)] == [False] * 3
    await other.close()


async def test_whoever_arrives_waits_until_it_is_noticed_also_where_no_word_comes_through(
    database_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NOTIFY is swallowed, nobody hears of an arrival. Once the newcomer is there, nobody is alone any more."""
    monkeypatch.setattr(HintListener, "_receive", lambda *_: None)
    async with AsyncExitStack() as stack:
        stores = []
        for _ in range(3):
            stores.append(await PostgresStore.open(database_dsn))
            stack.push_async_callback(stores[-1].close)
            assert [store.alone for store in stores] == [len(stores) == 1] * len(stores)


async def test_nothing_is_known_any_more_once_the_session_is_gone(
    database_dsn: str, admin: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next poll would find out, and is far away: until then somebody might come who does not wait for us."""
    monkeypatch.setattr(listening, "POLL_INTERVAL_S", 1_000)
    store = await PostgresStore.open(database_dsn)
    assert store.alone
    await admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE classid = $1::integer::oid AND objid = $2::integer::oid",
        PRESENCE_CLASS,
        store._presence.number,
    )
    await until(lambda: not store.alone)
    await until(lambda: store.alone)
    assert store._listener.losses == 1
    await store.close()
