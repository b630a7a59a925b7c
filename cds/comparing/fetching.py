"""The event feed of another server, read to where it stands now and kept in a file.

Servers that know `stream=false` end their feed there, and a feed that has told of the end of updates is whole as well.
Others go on: they are read until nothing comes for a while, or only now and then, and how far that was is said. A feed
that breaks off is none. This module must not know what the lines mean, but for the one that says that no
more will come.
"""

import asyncio
import ssl
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import aiohttp
import msgspec
from aiohttp import hdrs
from aiohttp.http_exceptions import LineTooLong
from yarl import URL

from cds.dialects.results import SourceRefused
from cds.live_play.client import Login, basic_authorization
from cds.packages.limits import FEED_BYTES_MAX, LINE_BYTES_MAX

CONNECT_S_MAX = 30.0
FIRST_LINE_S_MAX = 60.0
"""How long a server may think before the first line."""

QUIET_S = 10.0
"""A feed that has begun and brings no line for so long is taken to stand still; blank lines are no sign of anything."""

PAUSE_S = 0.5
PAUSES_S_MAX = 30.0
"""All pauses of at least PAUSE_S before a line: beyond so much together, what comes is what happens just now."""

END_OF_UPDATES = b'"end_of_updates"'

FEED_ENDPOINT = "event-feed"
DEFAULT_PORTS = {"http": 80, "https": 443}


class Access(msgspec.Struct, frozen=True):
    """How a server is asked: an account there, and a PEM file with what is trusted, where it is not what is usual."""

    login: Login | None = None
    certificates: Path | None = None


class StillOpen(msgspec.Struct, frozen=True):
    """How far a feed had come that did not end: lines, and for how many seconds more was waited for."""

    lines: int
    waited_s: float


class _StateData(msgspec.Struct, frozen=True):
    end_of_updates: str | None = None


class _StateNotification(msgspec.Struct, frozen=True):
    type: str
    data: _StateData | None = None


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


def origin_of(text: str) -> tuple[str, str | None, int | None]:
    """The server to which a URL leads: scheme, host and port; whatever `checked_url` refuses is of no matter here."""
    try:
        split = urlsplit(text)
        return split.scheme, split.hostname, split.port or DEFAULT_PORTS.get(split.scheme)
    except ValueError:
        return text, None, None


async def fetch_feed(url: str, access: Access, destination: Path) -> StillOpen | None:
    """Write the feed of the contest at `url` to a file, as far as it goes now.

    None when it has ended; else how far it had come when nothing more was waited for. Raises SourceRefused, and
    OSError for certificates that cannot be read.
    """
    headers = {} if access.login is None else {hdrs.AUTHORIZATION: basic_authorization(access.login)}
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S_MAX)
    trusted = await asyncio.to_thread(_trusted, access.certificates)
    try:
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=trusted), timeout=timeout, read_bufsize=LINE_BYTES_MAX
        ) as session:
            address = URL(f"{url}/{FEED_ENDPOINT}?stream=false", encoded=True)
            # A redirection could carry the password to another place, so none is followed.
            async with session.get(address, headers=headers, allow_redirects=False) as response:
                if response.status != HTTPStatus.OK:
                    raise SourceRefused(f"{url}: the server answered {response.status} to the request for its feed")
                delimited = hdrs.CONTENT_LENGTH in response.headers or hdrs.TRANSFER_ENCODING in response.headers
                with destination.open("wb") as file:
                    reading = _Reading(url, file)
                    waited_s = await reading.read(response.content)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise SourceRefused(f"{url}: {str(error) or type(error).__name__}") from error
    if reading.told_the_end or (waited_s is None and delimited):
        return None
    if waited_s is None:
        # Nobody can tell the end of such an answer from an outage, and half a feed would be compared as if it were all.
        raise SourceRefused(
            f"{url}: the connection was closed after {reading.lines} lines, which neither ended the answer nor the "
            "updates: the feed may have been cut off"
        )
    return StillOpen(reading.lines, waited_s)


class _Reading:
    """One feed on its way into a file: its lines, as many as there are, and whether no more will come."""

    def __init__(self, url: str, file: BinaryIO) -> None:
        """`url` is for what is said of it."""
        self._url = url
        self._file = file
        self._size_bytes = 0
        self.lines = 0
        self.told_the_end = False

    async def read(self, content: aiohttp.StreamReader) -> float | None:
        """Write line by line, to the end of the answer (None) or to where the feed stands: how long more was awaited.

        Raises SourceRefused for a feed beyond the limits, and TimeoutError when nothing comes at all.
        """
        loop = asyncio.get_running_loop()
        line_s, pauses_s, patience_s = loop.time(), 0.0, FIRST_LINE_S_MAX
        while True:
            try:
                async with asyncio.timeout_at(line_s + patience_s):
                    line = await content.readline()
            except TimeoutError:
                if not self.lines:
                    raise
                return QUIET_S if patience_s == QUIET_S else PAUSES_S_MAX
            except LineTooLong:
                raise SourceRefused(
                    f"{self._url}: a line of the feed is too long (about {LINE_BYTES_MAX} bytes are)"
                ) from None
            if not line:
                return None
            if not line.isspace():
                pause_s, line_s = loop.time() - line_s, loop.time()
                pauses_s += pause_s if self.lines and pause_s >= PAUSE_S else 0.0
                patience_s = min(QUIET_S, PAUSES_S_MAX - pauses_s)
                self._take(line)

    def _take(self, line: bytes) -> None:
        self.lines += 1
        self._size_bytes += len(line)
        if self._size_bytes > FEED_BYTES_MAX:
            raise SourceRefused(f"{self._url}: the feed is larger than {FEED_BYTES_MAX} bytes")
        state = _state_in(line) if END_OF_UPDATES in line else None
        if state is not None:
            self.told_the_end = state.end_of_updates is not None
        self._file.write(line)


def _state_in(line: bytes) -> _StateData | None:
    """The state that a line tells, None in any other. Whoever reads it as a part of the contest minds what is odd."""
    try:
        notification = msgspec.json.decode(line, type=_StateNotification)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return notification.data if notification.type == "state" else None


def _trusted(certificates: Path | None) -> ssl.SSLContext | bool:
    if certificates is None:
        return True
    try:
        return ssl.create_default_context(cafile=str(certificates))
    except ssl.SSLError as error:
        raise SourceRefused(f"{certificates}: holds no certificate that can be read ({error.reason})") from None
