"""Turns that every store hands out: an interval apart whoever asks, in the order in which places are asked for."""

import asyncio
import multiprocessing
from itertools import pairwise

import asyncpg
import pytest

from eventstore.limits import TURN_US_MAX
from eventstore.memory import MemoryStore
from eventstore.postgres import PostgresStore
from eventstore.store import EventStore, StoreRefused, StoreUnavailable, Turn
from eventstore.turns import AHEAD_US_MAX, Places

SECOND = 1_000_000
LONG = 500 * SECOND
SOME = 100 * SECOND


async def take(store: EventStore, held_us: int | None = None, *, name: str = "a", patience_us: int = LONG) -> Turn:
    """Ask for a turn of an interval that no test outlives."""
    return await store.take_turn(name, interval_us=SOME, patience_us=patience_us, held_us=held_us)


async def test_the_first_begins_at_once_and_the_others_get_places_an_interval_apart(any_store: EventStore) -> None:
    first, *others = [await take(any_store) for _ in range(4)]
    assert first.wait_us == 0
    places = [turn.place_us for turn in others]
    assert first.place_us is not None
    assert all(place is not None for place in places)
    assert [place - places[0] for place in places if place is not None and places[0] is not None] == [
        0,
        SOME,
        2 * SOME,
    ]
    assert SOME - 10 * SECOND < others[0].wait_us <= SOME


async def test_names_have_turns_of_their_own(any_store: EventStore) -> None:
    assert [(await take(any_store, name=name)).wait_us for name in ("a", "b", "a b", "")] == [0, 0, 0, 0]


async def test_without_an_interval_everybody_begins(any_store: EventStore) -> None:
    turns = [await any_store.take_turn("a", interval_us=0, patience_us=0) for _ in range(3)]
    assert [turn.wait_us for turn in turns] == [0, 0, 0]


async def test_a_place_that_comes_too_late_is_not_promised(any_store: EventStore) -> None:
    await take(any_store)
    refused = [await take(any_store, patience_us=SECOND) for _ in range(3)]
    assert [turn.place_us for turn in refused] == [None] * 3
    assert all(SECOND < turn.wait_us <= SOME for turn in refused)
    promised = await take(any_store)
    assert promised.wait_us <= SOME


async def test_who_comes_with_a_place_too_early_is_told_to_wait_and_keeps_it(any_store: EventStore) -> None:
    await take(any_store)
    promised = await take(any_store)
    again = await take(any_store, promised.place_us, patience_us=0)
    assert again.place_us == promised.place_us
    assert 0 < again.wait_us <= promised.wait_us
    assert (await take(any_store)).wait_us > SOME


async def test_a_place_that_has_come_begins_only_an_interval_behind_the_last_turn(any_store: EventStore) -> None:
    """Two who were promised places long ago come late, both at once."""
    first, second = await take(any_store, 1), await take(any_store, 2)
    assert (first.wait_us, second.place_us) == (0, 2)
    assert SOME - 10 * SECOND < second.wait_us <= SOME


async def test_all_can_be_put_off_also_who_has_a_place(any_store: EventStore) -> None:
    await take(any_store)
    promised = await take(any_store)
    await any_store.postpone_turns("a", 3 * SOME)
    await any_store.postpone_turns("a", SECOND)
    again = await take(any_store, promised.place_us)
    assert again.place_us == promised.place_us
    assert 3 * SOME - 10 * SECOND < again.wait_us <= 3 * SOME
    assert (await take(any_store, patience_us=SOME)).place_us is None
    await any_store.postpone_turns("never asked for", SOME)
    assert (await take(any_store, name="never asked for")).wait_us > SOME - 10 * SECOND


async def test_of_many_at_once_one_begins(any_store: EventStore) -> None:
    turns = await asyncio.gather(*(take(any_store, patience_us=0) for _ in range(20)))
    assert [turn.wait_us for turn in turns].count(0) == 1


@pytest.mark.parametrize("time_us", [-1, TURN_US_MAX + 1])
async def test_what_is_out_of_range_is_refused(any_store: EventStore, time_us: int) -> None:
    with pytest.raises(StoreRefused, match="turn a"):
        await any_store.take_turn("a", interval_us=time_us, patience_us=0)
    with pytest.raises(StoreRefused, match="turn a"):
        await any_store.take_turn("a", interval_us=0, patience_us=time_us)
    with pytest.raises(StoreRefused, match="turn a"):
        await any_store.postpone_turns("a", time_us)
    with pytest.raises(StoreRefused, match="name of a turn"):
        await any_store.take_turn("a\0", interval_us=0, patience_us=0)


async def test_a_closed_store_hands_out_nothing(any_store: EventStore) -> None:
    await any_store.close()
    with pytest.raises(StoreUnavailable):
        await take(any_store)
    with pytest.raises(StoreUnavailable):
        await any_store.postpone_turns("a", 0)


async def test_a_clock_that_is_set_back_stops_nobody() -> None:
    now_us = [10 * AHEAD_US_MAX]
    store = MemoryStore(lambda: now_us[0])
    await take(store)
    promised = await take(store)
    now_us[0] -= 5 * AHEAD_US_MAX
    turn = await take(store, promised.place_us)
    assert (turn.place_us, turn.wait_us) == (now_us[0], 0)
    assert (await take(store)).wait_us == SOME


async def test_nor_one_of_the_database(store: PostgresStore, database_dsn: str) -> None:
    await take(store)
    connection = await asyncpg.connect(database_dsn)
    try:
        await connection.execute("UPDATE turn SET promised_us = promised_us + $1, free_us = free_us + $1", AHEAD_US_MAX)
    finally:
        await connection.close()
    assert (await take(store, 2**60)).wait_us == 0


async def test_postgres_follows_the_rule_of_the_memory(store: PostgresStore, database_dsn: str) -> None:
    """From every state, with every kind of place: the same answer and the same state, but for a clock of its own."""
    connection = await asyncpg.connect(database_dsn)
    seconds = (-50, 0, 30, 4_000)
    try:
        for promised_s in seconds:
            for free_s in seconds:
                for held_s in (None, *seconds):
                    for patience_s in (10, 200):
                        await _agree(connection, store, promised_s, free_s, held_s, patience_s)
    finally:
        await connection.close()


async def _agree(
    connection: asyncpg.Connection,
    store: PostgresStore,
    promised_s: int,
    free_s: int,
    held_s: int | None,
    patience_s: int,
) -> None:
    query = "SELECT floor(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
    now_us: int = await connection.fetchval(query)
    places = Places(promised_us=now_us + promised_s * SECOND, free_us=now_us + free_s * SECOND)
    held_us = None if held_s is None else now_us + held_s * SECOND
    await connection.execute("DELETE FROM turn")
    await connection.execute("INSERT INTO turn VALUES ('a', $1, $2)", places.promised_us, places.free_us)
    turn = await store.take_turn("a", interval_us=SOME, patience_us=patience_s * SECOND, held_us=held_us)
    ((promised_us, free_us),) = await connection.fetch("SELECT promised_us, free_us FROM turn")
    expected = places.take(now_us, SOME, patience_s * SECOND, held_us)

    def alike(one: int | None, other: int | None) -> bool:
        return one is other or (one is not None and other is not None and abs(one - other) < 5 * SECOND)

    case = (promised_s, free_s, held_s, patience_s)
    assert alike(turn.place_us, expected.place_us), case
    assert alike(turn.wait_us, expected.wait_us), case
    assert alike(promised_us, places.promised_us), case
    assert alike(free_us, places.free_us), case


def taken_by_a_process(dsn: str, count: int) -> list[int]:
    """The moments by the database at which this process has begun turns, in microseconds."""

    async def work() -> list[int]:
        store = await PostgresStore.open_beside(dsn)
        began: list[int] = []
        held_us = None
        while len(began) < count:
            turn = await store.take_turn("a", interval_us=SECOND // 20, patience_us=LONG, held_us=held_us)
            held_us = turn.place_us
            if turn.wait_us:
                await asyncio.sleep(turn.wait_us / SECOND)
                continue
            held_us = None
            rows = await store._connections.fetch("SELECT free_us FROM turn WHERE name = 'a'")
            began.append(rows[0][0] - SECOND // 20)
        await store.close()
        return began

    return asyncio.run(work())


async def test_processes_begin_an_interval_apart(store: PostgresStore, database_dsn: str) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Pool(2) as pool:
        asked = [pool.apply_async(taken_by_a_process, (database_dsn, 10)) for _ in range(2)]
        began = sorted({moment for each in asked for moment in await asyncio.to_thread(each.get, 60)})
    assert len(began) == 20
    assert min(later - earlier for earlier, later in pairwise(began)) >= SECOND // 20
