"""What every handler of the Contest API works with: the contests, the identities, the caches; and who asks.

This module must not know any particular endpoint.
"""

import asyncio
import binascii
from base64 import b64decode
from http import HTTPStatus

import msgspec
from aiohttp import hdrs, web

from cds.contest_api.answers import AnswerCache
from cds.contest_api.errors import RETRY_AFTER_S, Failure, not_found, unauthorized
from cds.contests import Contests
from cds.identity import Identity, TooManyLogins, WrongCredentials
from cds.live_contest import LiveContest
from eventstore.store import EventStore
from projections.tokens import TokenMaker
from schemas.viewers import PUBLIC, Viewer

RETRY_LOGIN_AFTER_S = 2


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """The server's parts, as the composition root has put them together."""

    store: EventStore
    contests: Contests
    identity: Identity
    tokens: TokenMaker
    answers: AnswerCache
    closing: asyncio.Event
    version: str
    keep_alive_s: float


class ServiceSlot(msgspec.Struct):
    """Holds the service once it is ready."""

    service: Service | None = None


SLOT = web.AppKey("service", ServiceSlot)


def service_of(request: web.Request) -> Service:
    """The service behind a request. Raises Failure (503) while the log is still being read."""
    service = request.app[SLOT].service
    if service is None:
        raise Failure(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "the server is starting; try again",
            {hdrs.RETRY_AFTER: str(RETRY_AFTER_S)},
        )
    return service


def contest_at(request: web.Request) -> LiveContest | None:
    """The contest that a path is about, also where no route leads; None when there is none, or no server yet."""
    service = request.app[SLOT].service
    _, _, rest = request.path.partition("/contests/")
    return None if service is None else service.contests.find(rest.partition("/")[0])


async def asked(request: web.Request) -> tuple[LiveContest, Viewer]:
    """The contest that the path names, and who asks. Raises Failure (401, 404), wrong credentials first."""
    contest_id = request.match_info["contest_id"]
    contest = service_of(request).contests.find(contest_id)
    viewer = await viewer_of(request, contest)
    if contest is None:
        raise not_found(f"contest {contest_id}")
    return contest, viewer


async def viewer_of(request: web.Request, contest: LiveContest | None) -> Viewer:
    """Who asks, as far as a contest is concerned (None: outside contests). Raises Failure (401).

    Wrong credentials are refused and never silently public.
    """
    header = request.headers.get(hdrs.AUTHORIZATION)
    if header is None:
        return PUBLIC
    username, password = _basic(header)
    service = service_of(request)
    try:
        return await service.identity.viewer(username, password, contest, service.contests)
    except WrongCredentials:
        raise unauthorized("wrong user name or password") from None
    except TooManyLogins:
        raise Failure(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "too many logins are being checked; try again",
            {hdrs.RETRY_AFTER: str(RETRY_LOGIN_AFTER_S)},
        ) from None


def _basic(header: str) -> tuple[str, str]:
    """User name and password of HTTP Basic authentication (RFC 7617)."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise unauthorized("only HTTP Basic authentication is supported here")
    try:
        username, separator, password = b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise unauthorized("the Authorization header cannot be read") from None
    if not separator:
        raise unauthorized("the Authorization header holds no password")
    return username, password
