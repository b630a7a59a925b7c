"""The baseline: an aiohttp server in a process of its own that answers from memory and knows nothing.

It gets a manifest: paths, the files that hold the bodies, and the headers to send. It ends when its standard input
does, so it never outlives who started it. This module must not know the program that is measured.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
from aiohttp import hdrs, web

STREAM_PIECE_BYTES = 256 * 1024
"""Length of a piece of a streamed body; a piece ends at the end of a line, as those of a feed do."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class BareAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What is answered at a path: the bytes of a file, under these headers, at once or as a stream."""

    path: str
    body_file: str
    headers: dict[str, str]
    streamed: bool = False


def bare_application(answers: list[BareAnswer]) -> web.Application:
    """An application with one handler for each answer, and no middleware."""
    application = web.Application()
    for answer in answers:
        body = Path(answer.body_file).read_bytes()
        make = _streaming if answer.streamed else _answering
        application.router.add_get(answer.path, make(body, answer.headers))
    return application


def pieces_of(body: bytes) -> list[bytes]:
    """The body in pieces that end with a line."""
    pieces = []
    start = 0
    while start < len(body):
        end = body.find(b"\n", start + STREAM_PIECE_BYTES) + 1 or len(body)
        pieces.append(body[start:end])
        start = end
    return pieces


def _answering(body: bytes, headers: dict[str, str]) -> Handler:
    others = {name: value for name, value in headers.items() if name != hdrs.CONTENT_TYPE}
    content_type = headers[hdrs.CONTENT_TYPE]

    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=body, content_type=content_type, headers=others)

    return answer


def _streaming(body: bytes, headers: dict[str, str]) -> Handler:
    pieces = pieces_of(body)

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
        await response.write_eof()
        return response

    return stream


async def _serve(answers: list[BareAnswer]) -> None:
    runner = web.AppRunner(bare_application(answers), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    sys.stdout.write(f"{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.buffer.read)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(_serve(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=list[BareAnswer])))
