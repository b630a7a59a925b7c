"""Reading the feed of another server to where it stands: whatever that server does, it comes to an end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import hdrs, web
from aiohttp.test_utils import TestServer

from cds.comparing import fetching
from cds.comparing.fetching import checked_url, fetch_feed, is_url
from cds.dialects.results import SourceRefused

LINES = b'{"type":"contest","id":null,"data":{"id":"x"},"token":"1"}\n{"type":"state","id":null,"data":{}}\n'
DEADLINE_S = 10.0

Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def upstream(answer: Answering) -> AsyncIterator[str]:
    """The address of a contest on a server that answers as it likes."""
    application = web.Application()
    application.router.add_get("/api/contests/x/event-feed", answer)
    server = TestServer(application)
    await server.start_server()
    try:
        yield str(server.make_url("/api/contests/x"))
    finally:
        await server.close()


async def fetched(answer: Answering, to: Path, login: tuple[str, str] | None = None) -> bytes:
    async with upstream(answer) as url, asyncio.timeout(DEADLINE_S):
        await fetch_feed(url, login, to / "feed")
    return (to / "feed").read_bytes()


async def test_a_feed_that_ends_is_taken_whole(tmp_path: Path) -> None:
    asked: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request)
        return web.Response(body=LINES)

    assert await fetched(answer, tmp_path, ("me", "secret")) == LINES
    (request,) = asked
    assert request.query["stream"] == "false"
    assert request.headers[hdrs.AUTHORIZATION] == "Basic bWU6c2VjcmV0"


@pytest.mark.parametrize("sign", [b"\n", b""], ids=["blank line", "silence"])
async def test_a_feed_that_goes_on_is_taken_to_where_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sign: bytes
) -> None:
    monkeypatch.setattr(fetching, "QUIET_S", 0.3)

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"\n" + LINES + sign)
        await asyncio.sleep(DEADLINE_S)
        return response

    assert await fetched(answer, tmp_path) == LINES


async def test_whoever_says_nothing_at_all_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "FIRST_LINE_S_MAX", 0.3)

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await asyncio.sleep(DEADLINE_S)
        return response

    with pytest.raises(SourceRefused):
        await fetched(answer, tmp_path)


@pytest.mark.parametrize("status", [301, 302, 401, 403, 404, 500])
async def test_any_other_answer_is_refused_and_no_redirection_followed(tmp_path: Path, status: int) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=status, headers={hdrs.LOCATION: "/api/contests/x/event-feed?again"})

    with pytest.raises(SourceRefused, match=str(status)):
        await fetched(answer, tmp_path, ("me", "secret"))
    assert len(asked) == 1


async def test_a_line_beyond_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "LINE_BYTES_MAX", 1_000)

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=LINES + b"x" * 100_000 + b"\n")

    with pytest.raises(SourceRefused, match="too long"):
        await fetched(answer, tmp_path)


async def test_a_feed_beyond_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "FEED_BYTES_MAX", len(LINES) - 1)

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=LINES)

    with pytest.raises(SourceRefused, match="larger than"):
        await fetched(answer, tmp_path)


async def test_a_server_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response()

    async with upstream(answer) as url:
        pass
    with pytest.raises(SourceRefused) as refused:
        await fetch_feed(url, None, tmp_path / "feed")
    assert "\n" not in str(refused.value)


def test_addresses_are_checked_before_anything_is_sent() -> None:
    good = "http://example.org/api/contests/x"
    assert [checked_url(each) for each in (good, good + "/", good + "/event-feed")] == [good] * 3
    for wrong in (
        "http://me:secret@example.org/api/contests/x",
        "http://example.org/api",
        "http://example.org/api/contests/x?a=b",
        "http:///api/contests/x",
        "http://[::1/api/contests/x",
    ):
        with pytest.raises(SourceRefused) as refused:
            checked_url(wrong)
        assert "secret" not in str(refused.value)
    assert is_url("https://example.org")
    assert not is_url("finals")
