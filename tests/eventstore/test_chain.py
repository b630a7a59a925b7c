"""The chain finds every change of a row, and no two rows share an encoding."""

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore.chain import GENESIS, ChainBroken, Origin, chain_values, next_chain, verify_chain
from eventstore.memory import MemoryStore
from eventstore.store import EVENT_VERSION, Event, NewEvent
from tests.eventstore.builders import append_of, new_events, read_all

ORIGIN = Origin(stream="s", recorded_at_us=5, actor="a", cause="c", version=EVENT_VERSION)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)


async def a_stream(length: int = 6) -> list[Event]:
    """Rows as a store writes them, two to an append."""
    store = MemoryStore()
    for position in range(0, length, 2):
        await store.append(append_of("s", position, new_events(f"{position}", f"{position + 1}"), cause=f"{position}"))
    return await read_all(store, "s")


async def test_a_stream_as_written_is_accepted_and_pages_join() -> None:
    events = await a_stream()
    head = verify_chain("s", verify_chain("s", GENESIS, events[:3]), events[3:])
    assert (head.position, head.chain) == (6, events[-1].chain)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("type", "other"),
        ("id", "other"),
        ("data", b"{}"),
        ("data", None),
        ("recorded_at_us", 1),
        ("actor", "other"),
        ("cause", "other"),
        ("version", 2),
        ("chain", bytes(32)),
    ],
)
async def test_any_altered_column_is_found_at_its_row(column: str, value: object) -> None:
    events = await a_stream()
    events[3] = msgspec.structs.replace(events[3], **{column: value})
    with pytest.raises(ChainBroken) as broken:
        verify_chain("s", GENESIS, events)
    assert broken.value.position == 4


@pytest.mark.parametrize(
    ("change", "position"),
    [
        (lambda events: events.pop(2), 3),
        (lambda events: events.pop(0), 1),
        (lambda events: events.insert(2, events[1]), 3),
        (lambda events: events.reverse(), 1),
        (lambda events: events.append(msgspec.structs.replace(events[-1], position=7)), 7),
        (lambda events: events.append(msgspec.structs.replace(events[-1], position=7, stream="t")), 7),
    ],
    ids=["removed", "first removed", "repeated", "reversed", "inserted", "from another stream"],
)
async def test_rows_removed_inserted_or_moved_are_found(change: Callable[[list[Event]], object], position: int) -> None:
    events = await a_stream()
    change(events)
    with pytest.raises(ChainBroken) as broken:
        verify_chain("s", GENESIS, events)
    assert broken.value.position == position


async def test_exchanged_rows_are_found_even_with_their_positions_exchanged() -> None:
    events = await a_stream()
    events[2], events[3] = (
        msgspec.structs.replace(events[3], position=3),
        msgspec.structs.replace(events[2], position=4),
    )
    with pytest.raises(ChainBroken, match="position 3"):
        verify_chain("s", GENESIS, events)


async def test_rows_moved_to_another_stream_are_found() -> None:
    events = [msgspec.structs.replace(event, stream="t") for event in await a_stream()]
    with pytest.raises(ChainBroken):
        verify_chain("t", GENESIS, events)


@given(st.tuples(TEXTS, TEXTS, TEXTS, TEXTS), st.tuples(TEXTS, TEXTS, TEXTS, TEXTS))
def test_different_rows_have_different_chain_values(left: tuple[str, ...], right: tuple[str, ...]) -> None:
    def value(texts: tuple[str, ...]) -> bytes:
        origin = msgspec.structs.replace(ORIGIN, actor=texts[0], cause=texts[1])
        return next_chain(GENESIS.chain, origin, 1, texts[2], texts[3], None)

    assert (value(left) == value(right)) == (left == right)


def test_text_does_not_wander_between_columns_and_absent_is_not_empty() -> None:
    events = [
        NewEvent(type="ab", id="c", data=b"d"),
        NewEvent(type="a", id="bc", data=b"d"),
        NewEvent(type="ab", id="cd", data=b""),
        NewEvent(type="ab", id="cd", data=None),
    ]
    assert len({chain_values(GENESIS, [event], ORIGIN)[0] for event in events}) == len(events)


def test_the_encoding_never_changes() -> None:
    """Logs are kept for years: a value computed once must come out for ever."""
    value = next_chain(GENESIS.chain, ORIGIN, 1, "teams", "t1", b'{"id":"t1"}')
    assert value.hex() == "139f09374074d20043aa74fd1d2ccbfc2cf1d8827e88cbdf0b20bc9d64185441"
