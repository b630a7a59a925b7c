"""Readers of feeds who come back with the last token they have, whatever cuts them off, and keep every line.

This module must not know what the lines say, except the token.
"""

import asyncio
import random
from http import HTTPStatus

import aiohttp
import msgspec
from aiohttp import hdrs
from yarl import URL

from cds.live_play.client import basic_authorization
from tests.cds.contest_api.feeds import token_of
from tests.cds.contest_api.serving import Login
from tests.faults.insisting import LOST, Findings

SILENT_S_MAX = 5.0
"""Who hears nothing for so long, no sign of life either, connects again."""

AGAIN_S = 0.05
LEAVING = 0.02
"""How likely it is that a reader leaves by itself behind a line."""

EVENTS = "text/event-stream"
LINE_BYTES_MAX = 1 << 24


class Reader(msgspec.Struct, kw_only=True):
    """Who reads what, in which form, and what has come: `url` is that of the feed."""

    name: str
    role: str
    url: str
    login: Login | None
    server_sent: bool = False
    lines: list[bytes] = []
    connections: int = 0
    resumed: int = 0


async def follow(session: aiohttp.ClientSession, reader: Reader, findings: Findings, seed: str) -> None:
    """Follow for ever."""
    generator = random.Random(seed)
    while True:
        try:
            await _connected(session, reader, findings, generator)
        except LOST as lost:
            findings.counts[f"feeds lost: {type(lost).__name__}"] += 1
        await asyncio.sleep(AGAIN_S)


async def _connected(
    session: aiohttp.ClientSession, reader: Reader, findings: Findings, generator: random.Random
) -> None:
    """One connection, up to its end; what came of a line that was cut off does not count."""
    headers: dict[str, str] = {}
    if reader.login is not None:
        headers[hdrs.AUTHORIZATION] = basic_authorization(reader.login)
    url = reader.url
    if reader.server_sent:
        headers[hdrs.ACCEPT] = EVENTS
        if reader.lines:
            headers["Last-Event-ID"] = token_of(reader.lines[-1])
    elif reader.lines:
        url += f"?since_token={token_of(reader.lines[-1])}"
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=SILENT_S_MAX, sock_read=SILENT_S_MAX)
    async with session.get(URL(url, encoded=True), headers=headers, timeout=timeout) as response:
        if response.status != HTTPStatus.OK:
            if response.status not in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
                body = (await response.read())[:300]
                findings.found(f"{reader.name}: {response.status} behind {len(reader.lines)} lines: {body!r}")
            return
        reader.connections += 1
        reader.resumed += bool(reader.lines)
        while (line := await response.content.readline()).endswith(b"\n"):
            said = _said(line, reader.server_sent)
            if said:
                reader.lines.append(said)
                if generator.random() < LEAVING:
                    return


def _said(line: bytes, server_sent: bool) -> bytes:
    """The notification in a line, empty for signs of life."""
    if not server_sent:
        return line.rstrip(b"\n")
    return line.removeprefix(b"data: ").rstrip(b"\r\n") if line.startswith(b"data: ") else b""
