"""The scoreboard page of a contest that comes from a platform: its own ranks stand beside ours."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

pytest.importorskip("playwright", reason="playwright is not installed")

from playwright.async_api import Browser

from schemas.extensions import SyncedTeam, TeamExtension
from schemas.objects import Team
from tests.cds.contest_api.serving import Running, append, cloned_database, running
from tests.cds.pages.browsing import PROJECTOR, looking, started_browser
from tests.cds.pages.shown_contests import finals, stored

pytestmark = pytest.mark.asyncio(loop_scope="session")

LIVE = "document.getElementById('connection').dataset.kind === 'live'"
THEIRS = """Object.fromEntries([...document.querySelectorAll('.theirs')].map(
    mark => [mark.closest('tr').dataset.team, mark.title]))"""


@pytest_asyncio.fixture(loop_scope="session")
async def served(postgres_dsn_template: str) -> AsyncIterator[Running]:
    """A server with a contest of which nobody has said a rank yet."""
    contest = finals(teams=6, problems=3, submissions=20, organizations=2)
    async with cloned_database(postgres_dsn_template) as dsn, running(dsn) as server:
        await stored(server.store, contest)
        await server.level_with("finals", contest.object_count)
        yield server


async def told(served: Running, rank: int | None) -> None:
    """The platform gives a team a rank, or takes it back."""
    extension = None if rank is None else TeamExtension(sync=SyncedTeam(rank=rank, points=3))
    team = Team(id="team001", name="First", label="1", ext=extension)
    await served.level_with("finals", await append(served.store, "finals", team))


async def test_the_ranks_of_the_platform_stand_beside_ours_and_follow_it(served: Running) -> None:
    async with started_browser() as browser:
        await shows_and_follows(browser, served)


async def shows_and_follows(browser: Browser, served: Running) -> None:
    """A page that is open all the while."""
    async with looking(browser, f"{served.root}/contests/finals", PROJECTOR) as look:
        await look.becomes(LIVE)
        assert await look.page.evaluate(THEIRS) == {}
        await told(served, 17)
        await look.becomes(f"({THEIRS})['team001'] === 'Rank 17 on its platform'")
        await told(served, 4)
        await look.becomes(f"({THEIRS})['team001'] === 'Rank 4 on its platform'")
        await told(served, None)
        await look.becomes(f"({THEIRS})['team001'] === undefined")
