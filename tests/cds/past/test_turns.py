"""Turns: one after the other, staff before others, the public last; whoever goes away holds nobody up."""

import asyncio

import pytest

from cds.past import turns
from cds.past.turns import TooManyWaiting, Turns
from schemas.viewers import Role


async def wait_in(at: Turns, role: Role, had: list[Role]) -> None:
    async with at.taking_one(role):
        had.append(role)
        await asyncio.sleep(0)


async def test_staff_go_first_and_the_public_last() -> None:
    at, had = Turns(), list[Role]()
    roles: list[Role] = ["public", "team", "admin", "public", "judge", "team"]
    async with at.taking_one("public"):
        waiting = [asyncio.create_task(wait_in(at, role, had)) for role in roles]
        await asyncio.sleep(0)
        assert (at.waiting, at.waiting_public) == (7, 3)
    await asyncio.gather(*waiting)
    assert had == ["admin", "judge", "team", "team", "public", "public"]
    assert (at.waiting, at.waiting_public) == (0, 0)


async def test_the_public_waits_in_part_of_the_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "WAITING_MAX", 3)
    monkeypatch.setattr(turns, "WAITING_PUBLIC_MAX", 1)
    at, had = Turns(), list[Role]()
    async with at.taking_one("public"):
        with pytest.raises(TooManyWaiting):
            await wait_in(at, "public", had)
        waiting = [asyncio.create_task(wait_in(at, "team", had)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(TooManyWaiting):
            await wait_in(at, "admin", had)
    await asyncio.gather(*waiting)
    assert had == ["team", "team"]


@pytest.mark.parametrize("given", [True, False])
async def test_who_has_gone_holds_nobody_up(*, given: bool) -> None:
    """Before the turn was given, or just then."""
    at, had = Turns(), list[Role]()
    async with at.taking_one("admin"):
        first = asyncio.create_task(wait_in(at, "admin", had))
        second = asyncio.create_task(wait_in(at, "public", had))
        await asyncio.sleep(0)
        if not given:
            first.cancel()
            await asyncio.sleep(0)
    if given:
        first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    await second
    async with at.taking_one("public"):
        assert had == ["public"]
