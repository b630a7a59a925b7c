"""The pace of a contest changes while its feed is followed: of a server of ours, through relays, by another server.

A freeze by hand is told as a moment, and which contest time that is follows from the pace. So nobody may be given a
line of one pace under a head that told of another: streams end where it changes, and whoever comes back learns it.
"""

import asyncio
import json
from collections.abc import Callable
from contextlib import AsyncExitStack

import pytest

from cds.circumstances import SYSTEM
from cds.dialects.results import Change
from cds.live_contest import LiveContest
from cds.token_keeping import token_maker
from cds.upstream.describing import source_options
from cds.upstream.source import Source
from eventstore.memory import MemoryStore
from schemas.object_types import SINGLETON_ID
from schemas.records import Settings
from tests.cds.contest_api.feeds import token_of
from tests.cds.contest_api.serving import DEADLINE_S, SERVER_ADMIN, Running, append, opened
from tests.cds.contest_api.small_contest import altered, small_contest, state
from tests.cds.relay.relays import chained

FEED = "contests/small/event-feed"


def at_pace(pace_permille: int) -> Change:
    """The contest goes on at this pace, as on the server that is followed."""
    return Change("x-settings", SINGLETON_ID, Settings(source_pace_permille=pace_permille))


@pytest.mark.parametrize("query", ["", "?types=teams"])
async def test_streams_end_where_the_pace_changes(fresh: Running, fresh_dsn: str, query: str) -> None:
    """In order, with nothing of what comes behind; it is all there for who comes back, who is told the new pace."""
    async with chained(fresh) as chain, opened(fresh_dsn) as store:
        callers = chain.callers(None)
        past = await callers[0].lines(FEED + query)
        async with AsyncExitStack() as stack:
            streams = [await stack.enter_async_context(caller.stream(FEED + query)) for caller in callers]
            await asyncio.gather(*(stream.until(len(past)) for stream in streams))
            assert [stream.response.headers.get("Contest-Pace") for stream in streams] == [None] * 3
            await append(store, "small", at_pace(2_500), altered(small_contest(), "teams", "t1", name="Late"))
            await asyncio.gather(*(stream.to_its_end() for stream in streams))
        since = f"{FEED}{query}{'&' if query else '?'}since_token={token_of(past[-1])}"
        for caller in callers:
            async with caller.stream(since) as stream:
                assert stream.response.headers.get("Contest-Pace") == "2.5"
                assert (await stream.notification())["data"]["name"] == "Late"


async def test_other_settings_end_nothing(fresh: Running, fresh_dsn: str) -> None:
    """What is told beforehand still holds."""
    async with opened(fresh_dsn) as store:
        caller = fresh.caller()
        past = await caller.lines(FEED)
        async with caller.stream(FEED) as stream:
            await stream.until(len(past))
            await append(store, "small", Change("x-settings", SINGLETON_ID, Settings(clock=False)))
            await append(store, "small", altered(small_contest(), "teams", "t1", name="Late"))
            assert (await stream.notification())["data"]["name"] == "Late"


@pytest.mark.parametrize("relays", [0, 2])
async def test_who_follows_takes_a_freeze_for_what_it_is(fresh: Running, fresh_dsn: str, relays: int) -> None:
    """A rehearsal becomes the contest itself, frozen by hand: also the public of the next server sees no results."""
    rehearsed = state(started=0, frozen=3)
    real = state(started=0, frozen=30)
    async with chained(fresh) as chain, opened(fresh_dsn) as store:
        await append(store, "small", at_pace(60_000), rehearsed)
        root = (fresh.root, chain.first.root, chain.second.root)[relays]
        username, password = SERVER_ADMIN
        options = source_options(f"{root}/api/contests/small", contest_id="c1", username=username, password=password)
        other = MemoryStore()
        contest = LiveContest("c1", other, await token_maker(other))
        following = asyncio.create_task(_held(other, Source(options, other, contest, SYSTEM, "1.0")))
        try:
            await until(lambda: contest.state.objects["state"].get(SINGLETON_ID) == rehearsed)
            assert contest.state.timeline.embargo_ms == 3 * 3_600_000
            await append(store, "small", at_pace(1_000), real)
            await until(lambda: contest.state.objects["state"].get(SINGLETON_ID) == real)
            assert contest.state.timeline.embargo_ms == 30 * 60_000
            expected = [json.loads(each) for each in await fresh.caller().lines(FEED)]
            hidden = {each["id"] for each in expected if each["type"] == "judgements"}
            bodies = contest.audience("public").collection(contest.state, "judgements", None)
            assert {json.loads(body)["id"] for body in bodies} <= hidden
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0.01)


async def _held(store: MemoryStore, source: Source) -> None:
    """Follow as a duty."""
    await store.hold(source.options.stream, source.run)
