"""How many audiences a relay has, and when one is forgotten."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import msgspec
from aiohttp import hdrs

from cds.relay.limits import RelayLimits
from tests.cds.contest_api.serving import DEADLINE_S, Login
from tests.cds.relay.faulty_upstream import FEED, FaultyUpstream, faulty_upstream
from tests.cds.relay.relays import QUICK, RunningRelay, relaying

QUICK_TO_FORGET = msgspec.structs.replace(QUICK, idle_s_max=0.2, look_s=0.02)


@asynccontextmanager
async def stage(limits: RelayLimits) -> AsyncIterator[tuple[FaultyUpstream, RunningRelay]]:
    """An upstream with a few lines, and its relay."""
    async with faulty_upstream(5) as upstream, relaying(upstream.root, limits) as relay:
        yield upstream, relay


async def until(true: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(DEADLINE_S):
        while not true():
            await asyncio.sleep(0.01)


def account(number: int) -> Login:
    """One of many logins."""
    return f"user {number}", "password"


async def test_what_nobody_has_read_for_a_while_is_forgotten() -> None:
    """And its feed is given up; one that somebody reads stays, however long nothing happens."""
    async with stage(QUICK_TO_FORGET) as (upstream, relay):
        async with relay.caller().stream(FEED) as stream:
            await stream.until(5)
            for number in range(4):
                assert await relay.caller(account(number)).lines(FEED) == upstream.lines
            assert len(relay.audiences) == 5
            await until(lambda: len(relay.audiences) == 1)
            await until(lambda: upstream.streaming == 1)
            await asyncio.sleep(0.5)
            upstream.add()
            assert (await stream.notification())["data"] == {"name": "Tëam ☃ 5"}
        await until(lambda: len(relay.audiences) == 0)
        await until(lambda: upstream.streaming == 0)
        assert await relay.caller().lines(FEED) == upstream.lines


async def test_the_longest_unread_makes_room() -> None:
    """Where there are as many audiences as there may be; those that are read stay, and a newcomer finds no room."""
    async with stage(msgspec.structs.replace(QUICK, audiences_max=3)) as (_, relay), AsyncExitStack() as stack:
        for number in range(3):
            await relay.caller(account(number)).lines(FEED)
        kept = await stack.enter_async_context(relay.caller(account(0)).stream(FEED))
        await kept.until(5)
        await relay.caller(account(3)).lines(FEED)
        logins = {relay.audiences.fingerprint(None)} | {key.login for key in relay.audiences._audiences}
        assert len(relay.audiences) == 3
        for number in (2, 3):
            await (await stack.enter_async_context(relay.caller(account(number)).stream(FEED))).until(5)
        refused = await relay.caller(account(4)).get(FEED)
        assert refused.status == 503
        assert hdrs.RETRY_AFTER in refused.headers
        assert len(logins) == 4
        assert await relay.caller(account(3)).lines(FEED)


async def test_many_selections_of_strangers_leave_room_for_logins() -> None:
    """Anybody can ask for ever other types; only so many are followed for those who have not logged in."""
    limits = msgspec.structs.replace(QUICK, anonymous_audiences_max=2)
    async with stage(limits) as (_, relay), AsyncExitStack() as stack:
        for types in ("teams", "runs", "groups", "awards"):
            await relay.caller().lines(f"{FEED}?types={types}")
        assert len(relay.audiences) == 2
        for types in ("awards", "groups"):
            await stack.enter_async_context(relay.caller().stream(f"{FEED}?types={types}"))
        assert (await relay.caller().get(f"{FEED}?types=persons")).status == 503
        assert (await relay.caller().get(f"{FEED}?types=groups&stream=false")).status == 200
        for number in range(5):
            assert (await relay.caller(account(number)).get(f"{FEED}?stream=false")).status == 200


async def test_the_memory_of_lines_is_bounded() -> None:
    """What nobody reads goes first where the lines of all take too much."""
    async with stage(msgspec.structs.replace(QUICK, lines_bytes_max=2_500)) as (upstream, relay):
        for number in range(20):
            assert await relay.caller(account(number)).lines(FEED) == upstream.lines
        assert 1 <= len(relay.audiences) < 20
        assert sum(each.lines.size_bytes for each in relay.audiences._audiences.values()) < 2_500 + 1_000


async def test_no_password_is_kept_in_a_key() -> None:
    async with stage(QUICK) as (_, relay):
        await relay.caller(("somebody", "hunter2")).lines(FEED)
        (key,) = relay.audiences._audiences
        assert len(key.login) == 16
        assert relay.audiences.fingerprint(None) == b""
