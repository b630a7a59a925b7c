"""Each event says who made it and why, also where the events of one append differ in that; for every store."""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore.chain import GENESIS, ChainBroken, chain_values, origin_of, verify_chain
from eventstore.copying import BULK_BYTES_MIN, BULK_EVENTS_MIN
from eventstore.grouping import group_arguments, plan_group
from eventstore.limits import EVENT_TEXT_BYTES_MAX
from eventstore.store import EventStore, NewEvent
from tests.eventstore.builders import append_of, assert_sound, new_events, read_all

TEXTS = st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)

AUTHORS = ((None, None), ("ann", None), (None, "POST /teams"), ("bob", "PUT /teams/1"), ("", ""))
"""What events may name themselves: actor and cause."""

SHOWN = (
    ("tester", "a test"),
    ("ann", "a test"),
    ("tester", "POST /teams"),
    ("bob", "PUT /teams/1"),
    ("", ""),
)
"""What their rows say then, in an append by "tester" because of "a test"."""


def mixed_events(size: int) -> list[NewEvent]:
    """Events that name in turn what AUTHORS has."""
    return [
        NewEvent(type="things", id=str(number), data=b"{}", actor=actor, cause=cause)
        for number, (actor, cause) in ((number, AUTHORS[number % len(AUTHORS)]) for number in range(size))
    ]


def shown(size: int) -> list[tuple[str, str]]:
    """Actor and cause of the rows of mixed_events."""
    return [SHOWN[number % len(SHOWN)] for number in range(size)]


@pytest.mark.parametrize("size", [len(AUTHORS), BULK_EVENTS_MIN + 1], ids=["grouped", "by copy"])
async def test_events_of_one_append_have_their_own_actor_and_cause(any_store: EventStore, size: int) -> None:
    first = await any_store.append(append_of("s", 0, mixed_events(size)))
    second = await any_store.append(append_of("s", size, new_events("after")))
    assert first is not None
    assert second is not None
    events = await read_all(any_store, "s")
    assert [(event.actor, event.cause) for event in events] == [*shown(size), ("tester", "a test")]
    assert (first.chain, second.chain) == (events[size - 1].chain, events[size].chain)
    await assert_sound(any_store, "s")


async def test_a_large_event_may_name_its_own_actor_and_cause(any_store: EventStore) -> None:
    large = NewEvent(type="things", id="a", data=b"1" * BULK_BYTES_MIN, actor="ann", cause="POST /teams")
    assert await any_store.append(append_of("s", 0, [large, *new_events("b")])) is not None
    events = await any_store.read("s", 0, 2)
    assert [(event.actor, event.cause) for event in events] == [("ann", "POST /teams"), ("tester", "a test")]
    await assert_sound(any_store, "s")


async def test_an_append_of_several_authors_is_written_whole_or_not_at_all(any_store: EventStore) -> None:
    assert await any_store.append(append_of("s", 1, mixed_events(3))) is None
    append = append_of("s", 0, mixed_events(3))
    first = await any_store.append(append)
    assert await any_store.append(append) == first
    assert [(event.actor, event.cause) for event in await read_all(any_store, "s")] == shown(3)
    await assert_sound(any_store, "s")


@pytest.mark.parametrize("column", ["actor", "cause"])
async def test_an_event_that_is_ascribed_to_the_append_afterwards_is_found(any_store: EventStore, column: str) -> None:
    append = append_of("s", 0, mixed_events(len(AUTHORS)))
    await any_store.append(append)
    events = await any_store.read_stored("s", 0, len(AUTHORS))
    events[3] = msgspec.structs.replace(events[3], **{column: getattr(append, column)})
    with pytest.raises(ChainBroken) as broken:
        verify_chain("s", GENESIS, events)
    assert broken.value.position == 4


async def test_actor_and_cause_may_be_as_long_as_those_of_an_append(any_store: EventStore) -> None:
    longest = NewEvent(
        type="t", id="a", data=None, actor="a" * EVENT_TEXT_BYTES_MAX, cause="é" * (EVENT_TEXT_BYTES_MAX // 2)
    )
    assert await any_store.append(append_of("s", 0, [longest])) is not None
    [event] = await any_store.read("s", 0, 1)
    assert (event.actor, event.cause) == (longest.actor, longest.cause)


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=8))
def test_naming_what_the_append_says_anyway_makes_the_same_rows(
    authors: Sequence[tuple[str | None, str | None]],
) -> None:
    """The columns and chain values that are written depend on what the row says, not on where that was said."""
    named = [NewEvent(type="t", id="a", data=None, actor=actor, cause=cause) for actor, cause in authors]
    append = append_of("s", 0, named)
    spelled_out = msgspec.structs.replace(
        append,
        events=[
            msgspec.structs.replace(
                event,
                actor=append.actor if event.actor is None else event.actor,
                cause=append.cause if event.cause is None else event.cause,
            )
            for event in named
        ],
    )
    assert chain_values(GENESIS, append.events, origin_of(append)) == chain_values(
        GENESIS, spelled_out.events, origin_of(spelled_out)
    )
    plans = [plan_group([one], {"s": GENESIS}, frozenset()) for one in (append, spelled_out)]
    arguments = [group_arguments(list(plan.streams.values())) for plan in plans]
    assert arguments[0] == arguments[1]
