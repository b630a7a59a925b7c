"""Filters at an edge: what the core answers, and nobody else waits while much is looked at."""

import asyncio
import json
from http import HTTPStatus
from itertools import product
from typing import cast

import msgspec
import pytest

from cds.contest_api.answers import Answer, AnswerCache
from cds.contest_api.errors import Failure
from cds.edge import filtering
from cds.edge.audience import EdgeAudience
from cds.edge.filtering import AT_ONCE_MAX, Filtering
from projections.filtering import Filter
from projections.told import Told
from projections.told_view import ToldView
from schemas.object_types import OBJECT_TYPES
from schemas.viewers import PUBLIC, Role, Viewer
from tests.cds.contest_api.small_contest import login
from tests.cds.edge.edges import Spread, told
from tests.projections.test_told_filters import RUNS, RUNS_OF_JUDGEMENT, run_line, view_of_runs

pytestmark = pytest.mark.asyncio(loop_scope="session")

MUCH: list[Filter] = [("judgement_type_id", "AC")]
LITTLE: list[Filter] = [("judgement_id", "j5"), ("judgement_type_id", "AC")]


SOMEBODY = Viewer(role="team", team_id="t1", account_id="team-one")


class Audience(msgspec.Struct):
    """As much of an audience as is filtered."""

    view: ToldView
    contest_id: str = "small"
    role: Role = "public"


class Asking:
    """Somebody who filters the runs of a contest."""

    def __init__(self) -> None:
        """Of a contest with many."""
        self.view = view_of_runs()
        self.filtering = Filtering()
        self._answers = AnswerCache(b"key")

    async def answer(self, filters: list[Filter], viewer: Viewer = PUBLIC) -> Answer:
        """What is found."""
        audience = cast("EdgeAudience", Audience(self.view))
        return await self.filtering.answer(audience, self._answers, OBJECT_TYPES["runs"], filters, viewer)


async def test_others_have_their_turn_while_much_is_looked_at() -> None:
    """And who asks for little is answered meanwhile."""
    asking, turns = Asking(), 0
    looking = asyncio.create_task(asking.answer(MUCH))
    while not looking.done():
        await asyncio.sleep(0)
        turns += 1
        if turns == 2:
            little = await asking.answer(LITTLE)
            assert not looking.done()
            assert len(json.loads(little.body)) == RUNS_OF_JUDGEMENT <= AT_ONCE_MAX
    assert turns > RUNS // 1_000
    assert len(json.loads(looking.result().body)) == RUNS


async def test_what_much_matches_is_looked_for_once_until_something_changes() -> None:
    asking = Asking()
    first, second, again = await asyncio.gather(*(asking.answer(filters) for filters in (MUCH, MUCH, MUCH * 2)))
    assert first is second is again
    assert await asking.answer(MUCH, SOMEBODY) is not first
    asking.view.take(Told((run_line(7, "WA", RUNS),), 1_000))
    assert len(json.loads((await asking.answer(MUCH)).body)) == RUNS - 1


async def test_too_many_do_not_wait_for_one_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filtering, "FILTERS_MAX", 1)
    asking = Asking()
    looking = asyncio.create_task(asking.answer(MUCH))
    await asyncio.sleep(0)
    with pytest.raises(Failure) as refused:
        await asking.answer(MUCH)
    assert refused.value.status == HTTPStatus.SERVICE_UNAVAILABLE
    assert json.loads((await asking.answer(MUCH * 2, SOMEBODY)).body), "who has logged in has a turn of his own"
    assert len(json.loads((await asking.answer(LITTLE)).body)) == RUNS_OF_JUDGEMENT
    assert await looking is await asking.answer(MUCH)


@pytest.mark.parametrize(("name", "role"), [(None, "public"), ("team-one", "team"), ("judge", "judge")])
async def test_whatever_is_filtered_by_is_found_as_the_core_finds_it(
    spread_small: Spread, name: str | None, role: Role
) -> None:
    """Every type by each of its properties and values, and by two at once."""
    await spread_small.level("small", role)
    core, edge, _ = spread_small.callers(None if name is None else login("small", name))
    found = 0
    for row in OBJECT_TYPES.values():
        offered = await core.get(f"contests/small/{row.endpoint}")
        if not row.filter_properties or row.singleton or offered.status != 200:
            continue
        every = [
            f"{property}={value}"
            for property in row.filter_properties
            for value in ("", "nobody", *sorted({each[property] for each in offered.json if each.get(property)})[:3])
        ]
        for query in (*every, *("&".join(pair) for pair in product(every[:4], every[-4:]))):
            expected = await core.get(f"contests/small/{row.endpoint}?{query}")
            assert told(await edge.get(f"contests/small/{row.endpoint}?{query}")) == told(expected), (row.name, query)
            found += 0 < len(expected.json) < len(offered.json)
    assert found
