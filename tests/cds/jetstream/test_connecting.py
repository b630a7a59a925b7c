"""Connections that fail half way, or are given up: none leaves a socket open, and none comes back after its end.

Whatever a server complains of, the connection is made again and the reason told; and where encryption is asked for, a
server that does not offer it hears nothing.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from nats.errors import Error as NatsError
from structlog.testing import capture_logs

from cds.jetstream import connecting
from cds.jetstream.connecting import Connection, Failures, connected
from cds.jetstream.credentials import read_credentials
from cds.jetstream.settings import NatsServers
from tests.cds.contest_api.serving import DEADLINE_S
from tests.cds.operations.certificates import new_key, written
from tests.nats_credentials import Accounts

MANY = 1_000
NOT_ALLOWED = 'Permissions Violation for Publish to "cds.small"'

INFO: dict[str, Any] = {"server_id": "A", "version": "2.10.0", "headers": True, "max_payload": 1024 * 1024}


class Greeter:
    """A server that greets some of those who come, or nobody, and knows who is still there."""

    def __init__(self, greeted: int, **info: Any) -> None:
        """`greeted`: so many are answered as a server of NATS does, which says this besides."""
        self.greeted = greeted
        self.heard: list[bytes] = []
        self._greeting = b"INFO " + json.dumps({**INFO, **info}).encode() + b"\r\n"
        self.came = 0
        self.there = 0
        self.moved = asyncio.Event()
        self.url = ""
        self._writers: list[asyncio.StreamWriter] = []
        self._listens = asyncio.Event()
        self._listens.set()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talk to one of them until it has gone."""
        self.came += 1
        self.there += 1
        self.moved.set()
        self._writers.append(writer)
        if self.came <= self.greeted:
            writer.write(self._greeting)
        with suppress(ConnectionError):
            while line := await reader.readline():
                await self._listens.wait()
                self.heard.append(line)
                self.moved.set()
                if line.startswith(b"PING"):
                    writer.write(b"PONG\r\n")
        self.there -= 1
        self.moved.set()
        writer.close()

    def hang(self) -> None:
        """Hear nothing any more and say nothing; the connections stay."""
        self._listens.clear()

    def go_on(self) -> None:
        """Hear what has come meanwhile."""
        self._listens.set()

    def say(self, what: bytes) -> None:
        """Tell all something."""
        for writer in self._writers:
            writer.write(what)

    def complain(self, of: str) -> None:
        """Tell all what they did wrong, and end their connections, as a server does unless it was not allowed."""
        self.say(f"-ERR '{of}'\r\n".encode())
        if of != NOT_ALLOWED:
            self.go()

    def go(self) -> None:
        """End the connections of all, as a server does that is stopped."""
        for writer in self._writers:
            writer.close()
        self._writers.clear()

    async def until(self, came: int, there: int) -> None:
        """Come back when at least so many have come, and just so many are there."""
        await self.until_so(lambda: self.came >= came and self.there == there)

    async def until_so(self, holds: Callable[[], bool]) -> None:
        """Come back when something holds."""
        async with asyncio.timeout(DEADLINE_S):
            while not holds():
                self.moved.clear()
                await self.moved.wait()


@asynccontextmanager
async def greeting(greeted: int, **info: Any) -> AsyncIterator[Greeter]:
    """A greeter that listens for the length of the block."""
    greeter = Greeter(greeted, **info)
    server = await asyncio.start_server(greeter.take, "127.0.0.1", 0)
    greeter.url = f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield greeter
        greeter.go()


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


async def test_what_was_still_to_be_said_does_not_keep_it_from_its_end() -> None:
    async with greeting(1) as greeter:
        connection = Connection()
        await connection.connect(greeter.url, reconnect_time_wait=0.01, max_reconnect_attempts=-1, error_cb=unheard)
    greeter.go()
    async with asyncio.timeout(DEADLINE_S):
        while not connection.is_reconnecting or connection.last_error is None:
            await asyncio.sleep(0)
    await connection.publish("cds.small", b"said")
    await connection.close()
    assert connection.is_closed


@asynccontextmanager
async def coming(servers: NatsServers) -> AsyncIterator[asyncio.Task[Connection]]:
    """Somebody who connects for the length of the block."""
    task = asyncio.create_task(connected(servers, "test"))
    try:
        yield task
    finally:
        task.cancel()
        (outcome,) = await asyncio.gather(task, return_exceptions=True)
        if isinstance(outcome, Connection):
            await outcome.close()


@pytest.mark.parametrize("asked_by", ["scheme", "authority"])
async def test_a_server_that_does_not_encrypt_is_told_nothing(asked_by: str, tmp_path: Path) -> None:
    ca = written(tmp_path, new_key()).certificate if asked_by == "authority" else None
    async with greeting(MANY) as greeter:
        where = f"core:word@{greeter.url.removeprefix('nats://')}"
        servers = NatsServers(urls=(f"{'tls' if ca is None else 'nats'}://{where}",), ca=ca)
        with capture_logs() as logs:
            async with coming(servers) as task:
                await greeter.until_so(lambda: greeter.came > 2)
                assert not task.done()
        assert greeter.heard == []
    assert [each["reason"] for each in logs if each["event"] == "nats_unreachable"] == [
        "SecureConnWantedError: nats: secure connection not available"
    ]
    assert "word" not in str(logs)


async def test_the_same_server_is_told_who_we_are_where_nobody_asks_for_encryption() -> None:
    async with greeting(MANY) as greeter:
        url = f"nats://core:w%2Ford@{greeter.url.removeprefix('nats://')}"
        async with coming(NatsServers(urls=(url,))):
            await greeter.until_so(lambda: len(greeter.heard) > 1)
        told, *_ = said_by(greeter)
        assert (told["user"], told["pass"]) == ("core", "w/ord")


@pytest.mark.parametrize("scheme", ["tls", "nats"])
async def test_servers_that_are_named_before_it_is_encrypted_are_not_believed_in(scheme: str) -> None:
    async with greeting(MANY) as other:
        where = other.url.removeprefix("nats://")
        async with greeting(MANY, connect_urls=[where]) as greeter:
            async with coming(NatsServers(urls=(greeter.url.replace("nats", scheme),))) as task:
                if scheme == "tls":
                    await greeter.until_so(lambda: greeter.came > 3)
                else:
                    found = [each.netloc for each in (await task).servers]
                    assert where in found
            assert other.came == 0


@pytest.mark.parametrize(
    "complaint",
    ["User Authentication Expired", "Authorization Violation", "Maximum Connections Exceeded", "Stale Connection"],
)
async def test_whatever_a_server_complains_of_the_connection_is_made_again(complaint: str) -> None:
    async with greeting(MANY) as greeter:
        async with coming(NatsServers(urls=(greeter.url,))) as task:
            connection = await task
            greeter.complain(complaint)
            await greeter.until(came=2, there=1)
            async with asyncio.timeout(DEADLINE_S):
                while not connection.is_connected:
                    await asyncio.sleep(0)
        await greeter.until(came=2, there=0)


async def test_credentials_are_read_anew_for_each_connection(tmp_path: Path) -> None:
    """They expire, and are written anew; while they cannot be read, that is what is told."""
    path, accounts = tmp_path / "user.creds", Accounts()
    jwts = [read_credentials(accounts.credentials(path)).jwt]
    async with greeting(MANY, nonce="nonce", auth_required=True) as greeter:
        async with coming(NatsServers(urls=(greeter.url,), credentials=path)) as task:
            await task
            with capture_logs() as logs:
                path.write_text("")
                greeter.complain("User Authentication Expired")
                await greeter.until_so(lambda: greeter.came > 3)
            jwts.append(read_credentials(accounts.credentials(path)).jwt)
            await greeter.until_so(lambda: len(said_by(greeter)) > 1)
        assert [each["jwt"] for each in said_by(greeter)] == jwts
    assert any(str(path) in each.get("reason", "") for each in logs)


def said_by(greeter: Greeter) -> list[dict[str, Any]]:
    """What those who came have said of themselves."""
    return [json.loads(line.removeprefix(b"CONNECT ")) for line in greeter.heard if line.startswith(b"CONNECT ")]


async def test_what_is_not_allowed_is_told_and_ends_nothing() -> None:
    async with greeting(MANY) as greeter, coming(NatsServers(urls=(greeter.url,))) as task:
        connection = await task
        with capture_logs() as logs:
            greeter.complain(NOT_ALLOWED)
            async with asyncio.timeout(DEADLINE_S):
                while not logs:
                    await asyncio.sleep(0)
        assert [each["event"] for each in logs] == ["nats_failure"]
        assert (greeter.came, connection.is_connected) == (1, True)


async def test_a_greeting_that_is_none_is_a_failure_like_others() -> None:
    """The client would let what it does not expect end its attempts."""
    async with greeting(MANY, server_name="a" * 100_000) as greeter, coming(NatsServers(urls=(greeter.url,))) as task:
        await greeter.until_so(lambda: greeter.came > 2)
        assert not task.done()


async def test_each_reason_is_told_at_once_and_then_at_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    failures = Failures(NatsServers(urls=("nats://user:word@a:1",)), Connection())
    with capture_logs() as logs:
        for reason in ("one", "one", "two", "one", "two"):
            await failures.failed(NatsError(reason))
        assert [each["reason"] for each in logs] == ["Error: one", "Error: two"]
        monkeypatch.setattr(connecting, "TOLD_EVERY_S", 0)
        await failures.failed(NatsError("one"))
        await failures.failed(NatsError(3 * connecting.REASON_CHARACTERS_MAX * "a"))
    assert [len(each["reason"]) for each in logs[2:]] == [len("Error: one"), connecting.REASON_CHARACTERS_MAX]
    assert {each["servers"] for each in logs} == {"nats://a:1"}
