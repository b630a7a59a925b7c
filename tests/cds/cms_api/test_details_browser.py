"""The details in a real browser: the style counts under the policy that goes with it, and nothing runs."""

import msgspec
import pytest
from playwright.async_api import Route

from cds.cms_api.details import CONTENT_SECURITY_POLICY
from schemas.extensions import CmsTask
from schemas.objects import JudgementType
from tests.cds.cms_api.test_details import EVIL, fragment_of
from tests.cds.cms_api.test_status import LARGE, SMALL, boards
from tests.cds.pages.browsing import started_browser
from tests.projections.scoreboard_builders import judged
from tests.projections.scoring_histories import run

pytestmark = pytest.mark.asyncio(loop_scope="session")

ADDRESS = "http://details.test/"


async def test_the_style_counts_and_nothing_runs() -> None:
    """A table has its borders collapsed, a name that is a script is text, and the browser complains of nothing."""
    evil_type = JudgementType(id="EVIL", name=EVIL, solved=False, penalty=False)
    of = boards(
        ("judgement-types", "EVIL", evil_type),
        *judged("1", "t1", "a", "0:10:00.000", "WA"),
        *(run("r1", "j1", 1, "EVIL"), run("r2", "j1", 2), run("r3", "j1", 3)),
        said=CmsTask(subtasks=[msgspec.structs.replace(SMALL, name=EVIL), LARGE]),
    )
    fragment = fragment_of(of)
    complaints: list[str] = []

    async def fulfil(route: Route) -> None:
        if route.request.url != ADDRESS:
            complaints.append(route.request.url)
            await route.abort()
            return
        headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
        await route.fulfill(body=fragment, content_type="text/html; charset=utf-8", headers=headers)

    async with started_browser() as browser:
        page = await browser.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        await page.route("**/*", fulfil)
        await page.goto(ADDRESS)
        tables = page.get_by_role("table")
        assert await tables.count() == 3
        assert await tables.first.evaluate("table => getComputedStyle(table).borderCollapse") == "collapse"
        assert await page.get_by_role("rowheader", name=EVIL).count() == 1
        assert await page.get_by_role("table", name="Large").count() == 1
        assert await page.get_by_role("region", name="Details of submission 1").count() == 1
    assert complaints == []
