"""Every endpoint of the League of Code API in every situation of the table: the code, and the body.

A refusal comes word for word; a success is of the form of an example of the seed, and says what the table says.
"""

from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio
from jsonschema import Draft202012Validator

from cds.loc_api.answered_shapes import DATA
from cds.loc_api.rows import SEED_ENDPOINTS, Way
from cds.loc_api.table import INFORMATION_PATH, ROWS
from tests.acceptance.league import League, league
from tests.acceptance.league_cases import Asked, Case, same_form, shown
from tests.acceptance.requirements_of_loc import CASES
from tests.acceptance.seed_of_loc import SEED, endpoints
from tests.cds.contest_api.serving import cloned_database

NAMES = {row.number: row.name for row in ROWS}
WAYS = {1: (Way("GET", INFORMATION_PATH),), **{row.number: row.ways for row in ROWS}}

OF_WHAT_WAS_SENT = frozenset({37})
"""Endpoints that answer with what they were sent, so that there is no one form."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def played(postgres_dsn_template: str) -> AsyncIterator[League]:
    """A server for all of these tests; each has players and matches of its own."""
    async with cloned_database(postgres_dsn_template) as dsn, league(dsn) as made:
        yield made


async def page_of(played: League, way: Way, asked: Asked, number: int) -> list[object]:
    """What stands on a page of a list."""
    reply = await played.ask(way.method, way.path, {**asked.arguments, "page": number})
    found: list[object] = reply.data["list"]
    return found


def is_list(data: object) -> bool:
    """Whether something is a list, or a page of one."""
    return isinstance(data, list) or (isinstance(data, dict) and "list" in data)


def has_form(case: Case, asked: Asked) -> bool:
    """Whether the seed shows the form; a list with nothing in it, where that is what has to come, has none."""
    empty = asked.data == [] or (isinstance(asked.data, dict) and asked.data.get("list") == [])
    return case.number not in OF_WHAT_WAS_SENT and not empty


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_what_comes_of(played: League, case: Case) -> None:
    asked = await case.situation(played)
    way = WAYS[case.number][0]
    reply = await played.ask(way.method, way.path, asked.arguments)
    assert reply.status == case.code, shown(reply)
    assert reply.headers["Cache-Control"] == "no-store"
    if case.refusal is not None:
        assert reply.json == case.refusal
        return
    if case.number in NAMES:
        Draft202012Validator(DATA[NAMES[case.number]]).validate(reply.data)
    # A list that is always empty would be of the right form, too.
    assert asked.told or not is_list(reply.json.get("data"))
    if asked.data is not msgspec.UNSET:
        assert reply.json == {"status": "success", "data": asked.data}
    if asked.listed is not msgspec.UNSET:
        pages = [await page_of(played, way, asked, number) for number in range(1, reply.data["pages"] + 1)]
        assert [each for page in pages for each in page].count(asked.listed) == 1
    if SEED.is_file() and case.number <= SEED_ENDPOINTS and has_form(case, asked):
        examples = [each.body for each in endpoints()[case.number - 1].examples if each.status < 400]
        # The seed shows nothing of the logout (6.20).
        assert not examples or any(same_form(reply.json, example) for example in examples), shown(reply)
