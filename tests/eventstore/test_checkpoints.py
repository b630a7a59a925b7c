"""Checkpoints beside the log: what every store does with them, and what the tables in Postgres are worth."""

from hashlib import sha256

import asyncpg
import pytest

from eventstore import limits
from eventstore.postgres import PostgresStore
from eventstore.store import Checkpoint, EventStore, StoreRefused
from tests.eventstore.builders import append_ids, append_of, new_events

CHAIN = bytes(range(32))


def checkpoint_at(position: int, *parts: bytes, stream: str = "s") -> Checkpoint:
    """A checkpoint with these addresses."""
    return Checkpoint(stream=stream, position=position, chain=CHAIN, fingerprint=b"program", parts=parts)


async def test_a_checkpoint_is_kept_with_its_parts(any_store: EventStore) -> None:
    assert await any_store.checkpoint("s") is None
    first, second = [await any_store.keep_checkpoint_part("s", content) for content in (b"first", b"")]
    assert (first, second) == (sha256(b"first").digest(), sha256(b"").digest())
    kept = checkpoint_at(7, second, first, second)
    await any_store.put_checkpoint(kept)
    assert await any_store.checkpoint("s") == kept
    assert await any_store.checkpoint_part("s", first) == b"first"
    assert await any_store.checkpoint_part("s", second) == b""


async def test_the_next_one_takes_its_place_and_keeps_what_it_shares(any_store: EventStore) -> None:
    old, shared = [await any_store.keep_checkpoint_part("s", content) for content in (b"old", b"shared")]
    await any_store.put_checkpoint(checkpoint_at(1, old, shared))
    new = await any_store.keep_checkpoint_part("s", b"new")
    assert await any_store.checkpoint_parts_kept("s") == {old, shared, new}
    await any_store.put_checkpoint(checkpoint_at(2, shared, new))
    assert await any_store.checkpoint_parts_kept("s") == {shared, new}
    assert await any_store.checkpoint_part("s", old) is None
    assert await any_store.checkpoint("s") == checkpoint_at(2, shared, new)


async def test_one_whose_parts_are_not_kept_is_refused(any_store: EventStore) -> None:
    part = await any_store.keep_checkpoint_part("s", b"part")
    await any_store.put_checkpoint(checkpoint_at(1, part))
    of_another_stream = await any_store.keep_checkpoint_part("other", b"of another stream")
    with pytest.raises(StoreRefused, match="at 2 are not kept"):
        await any_store.put_checkpoint(checkpoint_at(2, part, of_another_stream))
    assert await any_store.checkpoint("s") == checkpoint_at(1, part)
    assert await any_store.checkpoint_part("other", of_another_stream) == b"of another stream"


async def test_a_part_that_is_too_large_is_refused(any_store: EventStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CHECKPOINT_PART_BYTES_MAX", 10)
    await any_store.keep_checkpoint_part("s", bytes(10))
    with pytest.raises(StoreRefused, match="11 bytes"):
        await any_store.keep_checkpoint_part("s", bytes(11))


async def test_a_part_that_was_spoilt_is_no_part_until_it_is_kept_again(
    store: PostgresStore, database_dsn: str
) -> None:
    address = await store.keep_checkpoint_part("s", b"part")
    connection = await asyncpg.connect(database_dsn)
    try:
        await connection.execute("UPDATE checkpoint_part SET content = 'parT'")
    finally:
        await connection.close()
    assert await store.checkpoint_part("s", address) is None
    assert await store.checkpoint_parts_kept("s") == set()
    assert await store.keep_checkpoint_part("s", b"part") == address
    assert await store.checkpoint_part("s", address) == b"part"


async def test_a_store_that_is_opened_beside_reads_and_leaves_the_others_alone(
    store: PostgresStore, database_dsn: str
) -> None:
    """It appends nothing, so whoever is alone may go on taking himself to be."""
    await append_ids(store, "s", 0, "a", "b")
    assert store.alone
    beside = await PostgresStore.open_beside(database_dsn)
    try:
        assert [event.id for event in await beside.read("s", 0, 10)] == ["a", "b"]
        await beside.put_checkpoint(checkpoint_at(2, await beside.keep_checkpoint_part("s", b"part")))
        assert store.alone
        with pytest.raises(StoreRefused, match="appends nothing"):
            await beside.append(append_of("s", 2, new_events("c")))
    finally:
        await beside.close()
    assert store.alone
    assert (await store.head("s")).position == 2
    assert await store.checkpoint("s") is not None
