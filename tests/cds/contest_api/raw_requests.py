"""Requests byte by byte, as no proper client would send them.

This module knows sockets and how an answer is framed. It must not know what the answers should be.
"""

import asyncio
from collections.abc import Iterable, Mapping

from multidict import CIMultiDict

from tests.cds.contest_api.serving import DEADLINE_S, Answer, Caller, basic_authorization


async def raw_answer(caller: Caller, *pieces: bytes, pause_s: float = 0.0) -> Answer:
    """Send pieces with pauses between them and read the first answer.

    Raises EOFError (IncompleteReadError) when the connection ends without a whole one.
    """
    host, port = caller.url("").host, caller.url("").port
    async with asyncio.timeout(DEADLINE_S):
        reader, writer = await asyncio.open_connection(host, port)
        sending = asyncio.create_task(_send(writer, pieces, pause_s))
        try:
            return await _read(reader)
        finally:
            sending.cancel()
            writer.close()


def request_head(caller: Caller, method: str | bytes, path: str | bytes, headers: Mapping[str, str | bytes]) -> bytes:
    """The head of a request with the caller's login, after whose answer the connection ends."""
    lines = [_bytes(method) + b" " + _bytes(path) + b" HTTP/1.1", b"Host: 127.0.0.1", b"Connection: close"]
    if caller.login is not None:
        lines.append(b"Authorization: " + basic_authorization(caller.login).encode())
    lines += [name.encode() + b": " + _bytes(value) for name, value in headers.items()]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def path_of(caller: Caller, path: str) -> str:
    """The path as it stands in a request line."""
    return caller.url(path).raw_path


async def _send(writer: asyncio.StreamWriter, pieces: Iterable[bytes], pause_s: float) -> None:
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s)
    except ConnectionError:
        return  # The server has heard enough; what it says to that is what the test reads.


async def _read(reader: asyncio.StreamReader) -> Answer:
    head = await reader.readuntil(b"\r\n\r\n")
    status_line, *lines = head.decode("ascii").rstrip().split("\r\n")
    status = int(status_line.split()[1])
    if status == 100:
        return await _read(reader)
    headers: CIMultiDict[str] = CIMultiDict()
    for line in lines:
        name, _, value = line.partition(": ")
        headers.add(name, value)
    return Answer(status, headers, await reader.readexactly(int(headers["Content-Length"])))


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
