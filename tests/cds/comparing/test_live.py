"""Comparisons of contests that go on: made once for all who ask, and again when a side has changed."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from cds.comparing import live
from cds.comparing.live import Comparisons, Found, LiveSide, TooManyComparisons
from cds.live_contest import LiveContest
from cds.shadows import shadow_stream
from eventstore.memory import MemoryStore
from projections.comparison_properties import WHOLE, without
from projections.tokens import KEY_BYTES, TokenMaker
from schemas.objects import Team
from tests.cds.test_shadows import write

TOKENS = TokenMaker(bytes(KEY_BYTES))
CONTEST_STREAM = "contest:finals"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Found]:
    """Every comparison that was really made."""
    found: list[Found] = []
    make: Callable[..., Found] = live._found

    def noting(*arguments: Any) -> Found:
        found.append(make(*arguments))
        return found[-1]

    monkeypatch.setattr(live, "_found", noting)
    return found


async def opened(store: MemoryStore, streams: Iterable[str]) -> list[LiveSide]:
    """The contests in these streams, which are written first."""
    sides = []
    for stream in streams:
        await write(store, stream)
        contest = LiveContest("finals", store, TOKENS, stream=stream, eager_roles=())
        await contest.catch_up()
        sides.append(LiveSide(stream, contest, lambda _: None))
    return sides


async def test_a_comparison_is_made_once_for_all_who_ask(memory_store: MemoryStore, made: list[Found]) -> None:
    a, b = await opened(memory_store, (CONTEST_STREAM, shadow_stream("finals", "second")))
    comparisons = Comparisons()
    found = await asyncio.gather(*(comparisons.found(a, b, WHOLE) for _ in range(5)))
    assert len(made) == 1
    assert all(each is made[0] for each in found)
    await comparisons.found(a, b, without(WHOLE, ["runs"]))
    await comparisons.found(b, a, WHOLE)
    assert len(made) == 3


async def test_it_is_made_again_when_a_side_has_changed(memory_store: MemoryStore, made: list[Found]) -> None:
    a, b = await opened(memory_store, (CONTEST_STREAM, shadow_stream("finals", "second")))
    comparisons = Comparisons()
    assert (await comparisons.found(a, b, WHOLE)).comparison.equal
    b.contest.state.apply(2, "teams", "t1", Team(id="t1", name="One", label="1"))
    second = (await comparisons.found(a, b, WHOLE)).comparison
    assert [(each.type, each.unknown.shown) for each in second.missing] == [("teams", ("t1",))]
    assert await comparisons.found(a, b, WHOLE) is made[-1]
    assert len(made) == 2


async def test_only_so_many_wait_and_are_kept(
    memory_store: MemoryStore, made: list[Found], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "WAITING_MAX", 2)
    monkeypatch.setattr(live, "COMPARISONS_KEPT_MAX", 1)
    a, b = await opened(memory_store, (CONTEST_STREAM, shadow_stream("finals", "second")))
    comparisons = Comparisons()
    outcomes = await asyncio.gather(*(comparisons.found(a, b, WHOLE) for _ in range(3)), return_exceptions=True)
    assert [isinstance(each, TooManyComparisons) for each in outcomes] == [False, False, True]
    await comparisons.found(b, a, WHOLE)
    await comparisons.found(a, b, WHOLE)
    assert len(made) == 3
    assert made[0].comparison.a == CONTEST_STREAM
