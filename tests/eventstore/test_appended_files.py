"""Files that go with an append: kept with its events, or not at all. Each test runs against both stores."""

import asyncio
import random
from hashlib import sha256

import msgspec
import pytest

from eventstore.copying import BULK_EVENTS_MIN
from eventstore.limits import APPENDED_FILE_BYTES_MAX
from eventstore.store import Append, EventStore, StoreRefused
from tests.eventstore.builders import append_ids, append_of, new_events, read_all

WRITERS = 12


def with_files(append: Append, *files: bytes) -> Append:
    """The same append with files."""
    return msgspec.structs.replace(append, files=files)


async def kept(store: EventStore, content: bytes) -> bool:
    """Whether the store has a file, and says the right thing of it."""
    address = sha256(content).hexdigest()
    found, size_bytes = await store.file(address), await store.file_size_bytes(address)
    assert (found, size_bytes) in ((None, None), (content, len(content)))
    return found is not None


@pytest.mark.parametrize("size", [0, 1, BULK_EVENTS_MIN])
async def test_files_are_kept_with_the_events(any_store: EventStore, size: int) -> None:
    """Also empty ones, one that comes twice, and one that was kept before; whatever the size of the append."""
    largest = random.Random(size).randbytes(APPENDED_FILE_BYTES_MAX)
    await any_store.put_file(b"before")
    events = new_events(*(str(number) for number in range(size)))
    append = with_files(append_of("s", 0, events), b"one", b"", b"one", b"before", largest)
    assert await any_store.append(append) is not None
    for content in append.files:
        assert await kept(any_store, content)
    assert len(await read_all(any_store, "s")) == size


@pytest.mark.parametrize("size", [1, BULK_EVENTS_MIN])
async def test_an_append_that_comes_too_late_leaves_no_file(any_store: EventStore, size: int) -> None:
    await append_ids(any_store, "s", 0, "a")
    events = new_events(*(str(number) for number in range(size)))
    assert await any_store.append(with_files(append_of("s", 0, events), b"late")) is None
    assert not await kept(any_store, b"late")


async def test_appends_in_one_commit_keep_each_its_own_files(any_store: EventStore) -> None:
    """Streams beside each other, the same file in several appends, and some that come too late."""
    appends = [with_files(append_of(f"s{n}", 0, new_events("a")), b"same", b"of %d" % n) for n in range(WRITERS)]
    late = [with_files(append_of(f"s{n}", 7, new_events("a")), b"late %d" % n) for n in range(WRITERS)]
    heads = await asyncio.gather(*(any_store.append(append) for append in (*appends, *late)))
    assert [head is not None for head in heads] == [True] * WRITERS + [False] * WRITERS
    assert await kept(any_store, b"same")
    for number in range(WRITERS):
        assert await kept(any_store, b"of %d" % number)
        assert not await kept(any_store, b"late %d" % number)


async def test_the_same_batch_with_files_is_written_once(any_store: EventStore) -> None:
    append = with_files(append_of("s", 0, new_events("a")), b"content")
    head = await any_store.append(append)
    assert head is not None
    assert await any_store.append(append) == head
    assert await kept(any_store, b"content")


async def test_a_file_that_is_too_large_for_an_append_is_refused(any_store: EventStore) -> None:
    too_large = bytes(APPENDED_FILE_BYTES_MAX + 1)
    with pytest.raises(StoreRefused, match="put it first"):
        await any_store.append(with_files(append_of("s", 0, new_events("a")), too_large))
    assert not await kept(any_store, too_large)
    assert await read_all(any_store, "s") == []
