"""Who reads at an edge as the public, and is logged in by his address from some moment on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path

import msgspec
from aiohttp import hdrs

from tests.cds.contest_api.serving import DEADLINE_S, Stream, append, opened, running
from tests.cds.contest_api.small_contest import altered, small_contest
from tests.cds.edge.edges import SOON, RunningEdge, edging, published_to
from tests.nats_servers import nats_server

TEAMS, FEED = "contests/small/teams", "contests/small/event-feed"
SEAT, STRANGER = "10.9.9.1", "203.0.113.5"
OWN_SUBMISSION = b'"s6"'
"""What the team of the seat alone is shown."""


def at(address: str) -> dict[str, str]:
    """What a balancer says of a client."""
    return {hdrs.X_FORWARDED_FOR: address}


@asynccontextmanager
async def reading(edge: RunningEdge, address: str) -> AsyncIterator[Stream]:
    """The feed as it is streamed to somebody from there, who has got the first line."""
    async with edge.session.get(edge.caller().url(FEED), headers=at(address)) as response:
        stream = Stream(response)
        await stream.notification()
        yield stream


async def to_its_end(stream: Stream) -> list[bytes]:
    """All lines that come before a stream ends."""
    lines = []
    try:
        while True:
            lines.append(await stream.line())
    except EOFError:
        return lines


async def test_who_is_logged_in_by_his_address_from_now_on_does_not_read_on_as_the_public(
    fresh_dsn: str, tmp_path: Path
) -> None:
    """His stream ends, and when he comes back he is the team; nobody else's does."""
    here = (ip_network("127.0.0.1/32"),)
    limits = msgspec.structs.replace(SOON, viewer_kept_s=0.05)
    async with (
        nats_server(tmp_path / "nats") as node,
        running(fresh_dsn, keep_alive_s=0.2, auto_login=True, **published_to(node)) as core,
        edging(core.root, node, tmp_path, limits=limits, trusted_proxies=here) as edge,
    ):
        await edge.follows("small")
        async with reading(edge, SEAT) as of_seat, reading(edge, STRANGER) as of_stranger:
            ending = asyncio.create_task(to_its_end(of_seat))
            async with opened(fresh_dsn) as store:
                await append(store, "small", altered(small_contest(), "accounts", "team-one", ip=SEAT))
                async with asyncio.timeout(DEADLINE_S):
                    while not ending.done():
                        assert (await edge.caller().get(TEAMS, headers=at(STRANGER))).status == 200
                assert not any(OWN_SUBMISSION in line for line in await ending)
                await append(store, "small", altered(small_contest(), "teams", "t1", name="Renamed"))
            again = await edge.caller().get(f"{FEED}?stream=false", headers=at(SEAT))
            assert OWN_SUBMISSION in again.body
            while b"Renamed" not in await of_stranger.line():
                continue
