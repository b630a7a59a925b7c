"""What every store keeps beside the log: bytes by kind and id, replaced and erased."""

import asyncio

import asyncpg
import pytest

from eventstore.connecting import QUERY_TIMEOUT_S
from eventstore.limits import KEPT_AT_ONCE_MAX, KEPT_BYTES_MAX
from eventstore.postgres import PostgresStore
from eventstore.store import EventStore, StoreRefused, StoreUnavailable


async def test_nothing_is_kept_of_a_kind_at_first(any_store: EventStore) -> None:
    assert await any_store.kept("tokens") == {}


async def test_bytes_are_kept_replaced_and_erased_by_kind_and_id(any_store: EventStore) -> None:
    await any_store.keep("tokens", {"b": b"\0\xff", "a": b"", "c/1": b"third"})
    await any_store.keep("cursors", {"a": b"of another kind"})
    assert list((await any_store.kept("tokens")).items()) == [("a", b""), ("b", b"\0\xff"), ("c/1", b"third")]
    await any_store.keep("tokens", {"a": b"new", "b": None, "never there": None})
    assert await any_store.kept("tokens") == {"a": b"new", "c/1": b"third"}
    assert await any_store.kept("cursors") == {"a": b"of another kind"}


async def test_what_is_kept_under_some_ids_can_be_read_by_itself(any_store: EventStore) -> None:
    await any_store.keep("tokens", {"a": b"1", "b": b"2", "c": b"3"})
    await any_store.keep("cursors", {"a": b"of another kind"})
    assert await any_store.kept("tokens", ["c", "a", "a", "never there"]) == {"a": b"1", "c": b"3"}
    assert await any_store.kept("tokens", []) == {}
    with pytest.raises(StoreRefused, match="10001 ids of tokens"):
        await any_store.kept("tokens", [str(number) for number in range(KEPT_AT_ONCE_MAX + 1)])


async def test_nothing_to_keep_is_nothing_kept(any_store: EventStore) -> None:
    await any_store.keep("tokens", {})
    assert await any_store.kept("tokens") == {}


async def test_many_may_keep_the_same_at_once(any_store: EventStore) -> None:
    """Whole batches take turns: what is read is always one of them."""
    batches = [{str(number): bytes([writer]) for number in range(50)} for writer in range(8)]
    await asyncio.gather(*(any_store.keep("cursors", batch) for batch in batches))
    assert len(set((await any_store.kept("cursors")).values())) == 1


@pytest.mark.parametrize(
    ("kind", "contents", "reason"),
    [
        ("a\0b", {"a": b""}, "kind"),
        ("tokens", {"a\0b": b""}, "id of tokens"),
        ("tokens", {"a": bytes(KEPT_BYTES_MAX + 1)}, "tokens a is 1048577 bytes long"),
        ("tokens", {str(number): None for number in range(KEPT_AT_ONCE_MAX)}, "10001 ids of tokens"),
    ],
)
async def test_what_cannot_be_kept_is_refused(
    any_store: EventStore, kind: str, contents: dict[str, bytes | None], reason: str
) -> None:
    with pytest.raises(StoreRefused, match=reason):
        await any_store.keep(kind, {"fine": b"too", **contents})
    assert await any_store.kept("tokens") == {}


async def test_a_closed_store_keeps_nothing(any_store: EventStore) -> None:
    await any_store.close()
    with pytest.raises(StoreUnavailable):
        await any_store.keep("tokens", {"a": b""})
    with pytest.raises(StoreUnavailable):
        await any_store.kept("tokens")


async def test_what_is_kept_outlives_the_process(store: PostgresStore, second_store: PostgresStore) -> None:
    await store.keep("tokens", {"a": b"1"})
    await store.close()
    assert await second_store.kept("tokens") == {"a": b"1"}


@pytest.mark.parametrize("table", ["kept", "server_account"])
async def test_whoever_waits_for_a_few_rows_is_soon_told_that_nobody_answers(
    store: PostgresStore, database_dsn: str, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    """A sign-up stands behind it, which half a minute helps nobody with."""
    monkeypatch.setattr("eventstore.postgres.SHORT_QUERY_TIMEOUT_S", 0.2)
    blocker = await asyncpg.connect(database_dsn)
    try:
        async with asyncio.timeout(QUERY_TIMEOUT_S / 2), blocker.transaction():
            await blocker.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            waiting = (
                [store.keep("tokens", {"a": b"1"}), store.kept("tokens", ["a"])]
                if table == "kept"
                else [store.server_accounts()]
            )
            for each in waiting:
                with pytest.raises(StoreUnavailable):
                    await each
    finally:
        await blocker.close()
    assert await store.kept("tokens") == {}
