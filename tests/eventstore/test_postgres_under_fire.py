"""A store whose connections are killed again and again while many write through it."""

import asyncio
import random
from collections.abc import Sized
from pathlib import Path

import asyncpg

from eventstore.postgres import PostgresStore
from eventstore.store import Head, StoreUnavailable
from tests.eventstore.builders import DEADLINE_S, append_of, assert_sound, new_events, read_all

OTHER_BACKENDS = "SELECT pid FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()"
KILLS = 25
STREAMS = 4


async def more_than(count: int, acknowledged: Sized) -> None:
    """Let the writers get somewhere between two kills, however slow the machine is."""
    while len(acknowledged) <= count:
        await asyncio.sleep(0.005)


async def test_connections_killed_under_load_lose_nothing_and_repeat_nothing(
    store: PostgresStore, second_store: PostgresStore, admin: asyncpg.Connection, database_dsn: str
) -> None:
    """Every append is recorded here when it is acknowledged; the log must hold each of these once, where it said."""
    acknowledged: dict[str, tuple[str, Head]] = {}
    asked: set[str] = set()
    stop = asyncio.Event()
    database = Path(database_dsn.partition("?")[0]).name

    async def write(through: PostgresStore, stream: str, writer: int) -> None:
        number = position = 0
        while not stop.is_set():
            number += 1
            cause = f"{writer}-{number}"
            asked.add(cause)
            append = append_of(stream, position, new_events("a", "b"), cause=cause)
            try:
                head = await through.append(append)
                if head is not None:
                    acknowledged[cause] = (stream, head)
                position = (head or await through.head(stream)).position
            except StoreUnavailable:
                await asyncio.sleep(0.01)

    async def kill() -> None:
        generator = random.Random(7)
        for kills in range(KILLS):
            await more_than(kills, acknowledged)
            await asyncio.sleep(generator.random() * 0.05)
            pids = [row[0] for row in await admin.fetch(OTHER_BACKENDS, database)]
            if pids:
                await admin.execute("SELECT pg_terminate_backend($1)", generator.choice(pids))
        await more_than(KILLS, acknowledged)
        stop.set()

    async with asyncio.timeout(DEADLINE_S):
        writers = [
            write(through, f"s{number % STREAMS}", index * 100 + number)
            for index, through in enumerate([store, second_store])
            for number in range(STREAMS * 2)
        ]
        await asyncio.gather(kill(), *writers)
    found: list[tuple[str, str, int]] = []
    for number in range(STREAMS):
        await assert_sound(store, f"s{number}")
        events = await read_all(store, f"s{number}")
        found += [(event.cause, event.stream, event.position) for event in events if event.id == "b"]
        assert [event.id for event in events] == ["a", "b"] * (len(events) // 2)
    places = {cause: (stream, position) for cause, stream, position in found}
    assert len(places) == len(found), "an append was written twice"
    assert set(places) <= asked
    assert {cause: (stream, head.position) for cause, (stream, head) in acknowledged.items()}.items() <= places.items()
    assert len(acknowledged) > KILLS
