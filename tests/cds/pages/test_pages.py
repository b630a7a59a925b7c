"""The pages over HTTP: what they hold, their headers, and that no name of a contest becomes markup."""

import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from importlib.resources import files

import aiohttp
import msgspec
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from cds.contest_api.service import SLOT, ServiceSlot
from cds.pages import contest_list
from cds.pages.contest_list import contests_page, listed
from cds.pages.files import STATIC_TYPES
from cds.pages.routes import page_routes
from schemas.objects import Contest, RemovedInterval, State
from schemas.times import parse_time_ms
from tests.cds.contest_api.serving import Answer, Running, append, cloned_database, running

pytestmark = pytest.mark.asyncio(loop_scope="session")

START = "2031-05-17T10:00:00.000+02:00"
LATER = "2031-05-17T16:00:00.000+02:00"
LINES_MAX = 400
HOSTILE = "<script>alert(1)</script>\"'&$name"
PLAIN = Contest(id="plain", name="Plain", start_time=START, duration="5:00:00.000", scoreboard_type="score")


class Page(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(answer.body.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a tag."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Keep the text."""
        self.text += data

    def addresses(self) -> list[str]:
        """Every address in the page."""
        return [
            value
            for _, attributes in self.tags
            for name, value in attributes.items()
            if name in ("href", "src", "data-api") and value is not None
        ]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pages(postgres_dsn_template: str) -> AsyncIterator[Running]:
    """A server below a nested path too, with a plain contest and one whose id and name nobody should trust."""
    async with (
        cloned_database(postgres_dsn_template) as dsn,
        running(dsn, base_url="https://example.com/x/y/api/") as server,
    ):
        for contest_id, name in (("plain", "Plain"), ("a.b", HOSTILE)):
            await append(server.store, contest_id, msgspec.structs.replace(PLAIN, id=contest_id, name=name), State())
            await server.level_with(contest_id, 2)
        yield server


async def page(server: Running, path: str, **headers: str) -> Answer:
    """A page by its path from the root."""
    return await server.caller().get(server.root + path, headers=headers)


PAGES = ("/", "/contests/plain", "/contests/a.b", "/contests/nobody", *(f"/static/{name}" for name in STATIC_TYPES))


@pytest.mark.parametrize("path", PAGES)
async def test_headers_of_every_page(pages: Running, path: str) -> None:
    answer = await page(pages, path)
    assert answer.status == (404 if "nobody" in path else 200)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "public, no-cache"
    if answer.status == 200:
        again = await page(pages, path, **{"If-None-Match": answer.headers["ETag"]})
        assert (again.status, again.body) == (304, b"")
        assert again.headers["ETag"] == answer.headers["ETag"]


@pytest.mark.parametrize("path", PAGES[:4])
async def test_no_page_holds_a_script_a_style_or_an_address_from_the_root(pages: Running, path: str) -> None:
    shown = Page(await page(pages, path))
    for tag, attributes in shown.tags:
        assert tag != "style"
        assert tag != "script" or attributes.get("src")
        assert not [name for name in attributes if name == "style" or name.startswith("on")]
    assert shown.addresses()
    for address in shown.addresses():
        assert not re.match(r"/|\w+:", address), address


@pytest.mark.parametrize("root", ["", "/x/y"])
async def test_every_address_in_the_pages_leads_somewhere_below_any_path(pages: Running, root: str) -> None:
    for path in ("/", "/contests/plain", "/contests/a.b"):
        url = URL(pages.root + root + path)
        for address in Page(await page(pages, root + path)).addresses():
            if not address.startswith("#"):
                answer = await pages.caller().get(str(url.join(URL(address))))
                assert answer.status == 200, (path, address)


async def test_every_file_beside_the_pages_is_in_the_table_and_none_is_long() -> None:
    """A script module that is missing in the table would leave the whole page dead."""
    static = files("cds.pages").joinpath("static")
    assert {each.name for each in static.iterdir()} == set(STATIC_TYPES)
    for each in static.iterdir():
        text = each.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= LINES_MAX, each.name
        assert set(re.findall(r'from "\./(.+?)"', text)) <= set(STATIC_TYPES), each.name


async def test_names_are_text(pages: Running) -> None:
    for path in ("/", "/contests/a.b"):
        answer = await page(pages, path)
        assert HOSTILE in Page(answer).text
        assert b"<script>" not in answer.body
    answer = await page(pages, "/contests/%3Cscript%3E")
    assert "There is no contest <script> here." in Page(answer).text
    assert b"<script>" not in answer.body


async def test_what_is_no_page_is_answered_as_before(pages: Running) -> None:
    for path in ("/nonsense", "/static/nonsense", "/static/", "/contests/plain/nonsense"):
        answer = await page(pages, path)
        assert (answer.status, answer.headers["Content-Type"]) == (404, "application/json")
    assert (await pages.caller().ask("POST", f"{pages.root}/")).status == 405


async def test_a_slash_too_many_or_too_few_leads_on_by_a_relative_address(pages: Running) -> None:
    for path, location in (
        ("/contests/plain/?group_id=a", "../plain?group_id=a"),
        ("/x/y/contests/plain/", "../plain"),
        ("/x/y", "y/"),
    ):
        answer = await page(pages, path)
        assert (answer.status, answer.headers["Location"]) == (308, location)


async def test_large_pages_are_compressed_for_who_accepts_it(pages: Running) -> None:
    plain = await page(pages, "/static/scoreboard.js", **{"Accept-Encoding": "identity"})
    packed = await page(pages, "/static/scoreboard.js", **{"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.body == plain.body
    assert int(packed.headers["Content-Length"]) < len(plain.body) / 2


async def test_before_the_log_is_read_a_page_says_so_and_looks_again() -> None:
    application = web.Application()
    application[SLOT] = ServiceSlot()
    application.router.add_routes(page_routes(("/api",)))
    async with TestServer(application) as server, aiohttp.ClientSession() as session:
        for path in ("/", "/contests/any"):
            async with session.get(server.make_url(path)) as response:
                assert (response.status, response.headers["Retry-After"]) == (503, "1")
                assert 'http-equiv="refresh"' in await response.text()


NOTHING = State()
STARTED = State(started=START)
PHASES = [
    (msgspec.structs.replace(PLAIN, start_time=None), NOTHING, "coming", "not scheduled yet"),
    (
        msgspec.structs.replace(PLAIN, start_time=None, countdown_pause_time="0:10:00.000"),
        NOTHING,
        "coming",
        "countdown paused",
    ),
    (msgspec.structs.replace(PLAIN, start_time=LATER), NOTHING, "coming", "not started yet"),
    (PLAIN, NOTHING, "running", "starting"),
    (PLAIN, STARTED, "running", "running"),
    (PLAIN, State(started=START, frozen=START), "running", "running, scoreboard frozen"),
    (PLAIN, State(started=START, frozen=START, thawed=START), "running", "running"),
    (
        PLAIN,
        State(
            started=START,
            removed_intervals=[RemovedInterval(start=START, end=None, contest_time="0:00:00.000")],
        ),
        "running",
        "running",
    ),
    (PLAIN, State(started=START, ended=START, frozen=START), "over", "over, results not final yet"),
    (PLAIN, State(started=START, ended=START, finalized=START), "over", "final results"),
]


@pytest.mark.parametrize(("contest", "state", "kind", "phase"), PHASES)
async def test_what_the_list_says_of_a_contest(contest: Contest, state: State, kind: str, phase: str) -> None:
    entry = listed(contest, state, parse_time_ms(START))
    assert (entry.kind, entry.phase) == (kind, phase)


async def test_the_list_begins_with_what_runs_and_ends_with_what_was_over_first() -> None:
    made = [
        ("old", "2030-01-01T00:00:00.000Z", State(started=START, ended=START)),
        ("recent", "2031-01-01T00:00:00.000Z", State(started="2031-01-01T00:00:00.000Z", ended=START)),
        ("late", LATER, NOTHING),
        ("soon", "2031-05-17T11:00:00.000+02:00", NOTHING),
        ("runs", START, STARTED),
        ("unknown", None, NOTHING),
    ]
    made[0] = ("old", "2030-01-01T00:00:00.000Z", State(started="2030-01-01T00:00:00.000Z", ended=START))
    entries = [
        listed(msgspec.structs.replace(PLAIN, id=name, name=name, start_time=start), state, parse_time_ms(START))
        for name, start, state in made
    ]
    shown = re.findall(r'href="contests/(\w+)"><span', contests_page(entries, "api/"))
    assert shown == ["runs", "soon", "late", "unknown", "recent", "old"]
    assert "There is no contest yet" in contests_page([], "api/")
    assert "2031-05-17 10:00 +02:00, lasts 5:00:00" in contests_page(entries, "api/")


async def test_programmers_are_led_to_the_documentation() -> None:
    assert 'For programs: the <a href="api/docs">Contest API</a>' in contests_page([], "api/")


async def test_of_very_many_contests_the_newest_are_shown_and_the_others_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A platform has thousands, and the page is loaded again and again."""
    monkeypatch.setattr(contest_list, "ENTRIES_MAX", 3)
    entries = [
        listed(msgspec.structs.replace(PLAIN, id=f"c{number}"), STARTED, parse_time_ms(START)) for number in range(5)
    ]
    page = contests_page(entries, "api/")
    assert page.count('<li class="entry') == 3
    assert 'And 2 more, which <a href="api/contests">' in page
    assert "more, which" not in contests_page(entries[:3], "api/")
