"""The stage on which the API of CMS is tried."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.cds.cms_api.stage import CmsStage, cms_stage, make_cms_contest
from tests.cds.contest_api.live_contest_setup import playing
from tests.cds.contest_api.serving import cloned_database


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def cms_template(postgres_dsn_template: str) -> AsyncIterator[str]:
    """A database with the contest an hour before its start; nothing may stay connected to it."""
    async with cloned_database(postgres_dsn_template) as dsn:
        async with playing(dsn) as play:
            await make_cms_contest(play)
        yield dsn


@pytest_asyncio.fixture(loop_scope="session")
async def stage(cms_template: str) -> AsyncIterator[CmsStage]:
    """A running score contest, served below /cms/live and at the root."""
    async with cloned_database(cms_template) as dsn, cms_stage(dsn) as made:
        yield made
