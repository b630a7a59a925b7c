"""One question and its answer: how it ends, when it is given up, and who is never told the password."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest
from aiohttp import hdrs, web

from cds.upstream.connection import Heard, QuestionRefused, listen
from cds.upstream.describing import source_options
from cds.upstream.notifications import Resume
from cds.upstream.options import SourceOptions
from cds.upstream.patience import Patience
from cds.upstream.session import Outage, upstream_session

QUICK = Patience(pause_s=0.01, silence_s_max=0.6, quiet_s=0.1, quiet_anew_s=0.3)

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def answering(answer: Answer) -> AsyncIterator[SourceOptions]:
    """An upstream that answers every request like this."""
    application = web.Application()
    application.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/api/contests/up"
        yield source_options(url, username="me", password="sesame", patience=QUICK)
    finally:
        await runner.cleanup()


async def heard(options: SourceOptions, resume: Resume | None = None, *, anew: bool = False) -> list[Heard]:
    """Everything until the answer ends. Raises Outage."""
    async with asyncio.timeout(10), upstream_session(options, "1.0") as session:
        found = listen(session, options, resume, whole=anew, anew=anew, patience=options.patience)
        return [each async for each in found]


async def heard_until_outage(options: SourceOptions) -> tuple[list[Heard], str]:
    """What was heard before the outage, and how that is told."""
    found: list[Heard] = []
    async with asyncio.timeout(10), upstream_session(options, "1.0") as session:
        pieces = listen(session, options, None, whole=False, anew=False, patience=options.patience)
        try:
            while True:
                found.append(await anext(pieces))
        except Outage as outage:
            return found, str(outage)


def writing(*pieces: bytes, pause_s: float = 0.0, hangs: bool = False, breaks: bool = False) -> Answer:
    """An answer that comes in these pieces, and then ends, hangs or breaks off."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
            await asyncio.sleep(pause_s)
        if hangs:
            await asyncio.sleep(5)
        if breaks and request.transport is not None:
            await asyncio.sleep(0.02)
            request.transport.abort()
        return response

    return answer


def lines_of(found: list[Heard]) -> list[bytes | int]:
    """All lines."""
    return [line for each in found for line in each.lines]


async def test_an_answer_that_ends_as_it_ought_to_says_so() -> None:
    """With a last line that lacks its end."""
    async with answering(writing(b'{"a":1}\n{"b"', b":2}")) as options:
        found = await heard(options)
    assert lines_of(found) == [b'{"a":1}', b'{"b":2}']
    assert found[-1].sign == "end"


async def test_an_answer_that_breaks_off_is_an_outage() -> None:
    """And what it said before is not lost."""
    async with answering(writing(b'{"a":1}\n{"b":2}\n{"c', breaks=True)) as options:
        found, reason = await heard_until_outage(options)
    assert lines_of(found) == [b'{"a":1}', b'{"b":2}']
    assert reason in ("the connection was cut", "the connection broke")


async def test_an_answer_that_ends_within_a_line_is_an_outage() -> None:
    """Whatever its length says."""
    async with answering(writing(b'{"a":1}\n{"b')) as options:
        with pytest.raises(Outage, match="within a line"):
            await heard(options)


async def test_silence_is_an_outage_in_the_end() -> None:
    """First it is a sign that everything has been said."""
    async with answering(writing(b'{"a":1}\n', hangs=True)) as options:
        found, reason = await heard_until_outage(options)
    assert [each.sign for each in found if each.sign] == ["quiet"]
    assert "nothing came" in reason


async def test_empty_lines_keep_a_connection_alive_and_say_that_nothing_is_new() -> None:
    """However often they come."""
    async with answering(writing(b'{"a":1}\n', *[b"\n"] * 20, pause_s=0.06)) as options:
        found = await heard(options)
    assert [each.sign for each in found if each.sign] == ["quiet", "end"]


async def test_a_trickle_is_no_silence() -> None:
    """As long as lines come, nothing is taken for their end."""
    async with answering(writing(*[b'{"a"', b":1}\n"] * 6, pause_s=0.06)) as options:
        found = await heard(options)
    assert [each.sign for each in found if each.sign] == ["end"]
    assert len(lines_of(found)) == 6


async def test_an_answer_without_a_length_does_not_say_whether_it_has_ended() -> None:
    """A connection that is closed may have been cut."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{"a":1}\n')
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        found = await heard(source_options(f"http://127.0.0.1:{port}/api/contests/up", patience=QUICK))
    assert found[-1].sign == "closed"


@pytest.mark.parametrize(("status", "error"), [(400, QuestionRefused), (401, Outage), (404, Outage), (500, Outage)])
async def test_what_is_no_feed_is_told_with_its_beginning(status: int, error: type[Outage]) -> None:
    """In one line."""

    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text="no\nway " + "x" * 5_000)

    async with answering(answer) as options:
        with pytest.raises(error, match=f"answered {status}: no way") as refused:
            await heard(options, Resume("since_token", "a b+&"))
    assert len(str(refused.value)) < 300


async def test_the_place_to_resume_at_arrives_as_it_was_given() -> None:
    """Tokens may hold any character."""
    asked = []

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append((request.query.get("since_token"), request.query.get("stream")))
        return web.Response(text="")

    token = "a b+c&d=e%20f#ü"
    async with answering(answer) as options:
        await heard(options, Resume("since_token", token))
        await heard(options, Resume("since_token", token), anew=True)
    assert asked == [(token, None), (token, "false")]


async def test_redirects_are_followed_with_credentials_on_the_own_host_alone() -> None:
    """Somebody else never gets them."""
    logins: list[str | None] = []

    async def other(request: web.Request) -> web.StreamResponse:
        logins.append(request.headers.get(hdrs.AUTHORIZATION))
        return web.Response(text='{"a":1}\n')

    async with answering(other) as elsewhere:

        async def answer(request: web.Request) -> web.StreamResponse:
            logins.append(request.headers.get(hdrs.AUTHORIZATION))
            if request.path.endswith("event-feed"):
                raise web.HTTPTemporaryRedirect("/moved?since_token=x")
            raise web.HTTPTemporaryRedirect(elsewhere.address.feed)

        async with answering(answer) as options:
            assert lines_of(await heard(options)) == [b'{"a":1}']
    assert [login is not None for login in logins] == [True, True, False]


async def test_redirects_in_a_circle_end() -> None:
    """As an outage."""

    async def answer(request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound(request.path)

    async with answering(answer) as options:
        with pytest.raises(Outage, match="redirects"):
            await heard(options)


async def test_a_feed_that_is_said_to_be_inside_is_not_asked_for_there() -> None:
    """A redirect leads to hosts of the public internet, to the upstream's own, and to those that are named."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append(request.host)
        raise web.HTTPFound(f"http://localhost:{request.url.port}/elsewhere")

    async with answering(answer) as options:
        with pytest.raises(Outage, match="localhost is no public address"):
            await heard(options)
        assert len(asked) == 1
        with pytest.raises(Outage, match="redirects more than"):
            await heard(msgspec.structs.replace(options, files_from=frozenset({"localhost"})))


async def test_a_page_is_no_feed() -> None:
    """Of a proxy that says in HTML, with 200, that something is wrong."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(text="<html>\n<body>Sorry</body>\n</html>\n", content_type="text/html")

    async with answering(answer) as options:
        with pytest.raises(Outage, match="HTML"):
            await heard(options)


async def test_nobody_there_is_an_outage_in_words() -> None:
    """Without a password in them."""
    async with answering(writing()) as options:
        pass
    with pytest.raises(Outage) as refused:
        await heard(options)
    assert str(refused.value) == "no connection could be made"


def test_pauses_grow_to_their_limit_and_are_never_the_same() -> None:
    """From 1 s to 30 s; up to a quarter more is chance."""
    patience = Patience()
    assert [patience.pause_after_s(n, 0.0) for n in (1, 2, 3, 5, 6, 1_000)] == [1.0, 2.0, 4.0, 16.0, 24.0, 24.0]
    assert [patience.pause_after_s(n, 1.0) for n in (1, 2, 6, 1_000)] == [1.25, 2.5, 30.0, 30.0]
    assert msgspec.structs.asdict(patience)["silence_s_max"] > 120
