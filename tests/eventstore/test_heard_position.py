"""What a store has heard of the ends of streams, without asking anybody."""

import asyncio

from eventstore.postgres import PostgresStore
from eventstore.store import EventStore
from tests.eventstore.builders import append_ids

DEADLINE_S = 20.0


async def test_what_was_written_here_has_been_heard_of(any_hinting_store: EventStore) -> None:
    assert any_hinting_store.heard_position("s") == 0
    await append_ids(any_hinting_store, "s", 0, "a", "b")
    assert any_hinting_store.heard_position("s") == 2
    assert any_hinting_store.heard_position("t") == 0


async def test_what_was_there_before_and_what_others_wrote_has_been_heard_of_when_alone(database_dsn: str) -> None:
    before = await PostgresStore.open(database_dsn)
    await append_ids(before, "s", 0, "a")
    await before.close()
    store = await PostgresStore.open(database_dsn)
    assert store.heard_position("s") == 1
    for position in range(1, 6):
        other = await PostgresStore.open(database_dsn)
        await append_ids(other, "s", position, "b")
        await other.close()
        async with asyncio.timeout(DEADLINE_S):
            while not store.alone:
                await asyncio.sleep(0.001)
        assert store.heard_position("s") == position + 1
    await store.close()
