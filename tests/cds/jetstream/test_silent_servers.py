"""A server that goes without a word: it says nothing, and takes nothing, but its connections stay.

Another one is taken soon, whatever was still to be said to it, and nobody who stops waits for it.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path

import msgspec
import pytest

from cds.jetstream import connecting, publisher
from cds.jetstream.connecting import Connection
from cds.jetstream.publisher import Publisher
from cds.jetstream.settings import NatsServers
from tests.cds.contest_api.serving import DEADLINE_S, append, running
from tests.cds.jetstream.published import becomes, publishing, until_published
from tests.cds.jetstream.test_connecting import MANY, Greeter, coming, greeting
from tests.cds.jetstream.test_publisher import CONTEST, announcement
from tests.cds.operations.certificates import new_key, written
from tests.nats_servers import NatsNode, nats_server

PING_S = 0.1
LEFT_S_MAX = 15.0
"""A server that is silent has been left by then: asyncio alone would wait 30 s for its goodbye."""

LARGE = b"a" * 256 * 1024


@pytest.fixture(autouse=True)
def pings_at_short_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes six seconds otherwise takes less than one."""
    monkeypatch.setattr(connecting, "PING_S", PING_S)


@asynccontextmanager
async def two_greeters() -> AsyncIterator[tuple[Greeter, Greeter]]:
    """Two servers."""
    async with greeting(MANY) as one, greeting(MANY) as other:
        yield one, other


def unsent_bytes(connection: Connection) -> int:
    """What waits for the server to take it."""
    writer = connection._writer()
    return 0 if writer is None else writer.transport.get_write_buffer_size()


def port_of(connection: Connection) -> int | None:
    """Where the server listens that is there."""
    return None if connection.connected_url is None else connection.connected_url.port


def take_little(connection: Connection) -> None:
    """Let the system keep less than a publisher has on the way at most: it would take all of it by itself."""
    writer = connection._writer()
    assert writer is not None
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, len(LARGE) // 4)


async def fill(connection: Connection) -> None:
    """Say so much that not all of it is taken."""
    take_little(connection)
    async with asyncio.timeout(DEADLINE_S):
        while unsent_bytes(connection) < len(LARGE) // 2:
            await connection.publish("cds.small", LARGE)
            await asyncio.sleep(0)


@pytest.mark.parametrize("much_to_say", [False, True])
async def test_a_server_that_falls_silent_is_left_for_another(*, much_to_say: bool) -> None:
    async with two_greeters() as (one, other), coming(NatsServers(urls=(one.url, other.url))) as task:
        connection = await task
        left, taken = (one, other) if one.came else (other, one)
        assert taken.came == 0
        left.hang()
        if much_to_say:
            await fill(connection)
            await connection.publish("cds.small", b"for who has gone")
        async with asyncio.timeout(LEFT_S_MAX):
            await taken.until(came=1, there=1)
            while not connection.is_connected:
                await asyncio.sleep(0.01)
        assert left.came == 1, "the one that was left is not the first to be asked"
        await connection.publish("cds.small", b"for who is there")
        await taken.until_so(lambda: b"for who is there\r\n" in taken.heard)
        assert b"for who has gone\r\n" not in taken.heard, "nobody else is told instead"
        left.go_on()


async def test_another_that_was_only_heard_of_is_asked_first() -> None:
    """Of the servers one alone is named in the settings, and it takes connections while it hangs."""
    async with (
        greeting(MANY) as taken,
        greeting(MANY, connect_urls=[taken.url.removeprefix("nats://")]) as left,
        coming(NatsServers(urls=(left.url,))) as task,
    ):
        await task
        left.hang()
        async with asyncio.timeout(LEFT_S_MAX):
            await taken.until(came=1, there=1)
        assert left.came == 1
        left.go_on()


async def test_who_has_something_to_say_is_there_whatever_it_is() -> None:
    """Behind much else that is on its way the answer to a ping may come late."""
    async with greeting(MANY) as greeter, coming(NatsServers(urls=(greeter.url,))) as task:
        connection = await task
        greeter.hang()
        for _ in range(10 * (connecting.PINGS_MISSED_MAX + 1)):
            greeter.say(b"+OK\r\n")
            await asyncio.sleep(PING_S / 2)
        assert (connection.is_connected, greeter.came) == (True, 1)
        await greeter.until_so(lambda: greeter.came > 1)
        greeter.go_on()


async def test_the_end_does_not_wait_for_who_takes_nothing() -> None:
    async with greeting(MANY) as greeter, coming(NatsServers(urls=(greeter.url,))) as task:
        connection = await task
        connection.options["ping_interval"] = DEADLINE_S
        greeter.hang()
        await fill(connection)
        async with asyncio.timeout(LEFT_S_MAX):
            await connection.close()
        assert connection.is_closed
        greeter.go_on()


@pytest.fixture
async def encrypting(tmp_path: Path) -> AsyncIterator[tuple[list[NatsNode], NatsServers]]:
    """Two real servers that speak TLS alone, and how both are reached."""
    files = written(tmp_path, new_key())
    known = NatsServers(urls=(), ca=files.certificate)
    settings = f'tls {{ cert_file: "{files.certificate}", key_file: "{files.key}" }}'
    async with AsyncExitStack() as stack:
        nodes = [
            await stack.enter_async_context(nats_server(tmp_path / name, settings, access=known))
            for name in ("one", "other")
        ]
        yield nodes, msgspec.structs.replace(known, urls=tuple(node.url for node in nodes))


async def test_a_real_server_that_is_stopped_is_left_without_a_goodbye(
    encrypting: tuple[list[NatsNode], NatsServers], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over TLS, where whoever closes a connection waits for what the other has to say to that."""
    # The one that is not stopped must not be taken for silent on a busy machine.
    monkeypatch.setattr(connecting, "PING_S", 0.5)
    nodes, servers = encrypting
    async with coming(servers) as task:
        connection = await task
        (left,) = [node for node in nodes if port_of(connection) == node.port]
        left.freeze()
        try:
            await fill(connection)
            async with asyncio.timeout(LEFT_S_MAX):
                while not connection.is_connected or port_of(connection) == left.port:
                    await asyncio.sleep(0.01)
            assert (await connection.jetstream().account_info()).streams == 0
        finally:
            left.thaw()


async def test_a_turn_is_laid_down_while_nats_hangs(
    fresh_dsn: str, node: NatsNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Much is on its way to a server that takes nothing: whoever stops, or has lost the turn, does not wait for it."""
    monkeypatch.setattr(connecting, "PING_S", DEADLINE_S)
    monkeypatch.setattr(publisher, "AWAY_S_MAX", DEADLINE_S)
    async with running(fresh_dsn) as server:
        service = server.server.service
        settings = publishing(node.url, contest_ids={CONTEST})
        works = Publisher(service.contests, service.tokens, settings, may_publish=lambda: True)
        task = asyncio.create_task(works.run())
        asking = await connected_when_it_is(works)
        await until_published(asking, server, CONTEST)
        take_little(asking)
        node.freeze()
        try:
            async with asyncio.timeout(DEADLINE_S):
                for number in count():
                    await append(server.store, CONTEST, announcement(number, LARGE.decode()))
                    if unsent_bytes(asking):
                        break
            task.cancel()
            async with asyncio.timeout(LEFT_S_MAX):
                await asyncio.gather(task, return_exceptions=True)
        finally:
            node.thaw()
        assert asking.is_closed


async def connected_when_it_is(works: Publisher) -> Connection:
    """The connection of a publisher."""

    async def has_one() -> bool:
        return works._connection is not None

    await becomes(has_one)
    assert isinstance(works._connection, Connection)
    return works._connection
