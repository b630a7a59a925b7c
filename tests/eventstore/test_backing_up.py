"""Reading a database for a backup: in pages that fit into memory, whatever rows there are."""

import pytest

from eventstore import backing_up
from eventstore.backing_up import opened_source
from eventstore.postgres import PostgresStore
from eventstore.store import NewEvent
from tests.eventstore.builders import append_of

SIZES = (10, 0, 300, 5, 5, 1_000, 90, 20, 0, 0)


async def test_a_page_ends_behind_so_many_rows_or_bytes(
    store: PostgresStore, database_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row of more than that is a page with what stands before it."""
    monkeypatch.setattr(backing_up, "PAGE_ROWS_MAX", 4)
    monkeypatch.setattr(backing_up, "PAGE_BYTES", 100)
    events = [NewEvent(type="t", id=str(size), data=bytes(size) if size else None) for size in SIZES]
    await store.append(append_of("s", 0, events))
    async with opened_source(database_dsn) as source:
        (stream,) = await source.streams()
        pages = [[len(event.data or b"") for event in page] async for page in source.rows(stream, 0)]
        assert [page async for page in source.rows(stream, 8)] == [await store.read("s", 8, 10)]
    assert pages == [[10, 0, 300], [5, 5, 1_000], [90, 20], [0, 0]]
