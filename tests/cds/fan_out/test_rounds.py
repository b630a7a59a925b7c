"""Turns in rounds of the event loop: in order, never more than a round holds, and others run in between."""

import asyncio
from collections import Counter

import pytest

from cds.fan_out.rounds import TURN_BYTES_MIN, Rounds

DEADLINE_S = 10.0
TURN = 2 * TURN_BYTES_MIN
TURNS = 4
"""So many of this size fill a round."""


class Loop:
    """Counts how often the event loop goes round."""

    def __init__(self) -> None:
        self.rounds = 0
        self._next = asyncio.get_running_loop().call_soon(self._count)

    def _count(self) -> None:
        self.rounds += 1
        self._next = asyncio.get_running_loop().call_soon(self._count)

    def stop(self) -> None:
        """Count no more."""
        self._next.cancel()


async def taken_in_each_round(crowd: int, size: int, turns_each: int = 20) -> "Counter[int]":
    """How many turns of a size a crowd is given in each round of the event loop, when all want as many as they get."""
    loop, rounds, taken = Loop(), Rounds(TURNS * TURN), Counter[int]()

    async def take() -> None:
        for _ in range(turns_each):
            await rounds.turn(size)
            taken[loop.rounds] += 1

    async with asyncio.timeout(DEADLINE_S):
        await asyncio.gather(*(take() for _ in range(crowd)))
    loop.stop()
    assert taken.total() == crowd * turns_each
    return taken


@pytest.mark.parametrize("crowd", [1, 3, 4, 5, 6, 8, 20])
@pytest.mark.parametrize(("size", "turns"), [(TURN, TURNS), (1, 2 * TURNS), (2 * TURN, TURNS // 2)])
async def test_no_round_has_more_turns_than_it_holds(crowd: int, size: int, turns: int) -> None:
    """A turn is counted by its size; the smallest ones count as if they were larger."""
    taken = await taken_in_each_round(crowd, size)
    assert max(taken.values()) == turns
    assert len(taken) >= crowd * 20 / turns


async def test_a_turn_that_is_larger_than_a_round_is_given_all_the_same() -> None:
    taken = await taken_in_each_round(3, 5 * TURNS * TURN)
    assert max(taken.values()) == 1


async def test_turns_come_in_the_order_in_which_they_are_asked_for() -> None:
    rounds, asked, came = Rounds(TURN), list[int](), list[int]()

    async def take(number: int) -> None:
        for _ in range(3):
            asked.append(number)
            await rounds.turn(TURN)
            came.append(number)

    async with asyncio.timeout(DEADLINE_S):
        await asyncio.gather(*(take(number) for number in range(5)))
    assert came == asked
    assert sorted(came) == sorted([*range(5)] * 3)


async def test_others_run_in_between() -> None:
    """Also when there is one alone who never has to wait for anything else."""
    loop, rounds = Loop(), Rounds(TURNS * TURN)
    for _ in range(100):
        await rounds.turn(TURN)
    assert loop.rounds >= 100 / TURNS - 1
    loop.stop()


async def test_who_leaves_while_waiting_takes_no_turn_from_the_others() -> None:
    rounds, order = Rounds(TURN), list[int]()

    async def take(number: int) -> None:
        await rounds.turn(TURN)
        order.append(number)

    tasks = [asyncio.create_task(take(number)) for number in range(20)]
    await asyncio.sleep(0)
    for task in tasks[1::2]:
        task.cancel()
    async with asyncio.timeout(DEADLINE_S):
        await asyncio.gather(*tasks, return_exceptions=True)
    assert order == [*range(0, 20, 2)]


async def test_who_leaves_after_the_turn_was_granted_does_not_hold_up_the_others() -> None:
    rounds, came = Rounds(TURN), list[str]()

    async def take(name: str) -> None:
        await rounds.turn(TURN)
        came.append(name)

    tasks = {name: asyncio.create_task(take(name)) for name in ("first", "granted", "last")}
    async with asyncio.timeout(DEADLINE_S):
        while rounds._granted == 0:
            await asyncio.sleep(0)
        assert came == ["first"]
        tasks["granted"].cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
    assert came == ["first", "last"]


async def test_when_nobody_wants_anything_nothing_goes_on() -> None:
    rounds = Rounds(TURN)
    await rounds.turn(TURN)
    for _ in range(3):
        await asyncio.sleep(0)
    assert not rounds._ending
    async with asyncio.timeout(DEADLINE_S):
        for _ in range(3):
            await rounds.turn(TURN)
