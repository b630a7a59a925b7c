"""The event feed of another server, read to where it stands now and kept in a file.

Servers that know `stream=false` end their feed there. Others go on: a feed is also at its end when the server has
nothing more to say, with a blank line, or for QUIET_S. This module must not know what the lines mean.
"""

import asyncio
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import aiohttp
from aiohttp import hdrs
from aiohttp.http_exceptions import LineTooLong
from yarl import URL

from cds.dialects.results import SourceRefused
from cds.live_play.client import Login, basic_authorization
from cds.packages.limits import FEED_BYTES_MAX, LINE_BYTES_MAX

CONNECT_S_MAX = 30.0
FIRST_LINE_S_MAX = 60.0
"""How long a server may think before the first line."""

QUIET_S = 5.0
"""A feed that has begun and is silent for so long has told everything that there is."""

FEED_ENDPOINT = "event-feed"


def is_url(text: str) -> bool:
    """Whether a text is meant as the address of a contest on a server."""
    return text.startswith(("http://", "https://"))


def checked_url(text: str) -> str:
    """The address of a contest, without a slash at its end. Raises SourceRefused."""
    try:
        split = urlsplit(text)
    except ValueError as error:
        raise SourceRefused(f"{text}: is no address ({error})") from None
    if split.username is not None or split.password is not None:
        raise SourceRefused("an address must not hold a password: use CDS_COMPARE_USERNAME and CDS_COMPARE_PASSWORD")
    if not split.hostname or "/contests/" not in split.path or split.query or split.fragment:
        raise SourceRefused(f"{text}: is not like http://127.0.0.1:8080/api/contests/ID")
    return text.rstrip("/").removesuffix(f"/{FEED_ENDPOINT}")


async def fetch_feed(url: str, login: Login | None, destination: Path) -> None:
    """Write the feed of the contest at `url` to a file, as far as it goes now. Raises SourceRefused."""
    headers = {} if login is None else {hdrs.AUTHORIZATION: basic_authorization(login)}
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S_MAX)
    try:
        async with aiohttp.ClientSession(timeout=timeout, read_bufsize=LINE_BYTES_MAX) as session:
            address = URL(f"{url}/{FEED_ENDPOINT}?stream=false", encoded=True)
            # A redirection could carry the password to another place, so none is followed.
            async with session.get(address, headers=headers, allow_redirects=False) as response:
                if response.status != HTTPStatus.OK:
                    raise SourceRefused(f"{url}: the server answered {response.status} to the request for its feed")
                with destination.open("wb") as file:
                    await _read(url, response.content, file)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise SourceRefused(f"{url}: {str(error) or type(error).__name__}") from error


async def _read(url: str, content: aiohttp.StreamReader, file: BinaryIO) -> None:
    """Write line by line. Raises SourceRefused for a feed beyond the limits, and TimeoutError when nothing comes."""
    size_bytes = 0
    while (line := await _next_line(url, content, FIRST_LINE_S_MAX if not size_bytes else QUIET_S)) is not None:
        if line.isspace():
            if size_bytes:
                return
            continue
        size_bytes += len(line)
        if size_bytes > FEED_BYTES_MAX:
            raise SourceRefused(f"{url}: the feed is larger than {FEED_BYTES_MAX} bytes")
        file.write(line)


async def _next_line(url: str, content: aiohttp.StreamReader, patience_s: float) -> bytes | None:
    """The next line, None at the end. Raises TimeoutError when not even the first comes, SourceRefused."""
    try:
        async with asyncio.timeout(patience_s):
            line = await content.readline()
    except TimeoutError:
        if patience_s == QUIET_S:
            return None
        raise
    except LineTooLong:
        raise SourceRefused(f"{url}: a line of the feed is too long (about {LINE_BYTES_MAX} bytes are)") from None
    return line or None
