"""Where the address says who somebody is, or whether he is let in, it does so in everything that an edge passes on.

Feeds and scoreboards are passed on too, once for all who may be told the same: in other versions of the API, with the
strict words, and of contests that are not published. One contest here logs in a seat by its address, another lets its
accounts in from their addresses alone, and is not published.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from ipaddress import ip_network
from typing import Any

import aiohttp
import msgspec
import pytest
import pytest_asyncio
from aiohttp import hdrs

from cds.cms_api.settings import CmsSettings
from schemas.objects import Clarification
from tests.cds.contest_api.serving import (
    DEADLINE_S,
    SERVER_ADMIN,
    Answer,
    Login,
    Running,
    Stream,
    append,
    cloned_database,
    opened,
    running,
)
from tests.cds.contest_api.small_contest import STATES, altered, login, moment, small_contest, state
from tests.cds.edge.edges import SECRET, RunningEdge, edging, published_to, told, until
from tests.nats_servers import nats_server

pytestmark = pytest.mark.asyncio(loop_scope="session")

SEAT, STRANGER = "10.9.9.1", "203.0.113.5"
RESTRICTED, TEAM = "other", login("other", "team-one")
FOREIGN: dict[str, str] = {hdrs.ORIGIN: "https://evil.example"}
FEEDS = [
    "contests/small/event-feed?strict=1",
    "2023-06/contests/small/event-feed",
    "contests/late/event-feed",
]


class Both(msgspec.Struct, frozen=True):
    """A core and an edge of it."""

    core: Running
    edge: RunningEdge

    async def answers(self, path: str, address: str, who: Login | None = None, **headers: str) -> tuple[Answer, Answer]:
        """What the core answers somebody at an address, and what the edge does."""
        caller = self.core.caller(who)
        asked = {"Contest-Edge": SECRET, "Contest-Edge-Client": address, **headers}
        if not headers:
            asked["Contest-Edge-Page"] = "own"
        return await caller.get(path, headers=asked), await self.at_edge(path, address, who, **headers)

    async def at_edge(self, path: str, address: str, who: Login | None = None, **headers: str) -> Answer:
        """What the edge answers."""
        told: dict[str, str] = {hdrs.X_FORWARDED_FOR: address}
        return await self.edge.caller(who).get(path, headers=told | headers)

    def staying(self, path: str, who: Login | None = None, **headers: str) -> Any:
        """A stream at the edge, of somebody at the seat."""
        caller = self.edge.caller(who)
        asked: dict[str, str] = {hdrs.X_FORWARDED_FOR: SEAT}
        asked |= {str(name): value for name, value in caller._headers.items()} | headers
        return caller.session.get(caller.url(path), headers=asked, timeout=aiohttp.ClientTimeout(total=None))

    async def say(self, contest_id: str, number: int, to: str | None = None) -> None:
        """Have the jury say something, to one team or to all."""
        teams = None if to is None else [to]
        said = Clarification(
            id=f"said-{number}", text="now", time=moment(250), contest_time="4:10:00.000", to_team_ids=teams
        )
        await self.core.level_with(contest_id, await append(self.core.store, contest_id, said))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def both(small_template: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Both]:
    """Only the tests that say something write, and to nobody who is asked for by others."""
    directory = tmp_path_factory.mktemp("addresses")
    async with AsyncExitStack() as stack:
        dsn = await stack.enter_async_context(cloned_database(small_template))
        async with opened(dsn) as store:
            for contest_id in ("small", "late", RESTRICTED):
                contents = small_contest(contest_id)
                await append(store, contest_id, altered(contents, "accounts", "team-one", ip=SEAT))
        nats = await stack.enter_async_context(nats_server(directory / "nats"))
        core = await stack.enter_async_context(
            running(
                dsn,
                keep_alive_s=0.2,
                auto_login=True,
                cms=CmsSettings(contest_id="small"),
                **published_to(nats, contest_ids={"small"}),
            )
        )
        only_there = {"ext": {"cms": {"ip_restriction": True}}}
        assert (await core.caller(SERVER_ADMIN).ask("PATCH", f"contests/{RESTRICTED}", json=only_there)).status == 200
        here = (ip_network("127.0.0.1/32"),)
        edge = await stack.enter_async_context(edging(core.root, nats, directory, trusted_proxies=here))
        await edge.follows("small")
        yield Both(core, edge)


@pytest.mark.parametrize("path", FEEDS)
async def test_the_seat_has_its_own_feed_where_it_is_relayed(both: Both, path: str) -> None:
    """Whoever comes first: the same words of others are another feed, also from a page of another host."""
    whole = f"{path}{'&' if '?' in path else '?'}stream=false"
    public = [(STRANGER, dict[str, str]()), (SEAT, FOREIGN)]
    bodies = []
    for address, headers in (public[0], (SEAT, {}), public[1], (SEAT, {})):
        at_core, at_edge = await both.answers(whole, address, None, **headers)
        assert (at_core.status, told(at_edge)) == (200, told(at_core)), (address, headers)
        bodies.append(at_edge.body)
    assert bodies[0] == bodies[2] != bodies[1] == bodies[3]
    assert b'"s6"' in bodies[1]
    assert b'"s6"' not in bodies[0]


async def test_the_seat_is_told_what_is_for_its_team_alone_as_long_as_it_follows(both: Both) -> None:
    """The feed is asked for twice, first for what there is, then for what comes."""
    for number, path in enumerate(FEEDS[::2]):
        contest_id = path.split("/")[1]
        async with both.staying(path) as response:
            stream = Stream(response)
            while (await stream.line()) != b"":
                continue
            await both.say(contest_id, number, to="t1")
            assert (await stream.notification())["id"] == f"said-{number}"


async def test_a_board_that_is_relayed_is_that_of_the_seat(both: Both) -> None:
    """Of the contest that lets nobody in from elsewhere: it is followed on, and from elsewhere nobody joins it."""
    path, events = f"contests/{RESTRICTED}/scoreboard", {hdrs.ACCEPT: "text/event-stream"}
    async with both.staying(path, TEAM, **events) as response:
        assert response.status == 200
        assert b"frozen" in await _board(response)
        assert (await both.at_edge(path, STRANGER, TEAM, **events)).status == 401
        ended = state(**STATES["frozen"], ended=300)
        await both.core.level_with(RESTRICTED, await append(both.core.store, RESTRICTED, ended))
        assert moment(300).encode() in await _board(response)


async def _board(response: aiohttp.ClientResponse) -> bytes:
    """The next event that tells of a board."""
    async with asyncio.timeout(DEADLINE_S):
        event = b""
        while b"data: " not in event:
            event = await response.content.readuntil(b"\n\n")
            assert event, "it has come to its end"
    return event


async def test_who_is_let_in_from_his_seat_alone_is_so_at_every_look(both: Both) -> None:
    """Kept answers and open feeds of the seat are not for who brings the same password from elsewhere."""
    feed = f"contests/{RESTRICTED}/event-feed"
    async with both.staying(feed, TEAM) as response:
        assert response.status == 200
        stream = Stream(response)
        while (await stream.line()) != b"":
            continue
        for path in (f"contests/{RESTRICTED}/submissions", f"{feed}?stream=false", f"{feed}?types=teams&stream=false"):
            for address, status in ((SEAT, 200), (STRANGER, 401), (SEAT, 200)):
                at_core, at_edge = await both.answers(path, address, TEAM)
                assert (at_core.status, told(at_edge)) == (status, told(at_core)), (path, address)
        audiences = both.edge.server._audiences
        assert audiences is not None
        (followed,) = [
            each for key, each in audiences._audiences.items() if key.contest_id == RESTRICTED and key.everything
        ]
        await until(lambda: followed.connected)
        await both.say(RESTRICTED, 9)
        assert (await stream.notification())["id"] == "said-9"
        assert followed.ended is None


async def test_what_is_of_no_single_contest_knows_the_seat_too(both: Both) -> None:
    """The list of contests, and the API of CMS at the root; and nobody gets what the seat was answered."""
    for path in ("contests", "2023-06/contests", "task_list"):
        for address in (STRANGER, SEAT, STRANGER):
            at_core, at_edge = await both.answers(path, address)
            assert told(at_edge) == told(at_core), (path, address)
    assert b"not open" in (await both.at_edge("task_list", SEAT)).body
    assert b"authenticated user" in (await both.at_edge("task_list", STRANGER)).body
    private = (await both.at_edge("contests", SEAT)).headers[hdrs.CACHE_CONTROL]
    assert "private" in private


async def test_that_addresses_begin_to_count_is_seen_also_where_nothing_is_published(both: Both) -> None:
    """What the edge has once been told of a contest that it does not follow it asks again while somebody comes."""
    path = "contests/early/access"
    before, at_edge = await both.answers(path, SEAT)
    assert told(at_edge) == told(before)
    seated = altered(small_contest("early", "before"), "accounts", "team-one", ip=SEAT)
    await both.core.level_with("early", await append(both.core.store, "early", seated))
    at_core, _ = await both.answers(path, SEAT)
    assert at_core.body != before.body
    async with asyncio.timeout(DEADLINE_S):
        while told(await both.at_edge(path, SEAT)) != told(at_core):
            continue
    assert told(await both.at_edge(path, STRANGER)) == told(before)
