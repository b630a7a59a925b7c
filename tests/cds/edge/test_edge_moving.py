"""Clients that move between core, edges and a relay with the token of their last line: no gap, no line twice.

They go on while lines keep coming, and leave by killing the connection, so any server may be behind where they were.
"""

import asyncio
import random
from pathlib import Path

from tests.cds.contest_api.feeds import token_of
from tests.cds.contest_api.serving import DEADLINE_S, Caller, append, opened
from tests.cds.contest_api.small_contest import altered, login, small_contest
from tests.cds.edge.edges import spread
from tests.cds.relay.relays import relaying

FEED = "contests/small/event-feed"
HOPS = 100
WRITES = 120
LINES_AT_ONCE = (0, 1, 2, 5)
LOGINS = {"public": None, "team-one": login("small", "team-one"), "judge": login("small", "judge")}


async def hop(caller: Caller, token: str | None, count: int) -> list[bytes]:
    """At most so many lines behind a token, from a connection that is killed then."""
    lines: list[bytes] = []
    path = FEED if token is None else f"{FEED}?since_token={token}"
    async with caller.stream(path) as stream:
        assert stream.response.status == 200, await stream.response.read()
        while len(lines) < count and (line := await stream.line()):
            lines.append(line)
        connection = stream.response.connection
        if connection is not None and connection.transport is not None:
            connection.transport.abort()
    return lines


async def journey(callers: list[Caller], seed: int, written: asyncio.Event) -> list[bytes]:
    """What somebody has got after a hundred hops, and then from one server to the end."""
    chance = random.Random(seed)
    lines: list[bytes] = []
    for number in range(HOPS):
        token = token_of(lines[-1]) if lines else None
        # The first hop skips what was there before, so that later ones are about what is just coming.
        count = 100_000 if number == 0 else chance.choice(LINES_AT_ONCE)
        lines += await hop(callers[chance.randrange(len(callers))], token, count)
    await written.wait()
    return lines + await hop(callers[chance.randrange(len(callers))], token_of(lines[-1]), 100_000)


async def test_nobody_who_moves_a_hundred_times_misses_a_line_or_gets_one_twice(fresh_dsn: str, tmp_path: Path) -> None:
    async with spread(fresh_dsn, tmp_path) as found, relaying(found.core.root) as relay:
        written = asyncio.Event()
        journeys = {
            name: asyncio.create_task(journey([*found.callers(entry), relay.caller(entry)], seed, written))
            for seed, (name, entry) in enumerate(LOGINS.items())
        }
        async with opened(fresh_dsn) as store, asyncio.timeout(3 * DEADLINE_S):
            for number in range(WRITES):
                await append(store, "small", altered(small_contest(), "teams", "t1", name=f"Name {number}"))
            written.set()
            lines = dict(zip(journeys, await asyncio.gather(*journeys.values()), strict=True))
        for name, entry in LOGINS.items():
            expected = await found.core.caller(entry).lines(FEED)
            assert lines[name] == expected
            assert f"Name {WRITES - 1}".encode() in expected[-1]
            for edge in found.edges:
                assert await edge.caller(entry).lines(f"{FEED}?since_token={token_of(expected[-2])}") == expected[-1:]
