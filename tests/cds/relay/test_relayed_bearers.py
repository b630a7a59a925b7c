"""Bearer tokens pass through relays, and are good for nothing there either once they have expired."""

import asyncio

import pytest

from tests.cds.contest_api.bearers import Bearer, token_of
from tests.cds.contest_api.serving import DEADLINE_S, Running, running
from tests.cds.contest_api.test_logins import FEED, KEEP_ALIVE_S, WHO, ended
from tests.cds.relay.relays import chained

pytestmark = pytest.mark.asyncio(loop_scope="session")

EXPIRING_S = 3


async def test_a_token_is_answered_as_at_the_source(served: Running) -> None:
    token = await token_of(served.store, "server-judge")
    async with chained(served) as chain:
        source, relay = Bearer(served, token), Bearer(chain.second, token)
        assert await relay.lines(FEED) == await source.lines(FEED)
        for path in (WHO, "contests/small/judgements", "contests/small/access"):
            assert (await relay.get(path)).body == (await source.get(path)).body, path
        assert (await Bearer(chain.second, token[:-5] + "AAAAA").get(WHO)).status == 401


async def test_what_a_relay_has_for_a_token_ends_with_it(fresh_dsn: str) -> None:
    async with running(fresh_dsn, keep_alive_s=KEEP_ALIVE_S) as server:
        token = await token_of(server.store, "server-judge", lifetime_s=EXPIRING_S)
        async with chained(server) as chain:
            relay = Bearer(chain.second, token)
            async with relay.stream(FEED) as feed:
                assert (await relay.get(WHO)).status == 200
                await ended(feed)
            async with asyncio.timeout(DEADLINE_S):
                while (await relay.get(WHO)).status != 401:
                    await asyncio.sleep(0.05)
