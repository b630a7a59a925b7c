"""The scoreboard page in a headless Chromium: it shows, it moves, it survives the loss of its server."""

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

pytest.importorskip("playwright", reason="playwright is not installed")

from playwright.async_api import Browser

from tests.cds.contest_api.live_contest_setup import CONTEST_ID, FROZEN, RUNNING, SetClock, make_contest, playing
from tests.cds.contest_api.serving import Json, Running, cloned_database, running
from tests.cds.pages.browsing import PROJECTOR, TELEPHONE, cell, looking, started_browser, with_waits
from tests.cds.pages.shown_contests import HOSTILE_NAME, finals, stored

pytestmark = pytest.mark.asyncio(loop_scope="session")

LIVE = "document.getElementById('connection').dataset.kind === 'live'"
LOST = "document.getElementById('connection').dataset.kind === 'lost'"
POLLING = "document.getElementById('connection').dataset.kind === 'polling'"
GONE = "document.getElementById('connection').dataset.kind === 'gone'"
UNLOADED_IMAGES = "[...document.images].filter(image => image.complete && image.naturalWidth === 0).length"

STARS = """[...document.querySelectorAll('#rows .cell.first')].map(
    star => star.closest('tr').dataset.team + ' ' + star.closest('td').dataset.problem).sort().join()"""
GROUND = "getComputedStyle(document.body).backgroundColor"
NO_STREAMS = {"**/scoreboard?**last_event_id=**": (502, "no streams here")}
"""A proxy that does not let streams through."""

WHAT_CELLS_SAY = """all => all.map(cell => [cell.closest('tr').dataset.team, cell.dataset.problem, cell.dataset.kind,
    cell.querySelector('use')?.getAttribute('href') ?? '',
    cell.querySelector('.only-heard').textContent.split(': ')[1].split(',')[0]])"""
LEFT_ALONE_MS = 500
"""Longer than the page of the test leaves a server alone that does not answer."""

SIGNS_AND_TEXTS = {
    ("solved", "#sign-solved", "solved"),
    ("solved", "#sign-first", "first to solve"),
    ("frozen", "#sign-frozen", "result hidden by the freeze"),
    ("failed", "#sign-failed", "not solved"),
    ("untouched", "", "not tried"),
}
"""Kind, sign, and what is read aloud: colour is not needed to tell them apart."""


def order_is(*team_ids: str) -> str:
    """The expression that the rows are in this order and have come to rest."""
    return (
        f"[...document.querySelectorAll('#rows tr')].map(row => row.dataset.team).join() === '{','.join(team_ids)}'"
        " && document.getAnimations().every(animation => animation.playState === 'finished')"
    )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One browser for all tests."""
    async with started_browser() as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shown(postgres_dsn_template: str) -> AsyncIterator[Running]:
    """A server with a large frozen contest, one before its start and a score contest."""
    contests = [
        finals(),
        finals(contest_id="early", phase="before", teams=12),
        finals(contest_id="points", scoreboard_type="score", teams=12, problems=4, submissions=60, phase="running"),
    ]
    async with cloned_database(postgres_dsn_template) as dsn, running(dsn) as server:
        for contest in contests:
            await stored(server.store, contest)
            await server.level_with(contest.contest_id, contest.object_count)
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def made_template(postgres_dsn_template: str) -> AsyncIterator[str]:
    """A database with the small contest an hour before its start; nothing may stay connected to it."""
    async with cloned_database(postgres_dsn_template) as dsn:
        async with playing(dsn) as play:
            await make_contest(play)
        yield dsn


@pytest_asyncio.fixture(loop_scope="session")
async def made_dsn(made_template: str) -> AsyncIterator[str]:
    """A database of one's own with that contest."""
    async with cloned_database(made_template) as dsn:
        yield dsn


def solving_times(board: Json) -> dict[str, dict[str, str]]:
    """When which team solved a problem, for every problem that is solved."""
    times: dict[str, dict[str, str]] = {}
    for row in board["rows"]:
        for each in row["problems"]:
            if each["solved"]:
                times.setdefault(each["problem_id"], {})[row["team_id"]] = each["time"]
    return times


def as_computed(rgb: str) -> str:
    """A colour as a browser tells it."""
    return f"rgb({', '.join(str(each) for each in bytes.fromhex(rgb.removeprefix('#')))})"


def later_clock() -> SetClock:
    """A clock whose ids did not come before."""
    return SetClock(first_number=1_000_000)


@pytest.mark.parametrize(("size", "dark"), [(PROJECTOR, False), (TELEPHONE, True)])
async def test_a_finals_is_shown_without_overflow_and_without_errors(
    browser: Browser, shown: Running, size: tuple[int, int], *, dark: bool
) -> None:
    board = await shown.caller().json("contests/finals/scoreboard")
    async with looking(browser, f"{shown.root}/contests/finals", size, dark=dark, calm=True) as look:
        await look.becomes(LIVE)
        await look.becomes("document.querySelectorAll('#rows tr td.problem').length > 0")
        assert await look.row_order() == [row["team_id"] for row in board["rows"]]
        assert await look.overflow_px() <= 0
        await look.becomes(f"{UNLOADED_IMAGES} === 0")
        kinds = {
            (row["team_id"], each["problem_id"]): "solved"
            if each["solved"]
            else "frozen"
            if each["num_pending"]
            else "failed"
            if each["num_judged"]
            else "untouched"
            for row in board["rows"]
            for each in row["problems"]
        }
        seen = await look.page.eval_on_selector_all("#rows td.problem", WHAT_CELLS_SAY)
        assert {(team_id, problem_id): kind for team_id, problem_id, kind, *_ in seen} == kinds
        assert {tuple(each) for _, _, *each in seen} == SIGNS_AND_TEXTS
        roles = await look.page.eval_on_selector_all(
            "#board [role]", "all => [...new Set(all.map(e => e.role))].sort()"
        )
        assert roles == ["cell", "columnheader", "row", "rowgroup", "rowheader"]
        assert HOSTILE_NAME in await look.page.locator("#rows").inner_text()
        assert "frozen" in await look.page.locator("#phase").inner_text()
        assert look.errors == []


async def test_before_the_start_the_teams_stand_without_ranks_and_problems(browser: Browser, shown: Running) -> None:
    async with looking(browser, f"{shown.root}/contests/early") as look:
        await look.becomes("document.getElementById('banner').textContent.includes('not started')")
        assert await look.page.locator("#rows td.problem").count() == 0
        assert await look.page.locator("#rows .place").first.inner_text() == "–"
        assert (await look.page.locator("#clock").inner_text()).startswith("−")
        assert look.errors == []


async def test_a_score_contest_shows_scores_and_a_group_is_chosen(browser: Browser, shown: Running) -> None:
    async with looking(browser, f"{shown.root}/contests/points") as look:
        await look.becomes(LIVE)
        board = await shown.caller().json("contests/points/scoreboard")
        points = await look.page.locator("#rows .points").all_inner_texts()
        assert points == [str(row["score"]["score"]) for row in board["rows"]]
        groups = await shown.caller().json("contests/points/groups")
        group_id = next(each["id"] for each in groups if each["id"].startswith("site"))
        await look.page.select_option("#group", group_id)
        of_group = await shown.caller().json(f"contests/points/scoreboard?group_id={group_id}")
        await look.becomes(order_is(*(row["team_id"] for row in of_group["rows"])))
        assert look.page.url.endswith(f"?group_id={group_id}")
        await look.page.go_back()
        await look.becomes(order_is(*(row["team_id"] for row in board["rows"])))
        assert look.errors == []


async def test_the_colours_and_the_word_of_their_button_follow_the_system_until_they_are_chosen(
    browser: Browser, shown: Running
) -> None:
    async with looking(browser, f"{shown.root}/contests/early") as look:
        word = look.page.locator("#theme")
        light, dark = "rgb(244, 245, 247)", "rgb(12, 15, 20)"
        assert (await word.inner_text(), await look.page.evaluate(GROUND)) == ("Dark", light)
        await look.page.emulate_media(color_scheme="dark")
        await look.becomes("document.getElementById('theme').textContent === 'Light'")
        assert await look.page.evaluate(GROUND) == dark
        await word.click()
        assert (await word.inner_text(), await look.page.evaluate(GROUND)) == ("Dark", light)
        await word.click()
        await look.page.emulate_media(color_scheme="light")
        assert (await word.inner_text(), await look.page.evaluate(GROUND)) == ("Light", dark)


async def test_teams_that_share_an_award_for_the_first_solution_are_all_shown(browser: Browser, shown: Running) -> None:
    """No other team gets a star for that problem, and no problem with an award that nobody has."""
    board = await shown.caller().json("contests/finals/scoreboard")
    solvers = solving_times(board)
    problem_id = max(solvers, key=lambda each: len(solvers[each]))
    sharing = sorted(solvers[problem_id], key=solvers[problem_id].__getitem__)[3:6]
    awards = [
        {"id": f"first-to-solve-{each}", "citation": "first", "team_ids": sharing if each == problem_id else []}
        for each in solvers
    ]
    instead = {"**/awards": (200, json.dumps(awards))}
    async with looking(browser, f"{shown.root}/contests/finals", calm=True, instead=instead) as look:
        assert await look.page.evaluate(STARS) == ",".join(sorted(f"{team_id} {problem_id}" for team_id in sharing))


async def test_without_awards_the_earliest_of_the_frozen_board_are_the_first(browser: Browser, shown: Running) -> None:
    """Also on the board of a group: there they are still the earliest of all."""
    board = await shown.caller().json("contests/finals/scoreboard")
    firsts = {
        f"{team_id} {problem_id}"
        for problem_id, times in solving_times(board).items()
        for team_id, time in times.items()
        if list(times.values()).count(min(times.values())) == 1 and time == min(times.values())
    }
    groups = await shown.caller().json("contests/finals/groups")
    group_id = next(each["id"] for each in groups if each["id"].startswith("site"))
    of_group = await shown.caller().json(f"contests/finals/scoreboard?group_id={group_id}")
    members = {row["team_id"] for row in of_group["rows"]}
    instead = {"**/awards": (200, "[]")}
    here = {each for each in firsts if each.split()[0] in members}
    assert 0 < len(here) < len(firsts)
    for query, expected in (("", firsts), (f"?group_id={group_id}", here)):
        async with looking(browser, f"{shown.root}/contests/finals{query}", calm=True, instead=instead) as look:
            await look.becomes(f"{STARS} === '{','.join(sorted(expected))}'")
            assert look.errors == []


async def test_of_several_in_the_same_minute_nobody_is_taken_for_the_first(browser: Browser, shown: Running) -> None:
    """Boards tell whole minutes, so a board cannot know; an award does."""
    cells = [
        {"problem_id": "a", "num_pending": 0, "solved": True, "time": f"0:{minute:02}:00.000"} for minute in (7, 7, 9)
    ]
    rows = [{"team_id": f"t{number}", "problems": [cell]} for number, cell in enumerate(cells)]
    script = """async ({rows, awards, url}) => {
        const { firstsOf } = await import(url);
        return [...firstsOf(awards, [{ id: "a" }], { rows }, false, false).get("a")];
    }"""
    award = {"id": "first-to-solve-a", "citation": "first", "team_ids": ["t1"]}
    async with looking(browser, f"{shown.root}/contests/finals", calm=True) as look:
        given = {"rows": rows, "url": f"{shown.root}/static/awards.js"}
        assert await look.page.evaluate(script, given | {"awards": []}) == []
        assert await look.page.evaluate(script, given | {"awards": [award]}) == ["t1"]
        assert await look.page.evaluate(script, given | {"awards": [], "rows": rows[1:]}) == ["t1"]


async def test_on_a_scrolled_telephone_the_colours_of_problems_and_the_connection_stay_in_sight(
    browser: Browser, shown: Running
) -> None:
    async with looking(browser, f"{shown.root}/contests/finals", TELEPHONE, calm=True) as look:
        await look.becomes(LIVE)
        problems = await shown.caller().json("contests/finals/problems")
        colours = await look.page.eval_on_selector_all(
            "#rows tr:first-child .label", "all => all.map(each => getComputedStyle(each).backgroundColor)"
        )
        assert colours == [as_computed(each["rgb"]) for each in problems]
        await look.page.evaluate("scrollTo(0, 2000)")
        await look.page.context.set_offline(True)
        await look.becomes(LOST)
        for name in ("phase", "clock", "connection"):
            box = await look.page.locator(f"#{name}").bounding_box()
            assert box is not None
            assert box["y"] >= 0, name
            assert box["y"] + box["height"] < 60, name
            assert 0 <= box["x"] < box["x"] + box["width"] <= TELEPHONE[0], name


async def test_a_deleted_contest_is_no_lost_connection(browser: Browser, made_dsn: str) -> None:
    """The page says so, keeps what it shows, asks rarely, and shows a contest that is made again under the name."""
    instead = with_waits(RETRY_MS="[50, 100]", RECONNECTING_MS_MAX="500", GONE_MS="[1_500, 1_600]")
    async with playing(made_dsn, later_clock()) as play:
        url = f"{play.server.root}/contests/{CONTEST_ID}"
        async with looking(browser, url, instead=instead) as look:
            await look.becomes(LIVE)
            order = await look.row_order()
            await play.delete("root", "")
            await look.becomes(GONE)
            refused = len(look.refused)
            assert "no such contest any more" in await look.page.locator("#connection").inner_text()
            assert "no such contest any more" in await look.page.locator("#banner").inner_text()
            assert await look.row_order() == order
            await look.page.wait_for_timeout(LEFT_ALONE_MS)
            assert len(look.refused) == refused
            await make_contest(play)
            await look.becomes(f"{LIVE} && {order_is(*order)}")
            assert "not started" in await look.page.locator("#banner").inner_text()


async def test_a_verdict_moves_a_row_and_a_restart_is_survived(browser: Browser, made_dsn: str) -> None:
    """A judgement is posted and the row rises; the server goes and comes back with more, on the same port."""
    instead = with_waits(RETRY_MS="[50, 100]", RECONNECTING_MS_MAX="500")
    async with playing(made_dsn, clock := later_clock()) as play:
        await play.at(RUNNING)
        submission_id = await play.submitted("team-two")
        port = play.server.server.port
        async with looking(browser, f"{play.server.root}/contests/{CONTEST_ID}", instead=instead) as look:
            await look.becomes(f"{LIVE} && {order_is('t1', 't2')}")
            assert await look.kind_of("t2", "apples") == "pending"
            await play.judged(submission_id, "AC")
            await look.becomes("document.querySelector('#rows tr.risen')?.dataset.team === 't2'")
            await look.becomes(order_is("t2", "t1"))
            assert await look.kind_of("t2", "apples") == "solved"
            await look.becomes(f"document.querySelector('{cell('t2', 'apples')} .first') !== null")
            await look.becomes("document.querySelector('#rows tr.gold')?.dataset.team === 't2'")
            assert look.errors == []
            await play.server.server.stop()
            await look.becomes(LOST)
            assert "connection lost, showing" in await look.page.locator("#connection").inner_text()
            assert await look.row_order() == ["t2", "t1"]
            async with playing(made_dsn, clock, port=port) as again:
                await again.judged(await again.submitted("team-one", problem_id="bridges"), "WA")
                await look.becomes(LIVE)
                await look.becomes(f"document.querySelector('{cell('t1', 'bridges')}').dataset.kind === 'failed'")


async def test_where_streams_are_refused_the_page_asks_again_and_again(browser: Browser, made_dsn: str) -> None:
    instead = NO_STREAMS | with_waits(POLL_MS="200")
    async with playing(made_dsn, later_clock()) as play:
        await play.at(RUNNING)
        async with looking(browser, f"{play.server.root}/contests/{CONTEST_ID}", instead=instead) as look:
            await look.becomes(POLLING)
            await play.submitted("team-two")
            await look.becomes(f"document.querySelector('{cell('t2', 'apples')}').dataset.kind === 'pending'")


async def test_whoever_is_logged_in_the_page_shows_what_the_public_sees(browser: Browser, made_dsn: str) -> None:
    """The administrator's address logs it in, as on the machine of a contest director: no verdict, no award leaks."""
    async with playing(made_dsn, later_clock(), auto_login=True) as play:
        account = {"id": "chief", "username": "chief", "type": "admin", "ip": "127.0.0.1"}
        await play.put("root", "accounts/chief", account)
        await play.at(FROZEN)
        await play.judged(await play.submitted("team-two"), "AC")
        assert (await play.get("public", "access"))["capabilities"], "the address logs in"
        async with looking(browser, f"{play.server.root}/contests/{CONTEST_ID}") as look:
            await look.becomes(LIVE)
            assert await look.kind_of("t2", "apples") == "frozen"
            assert await look.row_order() == ["t1", "t2"]
            assert await look.page.locator(".medal").count() == 0
