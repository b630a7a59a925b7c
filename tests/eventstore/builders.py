"""Appends and events for tests of the store, with only what a test is about spelled out."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID, uuid4

from eventstore.chain import GENESIS, verify_chain
from eventstore.limits import READ_EVENTS_MAX
from eventstore.store import Append, Credential, Event, EventStore, Head, NewEvent

DEADLINE_S = 20.0
"""How long a test waits for something that has to happen."""


def new_events(*ids: str, data: bytes | None = b'{"a":1}') -> list[NewEvent]:
    """One event for each id."""
    return [NewEvent(type="things", id=id_, data=data) for id_ in ids]


def append_of(
    stream: str,
    expected_position: int,
    events: Sequence[NewEvent],
    *,
    cause: str = "a test",
    batch_id: UUID | None = None,
    credentials: Sequence[Credential] = (),
) -> Append:
    """An append with a batch id of its own."""
    return Append(
        stream=stream,
        expected_position=expected_position,
        events=events,
        actor="tester",
        cause=cause,
        batch_id=batch_id or uuid4(),
        recorded_at_us=1_700_000_000_000_000,
        credentials=credentials,
    )


async def append_ids(store: EventStore, stream: str, expected_position: int, *ids: str) -> Head | None:
    """Append one event for each id."""
    return await store.append(append_of(stream, expected_position, new_events(*ids)))


async def read_all(store: EventStore, stream: str, page: int = 1000) -> list[Event]:
    """The whole stream, page by page."""
    events: list[Event] = []
    while found := await store.read(stream, len(events), page):
        events += found
    return events


async def assert_sound(store: EventStore, stream: str) -> None:
    """The stream has no gaps, its chain can be recomputed, and it ends where the store says."""
    head = GENESIS
    while events := await store.read_stored(stream, head.position, READ_EVENTS_MAX):
        head = verify_chain(stream, head, events)
    assert head == await store.head(stream)


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until a condition holds; fail when it does not within DEADLINE_S."""
    async with asyncio.timeout(DEADLINE_S):
        while not await condition():
            await asyncio.sleep(0.01)
