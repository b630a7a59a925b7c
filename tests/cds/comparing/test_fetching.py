"""Reading the feed of another server to where it stands: whatever that server does, it comes to an end."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import hdrs, web
from aiohttp.test_utils import TestServer

from cds.comparing import fetching
from cds.comparing.fetching import Access, StillOpen, checked_url, fetch_feed, is_url, origin_of
from cds.dialects.results import SourceRefused
from tests.cds.operations.certificates import new_key, written

LINES = b'{"type":"contest","id":null,"data":{"id":"x"},"token":"1"}\n{"type":"state","id":null,"data":{}}\n'
END = b'{"type":"state","id":null,"data":{"end_of_updates":"2026-01-01T10:00:00.000Z"},"token":"3"}\n'
DEADLINE_S = 10.0
NOBODY = Access()

Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def upstream(answer: Answering, encrypted: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """The address of a contest on a server that answers as it likes."""
    application = web.Application()
    application.router.add_get("/api/contests/x/event-feed", answer)
    server = TestServer(application, host="localhost", scheme="http" if encrypted is None else "https")
    await server.start_server(ssl=encrypted)
    try:
        yield str(server.make_url("/api/contests/x"))
    finally:
        await server.close()


async def fetched(answer: Answering, to: Path, access: Access = NOBODY) -> bytes:
    """The lines of a feed that has ended."""
    async with upstream(answer) as url, asyncio.timeout(DEADLINE_S):
        assert await fetch_feed(url, access, to / "feed") is None
    return (to / "feed").read_bytes()


async def still_open(answer: Answering, to: Path) -> tuple[StillOpen | None, bytes]:
    """How far a feed had come that did not end, and its lines."""
    async with upstream(answer) as url, asyncio.timeout(DEADLINE_S):
        found = await fetch_feed(url, NOBODY, to / "feed")
    return found, (to / "feed").read_bytes()


@asynccontextmanager
async def closing(sent: bytes) -> AsyncIterator[str]:
    """The address of a contest on a server that ends its answers by closing the connection, as HTTP/1.0 does."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.0 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n" + sent)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/api/contests/x"


def going_on(*pieces: bytes | float) -> Answering:
    """A server that sends pieces, with pauses in seconds between them, and does not end."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for piece in (*pieces, DEADLINE_S):
            if isinstance(piece, bytes):
                await response.write(piece)
            else:
                await asyncio.sleep(piece)
        return response

    return answer


async def test_a_feed_that_ends_is_taken_whole(tmp_path: Path) -> None:
    asked: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request)
        return web.Response(body=LINES)

    assert await fetched(answer, tmp_path, Access(("me", "secret"))) == LINES
    (request,) = asked
    assert request.query["stream"] == "false"
    assert request.headers[hdrs.AUTHORIZATION] == "Basic bWU6c2VjcmV0"


async def test_a_feed_in_pieces_is_whole_when_its_answer_ends(tmp_path: Path) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for line in LINES.splitlines(keepends=True):
            await response.write(line)
        return response

    assert await fetched(answer, tmp_path) == LINES


@pytest.mark.parametrize("sign", [b"\n", b""], ids=["blank line", "silence"])
async def test_a_feed_that_goes_on_is_taken_to_where_it_stands_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sign: bytes
) -> None:
    monkeypatch.setattr(fetching, "QUIET_S", 0.3)
    assert await still_open(going_on(b"\n" + LINES + sign), tmp_path) == (StillOpen(2, 0.3), LINES)


async def test_a_blank_line_is_no_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Recorded feeds hold them anywhere, and servers send them for the sake of the connection."""
    monkeypatch.setattr(fetching, "QUIET_S", 2.0)
    found, lines = await still_open(going_on(LINES, b"\n", 0.1, LINES), tmp_path)
    assert (found, lines) == (StillOpen(4, 2.0), LINES + LINES)


async def test_news_are_not_awaited_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A contest goes on, and something happens again and again before the feed has been silent for long."""
    monkeypatch.setattr(fetching, "PAUSES_S_MAX", 1.0)
    monkeypatch.setattr(fetching, "PAUSE_S", 0.1)
    news: list[bytes | float] = [0.2, LINES]
    found, lines = await still_open(going_on(LINES, *news * 20), tmp_path)
    assert found == StillOpen(lines.count(b"\n"), 1.0)
    assert len(LINES) <= len(lines) < len(LINES) * 21


async def test_a_feed_that_comes_slowly_is_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bit by bit, but without a pause."""
    monkeypatch.setattr(fetching, "PAUSES_S_MAX", 2.0)

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(45):
            await response.write(LINES)
            await asyncio.sleep(0.05)
        return response

    assert await fetched(answer, tmp_path) == LINES * 45


async def test_a_feed_that_has_told_of_the_end_of_updates_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "QUIET_S", 0.3)
    about_it = b'{"type":"clarifications","id":"1","data":{"id":"1","text":"?","end_of_updates":null}}\n'
    for lines in (LINES + END, LINES + END + about_it):
        assert await fetched(going_on(lines), tmp_path) == lines
    again = END.replace(b'"2026-01-01T10:00:00.000Z"', b"null")
    found, _ = await still_open(going_on(LINES + END + again), tmp_path)
    assert found == StillOpen(4, 0.3)


@pytest.mark.parametrize("lines", [LINES, LINES + END[:-2], b""], ids=["between lines", "within a line", "at once"])
async def test_a_connection_that_is_closed_where_no_end_can_be_told_is_refused(tmp_path: Path, lines: bytes) -> None:
    async with closing(lines) as url:
        with pytest.raises(SourceRefused, match="cut off"):
            await fetch_feed(url, NOBODY, tmp_path / "feed")


async def test_a_closed_connection_does_no_harm_behind_the_end_of_updates(tmp_path: Path) -> None:
    async with closing(LINES + END) as url:
        assert await fetch_feed(url, NOBODY, tmp_path / "feed") is None


async def test_an_answer_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={hdrs.CONTENT_LENGTH: str(len(LINES) + 1)})
        await response.prepare(request)
        await response.write(LINES)
        assert request.transport is not None
        request.transport.close()
        return response

    with pytest.raises(SourceRefused):
        await fetched(answer, tmp_path)


async def test_certificates_are_those_that_were_given(tmp_path: Path) -> None:
    """A server with a certificate of its own is asked by whoever has been given that."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=LINES)

    files = written(tmp_path, new_key())
    encrypted = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    encrypted.load_cert_chain(files.certificate, files.key)
    async with upstream(answer, encrypted) as url:
        with pytest.raises(SourceRefused, match="certificate"):
            await fetch_feed(url, NOBODY, tmp_path / "feed")
        assert await fetch_feed(url, Access(certificates=files.certificate), tmp_path / "feed") is None
    (tmp_path / "nonsense").write_text("nonsense")
    with pytest.raises(SourceRefused, match="no certificate"):
        await fetch_feed(url, Access(certificates=tmp_path / "nonsense"), tmp_path / "feed")


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
        await fetched(answer, tmp_path, Access(("me", "secret")))
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
        await fetch_feed(url, NOBODY, tmp_path / "feed")
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
    assert origin_of("http://Example.org/a") == origin_of("http://example.org:80/b")
    assert origin_of("http://example.org/a") != origin_of("https://example.org/a")
    assert not is_url("finals")
