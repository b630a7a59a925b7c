"""Looking at what an upstream answers besides its feed: GET of its collections, translated as its feed is.

This module must not know what is made of it.
"""

import asyncio
from collections.abc import Iterable
from http import HTTPStatus

import aiohttp
import msgspec

from cds.upstream.connection import asked
from cds.upstream.options import SourceOptions
from cds.upstream.reading import Reading
from cds.upstream.secrecy import without_passwords
from cds.upstream.session import Outage, UpstreamSession
from cds.upstream.touchstone import Objects
from schemas.object_types import OBJECT_TYPES, TYPE_ORDER, ObjectType

LOOKS_AT_ONCE_MAX = 3
LOOK_S_MAX = 60.0
"""The longest time for one collection, from its request to its end."""

LOOK_BYTES_MAX = 64 * 1024 * 1024
PIECE_BYTES = 1024 * 1024


async def looked(
    session: UpstreamSession, options: SourceOptions, reading: Reading, names: Iterable[str]
) -> Objects | None:
    """The objects of some types as GET says them, by type; types that it does not give are left out.

    `reading` is one at its beginning, in which they are put together. None when the contest cannot be had.
    """
    rows = sorted((OBJECT_TYPES[name] for name in {*names, "contest"}), key=lambda row: TYPE_ORDER[row.name])
    turns = asyncio.Semaphore(LOOKS_AT_ONCE_MAX)
    bodies = await asyncio.gather(*(_body(session, options, row, turns) for row in rows))
    return await asyncio.to_thread(_translated, reading, list(zip(rows, bodies, strict=True)))


async def _body(
    session: UpstreamSession, options: SourceOptions, row: ObjectType, turns: asyncio.Semaphore
) -> bytes | None:
    """The answer for one type, None for none within the limits."""
    url = options.address.url if row.name == "contest" else f"{options.address.url}/{row.endpoint}"
    body = bytearray()
    try:
        async with (
            turns,
            asyncio.timeout(LOOK_S_MAX),
            asked(session, options.address, options.login, url) as response,
        ):
            if response.status != HTTPStatus.OK:
                return None
            async for piece in response.content.iter_chunked(PIECE_BYTES):
                body += piece
                if len(body) > LOOK_BYTES_MAX:
                    return None
    except (aiohttp.ClientError, Outage, OSError, ValueError):
        return None
    return bytes(body)


def _translated(reading: Reading, answers: list[tuple[ObjectType, bytes | None]]) -> Objects | None:
    had: list[str] = []
    for row, body in answers:
        try:
            data = None if body is None else msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        if body is not None and isinstance(data, dict if row.singleton else list):
            line, _ = without_passwords(b'{"type":"%s","id":null,"data":%s}' % (row.name.encode(), body))
            reading.take_line(len(had) + 1, line)
            had.append(row.name)
    if not reading.has_contest:
        return None
    reading.settle(len(had))
    return {name: dict(reading.translator.objects[name]) for name in had}
