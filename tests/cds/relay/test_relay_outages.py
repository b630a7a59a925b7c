"""When the source goes, comes back, is another one, or lets somebody in no more: what clients of a relay notice."""

import asyncio
from contextlib import AsyncExitStack
from http import HTTPStatus

import pytest
from aiohttp import hdrs

from cds.fan_out.limits import FeedLimits
from cds.token_keeping import TOKENS_SECRET
from tests.builders import KEY
from tests.cds.contest_api.feeds import token_of
from tests.cds.contest_api.serving import (
    DEADLINE_S,
    SERVER_ADMIN,
    Running,
    Stream,
    append,
    basic_authorization,
    cloned_database,
    opened,
    running,
)
from tests.cds.contest_api.small_contest import altered, small_contest
from tests.cds.contest_api.test_bad_days import taking_nothing, write_long_lines
from tests.cds.contest_api.test_http import CHIEF
from tests.cds.contest_api.test_logins import commands, ended
from tests.cds.relay.relays import RunningRelay, free_port, relaying
from tests.cds.relay.test_relay_feeds import LOGINS

FEED = "contests/small/event-feed"
TEAM = LOGINS["team-one"]
NEW = "a new line"


async def rename(dsn: str, name: str, contest_id: str = "small") -> None:
    """Change the name of a team."""
    async with opened(dsn) as store:
        await append(store, contest_id, altered(small_contest(), "teams", "t1", name=name))


async def names_until(stream: Stream, name: str) -> list[str]:
    """The names of teams that a stream tells of, up to and with one."""
    names: list[str] = []
    while name not in names[-1:]:
        told = await stream.notification()
        names.append(told["data"]["name"])
    return names


async def signs_of_life(stream: Stream, count: int) -> None:
    """So many newlines, and nothing else."""
    for _ in range(count):
        assert await stream.line() == b""


async def test_clients_stay_while_the_source_is_away(fresh_dsn: str) -> None:
    """Two relays deep: nothing but signs of life while it is away, and then what has happened meanwhile, once."""
    port = free_port()
    async with AsyncExitStack() as stack:
        async with running(fresh_dsn, port=port) as source:
            past = await source.caller().lines(FEED)
            first = await stack.enter_async_context(relaying(source.root))
            second = await stack.enter_async_context(relaying(first.root))
            streams = [
                await stack.enter_async_context(relay.caller().stream(FEED)) for relay in (first, second, second)
            ]
            for stream in streams:
                assert [await stream.line() for _ in past] == past
        for round_number in range(3):
            for stream in streams:
                await signs_of_life(stream, 3)
            await until_ready(first, ready=False)
            await rename(fresh_dsn, f"{NEW} {round_number}")
            async with running(fresh_dsn, port=port):
                for stream in streams:
                    assert await names_until(stream, f"{NEW} {round_number}") == [f"{NEW} {round_number}"]
                await until_ready(first, ready=True)


async def until_ready(relay: RunningRelay, *, ready: bool) -> None:
    """Wait until the relay says that it is ready, or that it is not."""
    async with asyncio.timeout(DEADLINE_S):
        while (await relay.caller().get(f"{relay.root}/readyz")).status != (200 if ready else 503):
            await asyncio.sleep(0.02)


async def test_what_is_good_is_answered_while_the_source_is_away(fresh_dsn: str) -> None:
    """What was asked for lately and is told of by a feed that is followed; the rest is 503, to be tried again."""
    port = free_port()
    async with AsyncExitStack() as stack:
        async with running(fresh_dsn, port=port) as source:
            relay = await stack.enter_async_context(relaying(source.root))
            caller, judge = relay.caller(), relay.caller(LOGINS["judge"])
            lines = await source.caller().lines(FEED)
            stream = await stack.enter_async_context(caller.stream(FEED))
            await stream.until(len(lines))
            teams = await caller.get("contests/small/teams")
            await judge.get("contests/small/teams")
        await until_ready(relay, ready=False)
        await asyncio.sleep(1.1)
        kept = await caller.get("contests/small/teams")
        assert (kept.status, kept.body, kept.headers["ETag"]) == (200, teams.body, teams.headers["ETag"])
        assert await caller.lines(FEED) == lines
        assert await caller.lines(f"{FEED}?since_token={token_of(lines[4])}") == lines[5:]
        for asking, path in (
            (caller, "contests/small/problems"),
            (judge, "contests/small/teams"),
            (judge, FEED),
            (caller, f"{FEED}?since_token={'x' * 34}"),
            (caller, "contests"),
            (caller, ""),
        ):
            refused = await asking.get(path)
            assert refused.status == HTTPStatus.SERVICE_UNAVAILABLE
            assert int(refused.headers[hdrs.RETRY_AFTER]) >= 1
            assert refused.json["code"] == 503


async def test_a_source_that_was_restored_from_an_older_state(small_template: str) -> None:
    """Streams end; tokens of what is no more are refused everywhere; whoever reads anew gets what is there now."""
    port = free_port()
    async with AsyncExitStack() as stack:
        newer = await stack.enter_async_context(cloned_database(small_template))
        older = await stack.enter_async_context(cloned_database(small_template))
        for dsn in (newer, older):
            async with opened(dsn) as store:
                await store.secret(TOKENS_SECRET, lambda: KEY)
        async with running(newer, port=port) as source:
            first = await stack.enter_async_context(relaying(source.root))
            second = await stack.enter_async_context(relaying(first.root))
            common = await source.caller().lines(FEED)
            callers = [first.caller(), second.caller()]
            streams = [await stack.enter_async_context(caller.stream(FEED)) for caller in callers]
            await rename(newer, "only there")
            for stream in streams:
                await stream.until(len(common) + 1)
            lost = (await source.caller().lines(FEED))[-1]
        await rename(older, "only here")
        async with running(older, port=port) as source:
            for stream in streams:
                await ended(stream)
            lines = await source.caller().lines(FEED)
            assert lines[:-1] == common
            for caller in callers:
                assert (await caller.get(f"{FEED}?since_token={token_of(lost)}")).status == 400
                assert await caller.lines(FEED) == lines
                assert await caller.lines(f"{FEED}?since_token={token_of(common[-1])}") == lines[-1:]
                assert (await caller.json("contests/small/teams/t1"))["name"] == "only here"


async def test_a_disabled_account_loses_its_streams_and_its_answers(fresh: Running, fresh_dsn: str) -> None:
    """Of all relays; others are not concerned. When it is enabled again, it is let in again."""
    assert TEAM is not None
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(relaying(fresh.root))
        second = await stack.enter_async_context(relaying(first.root))
        past = {entry: len(await fresh.caller(entry).lines(FEED)) for entry in (TEAM, LOGINS["team-two"])}
        theirs = [await stack.enter_async_context(relay.caller(TEAM).stream(FEED)) for relay in (first, second, second)]
        other = await stack.enter_async_context(second.caller(LOGINS["team-two"]).stream(FEED))
        await other.until(past[LOGINS["team-two"]])
        for stream in theirs:
            await stream.until(past[TEAM])
        for relay in (first, second):
            assert (await relay.caller(TEAM).get("contests/small/submissions")).status == 200
        await commands(fresh_dsn).set_disabled("team-one", disabled=True)
        for stream in theirs:
            await ended(stream)
        for relay in (first, second):
            for path in (FEED, "contests/small/submissions", "contests/small", "contests"):
                assert (await relay.caller(TEAM).get(path)).status == 401
        await signs_of_life(other, 2)
        await commands(fresh_dsn).set_disabled(TEAM[0], disabled=False)
        for relay in (first, second):
            async with asyncio.timeout(DEADLINE_S):
                while (await relay.caller(TEAM).get(FEED + "?stream=false")).status != 200:
                    await asyncio.sleep(0.05)


async def test_a_client_that_takes_nothing_is_cut_off_and_slows_nobody_down(fresh_dsn: str) -> None:
    limits = FeedLimits(stalled_s=1.0)
    async with running(fresh_dsn) as source, relaying(source.root, feed_limits=limits) as relay:
        past = len(await source.caller(CHIEF).lines(FEED))
        with taking_nothing(relay, FEED) as client:
            async with relay.caller(CHIEF).stream(FEED) as quick:
                await quick.until(past)
                await write_long_lines(source, fresh_dsn)
                assert (await quick.until(200))[-1]["data"]["name"].startswith("199 ")
                async with asyncio.timeout(DEADLINE_S):
                    while relay.feed_clients > 1:
                        await asyncio.sleep(0.05)
            assert client.fileno() >= 0
        assert await relay.caller(CHIEF).lines(FEED) == await source.caller(CHIEF).lines(FEED)


async def test_a_slow_client_gets_everything(fresh: Running, fresh_dsn: str) -> None:
    """It falls behind by more than all buffers hold, and reads on at its own speed."""
    async with relaying(fresh.root) as relay:
        past = await fresh.caller(CHIEF).lines(FEED)
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.server.port, limit=1 << 16)
        request = f"GET /api/{FEED} HTTP/1.0\r\nHost: x\r\nAuthorization: {basic_authorization(CHIEF)}\r\n\r\n"
        writer.write(request.encode())
        await reader.readuntil(b"\r\n\r\n")
        await write_long_lines(fresh, fresh_dsn)
        expected = await fresh.caller(CHIEF).lines(FEED)
        assert len(expected) == len(past) + 200
        got = b""
        async with asyncio.timeout(DEADLINE_S):
            while got.count(b'"token"') < len(expected):
                got += await reader.read(1 << 20)
                await asyncio.sleep(0.002)
        writer.close()
        assert [line for line in got.split(b"\n") if line] == expected


async def test_a_relay_that_is_told_to_stop_ends_its_streams_properly(fresh: Running) -> None:
    past = len(await fresh.caller().lines(FEED))
    async with relaying(fresh.root) as relay, relay.caller().stream(FEED) as stream:
        await stream.until(past)
        async with asyncio.timeout(2.0):
            await relay.server.stop()
        await ended(stream)


@pytest.mark.parametrize("path", [FEED, "contests/small/teams"])
async def test_a_login_that_is_not_right_is_told_so_by_the_source(fresh: Running, path: str) -> None:
    """401 with the challenge, 404, and 429 after too many guesses: as the source answers, at any depth."""
    async with relaying(fresh.root) as first, relaying(first.root) as second:
        wrong = await second.caller(("nobody", "x")).get(path)
        expected = await fresh.caller(("nobody", "x")).get(path)
        assert (wrong.status, wrong.body) == (expected.status, expected.body) == (401, expected.body)
        assert wrong.headers[hdrs.WWW_AUTHENTICATE] == expected.headers[hdrs.WWW_AUTHENTICATE]
        nowhere = await second.caller().get(path.replace("small", "nowhere"))
        assert nowhere.status == 404
        async with asyncio.timeout(DEADLINE_S):
            number = 0
            while (slowed := await second.caller((SERVER_ADMIN[0], f"guess {number}")).get(path)).status == 401:
                number += 1
        assert slowed.status == 429
        assert int(slowed.headers[hdrs.RETRY_AFTER]) >= 1
        assert slowed.json["code"] == 429
        assert (await second.caller().get(path)).status == 200 if path != FEED else True
