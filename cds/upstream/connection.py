"""Listening to an upstream: one request for its feed, read until it ends, breaks off or falls silent.

What comes is handed on as it comes: lines, and signs that everything has been said. This module must not know what a
line says, nor when to ask again.
"""

import asyncio
from base64 import b64encode
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Literal

import aiohttp
import msgspec
from aiohttp import hdrs
from yarl import URL

from cds import connection_failures
from cds.connection_failures import REDIRECTS, Reasons, words_for
from cds.contest_api.feed_requests import pace_permille_of
from cds.dialects.results import one_line
from cds.upstream.addresses import UpstreamAddress
from cds.upstream.fetched_files import HTML
from cds.upstream.lines import LineSplitter
from cds.upstream.notifications import Resume
from cds.upstream.options import SourceOptions, UpstreamLogin
from cds.upstream.patience import Patience
from cds.upstream.rings import SOURCES_HEADER, names_of
from cds.upstream.session import Outage, UpstreamSession
from schemas.objects import State
from schemas.records import ORDINARY_PACE_PERMILLE

HEAD_S_MAX = 60.0
"""The longest time from a request to the head of its answer."""

REDIRECTS_MAX = 5
NO_HEADERS: Mapping[str, str] = {}
ASKING_FOR_SOURCES: Mapping[str, str] = {SOURCES_HEADER: "?"}
STATE_BYTES_MAX = 64 * 1024
REFUSAL_BYTES_MAX = 2_000
"""How much of an answer is read that says why it is none."""

REASONS: Reasons = (
    (aiohttp.ClientConnectorCertificateError, "the certificate is not one to be trusted (--certificates)"),
    (aiohttp.ClientPayloadError, "the connection was cut"),
    *connection_failures.REASONS,
    (aiohttp.ClientConnectionError, "the connection broke"),
    (TimeoutError, "no answer in time"),
)
"""Why asking came to nothing, the more particular first; others are told by their names."""

Sign = Literal["quiet", "closed", "end", "busy", "told"]
"""Signs that everything has been said for now: silence, the end of a connection, the proper end of an answer. And, as
whoever listens tells it: that what has come for a while was no more than a contest that goes on has to say, and that
all has been told that the upstream says elsewhere.

Of an answer that says no length and does not come in chunks nobody can tell its end from an outage.
"""


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What has come: lines in their order (of one that is too long its length), then perhaps a sign.

    `pace_permille` is what the head of the answer says of the pace at which the contest goes on, `servers` whom it
    names (see rings).
    """

    lines: list[bytes | int]
    sign: Sign | None = None
    pace_permille: int = ORDINARY_PACE_PERMILLE
    servers: tuple[str, ...] = ()


class QuestionRefused(Outage):
    """The upstream does not know the place behind which it was asked to go on, or cannot be asked like this (400)."""


class FellSilent(Outage):
    """Nothing comes any more, although the answer has not ended."""


def reason_of(error: Exception) -> str:
    """Why asking came to nothing, in words."""
    return words_for(error, REASONS)


def authorization(login: UpstreamLogin | None) -> dict[str, str]:
    """The header that says who we are (RFC 7617), sent without waiting to be asked."""
    if login is None:
        return {}
    return {hdrs.AUTHORIZATION: "Basic " + b64encode(f"{login.username}:{login.password}".encode()).decode()}


@asynccontextmanager
async def asked(
    session: UpstreamSession,
    address: UpstreamAddress,
    login: UpstreamLogin | None,
    url: str,
    parameters: Mapping[str, str] | None = None,
    headers: Mapping[str, str] = NO_HEADERS,
) -> AsyncIterator[aiohttp.ClientResponse]:
    """The answer to a GET, redirects followed; credentials go to the upstream's own host alone.

    Each host on the way is looked at (UpstreamSession).

    Raises Outage, and what aiohttp raises.
    """
    target = URL(url, encoded=True) if parameters is None else URL(url, encoded=True).update_query(parameters)
    for _ in range(REDIRECTS_MAX):
        credentials = authorization(login) if address.is_own(str(target)) else {}
        async with asyncio.timeout(HEAD_S_MAX):
            response = await session.get(target, {**headers, **credentials})
        async with response:
            location = response.headers.get(hdrs.LOCATION)
            if response.status not in REDIRECTS or location is None:
                yield response
                return
            target = target.join(URL(location))
            if target.scheme not in ("http", "https"):
                raise Outage("redirects to what is no HTTP")
    raise Outage(f"redirects more than {REDIRECTS_MAX} times")


async def refusal_of(response: aiohttp.ClientResponse) -> str:
    """The status of an answer that is none, with the beginning of what it says."""
    try:
        async with asyncio.timeout(HEAD_S_MAX):
            body = await response.content.read(REFUSAL_BYTES_MAX)
    except TimeoutError:
        body = b""
    words = " ".join(body.decode(errors="replace").split())[:200]
    return one_line(f"answered {response.status}{f': {words}' if words else ''}")


async def listen(
    session: UpstreamSession,
    options: SourceOptions,
    resume: Resume | None,
    *,
    whole: bool,
    anew: bool,
    patience: Patience,
) -> AsyncGenerator[Heard]:
    """All that an upstream says, behind the place to resume at or from its beginning.

    `whole`: it is asked to end when it has said what there is (`stream=false`); not every upstream can. `anew`: to
    take a pause for the end of what it has to say would do harm, so more silence is needed; of an answer that was
    asked to end silence says nothing at all, but behind an empty line, with which it shows that it was not understood.
    Ends when the answer ends as it ought to; raises Outage when it breaks off, FellSilent, QuestionRefused for a 400.
    """
    parameters: dict[str, str] = {} if resume is None else {resume.parameter: resume.value}
    if whole:
        parameters["stream"] = "false"
    try:
        url = options.address.feed
        async with asked(session, options.address, options.login, url, parameters, ASKING_FOR_SOURCES) as response:
            if response.status == HTTPStatus.BAD_REQUEST and parameters:
                raise QuestionRefused(await refusal_of(response))
            if response.status != HTTPStatus.OK:
                raise Outage(await refusal_of(response))
            if response.content_type == HTML:
                raise Outage("answered with a page in HTML, which is no feed")
            yield Heard(lines=[], pace_permille=pace_permille_of(response.headers), servers=names_of(response.headers))
            delimited = hdrs.CONTENT_LENGTH in response.headers or hdrs.TRANSFER_ENCODING in response.headers
            async for heard in _pieces(response.content, patience, anew=anew, whole=whole):
                yield heard if delimited or heard.sign != "end" else Heard(lines=heard.lines, sign="closed")
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise Outage(reason_of(error)) from error


async def said_servers(session: UpstreamSession, options: SourceOptions, resume: Resume | None) -> tuple[str, ...]:
    """Whom the upstream names now in the head of an answer (see rings), none where it does not answer."""
    parameters = {"stream": "false"} | ({} if resume is None else {resume.parameter: resume.value})
    url = options.address.feed
    try:
        async with asked(session, options.address, options.login, url, parameters, ASKING_FOR_SOURCES) as response:
            return names_of(response.headers) if response.status == HTTPStatus.OK else ()
    except (aiohttp.ClientError, Outage, OSError, ValueError):
        return ()


async def said_state(session: UpstreamSession, options: SourceOptions) -> State | None:
    """The state of the contest as a request for it is answered, None where it is not."""
    try:
        async with asked(session, options.address, options.login, f"{options.address.url}/state") as response:
            if response.status != HTTPStatus.OK:
                return None
            async with asyncio.timeout(HEAD_S_MAX):
                body = await response.content.read(STATE_BYTES_MAX)
            return msgspec.json.decode(body, type=State)
    except (aiohttp.ClientError, Outage, OSError, ValueError, msgspec.DecodeError, RecursionError):
        return None


async def _pieces(
    content: aiohttp.StreamReader, patience: Patience, *, anew: bool, whole: bool
) -> AsyncIterator[Heard]:
    splitter, loop = LineSplitter(), asyncio.get_running_loop()
    line_s = heard_s = loop.time()
    is_quiet = False
    while True:
        # Behind an empty line less silence is enough. By itself it says little: recorded feeds hold them anywhere.
        quiet_s = patience.quiet_anew_s if anew and (whole or not splitter.rested) else patience.quiet_s
        dead_s = heard_s + patience.silence_s_max
        due_s = dead_s if is_quiet else min(line_s + quiet_s, dead_s)
        data = await _read(content, max(due_s - loop.time(), 0.0))
        if data is None:
            if loop.time() >= dead_s:
                raise FellSilent(f"nothing came for {patience.silence_s_max:g} s, not even an empty line")
            # In a reading anew whoever listens may not believe it, and is told again.
            line_s, is_quiet = loop.time(), not anew
            if splitter.is_between_lines and (splitter.rested or not whole):
                yield Heard(lines=[], sign="quiet")
            continue
        if not data:
            rest = splitter.rest()
            if not rest and not splitter.is_between_lines:
                raise Outage("the answer ended within a line")
            yield Heard(lines=rest, sign="end")
            return
        heard_s = loop.time()
        lines = splitter.take(data)
        if lines or not splitter.is_between_lines:
            line_s, is_quiet = heard_s, False
        yield Heard(lines=lines)


async def _read(content: aiohttp.StreamReader, wait_s: float) -> bytes | None:
    """What comes next, empty at the end, None when nothing comes in time."""
    try:
        async with asyncio.timeout(wait_s):
            return await content.readany()
    except TimeoutError:
        return None
