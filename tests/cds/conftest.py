"""Servers that serve contests, shared by all tests of a session or started for one test.

The shared ones are for tests that only read; whoever writes takes `fresh_dsn` and a server of their own.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.cds.contest_api.real_contests import DATA, REAL_CONTESTS, real_contest
from tests.cds.contest_api.serving import Running, cloned_database, fill, running
from tests.cds.contest_api.small_contest import small_contest


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def small_template(postgres_dsn_template: str) -> AsyncIterator[str]:
    """A database that holds the small contest in several phases; nothing may stay connected to it."""
    async with cloned_database(postgres_dsn_template) as dsn:
        await fill(
            dsn,
            (
                small_contest("small", "frozen"),
                small_contest("other", "frozen"),
                small_contest("early", "before"),
                small_contest("late", "over", closed=True),
            ),
        )
        yield dsn


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def served(small_template: str) -> AsyncIterator[Running]:
    """A server with the small contest in several phases, which no test may change."""
    async with cloned_database(small_template) as dsn, running(dsn) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session")
async def small_template_copy(small_template: str) -> AsyncIterator[str]:
    """A database of one's own that holds the small contests, for tests that share the session's loop."""
    async with cloned_database(small_template) as dsn:
        yield dsn


@pytest.fixture
async def fresh_dsn(small_template: str) -> AsyncIterator[str]:
    """A database of one's own that holds the small contests."""
    async with cloned_database(small_template) as dsn:
        yield dsn


@pytest.fixture
async def fresh(fresh_dsn: str) -> AsyncIterator[Running]:
    """A server of one's own with the small contests, with a short time between signs of life."""
    async with running(fresh_dsn, keep_alive_s=0.2) as server:
        yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def served_real(postgres_dsn_template: str) -> AsyncIterator[Running]:
    """A server with every recorded contest of ../shared/data, which no test may change."""
    if not DATA.is_dir():
        pytest.skip("needs the recorded contests in ../shared/data")
    async with cloned_database(postgres_dsn_template) as dsn:
        await fill(dsn, map(real_contest, REAL_CONTESTS))
        async with running(dsn) as server:
            yield server
