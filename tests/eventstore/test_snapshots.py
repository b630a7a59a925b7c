"""The past of a store: parts of the log, and snapshots; the same of every store."""

from hashlib import sha256

import asyncpg
import msgspec
import pytest

from eventstore import limits
from eventstore.memory import MemoryStore
from eventstore.postgres import PostgresStore
from eventstore.store import Checkpoint, EventStore, StoreRefused, StoreUnavailable
from tests.eventstore.builders import append_ids, append_of, new_events

CHAIN = bytes(range(32))
LAST = 2**63 - 1
PROGRAM, OTHER = b"program", b"another program"


def snapshot_at(position: int, *parts: bytes, stream: str = "s", fingerprint: bytes = PROGRAM) -> Checkpoint:
    """A snapshot with these addresses."""
    return Checkpoint(stream=stream, position=position, chain=CHAIN, fingerprint=fingerprint, parts=parts)


async def test_the_last_snapshot_that_is_not_later_is_found(any_store: EventStore) -> None:
    past = any_store.past
    part = await past.keep_snapshot_part("s", b"part")
    assert part == sha256(b"part").digest()
    assert await past.snapshot("s", LAST, PROGRAM) is None
    first, second = snapshot_at(5, part), snapshot_at(10, part, part)
    await past.put_snapshot(second)
    await past.put_snapshot(first)
    found = [await past.snapshot("s", position, PROGRAM) for position in (4, 5, 9, 10, 11, LAST)]
    assert found == [None, first, first, second, second, second]
    assert await past.snapshot("other", LAST, PROGRAM) is None
    again = snapshot_at(10, part, fingerprint=OTHER)
    await past.put_snapshot(again)
    assert await past.snapshot("s", LAST, PROGRAM) == first
    assert await past.snapshot("s", LAST, OTHER) == again


async def test_parts_are_given_by_address_and_shared(any_store: EventStore) -> None:
    past = any_store.past
    addresses = [await past.keep_snapshot_part("s", content) for content in (b"first", b"", b"first")]
    missing = sha256(b"missing").digest()
    assert addresses[0] == addresses[2]
    assert await past.snapshot_parts("s", [*addresses, missing]) == {addresses[0]: b"first", addresses[1]: b""}
    assert await past.snapshot_parts("other", addresses) == {}
    assert await past.snapshot_parts("s", []) == {}
    assert await past.snapshot_parts_kept("s") == set(addresses)
    assert await past.snapshot_parts_kept("other") == set()


async def test_one_whose_parts_are_not_kept_is_refused(any_store: EventStore) -> None:
    past = any_store.past
    part = await past.keep_snapshot_part("s", b"part")
    elsewhere = await past.keep_snapshot_part("other", b"of another stream")
    with pytest.raises(StoreRefused, match="at 2 are not kept"):
        await past.put_snapshot(snapshot_at(2, part, elsewhere))
    assert await past.snapshot("s", LAST, PROGRAM) is None


async def test_a_part_that_is_too_large_is_refused(any_store: EventStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CHECKPOINT_PART_BYTES_MAX", 10)
    with pytest.raises(StoreRefused, match="11 bytes"):
        await any_store.past.keep_snapshot_part("s", bytes(11))


async def test_those_of_another_program_are_forgotten_with_parts_of_none(any_store: EventStore) -> None:
    past = any_store.past
    old, shared, new, loose = [
        await past.keep_snapshot_part("s", content) for content in (b"old", b"shared", b"new", b"loose")
    ]
    other = await past.keep_snapshot_part("t", b"old")
    await past.put_snapshot(snapshot_at(1, old, shared, fingerprint=OTHER))
    await past.put_snapshot(snapshot_at(2, shared, new))
    await past.put_snapshot(snapshot_at(2, other, stream="t", fingerprint=OTHER))
    await past.forget_snapshots("s", PROGRAM)
    assert await past.snapshot("s", LAST, OTHER) is None
    assert await past.snapshot("s", LAST, PROGRAM) == snapshot_at(2, shared, new)
    assert await past.snapshot_parts_kept("s") == {shared, new}
    assert loose not in await past.snapshot_parts("s", [old, loose])
    assert await past.snapshot("t", LAST, OTHER) is not None


async def test_events_of_some_types_between_two_positions(any_store: EventStore) -> None:
    types = {"a": "teams", "b": "teams", "c": "runs", "d": "teams", "e": "teams"}
    events = [msgspec.structs.replace(event, type=types[event.id]) for event in new_events(*types)]
    await any_store.append(append_of("s", 0, events))
    past, every = any_store.past, await any_store.read("s", 0, 10)
    assert await past.read_of_types("s", 0, LAST, {"teams"}, 10) == [every[0], every[1], every[3], every[4]]
    assert await past.read_of_types("s", 1, 4, {"teams", "runs"}, 10) == every[1:4]
    assert await past.read_of_types("s", 0, LAST, {"teams"}, 3) == [every[0], every[1], every[3]]
    assert await past.read_of_types("s", 0, LAST, {"judgements"}, 10) == []
    assert await past.read_of_types("other", 0, LAST, {"teams"}, 10) == []
    for limit in (0, limits.READ_EVENTS_MAX + 1):
        with pytest.raises(StoreRefused, match="page"):
            await past.read_of_types("s", 0, LAST, {"teams"}, limit)


async def test_events_at_positions(any_store: EventStore) -> None:
    await append_ids(any_store, "s", 0, "a", "b", "c")
    past, every = any_store.past, await any_store.read("s", 0, 10)
    assert await past.read_at("s", [3, 1, 1]) == [every[0], every[2]]
    assert await past.read_at("s", [0, 4, -1]) == []
    assert await past.read_at("s", []) == []
    assert await past.read_at("other", [1]) == []
    with pytest.raises(StoreRefused, match="page"):
        await past.read_at("s", range(limits.READ_EVENTS_MAX + 1))


async def test_when_events_were_recorded(any_store: EventStore) -> None:
    for position, recorded_at_us in enumerate((50, 40, -7)):
        append = append_of("s", position, new_events("a"))
        await any_store.append(msgspec.structs.replace(append, recorded_at_us=recorded_at_us))
    past = any_store.past
    assert await past.recorded_times_us("s", 0, 10) == [50, 40, -7]
    assert await past.recorded_times_us("s", 1, 1) == [40]
    assert await past.recorded_times_us("s", 3, 10) == []
    assert await past.recorded_times_us("other", 0, 10) == []


async def test_a_part_that_was_spoilt_is_none_until_it_is_kept_again(store: PostgresStore, database_dsn: str) -> None:
    address = await store.past.keep_snapshot_part("s", b"part")
    connection = await asyncpg.connect(database_dsn)
    try:
        await connection.execute("UPDATE snapshot_part SET content = 'parT'")
    finally:
        await connection.close()
    assert await store.past.snapshot_parts("s", [address]) == {}
    assert await store.past.snapshot_parts_kept("s") == set()
    assert await store.past.keep_snapshot_part("s", b"part") == address
    assert await store.past.snapshot_parts("s", [address]) == {address: b"part"}


async def test_a_closed_store_has_no_past() -> None:
    store = MemoryStore()
    await store.close()
    with pytest.raises(StoreUnavailable):
        await store.past.snapshot("s", 1, PROGRAM)
    with pytest.raises(StoreUnavailable):
        await store.past.recorded_times_us("s", 0, 1)
