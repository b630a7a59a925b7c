"""A match of the League of Code seen through the Contest API: what everybody sees, when, and what nobody ever does."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.acceptance.league import HOUR_MS, League, Player, league
from tests.cds.contest_api.feeds import everything, fold, token_of
from tests.cds.contest_api.real_contests import needs_schemas
from tests.cds.contest_api.serving import Json, fill
from tests.cds.contest_api.test_json_schemas import check_everything, check_feed

ROLES = ("public", "staff", "judge", "admin")
DESCRIPTION = "A description that nobody may read before the start"
DRAFT = "A draft that nobody else may ever read"
URL = "https://example.com/final"
FEED = "contests/loc-1/event-feed"
PATHS = ("", "/access", "/state", "/teams", "/problems", "/submissions", "/awards", "/scoreboard", "/event-feed")
"""Below the contest."""


@pytest.fixture
async def played(database_dsn: str) -> AsyncIterator[League]:
    """A server with accounts of every role, and no match yet."""
    await fill(database_dsn, [])
    async with league(database_dsn) as made:
        yield made


async def seen(played: League, path: str = "", role: str = "public") -> Json:
    """What somebody sees below the contest of the first match."""
    return await played.served.of_role(role).json(f"contests/loc-1{path}")


async def party(played: League, slug: str) -> list[Player]:
    """Two players in one party."""
    players = [await played.player() for _ in range(2)]
    await played.join(slug, *players)
    return players


async def settled(played: League) -> None:
    """Let everything happen that is due, as the duty does on time, and so does every request about matches."""
    await played.done("GET", "/v1/matches/list")
    contest = played.served.service_contest("loc-1")
    if contest is not None:
        await played.served.settle("loc-1")


async def whole_match(played: League) -> AsyncIterator[str]:
    """A match from its making to its leaderboard; the name of each thing that has happened."""
    slug = await played.match(title="Test match", long_description=DESCRIPTION, min_members=2)
    yield "made"
    leader, _ = await party(played, slug)
    await played.join(slug, await played.player())
    yield "joined"
    played.begin()
    await settled(played)
    yield "started"
    for title, url in ((DRAFT, "https://example.com/draft"), ("Final", URL)):
        edit = {"token": leader.token, "match": slug, "title": title, "url": url}
        await played.done("PUT", "/v1/matches/submission", edit)
    yield "edited"
    played.end()
    await settled(played)
    yield "ended"
    positions = [{"party": leader.username, "position": 1}]
    body = {"token": await played.admin(), "match": slug, "positions": positions}
    await played.done("PUT", "/v1/admin/match-leaderboard", body)
    await played.change(slug, leaderboard=True)
    yield "published"


async def test_what_everybody_sees_when(played: League) -> None:
    told: dict[str, Json] = {}
    async for happened in whole_match(played):
        told[happened] = {name: await seen(played, path) for name, path in SHOWN.items()}
    contest = told["made"]["contest"]
    assert (contest["id"], contest["name"], contest["duration"]) == ("loc-1", "Test match", "5:00:00.000")
    assert contest["ext"] == {"loc": {"slug": "test-match", "short_description": "Prepare for the future"}}
    assert told["made"] == told["joined"], "who is going to take part is nobody's business"
    assert told["started"]["contest"]["ext"]["loc"]["long_description"] == DESCRIPTION
    assert told["started"]["teams"] == [{"id": "p1", "name": "Party 1", "label": "1"}]
    assert told["started"]["state"]["started"] is not None
    assert told["edited"] == told["started"]
    (submission,) = told["ended"]["submissions"]
    assert submission["ext"] == {"loc": {"url": URL, "title": "Final", "description": ""}}
    assert (submission["team_id"], submission["problem_id"]) == ("p1", "project")
    assert told["ended"]["state"]["ended"] is not None
    assert told["ended"]["awards"] == []
    assert [each["id"] for each in told["published"]["awards"]] == ["winner", "rank-1"]


SHOWN = {
    "contest": "",
    "state": "/state",
    "teams": "/teams",
    "problems": "/problems",
    "submissions": "/submissions",
    "awards": "/awards",
}


@needs_schemas
async def test_it_is_valid_whatever_has_happened_and_feeds_fold_to_what_get_says(played: League) -> None:
    async for happened in whole_match(played):
        for role in ROLES:
            caller = played.served.of_role(role)
            await check_everything(caller, "loc-1")
            await check_feed(caller, "loc-1")
            assert fold(await caller.lines(FEED)) == await everything(caller, "loc-1"), (happened, role)


async def test_a_match_that_is_hidden_or_deleted_is_404_everywhere_and_comes_back(played: League) -> None:
    slug = await played.match(title="Test match")
    await party(played, slug)
    played.begin()
    played.end()
    await settled(played)
    before = {name: await seen(played, path) for name, path in SHOWN.items()}
    for away, back in (("delete", "undelete"), ("hide", "show")):
        await turn(played, slug, away)
        for role in ROLES:
            caller = played.served.of_role(role)
            assert [(await caller.get(f"contests/loc-1{path}")).status for path in PATHS] == [404] * len(PATHS)
            assert [each["id"] for each in await caller.json("contests")] == []
        await turn(played, slug, back)
        assert {name: await seen(played, path) for name, path in SHOWN.items()} == before
        caller = played.served.of_role("public")
        assert fold(await caller.lines(FEED)) == await everything(caller, "loc-1")


async def turn(played: League, slug: str, how: str) -> None:
    """Delete, undelete, hide or show a match."""
    if how in ("hide", "show"):
        await played.change(slug, is_visible=how == "show")
        return
    body = {"token": await played.admin(), "match": slug, "delete": how == "delete"}
    await played.done("PUT", "/v1/admin/match-delete", body)


async def test_whoever_listens_is_told_that_it_is_gone_and_that_it_is_back(played: League) -> None:
    slug = await played.match(title="Test match")
    caller = played.served.of_role("public")
    lines = await caller.lines(FEED)
    async with caller.stream(f"{FEED}?since_token={token_of(lines[-1])}") as stream:
        await turn(played, slug, "delete")
        gone = [await stream.notification() for _ in range(2)]
    assert all(each["data"] is None for each in gone)
    await turn(played, slug, "undelete")
    resumed = fold(await caller.lines(f"{FEED}?since_token={token_of(lines[-1])}"), fold(lines))
    assert resumed == await everything(caller, "loc-1")


async def test_the_duty_starts_and_ends_a_match_though_nobody_asks(played: League) -> None:
    slug = await played.match(title="Test match")
    await party(played, slug)
    caller = played.served.of_role("public")
    for type_name, wait_ms in (("teams", HOUR_MS), ("submissions", 5 * HOUR_MS)):
        played.clock.now_ms += wait_ms
        async with asyncio.timeout(20):
            while not await caller.json(f"contests/loc-1/{type_name}"):
                await asyncio.sleep(0.05)


async def test_after_a_restart_everything_is_as_it_was(played: League, database_dsn: str) -> None:
    async for _ in whole_match(played):
        pass
    before = {name: await seen(played, path) for name, path in SHOWN.items()}
    async with league(database_dsn) as again:
        again.clock.now_ms = played.clock.now_ms
        assert {name: await seen(again, path) for name, path in SHOWN.items()} == before
        listed = await again.done("GET", "/v1/matches/leaderboard", {"match": "test-match"})
        assert [each["position"] for each in listed["list"]] == [1]


async def test_two_servers_on_one_log_show_the_same(played: League, database_dsn: str) -> None:
    """What one of them has been told, also that a match is to be seen no more, the other shows in the next moment."""
    async with league(database_dsn) as other:
        other.clock = played.clock
        slug = await played.match(title="Test match")
        await other.change(slug, is_visible=False)
        for server in (played, other):
            await until_status(server, 404)
        await played.change(slug, is_visible=True)
        for server in (other, played):
            await until_status(server, 200)


async def until_status(played: League, status: int) -> None:
    """Wait until the contest of the first match is there, or is not."""
    caller = played.served.of_role("public")
    async with asyncio.timeout(20):
        while (await caller.get("contests/loc-1")).status != status:
            await asyncio.sleep(0.02)
