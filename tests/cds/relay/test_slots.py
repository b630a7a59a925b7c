"""Slots: so many at the same time, of one neighbour fewer, and nobody waits for ever."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from cds.relay.slots import NoSlot, Slots

AT_ONCE = 0.01
"""Longer than nobody waits who need not."""


async def test_one_neighbour_leaves_slots_to_the_others() -> None:
    slots = Slots(3, AT_ONCE, of_one_max=2)
    async with AsyncExitStack() as held:
        for neighbour in ("a", "a", "b"):
            await held.enter_async_context(slots.taken(neighbour))
        for neighbour in ("a", "c"):
            with pytest.raises(NoSlot):
                async with slots.taken(neighbour):
                    pass
    async with slots.taken("a"), slots.taken("c"):
        pass
    assert not slots._shares


async def test_who_waits_gets_the_next_slot_and_who_is_cancelled_leaves_none_taken() -> None:
    slots = Slots(1, 10.0)
    order: list[str] = []

    async def work(name: str) -> None:
        async with slots.taken(name):
            order.append(name)

    async with slots.taken("first"):
        waiting = [asyncio.create_task(work(name)) for name in ("cancelled", "next")]
        await asyncio.sleep(0)
        waiting[0].cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert order == ["next"]
    assert not slots._shares


async def test_what_goes_wrong_inside_is_not_taken_for_a_want_of_slots() -> None:
    slots = Slots(1, AT_ONCE)
    with pytest.raises(TimeoutError):
        async with slots.taken():
            raise TimeoutError
    async with slots.taken():
        pass
