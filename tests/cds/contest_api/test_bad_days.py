"""When the database is away, when clients take nothing, when the server is told to stop: nothing is lost or held up."""

import asyncio
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from cds.fan_out.limits import FeedLimits
from tests.cds.contest_api.raw_feeds import Listening
from tests.cds.contest_api.serving import (
    DEADLINE_S,
    Caller,
    Running,
    append,
    basic_authorization,
    opened,
    position_of,
    running,
)
from tests.cds.contest_api.small_contest import altered, login, small_contest
from tests.cds.contest_api.test_http import CHIEF, expect_error
from tests.eventstore.cutting_proxy import CuttingProxy

FEED = "contests/small/event-feed"
STOP_S_MAX = 5.0
LAST_CHUNK = b"0\r\n\r\n"
"""How a chunked body ends that was sent in full (RFC 9112)."""

LONG_NAME = "x" * 50_000
LONG_LINES = 200
"""Together more than all buffers between a server and a client hold."""


@pytest.fixture
def short_directory() -> Iterator[Path]:
    """A directory whose path leaves room for the name of a socket."""
    with tempfile.TemporaryDirectory(prefix="cds-", dir="/tmp") as directory:
        yield Path(directory)


@contextmanager
def taking_nothing(server: Listening, path: str) -> Iterator[socket.socket]:
    """A client that asks for a feed and never reads a byte of it."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", server.server.port))
        request = f"GET /api/{path} HTTP/1.1\r\nHost: x\r\nAuthorization: {basic_authorization(CHIEF)}\r\n\r\n"
        client.sendall(request.encode())
        yield client


async def write_long_lines(server: Running, dsn: str) -> None:
    """Make the feed longer than buffers are."""
    async with opened(dsn) as store:
        changes = [altered(small_contest(), "teams", "t1", name=f"{n} {LONG_NAME}") for n in range(LONG_LINES)]
        position = await append(store, "small", *changes)
    await server.level_with("small", position)


async def until_status(caller: Caller, path: str, status: int) -> None:
    """Ask until the answer has a status."""
    async with asyncio.timeout(DEADLINE_S):
        while (await caller.get(path)).status != status:
            await asyncio.sleep(0.02)


async def test_while_the_database_is_away_the_server_reads_on_and_says_so(
    fresh_dsn: str, short_directory: Path
) -> None:
    """What is in memory is served, `readyz` says 503, and afterwards what was missed is there."""
    proxy = CuttingProxy(fresh_dsn, short_directory)
    async with proxy, running(proxy.dsn) as server:
        ready = f"{server.root}/readyz"
        chief = server.caller(CHIEF)
        before = await chief.lines(FEED)
        assert (await server.caller().get(ready)).status == 200
        await proxy.__aexit__()
        await until_status(server.caller(), ready, 503)
        assert (await server.caller().get(f"{server.root}/healthz")).status == 200
        assert await chief.lines(FEED) == before
        assert (await server.caller().get("contests/small/scoreboard")).status == 200
        async with opened(fresh_dsn) as store:
            await append(store, "small", altered(small_contest(), "teams", "t1", name="Meanwhile"))
            position = await position_of(store, "small")
        await proxy.__aenter__()
        await until_status(server.caller(), ready, 200)
        await server.level_with("small", position)
        assert (await server.caller().json("contests/small/teams/t1"))["name"] == "Meanwhile"
        assert len(await chief.lines(FEED)) == len(before) + 1


async def test_what_needs_the_database_is_503_while_it_is_away(fresh_dsn: str, short_directory: Path) -> None:
    """A password that was not checked lately cannot be, and a file cannot be fetched; neither looks like a refusal."""
    async with CuttingProxy(fresh_dsn, short_directory) as proxy, running(proxy.dsn) as server:
        await proxy.__aexit__()
        await until_status(server.caller(), f"{server.root}/readyz", 503)
        await expect_error(server.caller(login("small", "judge")), "GET", "contests/small/teams", 503)
        await expect_error(server.caller(), "GET", "contests/small/logo/logo.png", 503)
        await proxy.__aenter__()
        await until_status(server.caller(), f"{server.root}/readyz", 200)
        assert (await server.caller(login("small", "judge")).get("contests/small/teams")).status == 200


async def test_a_client_that_takes_nothing_does_not_slow_another_one_down(fresh: Running, fresh_dsn: str) -> None:
    count = len(await fresh.caller().lines(FEED))
    with taking_nothing(fresh, FEED):
        async with fresh.caller().stream(FEED) as quick:
            await quick.until(count)
            await write_long_lines(fresh, fresh_dsn)
            received = await quick.until(LONG_LINES)
    assert received[-1]["data"]["name"].startswith(f"{LONG_LINES - 1} ")


async def test_a_client_that_takes_nothing_is_cut_off(fresh_dsn: str) -> None:
    async with running(fresh_dsn, feed_limits=FeedLimits(stalled_s=0.3)) as server:
        await write_long_lines(server, fresh_dsn)
        with taking_nothing(server, FEED) as client:
            await _until_connected(server, client, connected=True)
            await _until_connected(server, client, connected=False)
            received = await asyncio.to_thread(_read_to_its_end, client)
    assert not received.endswith(LAST_CHUNK)


def _read_to_its_end(client: socket.socket) -> bytes:
    """What the client finds when it looks at last; a connection that was reset ends too."""
    client.settimeout(DEADLINE_S)
    received = bytearray()
    with suppress(ConnectionResetError):
        while data := client.recv(1 << 20):
            received += data
    return bytes(received)


async def _until_connected(server: Running, client: socket.socket, *, connected: bool) -> None:
    """Wait until the server has the connection of a client, or has it no more."""
    runner = server.server._runner
    assert runner is not None
    assert runner.server is not None
    async with asyncio.timeout(DEADLINE_S):
        while any(_is_of(each.transport, client) for each in runner.server.connections) != connected:
            await asyncio.sleep(0.005)


def _is_of(transport: asyncio.BaseTransport | None, client: socket.socket) -> bool:
    """Whether a connection of the server is that of a client."""
    return transport is not None and transport.get_extra_info("peername") == client.getsockname()


async def test_a_client_that_takes_nothing_does_not_hold_up_the_end(fresh_dsn: str) -> None:
    async with running(fresh_dsn) as server:
        await write_long_lines(server, fresh_dsn)
        with taking_nothing(server, FEED):
            async with server.caller().stream("contests/early/event-feed") as other:
                await other.notification()
                async with asyncio.timeout(STOP_S_MAX):
                    await server.server.stop()
