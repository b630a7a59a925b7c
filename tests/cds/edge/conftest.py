"""A core and two edges that all tests share that only read."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.cds.contest_api.serving import cloned_database
from tests.cds.edge.edges import Spread, spread


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def spread_small(small_template: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Spread]:
    """The small contest in several phases, which no test may change."""
    async with (
        cloned_database(small_template) as dsn,
        spread(dsn, tmp_path_factory.mktemp("edges")) as found,
    ):
        yield found
