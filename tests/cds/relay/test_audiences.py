"""How many audiences a relay has, and when one is forgotten."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from ipaddress import ip_network

import msgspec
import pytest
from aiohttp import hdrs

from cds.operations.request_marks import REQUEST_ID_HEADER
from cds.relay.limits import RelayLimits
from cds.relay.upstream import UpstreamRefused
from tests.cds.contest_api.serving import DEADLINE_S, Login, Stream
from tests.cds.relay.faulty_upstream import FEED, TEAMS, FaultyUpstream, Trouble, faulty_upstream
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


def at(address: str) -> dict[str, str]:
    """What a proxy says of a client at an address."""
    return {hdrs.X_FORWARDED_FOR: address}


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
    limits = msgspec.structs.replace(QUICK, anonymous_selections_max=2)
    async with stage(limits) as (_, relay), AsyncExitStack() as stack:
        for types in ("teams", "runs", "groups", "awards"):
            await relay.caller().lines(f"{FEED}?types={types}")
        assert len(relay.audiences) == 2
        for types in ("awards", "groups"):
            await stack.enter_async_context(relay.caller().stream(f"{FEED}?types={types}"))
        assert (await relay.caller().get(f"{FEED}?types=persons")).status == 503
        assert (await relay.caller().get(f"{FEED}?types=groups&stream=false")).status == 200
        assert (await relay.caller().get(f"{FEED}?stream=false")).status == 200
        for number in range(5):
            assert (await relay.caller(account(number)).get(f"{FEED}?stream=false")).status == 200


async def test_one_address_leaves_selections_for_others() -> None:
    """A place that one stranger holds is none for the next; what is followed already is open to all."""
    limits = msgspec.structs.replace(QUICK, selections_of_address_max=2)
    proxies = (ip_network("127.0.0.0/8"),)
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(faulty_upstream(5))
        relay = await stack.enter_async_context(relaying(upstream.root, limits, trusted_proxies=proxies))
        for types in ("teams", "runs"):
            url = relay.caller().url(f"{FEED}?types={types}")
            await stack.enter_async_context(relay.session.get(url, headers=at("192.0.2.1")))
        for address, types, status in (
            ("192.0.2.1", "groups", 503),
            ("192.0.2.1", "runs", 200),
            ("192.0.2.2", "runs", 200),
            ("192.0.2.2", "groups", 200),
        ):
            answer = await relay.caller().get(f"{FEED}?types={types}&stream=false", headers=at(address))
            assert answer.status == status, (address, types)


async def test_a_few_addresses_do_not_take_all_selections() -> None:
    """Who comes when none is left gets one of those who have most; who has as many gets none."""
    limits = msgspec.structs.replace(QUICK, selections_of_address_max=2, anonymous_selections_max=4)
    proxies = (ip_network("127.0.0.0/8"),)
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(faulty_upstream(5))
        relay = await stack.enter_async_context(relaying(upstream.root, limits, trusted_proxies=proxies))
        caller, held = relay.caller(), []
        for number, types in enumerate(("teams", "runs", "groups", "persons", "awards")):
            url, address = caller.url(f"{FEED}?types={types}"), f"192.0.2.{number // 2}"
            held.append(Stream(await stack.enter_async_context(relay.session.get(url, headers=at(address)))))
            assert held[-1].response.status == 200
            await held[-1].until(5)
        assert len(relay.audiences) == 4
        await held[1].to_its_end()
        upstream.add()
        for stream in (held[0], *held[2:]):
            await stream.until(1)
        for address, status in (("192.0.2.1", 503), ("192.0.2.2", 503), ("192.0.2.3", 200)):
            answer = await caller.get(f"{FEED}?types=languages&stream=false", headers=at(address))
            assert answer.status == status, address


async def test_what_a_feed_takes_no_notice_of_makes_no_other_feed() -> None:
    """Or strangers could have ever more followed, and leave no place for others."""
    async with stage(QUICK) as (upstream, relay):
        for number in range(5):
            assert await relay.caller().lines(f"{FEED}?_={number}&strict=true") == upstream.lines
        assert len(relay.audiences) == 1
    async with faulty_upstream(5) as upstream, relaying(upstream.root, QUICK, any_provider=True) as relay:
        for number in range(3):
            assert await relay.caller().lines(f"{FEED}?_={number}") == upstream.lines
        assert len(relay.audiences) == 3


async def test_the_memory_of_lines_is_bounded() -> None:
    """What nobody reads goes first where the lines of all take too much."""
    async with stage(msgspec.structs.replace(QUICK, lines_bytes_max=2_500)) as (upstream, relay):
        for number in range(20):
            assert await relay.caller(account(number)).lines(FEED) == upstream.lines
        assert 1 <= len(relay.audiences) < 20
        assert sum(each.lines.size_bytes for each in relay.audiences._audiences.values()) < 2_500 + 1_000


async def test_where_there_is_no_api_the_relay_says_so() -> None:
    """And not that it is a server of another kind."""
    async with faulty_upstream(1) as upstream:
        with pytest.raises(UpstreamRefused, match="there is no API at"):
            async with relaying(f"{upstream.root}/nowhere"):
                pass
        with pytest.raises(UpstreamRefused, match="is a page; the whole URL of an API is like"):
            async with relaying(f"{upstream.root}/page"):
                pass


async def test_the_first_client_is_named_only_where_the_upstream_lets_it_in() -> None:
    """What is asked later is asked by the relay: others read it too, and the first may be gone by then."""
    async with stage(QUICK) as (upstream, relay):
        async with relay.session.get(relay.caller().url(FEED), headers=at("192.0.2.1")) as response:
            assert response.status == 200
            await until(lambda: len(upstream.heads) > 1)
        first, *later = upstream.heads
        assert first[hdrs.X_FORWARDED_FOR].startswith("192.0.2.1")
        assert first[REQUEST_ID_HEADER]
        for head in later:
            assert hdrs.X_FORWARDED_FOR not in head
            assert REQUEST_ID_HEADER not in head


async def test_what_a_login_may_not_see_any_more_is_not_told_from_memory() -> None:
    """Its feed is cut off and not let on, so that nothing says that the login is over; the upstream itself does."""
    limits = msgspec.structs.replace(QUICK, unfollowed_good_s=0.05)
    async with stage(limits) as (upstream, relay), relay.caller(account(1)).stream(FEED) as stream:
        await stream.until(5)
        await until(lambda: any(each.connected for each in relay.audiences._audiences.values()))
        assert (await relay.caller(account(1)).get(TEAMS)).status == 200
        await asyncio.sleep(0.1)
        upstream.lets_in = False
        assert (await relay.caller(account(1)).get(TEAMS)).status == 200  # Whoever loses a login loses the feed first.
        upstream.troubles.extend([Trouble("limited")] * 1_000)
        upstream.add()
        await until(lambda: not any(each.connected for each in relay.audiences._audiences.values()))
        assert (await relay.caller(account(1)).get(TEAMS)).status == 401


async def test_no_password_is_kept_in_a_key() -> None:
    async with stage(QUICK) as (_, relay):
        await relay.caller(("somebody", "hunter2")).lines(FEED)
        (key,) = relay.audiences._audiences
        assert len(key.login) == 16
        assert relay.audiences.fingerprint(None) == b""
