"""What every store has to do; each test runs against the memory store and against Postgres."""

import asyncio
import random
from functools import partial
from hashlib import sha256
from uuid import uuid4

import pytest

from eventstore.chain import GENESIS
from eventstore.copying import BULK_EVENTS_MIN
from eventstore.limits import EVENT_DATA_BYTES_MAX, READ_EVENTS_MAX, STREAM_NAME_BYTES_MAX
from eventstore.store import (
    Credential,
    Event,
    EventStore,
    Hint,
    NewEvent,
    ServerAccount,
    StoreRefused,
    StoreUnavailable,
)
from tests.eventstore.builders import DEADLINE_S, append_ids, append_of, assert_sound, new_events, read_all

WRITERS = 16
APPENDS_PER_WRITER = 12


async def test_an_append_is_read_as_it_was_written(any_store: EventStore) -> None:
    events = [
        NewEvent(type="contest", id="", data=b'{"name":"\xc3\xa9\xf0\x9f\x8e\x88"}'),
        NewEvent(type="teams", id="team-1", data=b""),
        NewEvent(type="teams", id="team-1", data=None),
    ]
    append = append_of("contest:finals", 0, events, cause="PUT /teams/team-1")
    head = await any_store.append(append)
    assert head is not None
    read = await any_store.read("contest:finals", 0, 10)
    assert [(event.position, event.type, event.id, event.data) for event in read] == [
        (1, "contest", "", b'{"name":"\xc3\xa9\xf0\x9f\x8e\x88"}'),
        (2, "teams", "team-1", b""),
        (3, "teams", "team-1", None),
    ]
    assert {(event.stream, event.actor, event.cause, event.recorded_at_us, event.version) for event in read} == {
        ("contest:finals", "tester", "PUT /teams/team-1", append.recorded_at_us, 1)
    }
    assert (head.position, head.chain) == (3, read[-1].chain)
    assert await any_store.head("contest:finals") == head
    await assert_sound(any_store, "contest:finals")


async def test_a_stream_that_does_not_exist_is_empty(any_store: EventStore) -> None:
    assert await any_store.head("nothing") == GENESIS
    assert await any_store.read("nothing", 0, 10) == []
    assert await any_store.heads() == {}


@pytest.mark.parametrize("expected_position", [0, 1, 3, 1000])
async def test_an_append_at_another_position_is_refused_and_writes_nothing(
    any_store: EventStore, expected_position: int
) -> None:
    await append_ids(any_store, "s", 0, "a", "b")
    before = await read_all(any_store, "s")
    credential = Credential(scope="s", account_id="a", password_hash="hash")
    append = append_of("s", expected_position, new_events("c"), credentials=[credential])
    assert await any_store.append(append) is None
    assert await read_all(any_store, "s") == before
    assert await any_store.credentials("s") == {}


async def test_the_first_append_expects_position_0(any_store: EventStore) -> None:
    assert await append_ids(any_store, "s", 1, "a") is None
    assert await any_store.heads() == {}
    assert await append_ids(any_store, "s", 0, "a") is not None


async def test_an_append_without_events_changes_nothing_where_the_stream_ends_there(any_store: EventStore) -> None:
    """It is written all the same: where commits wait for a standby, all that stood before is there too, behind it."""
    head = await append_ids(any_store, "s", 0, "a")
    before = await read_all(any_store, "s")
    assert await append_ids(any_store, "s", 1) == head
    assert await append_ids(any_store, "s", 0) is None
    assert await any_store.head("s") == head
    assert await read_all(any_store, "s") == before
    assert not any_store.waits_for_standby


async def test_the_same_batch_is_written_once(any_store: EventStore) -> None:
    append = append_of("s", 0, new_events("a"))
    first = await any_store.append(append)
    await append_ids(any_store, "s", 1, "b")
    assert first is not None
    assert await any_store.append(append) == first
    assert [event.id for event in await read_all(any_store, "s")] == ["a", "b"]


async def test_appends_that_wait_together_each_get_their_own_answer(any_store: EventStore) -> None:
    appends = [append_ids(any_store, "s", position, str(position)) for position in range(20)]
    others = [append_ids(any_store, f"t{number}", 0, "x") for number in range(5)]
    late = append_ids(any_store, "s", 3, "late")
    heads = await asyncio.gather(*appends, *others, late)
    assert [head and head.position for head in heads] == [*range(1, 21), *[1] * 5, None]
    assert [event.id for event in await read_all(any_store, "s")] == [str(position) for position in range(20)]
    await assert_sound(any_store, "s")


async def test_concurrent_writers_leave_no_gap_and_a_reader_sees_every_position_in_order(
    any_hinting_store: EventStore,
) -> None:
    total = WRITERS * APPENDS_PER_WRITER
    seen: list[Event] = []

    async def write(writer: int) -> None:
        generator = random.Random(writer)
        written = 0
        while written < APPENDS_PER_WRITER:
            position = (await any_hinting_store.head("s")).position
            ids = [f"{writer}-{written}-{part}" for part in range(generator.randint(1, 3))]
            if await append_ids(any_hinting_store, "s", position, *ids) is not None:
                written += 1
            await asyncio.sleep(generator.random() / 500)

    async def tail() -> None:
        hints = any_hinting_store.hints()
        causes: set[str] = set()
        while len(causes) < total:
            while events := await any_hinting_store.read("s", len(seen), 7):
                assert [event.position for event in events] == list(range(len(seen) + 1, len(seen) + len(events) + 1))
                seen.extend(events)
            causes = {event.id.rpartition("-")[0] for event in seen}
            if len(causes) < total:
                await anext(hints)

    async with asyncio.timeout(DEADLINE_S):
        await asyncio.gather(tail(), *(write(writer) for writer in range(WRITERS)))
    assert seen == await read_all(any_hinting_store, "s")
    await assert_sound(any_hinting_store, "s")


@pytest.mark.parametrize("size", [2, BULK_EVENTS_MIN + 1])
async def test_a_batch_is_visible_whole_or_not_at_all(any_store: EventStore, size: int) -> None:
    done = asyncio.Event()

    async def write() -> None:
        for number in range(5):
            head = await any_store.append(append_of("s", number * size, new_events(*map(str, range(size)))))
            assert head is not None
            assert head.position == (number + 1) * size
        done.set()

    async def watch() -> None:
        while not done.is_set():
            assert (await any_store.head("s")).position % size == 0
            assert len(await any_store.read("s", 0, READ_EVENTS_MAX)) % size == 0
            await asyncio.sleep(0)

    await asyncio.gather(write(), watch())
    await assert_sound(any_store, "s")


async def test_large_and_small_appends_to_one_stream_take_turns(any_store: EventStore) -> None:
    large = append_of("s", 0, new_events(*map(str, range(BULK_EVENTS_MIN))))
    answers = asyncio.gather(
        any_store.append(large),
        append_ids(any_store, "s", BULK_EVENTS_MIN, "after"),
        append_ids(any_store, "other", 0, "beside"),
    )
    first, after, beside = await answers
    assert first is not None
    assert first.position == BULK_EVENTS_MIN
    assert beside is not None
    # The small one may have been decided before or after the large one.
    assert (await any_store.head("s")).position == BULK_EVENTS_MIN + (after is not None)
    assert await any_store.append(large) == first
    await assert_sound(any_store, "s")


async def test_pages_can_be_read_from_anywhere(any_store: EventStore) -> None:
    await append_ids(any_store, "s", 0, *map(str, range(1, 11)))
    assert [event.position for event in await any_store.read("s", 0, 3)] == [1, 2, 3]
    assert [event.position for event in await any_store.read("s", 3, 3)] == [4, 5, 6]
    assert [event.position for event in await any_store.read("s", 8, 3)] == [9, 10]
    assert await any_store.read("s", 10, 3) == []
    assert await any_store.read("s", 11, 3) == []


@pytest.mark.parametrize("limit", [-1, 0, READ_EVENTS_MAX + 1])
async def test_pages_have_a_limit(any_store: EventStore, limit: int) -> None:
    with pytest.raises(StoreRefused, match="page"):
        await any_store.read("s", 0, limit)


async def test_heads_are_in_order_of_creation(any_store: EventStore) -> None:
    for stream in ("zebra", "apple", "mango"):
        await append_ids(any_store, stream, 0, "x")
    await append_ids(any_store, "zebra", 1, "y")
    heads = await any_store.heads()
    assert [(stream, head.position) for stream, head in heads.items()] == [("zebra", 2), ("apple", 1), ("mango", 1)]
    assert heads["apple"] == await any_store.head("apple")


async def test_hints_tell_of_growth(any_hinting_store: EventStore) -> None:
    await append_ids(any_hinting_store, "before", 0, "x")
    hints = any_hinting_store.hints()
    await append_ids(any_hinting_store, "s", 0, "a")
    async with asyncio.timeout(DEADLINE_S):
        assert await anext(hints) == Hint(stream="s", position=1)


async def test_hints_of_a_slow_listener_collapse_and_none_is_lost(any_hinting_store: EventStore) -> None:
    hints = any_hinting_store.hints()
    for position in range(10):
        await append_ids(any_hinting_store, "s", position, "x")
        await append_ids(any_hinting_store, f"t{position}", 0, "x")
    latest: dict[str, int] = {}
    async with asyncio.timeout(DEADLINE_S):
        while latest != {"s": 10} | {f"t{position}": 1 for position in range(10)}:
            hint = await anext(hints)
            assert hint.position > latest.get(hint.stream, 0)
            latest[hint.stream] = hint.position


async def test_hints_end_when_the_store_is_closed(any_hinting_store: EventStore) -> None:
    hints = any_hinting_store.hints()
    waiting = asyncio.ensure_future(_exhausted(hints))
    await asyncio.sleep(0)
    await any_hinting_store.close()
    async with asyncio.timeout(DEADLINE_S):
        assert await waiting == []


async def _exhausted(hints: object) -> list[Hint]:
    """All hints until they end."""
    assert hasattr(hints, "__aiter__")
    return [hint async for hint in hints]


async def test_a_closed_store_is_unavailable(any_store: EventStore) -> None:
    await any_store.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        await append_ids(any_store, "s", 0, "a")
    with pytest.raises(StoreUnavailable, match="closed"):
        await any_store.read("s", 0, 1)
    with pytest.raises(StoreUnavailable, match="closed"):
        await any_store.remove_server_account("abe")


@pytest.mark.parametrize("size_bytes", [0, 1, 1024 * 1024, 2 * 1024 * 1024 + 17])
async def test_files_are_kept_by_their_hash(any_store: EventStore, size_bytes: int) -> None:
    content = random.Random(size_bytes).randbytes(size_bytes)
    address = await any_store.put_file(content)
    assert address == sha256(content).hexdigest()
    assert await any_store.put_file(content) == address
    assert await any_store.file(address) == content
    assert await any_store.file_size_bytes(address) == size_bytes


async def test_a_file_that_is_not_kept_is_none(any_store: EventStore) -> None:
    assert await any_store.file("0" * 64) is None
    assert await any_store.file_size_bytes("0" * 64) is None


async def test_the_same_file_may_be_put_by_many_at_once(any_store: EventStore) -> None:
    addresses = await asyncio.gather(*(any_store.put_file(b"content") for _ in range(8)))
    assert len(set(addresses)) == 1
    assert await any_store.file(addresses[0]) == b"content"


@pytest.mark.parametrize("size", [0, 1, BULK_EVENTS_MIN])
async def test_credentials_are_written_with_the_events(any_store: EventStore, size: int) -> None:
    credentials = [
        Credential(scope="s", account_id="one", password_hash="h0"),
        Credential(scope="s", account_id="two", password_hash="h2"),
        Credential(scope="", account_id="admin", password_hash="h3"),
        Credential(scope="s", account_id="one", password_hash="h1"),
    ]
    events = new_events(*map(str, range(size)))
    assert await any_store.append(append_of("s", 0, events, credentials=credentials)) is not None
    assert await any_store.credentials("s") == {"one": "h1", "two": "h2"}
    assert await any_store.credential_scopes() == ["", "s"]
    changes = [
        Credential(scope="s", account_id="one", password_hash=None),
        Credential(scope="", account_id="admin", password_hash=None),
        Credential(scope="s", account_id="never there", password_hash=None),
    ]
    assert await any_store.append(append_of("s", size, events, credentials=changes)) is not None
    assert await any_store.credentials("s") == {"two": "h2"}
    assert await any_store.credential_scopes() == ["s"]


async def test_server_accounts_are_replaced_by_username(any_store: EventStore) -> None:
    await any_store.put_server_account(ServerAccount(username="admin", role="admin", password_hash="h1"))
    await any_store.put_server_account(ServerAccount(username="admin", role="admin", password_hash="h2"))
    await any_store.put_server_account(ServerAccount(username="abe", role="judge", password_hash="h3"))
    accounts = await any_store.server_accounts()
    assert list(accounts) == ["abe", "admin"]
    assert accounts["admin"].password_hash == "h2"


async def test_a_server_account_is_disabled_and_enabled_by_replacing_it(any_store: EventStore) -> None:
    enabled = ServerAccount(username="abe", role="judge", password_hash="h1")
    disabled = ServerAccount(username="abe", role="judge", password_hash="h1", disabled=True)
    other = ServerAccount(username="zoe", role="staff", password_hash="h2", disabled=True)
    await any_store.put_server_account(other)
    for account in (disabled, enabled, disabled):
        await any_store.put_server_account(account)
        assert await any_store.server_accounts() == {"abe": account, "zoe": other}
    assert not enabled.disabled


async def test_a_server_account_is_removed_once(any_store: EventStore) -> None:
    abe = ServerAccount(username="abe", role="judge", password_hash="h1", disabled=True)
    zoe = ServerAccount(username="zoe", role="staff", password_hash="h2")
    await any_store.put_server_account(abe)
    await any_store.put_server_account(zoe)
    assert not await any_store.remove_server_account("Abe")
    answers = await asyncio.gather(*(any_store.remove_server_account("abe") for _ in range(5)))
    assert sorted(answers) == [False] * 4 + [True]
    assert await any_store.server_accounts() == {"zoe": zoe}
    again = ServerAccount(username="abe", role="judge", password_hash="h3")
    await any_store.put_server_account(again)
    assert await any_store.server_accounts() == {"abe": again, "zoe": zoe}


async def test_a_secret_is_made_once(any_store: EventStore) -> None:
    made = [uuid4().bytes for _ in range(8)]
    secrets = await asyncio.gather(*(any_store.secret("token key", partial(bytes, value)) for value in made))
    assert len(set(secrets)) == 1
    assert secrets[0] in made
    assert await any_store.secret("another", lambda: b"") == b""


async def test_work_of_one_name_is_done_by_one_at_a_time(any_store: EventStore) -> None:
    """The next begins when the one before has ended, or was laid down; another name is another matter."""
    begun: asyncio.Queue[str] = asyncio.Queue()

    async def work(who: str, *, until: asyncio.Event) -> None:
        while not any_store.holds("clock"):
            await asyncio.sleep(0.01)
        begun.put_nowait(who)
        await until.wait()

    never, now = asyncio.Event(), asyncio.Event()
    now.set()
    first = asyncio.create_task(any_store.hold("clock", partial(work, "first", until=never)))
    assert await begun.get() == "first"
    second = asyncio.create_task(any_store.hold("clock", partial(work, "second", until=now)))
    assert await any_store.hold("another", partial(asyncio.sleep, 0))
    assert begun.empty()
    first.cancel()
    assert await second
    assert await begun.get() == "second"
    assert not any_store.holds("clock")


async def test_work_that_fails_frees_its_name(any_store: EventStore) -> None:
    async def fail() -> None:
        raise LookupError("the work failed")

    async def succeed() -> None:
        return None

    with pytest.raises(LookupError):
        await any_store.hold("work", fail)
    assert await any_store.hold("work", succeed)


@pytest.mark.parametrize(
    ("stream", "event", "reason"),
    [
        ("", NewEvent(type="t", id="a", data=None), "stream is empty"),
        ("s" * (STREAM_NAME_BYTES_MAX + 1), NewEvent(type="t", id="a", data=None), "stream is 201 bytes"),
        ("s", NewEvent(type="t", id="a\0", data=None), "id of event 1 holds a NUL"),
        ("s", NewEvent(type="t\ud800", id="a", data=None), "type of event 1 holds a character"),
        ("s", NewEvent(type="t", id="a" * 2001, data=None), "id of event 1 is 2001 bytes"),
        ("s", NewEvent(type="t", id="a", data=bytes(EVENT_DATA_BYTES_MAX + 1)), "data of event 1"),
        ("s", NewEvent(type="t", id="a", data=None, actor="a" * 2001), "actor of event 1 is 2001 bytes"),
        ("s", NewEvent(type="t", id="a", data=None, actor="\0"), "actor of event 1 holds a NUL"),
        ("s", NewEvent(type="t", id="a", data=None, cause="é" * 1001), "cause of event 1 is 2002 bytes"),
        ("s", NewEvent(type="t", id="a", data=None, cause="\ud800"), "cause of event 1 holds a character"),
    ],
)
async def test_what_cannot_be_kept_is_refused(any_store: EventStore, stream: str, event: NewEvent, reason: str) -> None:
    with pytest.raises(StoreRefused, match=reason):
        await any_store.append(append_of(stream, 0, [event]))
    assert await any_store.heads() == {}
