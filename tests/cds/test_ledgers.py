"""Ledgers: what several processes write in one stream, and each holds in memory."""

import asyncio
from collections.abc import Callable, Sequence

import msgspec
import pytest

from cds.circumstances import SYSTEM
from cds.committing import Contended
from cds.decoding import UnreadableEvent
from cds.ledgers import ATTEMPTS_MAX, Ledger
from eventstore.memory import MemoryStore
from eventstore.postgres import PostgresStore
from eventstore.store import Append, Event, EventStore, Head, NewEvent, OutcomeUnknown, StoreUnavailable
from tests.eventstore.builders import append_of

STREAM = "numbers"


class Numbers:
    """Numbers by id."""

    def __init__(self) -> None:
        """None yet."""
        self.position = 0
        self.numbers: dict[str, int] = {}

    def apply(self, position: int, _type: str, identifier: str, data: bytes | None, /) -> None:
        """Take in a number, or let go of it."""
        number = None if data is None else msgspec.json.decode(data, type=int)
        self.position = position
        if number is None:
            self.numbers.pop(identifier, None)
        else:
            self.numbers[identifier] = number


def ledger_on(store: EventStore) -> Ledger[Numbers]:
    """A ledger of numbers."""
    return Ledger(store, STREAM, Numbers, "the numbers")


def added(identifier: str, number: int) -> NewEvent:
    """The event of a number."""
    return NewEvent(type=STREAM, id=identifier, data=msgspec.json.encode(number))


async def write(
    ledger: Ledger[Numbers], *events: NewEvent, decide: Callable[[Numbers], Sequence[NewEvent]] | None = None
) -> Sequence[NewEvent]:
    """Write events, or what is decided."""
    return await ledger.transact(decide or (lambda _: events), actor="a", cause="c", circumstances=SYSTEM)


class Replicated(MemoryStore):
    """A store whose appends wait for a standby, which may be away."""

    away = False

    @property
    def waits_for_standby(self) -> bool:
        """See EventStore.waits_for_standby."""
        return True

    async def append(self, append: Append) -> Head | None:
        """See EventStore.append."""
        if self.away:
            raise OutcomeUnknown("no standby")
        return await super().append(append)


async def test_what_rests_on_the_log_is_answered_when_a_standby_has_it_too() -> None:
    """Also that nothing is to be changed, and that the same was asked for before."""
    store = Replicated()
    ledger = ledger_on(store)

    def repeated(_: Numbers) -> Sequence[NewEvent]:
        raise LookupError("the same was asked for before")

    assert await write(ledger) == ()
    await write(ledger, added("a", 1))
    store.away = True
    with pytest.raises(OutcomeUnknown):
        await write(ledger)
    with pytest.raises(OutcomeUnknown):
        await write(ledger, decide=repeated)
    store.away = False
    assert await write(ledger) == ()
    with pytest.raises(LookupError):
        await write(ledger, decide=repeated)
    assert (await store.head(STREAM)).position == ledger.state.position == 1


async def test_what_is_written_is_in_memory_at_once_and_in_the_log(memory_store: MemoryStore) -> None:
    one, two = ledger_on(memory_store), ledger_on(memory_store)
    written = await write(one, added("a", 1), added("b", 2))
    assert one.state.numbers == {"a": 1, "b": 2}
    assert (await two.fresh()).numbers == {"a": 1, "b": 2}
    assert [event.id for event in written] == ["a", "b"]
    await write(two, NewEvent(type=STREAM, id="a", data=None))
    await one.catch_up()
    assert (one.state.numbers, one.state.position) == ({"b": 2}, 3)
    (first, *_) = await memory_store.read(STREAM, 0, 10)
    assert (first.actor, first.cause, first.type, first.data) == ("a", "c", STREAM, b"1")


async def test_no_events_are_no_append_and_refusals_write_nothing(memory_store: MemoryStore) -> None:
    ledger = ledger_on(memory_store)

    def refuse(_: Numbers) -> Sequence[NewEvent]:
        raise PermissionError

    assert await write(ledger) == ()
    with pytest.raises(PermissionError):
        await write(ledger, decide=refuse)
    assert (await memory_store.head(STREAM)).position == 0
    await write(ledger, added("a", 1))
    assert ledger.state.numbers == {"a": 1}, "a refusal must not keep the next writer out"


async def test_many_writers_in_several_processes_lose_nothing(store: PostgresStore, database_dsn: str) -> None:
    """Each counts one further on what it sees; so the sum is right only if nobody decided on something older.

    One of two may lose every race as long as the other has something to write: that is less often than it tries.
    """
    other = await PostgresStore.open(database_dsn)
    ledgers = (ledger_on(store), ledger_on(other))

    def one_more(state: Numbers) -> Sequence[NewEvent]:
        return (added("count", state.numbers.get("count", 0) + 1),)

    try:
        await asyncio.gather(*(write(ledger, decide=one_more) for ledger in ledgers for _ in range(30)))
        for ledger in ledgers:
            assert (await ledger.fresh()).numbers == {"count": 60}
            assert ledger.state.position == 60
    finally:
        await other.close()


async def test_who_is_alone_reads_once_and_then_only_what_is_in_doubt(
    memory_store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an append of unknown outcome the log is asked again, also by who is alone."""
    monkeypatch.setattr(MemoryStore, "alone", property(lambda _: True))
    reads, read, append = [0], memory_store.read, memory_store.append

    async def counted(stream: str, after: int, limit: int) -> list[Event]:
        reads[0] += 1
        return await read(stream, after, limit)

    async def cut_off(batch: Append) -> Head | None:
        await append(batch)
        raise OutcomeUnknown

    monkeypatch.setattr(memory_store, "read", counted)
    await memory_store.append(append_of(STREAM, 0, [added("a", 1)]))
    ledger = ledger_on(memory_store)
    assert (await ledger.fresh()).numbers == {"a": 1}
    before = reads[0]
    await asyncio.gather(*(ledger.fresh() for _ in range(10)))
    assert reads[0] == before
    await write(ledger, added("b", 2))
    assert (await ledger.fresh()).numbers == {"a": 1, "b": 2}
    assert reads[0] == before
    monkeypatch.setattr(memory_store, "append", cut_off)
    with pytest.raises(OutcomeUnknown):
        await write(ledger, added("c", 3))
    assert (await ledger.fresh()).numbers == {"a": 1, "b": 2, "c": 3}


@pytest.mark.parametrize("leaving", [False, True])
async def test_what_is_read_while_an_append_is_under_way_settles_nothing(
    memory_store: MemoryStore, monkeypatch: pytest.MonkeyPatch, leaving: bool
) -> None:
    """It is committed behind the reading, and the answer is lost, or whoever wrote has left, and nothing is heard."""
    monkeypatch.setattr(MemoryStore, "alone", property(lambda _: True))
    under_way, to_commit, append = asyncio.Event(), asyncio.Event(), memory_store.append

    async def slow(batch: Append) -> Head | None:
        under_way.set()
        await to_commit.wait()
        await append(batch)
        raise OutcomeUnknown

    ledger = ledger_on(memory_store)
    await ledger.fresh()
    monkeypatch.setattr(memory_store, "heard_position", lambda _: 0)
    monkeypatch.setattr(memory_store, "append", slow)
    writing = asyncio.create_task(write(ledger, added("a", 1)))
    await under_way.wait()
    if leaving:
        writing.cancel()
        await asyncio.wait((writing,))
    assert (await ledger.fresh()).numbers == {}
    to_commit.set()
    with pytest.raises(asyncio.CancelledError if leaving else OutcomeUnknown):
        await writing
    await asyncio.sleep(0)
    assert (await ledger.fresh()).numbers == {"a": 1}


async def test_a_database_that_gives_no_answer_holds_nobody_up(
    memory_store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering, read = asyncio.Event(), memory_store.read

    async def hanging(stream: str, after: int, limit: int) -> list[Event]:
        await answering.wait()
        return await read(stream, after, limit)

    monkeypatch.setattr("cds.freshness.LOOK_S_MAX", 0.05)
    monkeypatch.setattr(memory_store, "read", hanging)
    await memory_store.append(append_of(STREAM, 0, [added("a", 1)]))
    ledger = ledger_on(memory_store)
    with pytest.raises(StoreUnavailable, match="the numbers cannot be read now"):
        await ledger.fresh()
    answering.set()
    assert (await ledger.fresh()).numbers == {"a": 1}


async def test_who_never_gets_through_is_told(memory_store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[int] = []

    async def lost(batch: Append) -> None:
        tries.append(batch.expected_position)

    monkeypatch.setattr(memory_store, "append", lost)
    with pytest.raises(Contended, match="the numbers"):
        await write(ledger_on(memory_store), added("a", 1))
    assert tries == [0] * ATTEMPTS_MAX


async def test_an_event_of_a_newer_program_is_not_passed_over(memory_store: MemoryStore) -> None:
    await memory_store.append(append_of(STREAM, 0, [added("a", 1), NewEvent(type=STREAM, id="b", data=b'"two"')]))
    ledger = ledger_on(memory_store)
    for _ in range(2):
        with pytest.raises(UnreadableEvent, match="numbers 2: numbers b"):
            await ledger.fresh()
        assert (ledger.state.position, ledger.state.numbers) == (1, {"a": 1})
