"""Contests that were made over HTTP, each on a database and a server of its own, for tests that write."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.cds.contest_api.live_contest_setup import FROZEN, RUNNING, Play, SetClock, make_contest, playing
from tests.cds.contest_api.serving import cloned_database
from tests.cds.contest_api.webhook_play import calling, receiver, webhook_server

__all__ = ["calling", "receiver", "webhook_server"]

MADE_WITH_NUMBERS_UP_TO = 1_000_000
"""Ids of the contest as it was made are below this, so that none comes again."""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def made_template(postgres_dsn_template: str) -> AsyncIterator[str]:
    """A database with the contest an hour before its start; nothing may stay connected to it."""
    async with cloned_database(postgres_dsn_template) as dsn:
        async with playing(dsn) as play:
            await make_contest(play)
        yield dsn


@pytest_asyncio.fixture(loop_scope="session")
async def made_dsn(made_template: str) -> AsyncIterator[str]:
    """A database of one's own with the contest an hour before its start."""
    async with cloned_database(made_template) as dsn:
        yield dsn


@pytest_asyncio.fixture(loop_scope="session")
async def waiting(made_dsn: str) -> AsyncIterator[Play]:
    """The contest an hour before its start."""
    async with playing(made_dsn, SetClock(first_number=MADE_WITH_NUMBERS_UP_TO)) as play:
        yield play


@pytest_asyncio.fixture(loop_scope="session")
async def live(waiting: Play) -> Play:
    """The contest an hour after its start."""
    await waiting.at(RUNNING)
    return waiting


@pytest_asyncio.fixture(loop_scope="session")
async def frozen(live: Play) -> Play:
    """The contest half an hour before its end."""
    await live.at(FROZEN)
    return live


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def refusing(made_template: str) -> AsyncIterator[Play]:
    """The running contest with a judged submission, for tests all of whose requests are refused."""
    async with (
        cloned_database(made_template) as dsn,
        playing(dsn, SetClock(first_number=MADE_WITH_NUMBERS_UP_TO)) as play,
    ):
        await play.at(RUNNING)
        await play.judged(await play.submitted(), "WA")
        await play.post("team-one", "clarifications", {"text": "Are apples round?"})
        yield play
