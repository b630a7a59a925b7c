"""What edges alone may ask of the core: with the secret all that they need, without it not even that it is there."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import msgspec
import pytest
import pytest_asyncio

from cds.contest_api import told_reading
from cds.contest_api.edge_word import passing_word
from cds.contest_api.service import PAGES_TOLD_AT_ONCE_MAX
from cds.contest_api.told_reading import ToldReading
from cds.live_contest import LiveContest
from cds.role_tags import RoleTags
from projections.feed_lines import ALL_TYPES_MASK
from projections.tokens import PLACE_CHARACTERS, ViewTags
from projections.told import Page, decode_page
from projections.told_lines import COMMON
from schemas.edges import EdgeViewer
from schemas.objects import Account
from schemas.viewers import ROLES
from tests.cds.contest_api.serving import Answer, Caller, Running, append, cloned_database, running, server_login
from tests.cds.contest_api.small_contest import login
from tests.cds.jetstream.published import SECRET, becomes, lines_of

CONTEST = "small"
WITH_SECRET = {"Contest-Edge": SECRET}
VIEWER, LINES = f"contests/{CONTEST}/x-viewer", f"contests/{CONTEST}/x-lines"


pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def core(small_template: str) -> AsyncIterator[Running]:
    """A core for edges. The one test that writes there writes what no other looks at."""
    async with cloned_database(small_template) as dsn, running(dsn, edge_secret=SECRET, auto_login=True) as server:
        yield server


async def viewer_told(caller: Caller, contest_id: str = CONTEST) -> EdgeViewer:
    answer = await caller.get(f"contests/{contest_id}/x-viewer", headers=WITH_SECRET)
    assert answer.status == 200, answer.body
    return msgspec.json.decode(answer.body, type=EdgeViewer)


async def page(core: Running, query: str) -> Page:
    answer = await core.caller().get(f"{LINES}?{query}", headers=WITH_SECRET)
    assert answer.status == 200, answer.body
    return decode_page(answer.body)


def same(one: Answer, other: Answer) -> bool:
    """Whether two answers differ in nothing but the path that they name."""
    return one.status == other.status and one.body.replace(b"x-nothing", b"") == other.body.replace(b"x-viewer", b"")


@pytest.mark.parametrize("word", [None, "", SECRET[:-1], "ä", passing_word(SECRET)])
async def test_without_the_secret_there_is_nothing(core: Running, word: str | None) -> None:
    """Also with what stands in requests that an edge passes on."""
    headers = {} if word is None else {"Contest-Edge": word}
    for caller in (core.caller(), core.of_role("admin"), core.caller(("admin", "wrong"))):
        nothing = await caller.get(f"contests/{CONTEST}/x-nothing", headers=headers)
        assert nothing.status in (401, 404)
        assert same(nothing, await caller.get(VIEWER, headers=headers))
        assert (await caller.get(f"{LINES}?role=public", headers=headers)).status == nothing.status
        for method in ("HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            asked = [
                await caller.ask(method, path, headers=headers)
                for path in (f"contests/{CONTEST}/x-nothing", VIEWER, LINES)
            ]
            assert len({(each.status, each.headers.get("Allow")) for each in asked}) == 1, (method, asked)


@pytest.mark.parametrize("word", [SECRET, passing_word(SECRET)])
async def test_an_edge_on_the_machine_of_the_core_is_none_of_its_programs(core: Running, word: str) -> None:
    """What it passes on may come from anywhere, whatever the path is that its client has written."""
    told = {"Contest-Edge": word, "Contest-Edge-Client": "127.0.0.1", "Contest-Edge-Page": "own"}
    assert (await core.caller().get(f"{core.root}/metrics")).status == 200
    assert (await core.caller().get(f"{core.root}/metrics", headers=told)).status == 401


async def test_a_core_without_a_secret_has_no_edges(served: Running) -> None:
    for secret in ("", SECRET, "None"):
        for path in (VIEWER, f"{LINES}?role=public"):
            assert (await served.caller().get(path, headers={"Contest-Edge": secret})).status == 404


@pytest.mark.parametrize("role", [role for role in ROLES if role != "team"])
async def test_who_asks_and_the_key_of_their_tokens(core: Running, role: str) -> None:
    told = await viewer_told(core.of_role(role))
    named = server_login(role)
    assert (told.role, told.anonymous, told.team_id) == (role, role == "public", None)
    assert told.username == (None if named is None else named[0])
    token = await last_token(core.of_role(role))
    assert ViewTags(bytes.fromhex(told.view_key)).place_of(token, ALL_TYPES_MASK) == token[:PLACE_CHARACTERS].encode()
    others = {(await viewer_told(core.of_role(other))).view_key for other in ROLES if other not in (role, "team")}
    assert told.view_key not in others


async def test_a_team_is_told_with_its_own_view(core: Running) -> None:
    team = core.caller(login(CONTEST, "team-one"))
    told = await viewer_told(team)
    assert (told.role, told.team_id, told.anonymous) == ("team", "t1", False)
    assert told.account_id is not None
    token = await last_token(team)
    assert ViewTags(bytes.fromhex(told.view_key)).tag(ALL_TYPES_MASK).decode() == token[PLACE_CHARACTERS:]


async def test_wrong_credentials_and_unknown_contests_are_answered_as_ever(core: Running) -> None:
    assert (await core.caller(("admin", "wrong")).get(VIEWER, headers=WITH_SECRET)).status == 401
    assert (await core.caller().get("contests/none/x-viewer", headers=WITH_SECRET)).status == 404
    assert (await core.caller().get("contests/none/x-lines?role=public", headers=WITH_SECRET)).status == 404


async def test_it_is_told_whether_addresses_count(core: Running) -> None:
    assert not (await viewer_told(core.caller())).by_address
    account = Account(id="by-address", username="by-address", type="judge", ip="192.0.2.7")
    await core.level_with(CONTEST, await append(core.store, CONTEST, account))
    assert (await viewer_told(core.caller())).by_address
    # Where accounts are let in from their addresses alone, nobody is logged in by one, and it counts all the same.
    assert not (await viewer_told(core.caller(), "other")).by_address
    said = {"ext": {"cms": {"ip_restriction": True}}}
    assert (await core.of_role("admin").ask("PATCH", "contests/other", json=said)).status == 200
    assert (await viewer_told(core.caller(), "other")).by_address


@pytest.mark.parametrize("role", ROLES)
async def test_pages_are_the_lines_of_an_audience(core: Running, role: str, monkeypatch: pytest.MonkeyPatch) -> None:
    contest = core.service_contest(CONTEST)
    assert contest is not None
    expected = await lines_of(contest, role)  # type: ignore[arg-type]  # it is one of ROLES
    whole = await page(core, f"role={role}")
    assert [(told.team_id, line) for told in whole.told for line in told.lines] == expected
    assert not whole.more
    assert set(whole.last) == {told.team_id or "" for told in whole.told}
    # Behind any message comes the rest, and up to it what was before; whose line it is makes no difference.
    for number in range(1, len(whole.told), 7):
        before = whole.told[:number]
        token = token_of(core, role, before[-1].team_id, before[-1].lines[-1].body)
        rest = await page(core, f"role={role}&after={token}")
        behind = [(told.team_id, line) for told in rest.told for line in told.lines]
        count = sum(len(told.lines) for told in before)
        assert expected[count:] == behind[-len(expected[count:]) :]
        at_place = before[-1].lines[-1].body[-PLACE_CHARACTERS:]
        again = behind[: len(behind) - len(expected[count:])]
        assert all(line.body.endswith(at_place) for _, line in again), "only lines of the same place may come again"
        until = await page(core, f"role={role}&until={token}")
        told_until = [(told.team_id, line) for told in until.told for line in told.lines]
        assert told_until == expected[: len(told_until)]
        assert told_until[-1][1].body.endswith(at_place)
        nothing = await page(core, f"role={role}&after={token}&until={token}")
        assert all(line.body.endswith(at_place) for told in nothing.told for line in told.lines)
    head = await page(core, f"role={role}&head=1")
    team = whole.told[-1].team_id or ""
    assert head == Page((), {team: whole.last[team]}, more=False), "the last line of all, and nothing else"
    monkeypatch.setattr(told_reading, "PAGE_BYTES_MAX", 1)
    assert await page(core, f"role={role}") == whole, "one segment is not cut"


async def test_pages_follow_one_another(small_template_copy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("projections.feed_lines.SEGMENT_LINES_MAX", 10)
    monkeypatch.setattr(told_reading, "PAGE_BYTES_MAX", 1)
    async with running(small_template_copy, edge_secret=SECRET) as core:
        contest = core.service_contest(CONTEST)
        assert contest is not None
        expected = await lines_of(contest, "judge")
        found, query, pages = [], "role=judge", 0
        while True:
            told = await page(core, query)
            found += [line for each in told.told for line in each.lines]
            pages += 1
            if not told.more:
                break
            query = f"role=judge&after={told.last['']}"
        assert pages > 2
        assert found == [line for _, line in expected]
        monkeypatch.setattr(told_reading, "PAGE_BYTES_MAX", 1024 * 1024)
        await assert_others_are_served(core, contest, len(expected) // 10)


async def assert_others_are_served(core: Running, contest: LiveContest, times: int) -> None:
    """While one page is made of many segments others have their turns in between, once for each at least."""
    service, served = core.server.service, 0
    reading = ToldReading(contest, "judge", service.tokens, service.store)
    making = asyncio.create_task(reading.page(None, None, service.pages_told))
    while not making.done():
        served += 1
        await asyncio.sleep(0)
    assert served > times > 2
    assert not (await making).more


async def test_few_pages_are_made_at_the_same_time(core: Running) -> None:
    """Whoever asks for another waits; how far has been told is said at once, and so is who asks."""
    turns = core.server.service.pages_told
    async with AsyncExitStack() as taken:
        for _ in range(PAGES_TOLD_AT_ONCE_MAX):
            await taken.enter_async_context(turns)
        waiting = asyncio.create_task(page(core, "role=public"))

        async def waits() -> bool:
            return bool(turns._waiters)

        await becomes(waits)
        head = await page(core, "role=public&head=1")
        await viewer_told(core.caller())
        assert not waiting.done()
    assert (await waiting).last == head.last


async def test_a_token_of_any_team_is_known_by_its_tag(core: Running) -> None:
    """A tag of nobody here is refused as tokens of other views are."""
    contest = core.service_contest(CONTEST)
    assert contest is not None
    _, line = (await lines_of(contest, "team"))[-1]
    for team in (None, *contest.state.objects["teams"]):
        after = token_of(core, "team", team, line.body)
        behind = (await page(core, f"role=team&after={after}")).told
        assert all(each == line for told in behind for each in told.lines)
    of_nobody = token_of(core, "team", "nobody", line.body)
    tags = RoleTags(contest, "team", core.server.service.tokens)
    assert tags.team_of(of_nobody[PLACE_CHARACTERS:], ("t1", "t2")) == COMMON
    assert tags.team_of(of_nobody[PLACE_CHARACTERS:], ("t1", "nobody")) == "nobody"
    assert (await core.caller().get(f"{LINES}?role=team&after={of_nobody}", headers=WITH_SECRET)).status == 400


@pytest.mark.parametrize(
    "query", ["", "role=nobody", "role=public&after=x", "role=public&until=x", f"role=public&after={'A' * 34}"]
)
async def test_what_makes_no_sense_is_refused(core: Running, query: str) -> None:
    assert (await core.caller().get(f"{LINES}?{query}", headers=WITH_SECRET)).status == 400


async def test_a_token_of_another_view_is_refused(core: Running) -> None:
    token = await last_token(core.of_role("judge"))
    assert (await core.caller().get(f"{LINES}?role=judge&after={token}", headers=WITH_SECRET)).status == 200
    assert (await core.caller().get(f"{LINES}?role=admin&after={token}", headers=WITH_SECRET)).status == 400


def token_of(core: Running, role: str, team_id: str | None, body: bytes) -> str:
    """The token that ends a line, for the readers that it was told to."""
    from cds.view_names import view_name
    from schemas.viewers import Viewer

    contest = core.service_contest(CONTEST)
    assert contest is not None
    view = view_name(contest, Viewer(role=role, team_id=team_id))  # type: ignore[arg-type]  # it is one of ROLES
    return (body[-PLACE_CHARACTERS:] + core.server.service.tokens.tag(view, ALL_TYPES_MASK)).decode()


async def last_token(caller: Caller) -> str:
    """The token of the last line of a feed."""
    return msgspec.json.decode((await caller.lines(f"contests/{CONTEST}/event-feed"))[-1])["token"]  # type: ignore[no-any-return]  # it is JSON
