"""Connections that fail half way, or are given up: none leaves a socket open, and none comes back after its end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from cds.jetstream.connecting import Connection, connected
from cds.jetstream.settings import NatsServers
from tests.cds.contest_api.serving import DEADLINE_S

GREETING = b'INFO {"server_id": "A", "version": "2.10.0", "headers": true, "max_payload": 1048576}\r\n'


class Greeter:
    """A server that greets some of those who come, or nobody, and knows who is still there."""

    def __init__(self, greeted: int) -> None:
        """`greeted`: so many are answered as a server of NATS does."""
        self.greeted = greeted
        self.came = 0
        self.there = 0
        self.moved = asyncio.Event()
        self.url = ""
        self._writers: list[asyncio.StreamWriter] = []

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talk to one of them until it has gone."""
        self.came += 1
        self.there += 1
        self.moved.set()
        self._writers.append(writer)
        if self.came <= self.greeted:
            writer.write(GREETING)
        with suppress(ConnectionError):
            while line := await reader.readline():
                if line.startswith(b"PING"):
                    writer.write(b"PONG\r\n")
        self.there -= 1
        self.moved.set()
        writer.close()

    def go(self) -> None:
        """End the connections of all, as a server does that is stopped."""
        for writer in self._writers:
            writer.close()
        self._writers.clear()

    async def until(self, came: int, there: int) -> None:
        """Come back when at least so many have come, and just so many are there."""
        async with asyncio.timeout(DEADLINE_S):
            while not (self.came >= came and self.there == there):
                self.moved.clear()
                await self.moved.wait()


@asynccontextmanager
async def greeting(greeted: int) -> AsyncIterator[Greeter]:
    """A greeter that listens for the length of the block."""
    greeter = Greeter(greeted)
    server = await asyncio.start_server(greeter.take, "127.0.0.1", 0)
    greeter.url = f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield greeter


async def unheard(_failure: Exception) -> None:
    """Failures are what these tests are about."""


async def test_being_cancelled_while_it_waits_for_the_greeting_leaves_no_socket() -> None:
    async with greeting(0) as greeter:
        connecting = asyncio.create_task(connected(NatsServers(urls=(greeter.url,)), "test"))
        await greeter.until(came=1, there=1)
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        await greeter.until(came=1, there=0)


async def test_a_greeting_that_does_not_come_leaves_no_socket() -> None:
    async with greeting(0) as greeter:
        with pytest.raises(TimeoutError):
            await Connection().connect(greeter.url, connect_timeout=0.05, allow_reconnect=False, error_cb=unheard)
        await greeter.until(came=1, there=0)


async def test_attempts_to_connect_again_leave_no_socket_each() -> None:
    """The server has greeted once, and then says nothing to anybody."""
    async with greeting(1) as greeter:
        connection = Connection()
        await connection.connect(
            greeter.url, connect_timeout=0.05, reconnect_time_wait=0.01, max_reconnect_attempts=-1, error_cb=unheard
        )
        greeter.go()
        await greeter.until(came=4, there=1)
        await connection.close()
        await greeter.until(came=4, there=0)


async def test_nothing_is_connected_after_the_end() -> None:
    async with greeting(1) as greeter:
        connection = Connection()
        await connection.connect(greeter.url, reconnect_time_wait=0.01, error_cb=unheard)
        await connection.close()
        with pytest.raises(asyncio.CancelledError):
            await connection._select_next_server()
        await greeter.until(came=1, there=0)
