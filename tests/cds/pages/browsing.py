"""A headless Chromium that looks at our pages, and keeps what went wrong in them.

This module knows browsers; it must not know what the pages should show.
"""

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, Route, async_playwright

from cds.pages.files import static_file

PROJECTOR = (1920, 1080)
TELEPHONE = (390, 844)
DEADLINE_MS = 20_000.0
LOOK_AGAIN_S = 0.05
NOTHING_INSTEAD: Mapping[str, tuple[int, str]] = {}
FOLLOWING = "following.js"
NAMES_OF_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


def chromium() -> str:
    """The path of a Chromium of this machine; skips the test where there is none."""
    found = next((path for name in NAMES_OF_CHROMIUM if (path := shutil.which(name)) is not None), None)
    if found is None:
        pytest.skip("there is no Chromium here (on Debian: apt-get install chromium)")
    return found


@asynccontextmanager
async def started_browser() -> AsyncIterator[Browser]:
    """A browser for the length of the block. As root it runs without a sandbox, which it refuses to have there."""
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    executable = chromium()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=arguments)
        try:
            yield browser
        finally:
            await browser.close()


class Looking:
    """A page that is looked at."""

    def __init__(self, page: Page) -> None:
        """A page in which nothing has gone wrong yet."""
        self.page = page
        self.errors: list[str] = []
        self.refused: list[str] = []
        page.on("console", self._note)
        page.on("response", lambda response: None if response.ok else self.refused.append(response.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(message.text)

    async def row_order(self) -> list[str]:
        """The teams from the top."""
        order: list[str] = await self.page.eval_on_selector_all("#rows tr", "rows => rows.map(row => row.dataset.team)")
        return order

    async def kind_of(self, team_id: str, problem_id: str) -> str | None:
        """What kind of cell it is."""
        return await self.page.get_attribute(cell(team_id, problem_id), "data-kind")

    async def becomes(self, expression: str) -> None:
        """Wait until a JavaScript expression is true. It is asked for from here: the page allows no evaluation."""
        try:
            async with asyncio.timeout(DEADLINE_MS / 1000):
                while not await self.page.evaluate(expression):
                    await asyncio.sleep(LOOK_AGAIN_S)
        except TimeoutError:
            pytest.fail(f"{expression} did not become true; errors of the page: {self.errors}")

    async def overflow_px(self) -> int:
        """How much wider the page is than the window."""
        wider: int = await self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        return wider


def cell(team_id: str, problem_id: str) -> str:
    """The selector of a cell."""
    return f'#rows tr[data-team="{team_id}"] td[data-problem="{problem_id}"]'


@asynccontextmanager
async def looking(
    browser: Browser,
    url: str,
    size: tuple[int, int] = PROJECTOR,
    *,
    dark: bool = False,
    calm: bool = False,
    instead: Mapping[str, tuple[int, str]] = NOTHING_INSTEAD,
) -> AsyncIterator[Looking]:
    """A page of its own for the length of the block, once it shows a board.

    `instead` are statuses and bodies that it is given for addresses of a pattern, whatever the server would say.
    """
    context = await browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce" if calm else "no-preference",
    )
    context.set_default_timeout(DEADLINE_MS)
    try:
        page = await context.new_page()
        for pattern, (status, body) in instead.items():
            await page.route(pattern, partial(_fulfil, status=status, body=body))
        shown = Looking(page)
        await page.goto(url)
        await shown.becomes("document.querySelectorAll('#rows tr').length > 0")
        yield shown
    finally:
        await context.close()


def with_waits(**waits_ms: str) -> dict[str, tuple[int, str]]:
    """What to give a page instead of its module that follows the board: the same with other waits, by their names."""
    source = static_file(FOLLOWING).body.decode()
    for name, wait_ms in waits_ms.items():
        source, found = re.subn(rf"^const {name} = [^;]+;", f"const {name} = {wait_ms};", source, flags=re.MULTILINE)
        assert found == 1, name
    return {f"**/static/{FOLLOWING}": (200, source)}


async def _fulfil(route: Route, *, status: int, body: str) -> None:
    script = route.request.resource_type == "script"
    await route.fulfill(status=status, body=body, content_type="text/javascript" if script else "application/json")
