"""Delivery of a feed while the contest runs: live lines in every form, large releases, places, what is counted."""

import asyncio
import json
from contextlib import AsyncExitStack

from aiohttp import hdrs

from cds import metrics
from cds.fan_out.limits import FeedLimits
from tests.cds.contest_api.feeds import token_of
from tests.cds.contest_api.raw_feeds import FEED, GZIP, PLAIN, SSE, RawFeed, events, raw_feed
from tests.cds.contest_api.serving import DEADLINE_S, Caller, Running, append, opened, running
from tests.cds.contest_api.small_contest import altered, login, small_contest
from tests.cds.contest_api.test_http import CHIEF, check_error
from tests.cds.fan_out.fake_feeds import unzipped

LONG_NAME = "x" * 3_000
RELEASED_LINES = 400
"""Together far more than a live block may have, and less than what connections hold in their buffers."""


async def test_live_events_signs_of_life_and_a_proper_end(fresh_dsn: str) -> None:
    """Each compressed line can be read at once, and the stream ends as a whole when the server stops."""
    async with running(fresh_dsn, keep_alive_s=0.2) as server, opened(fresh_dsn) as store:
        last = token_of((await server.caller(CHIEF).lines(FEED))[-1])
        async with raw_feed(server, f"?since_token={last}", SSE | GZIP) as feed:
            await append(store, "small", altered(small_contest(), "teams", "t1", label="100"))
            while not events(unzipped(feed.payload, whole=False)):
                assert await feed.read()
            while b"\n:\n\n" not in unzipped(feed.payload, whole=False):
                assert await feed.read()
            stopping = asyncio.create_task(server.server.stop())
            content = unzipped(await feed.to_its_end(), whole=True)
            await stopping
    assert [json.loads(event["data"])["data"]["label"] for event in events(content)] == ["100"]


async def test_a_release_reaches_everybody_whole_and_in_order(fresh: Running, fresh_dsn: str) -> None:
    """More lines than go to live clients at once, to readers of every kind."""
    changes = [altered(small_contest(), "teams", "t1", name=f"{n} {LONG_NAME}") for n in range(RELEASED_LINES)]
    last = token_of((await fresh.caller(CHIEF).lines(FEED))[-1])
    async with AsyncExitStack() as stack:
        feeds = [
            await stack.enter_async_context(raw_feed(fresh, f"?since_token={last}", headers))
            for headers in (PLAIN, GZIP) * 3
        ]
        async with opened(fresh_dsn) as store:
            await append(store, "small", *changes)
        received = await asyncio.gather(*(until_lines(feed, RELEASED_LINES) for feed in feeds))
    assert all(lines == received[0] for lines in received)
    assert received[0] == await fresh.caller(CHIEF).lines(f"{FEED}?since_token={last}")


async def until_lines(feed: RawFeed, count: int) -> list[bytes]:
    """So many lines, signs of life left out."""
    while True:
        content = unzipped(feed.payload, whole=False) if hdrs.CONTENT_ENCODING in feed.headers else feed.payload
        lines = [line for line in content.split(b"\n")[:-1] if line]
        if len(lines) >= count:
            return lines
        assert await feed.read()


async def test_when_all_places_are_taken_only_who_has_logged_in_gets_another(fresh_dsn: str) -> None:
    limits = FeedLimits(clients_of_contest_max=3, places_for_logins=1)
    async with running(fresh_dsn, feed_limits=limits) as server, AsyncExitStack() as stack:
        anonymous = server.caller()
        for _ in range(2):
            await stack.enter_async_context(anonymous.stream(FEED))
        await expect_full(anonymous)
        assert (await anonymous.get("contests/other/event-feed?stream=false")).status == 200
        async with server.caller(CHIEF).stream(FEED):
            await expect_full(server.caller(CHIEF))
        await until_there_is_a_place(server.caller(CHIEF))


async def expect_full(caller: Caller) -> None:
    """The answer is 503, says when to come back, and comes for HEAD too."""
    answer = await caller.get(f"{FEED}?stream=false")
    check_error(answer.status, answer.body, answer.headers["Content-Type"], 503)
    assert int(answer.headers["Retry-After"]) > 0
    assert (await caller.ask("HEAD", FEED)).status == 503


async def until_there_is_a_place(caller: Caller) -> None:
    """Whoever has left makes room."""
    async with asyncio.timeout(DEADLINE_S):
        while (await caller.get(f"{FEED}?stream=false")).status != 200:
            await asyncio.sleep(0.02)


async def test_clients_are_counted_while_they_are_there(fresh: Running) -> None:
    counted = metrics.FEED_CLIENTS.labels("judge", "ndjson+gzip")
    before = counted._value.get()
    async with fresh.caller(login("small", "judge")).stream(FEED) as stream:
        await stream.notification()
        assert counted._value.get() == before + 1
    async with asyncio.timeout(DEADLINE_S):
        while counted._value.get() != before:
            await asyncio.sleep(0.02)
