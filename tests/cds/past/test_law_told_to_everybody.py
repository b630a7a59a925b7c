"""The law of what everybody was told: the same on every server, whenever it reads the log and whatever it has now.

And no position is said to come before what everybody is shown there.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from cds.commands.decision import ObjectChange
from cds.past.told_to_everybody import ToldToEverybody
from eventstore.memory import MemoryStore
from projections.contest import ContestState
from projections.told_times import STATE, SUBMISSIONS, Marks, told_ms_of
from projections.visibility import role_view
from tests.appended_changes import append_changes
from tests.effort import examples
from tests.histories import History, histories

STREAM = "contest:contest"


async def logged(changes: Sequence[ObjectChange]) -> MemoryStore:
    """A log of these changes, recorded long before anything happened."""
    store = MemoryStore()
    await append_changes(store, STREAM, changes)
    return store


def states(changes: Sequence[ObjectChange], positions: Sequence[int]) -> dict[int, ContestState]:
    """The states at some positions."""
    found = {}
    for end in positions:
        state = ContestState()
        for position, change in enumerate(changes[:end], start=1):
            state.apply(position, change.type, change.id, change.instance)
        found[end] = state
    return found


def latest_shown_ms(state: ContestState) -> int | None:
    """The latest moment of which submissions tell that everybody is shown, and the state."""
    view = role_view("public")
    times_ms = [
        told_ms_of(name, instance)
        for name in (STATE, SUBMISSIONS)
        for identifier, instance in state.objects[name].items()
        if view.visible(state, None, name, identifier)
    ]
    return max((time_ms for time_ms in times_ms if time_ms is not None), default=None)


def at_each(marks: Marks, end: int) -> list[int | None]:
    return [marks.time_ms(position) for position in range(1, end + 1)]


def test_any_server_comes_to_the_same() -> None:
    reached: Counter[str] = Counter()

    @settings(deadline=None, max_examples=examples(40))
    @given(histories(), st.data())
    def law(history: History, data: st.DataObject) -> None:
        changes = history.changes
        end = len(changes)
        stops = sorted({*data.draw(st.sets(st.integers(1, end), max_size=4)), end})

        async def check() -> None:
            store = await logged(changes)
            at_stops = states(changes, stops)
            bit_by_bit, at_once, alone = (ToldToEverybody(store, STREAM) for _ in range(3))
            told = None
            for stop in stops:
                told = await bit_by_bit.times(stop, at_stops[stop])
            late = await at_once.times(end, at_stops[end])
            unshared = await alone.times(end, ContestState())
            assert (told is None) == (late is None) == (unshared is None)
            if told is None or late is None or unshared is None:
                return
            expected = at_each(late.everything, end)
            assert at_each(told.everything, end) == at_each(unshared.everything, end) == expected
            for position, state in states(changes, range(1, end + 1)).items():
                shown_ms, told_ms = latest_shown_ms(state), expected[position - 1]
                assert shown_ms is None or (told_ms is not None and shown_ms <= told_ms), position
            reached["by themselves"] += 1
            reached["told"] += len(set(expected)) > 1

        asyncio.run(check())

    law()
    assert reached["told"]
