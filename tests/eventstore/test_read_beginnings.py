"""The first events of many streams in one question: the same as each stream read by itself."""

import pytest

from eventstore.limits import READ_EVENTS_MAX
from eventstore.store import EventStore, StoreRefused
from tests.eventstore.builders import append_ids


async def test_the_beginnings_are_what_each_stream_begins_with(any_store: EventStore) -> None:
    for number in range(1, 6):
        await append_ids(any_store, f"s{number}", 0, *(f"id{each}" for each in range(number)))
    streams = ["s5", "s1", "s3", "nothing"]
    found = await any_store.read_beginnings(streams, 3)
    assert found == {stream: await any_store.read(stream, 0, 3) for stream in streams if stream != "nothing"}
    assert [len(found[stream]) for stream in ("s5", "s1", "s3")] == [3, 1, 3]


async def test_more_than_a_page_is_refused(any_store: EventStore) -> None:
    with pytest.raises(StoreRefused):
        await any_store.read_beginnings(["a", "b"], READ_EVENTS_MAX)
    with pytest.raises(StoreRefused):
        await any_store.read_beginnings(["a", "b"], 0)
