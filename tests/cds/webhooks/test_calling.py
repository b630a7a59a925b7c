"""Whom a call reaches: never an address that is not public, however it is spelled or found."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.abc import ResolveResult

from cds.webhooks.calling import Call, Caller, CallRules, NameResolver, Outcome, signature

HUNG_S_MAX = 10.0
"""A thread that nobody lets go ends by itself."""

BODY = b'{"contest_id":"wf","notifications":[]}'


def call_to(url: str) -> Call:
    """A call of that URL."""
    return Call(url=url, token="secret", body=BODY, webhook_id="w", delivery_id="d", now_ms=1_700_000_000_123)


@asynccontextmanager
async def caller(*, private_allowed: bool = False, call_s_max: float = 5.0) -> AsyncIterator[Caller]:
    """A caller for the length of the block."""
    made = Caller(CallRules(version="1", private_allowed=private_allowed, call_s_max=call_s_max))
    try:
        yield made
    finally:
        await made.close()


class Listener:
    """Somebody on loopback who counts connections, and answers nothing."""

    def __init__(self) -> None:
        self.connections = 0
        self.port = 0

    async def accept(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One more."""
        self.connections += 1
        writer.close()


@asynccontextmanager
async def listening() -> AsyncIterator[Listener]:
    """A listener on loopback, of both families where the machine has both."""
    listener = Listener()
    server = await asyncio.start_server(listener.accept, "localhost", 0)
    listener.port = server.sockets[0].getsockname()[1]
    async with server:
        yield listener


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "localhost.",
        "0.0.0.0",  # noqa: S104 - an address to be refused
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "127.1",
        "2130706433",
        "0x7f.1",
        "169.254.169.254",
        "10.1.2.3",
        "[fe80::1]",
        "[fd00::1]",
    ],
)
async def test_what_is_not_public_is_not_connected_to(host: str) -> None:
    async with listening() as listener, caller() as calling:
        outcome = await calling.call(call_to(f"http://{host}:{listener.port}/"))
        assert outcome.result in ("address", "failed")
        assert not outcome.delivered
        assert listener.connections == 0


async def test_a_name_that_leads_to_loopback_is_not_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when it led elsewhere at first: every connection is looked at by itself."""
    asked = []

    async def resolve(
        _self: NameResolver, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        asked.append(host)
        return [
            ResolveResult(
                hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=int(family) * 0
            )
        ]

    monkeypatch.setattr(NameResolver, "resolve", resolve)
    async with listening() as listener, caller() as calling:
        for _ in range(2):
            outcome = await calling.call(call_to(f"http://rebound.example:{listener.port}/"))
            assert (outcome.result, "not public" in outcome.reason) == ("address", True)
        assert (asked, listener.connections) == (["rebound.example"] * 2, 0)


async def test_private_addresses_are_called_where_they_are_allowed() -> None:
    async with listening() as listener, caller(private_allowed=True) as calling:
        outcome = await calling.call(call_to(f"http://localhost:{listener.port}/"))
        assert (outcome.result, listener.connections) == ("failed", 1)


async def test_names_are_resolved_and_unknown_ones_are_failures() -> None:
    async with caller(private_allowed=True) as calling:
        outcome = await calling.call(call_to("http://nobody.invalid/"))
    assert outcome.result == "failed"
    assert "the name of the host is not known" in outcome.reason


async def test_where_nobody_listens_is_told_in_words() -> None:
    async with listening() as listener:
        port = listener.port
    async with caller(private_allowed=True) as calling:
        outcome = await calling.call(call_to(f"http://127.0.0.1:{port}/"))
    assert outcome == Outcome("failed", "no connection could be made (Connection refused)")


async def test_a_call_that_nobody_answers_ends() -> None:
    async def hang(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await released.wait()
        writer.close()

    released = asyncio.Event()
    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    async with server, caller(private_allowed=True, call_s_max=0.1) as calling:
        outcome = await calling.call(call_to(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"))
        released.set()
    assert outcome == Outcome("timeout", "no answer within 0.1 s")


async def test_what_is_no_answer_is_a_failure() -> None:
    async def nonsense(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-nonsense\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(nonsense, "127.0.0.1", 0)
    async with server, caller(private_allowed=True) as calling:
        port = server.sockets[0].getsockname()[1]
        spoken = [await calling.call(call_to(f"{scheme}://127.0.0.1:{port}/")) for scheme in ("http", "https")]
    assert spoken[0] == Outcome("failed", "the answer is not HTTP")
    assert spoken[1].result == "failed"
    assert "TLS could not be agreed upon" in spoken[1].reason


@pytest.mark.parametrize(
    ("head", "result", "reason", "retry_after_s"),
    [
        ("101 Switching Protocols", "refused", "answered 101", None),
        ("204 No Content", "delivered", "204", None),
        ("300 Multiple Choices", "refused", "answered 300", None),
        ("301 Moved Permanently", "redirect", "answered 301; redirects are not followed", None),
        ("304 Not Modified", "refused", "answered 304", None),
        ("308 Permanent Redirect", "redirect", "answered 308; redirects are not followed", None),
        ("429 Slow\r\nRetry-After: 7", "refused", "answered 429", 7.0),
        ("503 X\r\nRetry-After: Mon, 01 Jan 99999999999999999999 00:00:00 GMT", "refused", "answered 503", None),
        ("503 X\r\nRetry-After: Mon, 01 Jan 2031 00:00:00 -99999999999999", "refused", "answered 503", None),
    ],
)
async def test_every_answer_is_told_in_words(head: str, result: str, reason: str, retry_after_s: float | None) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(BODY)
        writer.write(f"HTTP/1.1 {head}\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server, caller(private_allowed=True) as calling:
        outcome = await calling.call(call_to(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"))
    assert (outcome.result, outcome.reason, outcome.retry_after_s) == (result, reason, retry_after_s)


async def test_redirects_are_not_followed_and_say_so() -> None:
    seen = []

    async def redirect(request: web.Request) -> web.Response:
        seen.append(request.path)
        return web.Response(status=307, headers={"Location": "/elsewhere", "Retry-After": "7"})

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", redirect)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with caller(private_allowed=True) as calling:
        outcome = await calling.call(call_to(f"http://127.0.0.1:{runner.addresses[0][1]}/hook"))
    await runner.cleanup()
    assert (outcome.result, outcome.retry_after_s, seen) == ("redirect", 7.0, ["/hook"])


def test_a_signature_is_bound_to_time_body_and_secret() -> None:
    """The value was computed with `openssl dgst -sha256 -hmac`."""
    signed = signature("secret", 1_700_000_000_999, b"body")
    assert signed == "t=1700000000,v1=42ac6f0448c1d9c3e1e82b9726248f58fef84afffcbad5188246e96070e0ea46"
    others = (
        ("other", 1_700_000_000_999, b"body"),
        ("secret", 1_700_000_001_000, b"body"),
        ("secret", 1_700_000_000_999, b"b"),
    )
    assert signed not in [signature(*other) for other in others]


async def test_a_name_server_that_hangs_holds_one_thread_for_each_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever gave up waiting for it; other names are known meanwhile, and its answer serves all who wait."""
    asked, answering = list[str](), threading.Event()

    def slow(host: str, *more: object) -> list[tuple[object, ...]]:
        asked.append(host)
        if host == "slow.example":
            answering.wait(HUNG_S_MAX)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 80))]

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    resolver = NameResolver()
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(resolver.resolve("slow.example", 80), 0.01)
    waiting = [asyncio.create_task(resolver.resolve("slow.example", 80)) for _ in range(2)]
    assert (await resolver.resolve("quick.example", 80))[0]["host"] == "192.0.2.1"
    answering.set()
    assert [found[0]["host"] for found in await asyncio.gather(*waiting)] == ["192.0.2.1"] * 2
    assert asked == ["slow.example", "quick.example"]
    assert (await resolver.resolve("slow.example", 80))[0]["port"] == 80
    assert asked[-1] == "slow.example"
    await resolver.close()
