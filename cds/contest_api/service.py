"""What every handler of the Contest API works with: the contests, the identities, the caches; and who asks.

This module must not know any particular endpoint.
"""

import asyncio
from base64 import b64decode
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from math import ceil
from typing import Protocol
from urllib.parse import urlsplit

import msgspec
from aiohttp import hdrs, web

from cds.addresses import Client, client_of
from cds.admission import viewer_let_in
from cds.award_keeping import AwardKeeper
from cds.bearer_tokens import BearerRefused, Fault
from cds.cms_api.parts import CmsParts
from cds.commands.accounts import Network
from cds.contest_api.answers import AnswerCache
from cds.contest_api.edge_word import client_of_edge, is_edge, is_own_page
from cds.contest_api.errors import RETRY_AFTER_S, Failure, bad_token, not_found, unauthorized
from cds.contest_clock import ContestClock
from cds.contests import Contests
from cds.fan_out.fan_out import FanOut
from cds.identity import Identity
from cds.live_contest import Circumstances, LiveContest
from cds.login_attempts import Throttled, WrongCredentials
from cds.matches.matches import MatchParts
from cds.operations.request_marks import marks_of
from cds.password_checking import TooManyLogins
from cds.past.pasts import Pasts
from cds.platforms.platforms import Platforms
from cds.shadows import Shadows
from cds.students.students import StudentParts
from cds.users.users import UserParts
from cds.webhooks.webhooks import Webhooks
from eventstore.store import EventStore
from projections.tokens import TokenMaker
from schemas.viewers import PUBLIC, Viewer

RETRY_LOGIN_AFTER_S = 2

PAGES_TOLD_AT_ONCE_MAX = 2
"""Pages of lines that are put together for edges at the same time; the others wait for their turn."""

WRONG_CREDENTIALS = "wrong user name or password"

SENTENCES_OF_TOKENS: Mapping[Fault, str] = {
    "malformed": "the bearer token cannot be read",
    "not valid": "the bearer token is not valid",
    "expired": "the bearer token has expired",
    "revoked": "the bearer token is not valid any more",
    "unknown account": "the bearer token is not valid any more",
}

READING = frozenset({hdrs.METH_GET, hdrs.METH_HEAD})
READING_METHODS = READING | {hdrs.METH_OPTIONS}


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """The server's parts, as the composition root has put them together.

    `auto_login`: whether an address may log a client in (Account.ip); `trusted_proxies` are believed when they say for
    whom they ask; `behind_proxy`: there is one, trusted or not; `base_url` is where clients see the API, None where
    they see it as it is; `repetition_key` makes fingerprints of requests that may come again; `rate_limits`: whether
    requests are limited that a contract limits, as failed logins are; `edge_secret`: what edges bring, None: there are
    none; `publishes`: whether the contest of an id is published for them; `pages_told`: to be held while lines are put
    together for an edge.
    """

    store: EventStore
    contests: Contests
    shadows: Shadows
    identity: Identity
    tokens: TokenMaker
    answers: AnswerCache
    pasts: Pasts
    closing: asyncio.Event
    feeds: FanOut[LiveContest]
    version: str
    keep_alive_s: float
    circumstances: Circumstances
    clock: ContestClock
    awards: AwardKeeper
    webhooks: Webhooks
    platforms: Platforms
    students: StudentParts
    cms: CmsParts
    users: UserParts
    matches: MatchParts
    repetition_key: bytes
    publishes: Callable[[str], bool]
    auto_login: bool = False
    trusted_proxies: tuple[Network, ...] = ()
    base_url: str | None = None
    behind_proxy: bool = False
    rate_limits: bool = True
    edge_secret: str | None = None
    pages_told: asyncio.Semaphore = msgspec.field(default_factory=lambda: asyncio.Semaphore(PAGES_TOLD_AT_ONCE_MAX))


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
    contest = await service_of(request).contests.found(contest_id)
    viewer = _viewer_at_once(request, contest) or await _viewer_by_credentials(request, contest)
    if contest is None:
        raise not_found(f"contest {contest_id}")
    return contest, viewer


async def viewer_of(request: web.Request, contest: LiveContest | None) -> Viewer:
    """Who asks, as far as a contest is concerned (None: outside contests). Raises Failure (401, 403, 429, 503).

    Wrong credentials are refused and never silently public. Without any, the address may say who it is.
    """
    return _viewer_at_once(request, contest) or await _viewer_by_credentials(request, contest)


def _viewer_at_once(request: web.Request, contest: LiveContest | None) -> Viewer | None:
    """Who asks, where no password has to be looked at. Raises Failure (401, 403, 503)."""
    header = request.headers.get(hdrs.AUTHORIZATION)
    if header is None:
        return PUBLIC if contest is None else _automatic_viewer(request, contest)
    known = None if contest is None else service_of(request).identity.recognized(contest, header)
    if contest is None or known is None:
        return None
    _refuse_kept_out(request, contest, known)
    marks_of(request).viewer = known
    return known


async def _viewer_by_credentials(request: web.Request, contest: LiveContest | None) -> Viewer:
    """Who proves to be whom. Raises Failure (401, 429, 503)."""
    scheme, _, credentials = request.headers[hdrs.AUTHORIZATION].partition(" ")
    way = WAYS.get(scheme.lower())
    if way is None:
        raise unauthorized("only HTTP Basic authentication and bearer tokens are supported here")
    return await way(request, contest, credentials.strip())


async def _viewer_by_token(request: web.Request, _contest: LiveContest | None, token: str) -> Viewer:
    """Whose bearer token a request brings (RFC 6750, section 2.1: in the header alone). Raises Failure (401)."""
    try:
        viewer = marks_of(request).viewer = await service_of(request).identity.viewer_of_token(token)
    except BearerRefused as refused:
        raise bad_token(SENTENCES_OF_TOKENS[refused.fault]) from None
    return viewer


async def _viewer_by_password(request: web.Request, contest: LiveContest | None, credentials: str) -> Viewer:
    """Whose name and password a request brings. Raises Failure (401, 429, 503)."""
    service, header = service_of(request), request.headers[hdrs.AUTHORIZATION]
    username, password = _basic(credentials)
    try:
        with login_refusals_as_failures():
            viewer = marks_of(request).viewer = await service.identity.viewer(
                username, password, contest, service.contests, address=client_at(request, service).address
            )
    except WrongCredentials:
        raise unauthorized(WRONG_CREDENTIALS) from None
    if contest is not None:
        _refuse_kept_out(request, contest, viewer)
        service.identity.recognize(contest, header, viewer, password)
    return viewer


def _refuse_kept_out(request: web.Request, contest: LiveContest, viewer: Viewer) -> None:
    """Raise Failure (401) for a participant whom the contest does not let in from there, as for a wrong password."""
    if not viewer_let_in(contest.state, viewer, client_at(request, service_of(request))):
        raise unauthorized(WRONG_CREDENTIALS)


WAYS: Mapping[str, Callable[[web.Request, LiveContest | None, str], Awaitable[Viewer]]] = {
    "basic": _viewer_by_password,
    "bearer": _viewer_by_token,
}
"""Who somebody is, by the scheme of the credentials."""


@contextmanager
def login_refusals_as_failures() -> Iterator[None]:
    """Turn what keeps a password from being looked at into an answer."""
    try:
        yield
    except Throttled as throttled:
        raise too_many_failed_logins(throttled.wait_s) from None
    except TooManyLogins:
        raise Failure(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "too many logins are being checked; try again",
            {hdrs.RETRY_AFTER: str(RETRY_LOGIN_AFTER_S)},
        ) from None


def too_many_failed_logins(wait_s: float) -> Failure:
    """429 to whoever has to wait so many seconds."""
    whole_s = ceil(wait_s)
    sentence = f"too many failed logins; try again in {whole_s} s"
    return Failure(HTTPStatus.TOO_MANY_REQUESTS, sentence, {hdrs.RETRY_AFTER: str(whole_s)})


class Standing(Protocol):
    """Where a server stands: what is in front of it, and what is believed of that (see Service)."""

    @property
    def trusted_proxies(self) -> tuple[Network, ...]:
        """Who is believed when he says for whom he asks."""
        ...

    @property
    def base_url(self) -> str | None:
        """Where clients see the API."""
        ...

    @property
    def behind_proxy(self) -> bool:
        """Whether there is a proxy."""
        ...

    @property
    def edge_secret(self) -> str | None:
        """By what edges are known, which are believed as well."""
        ...


def client_at(request: web.Request, service: Standing) -> Client:
    """The client behind a request, as the connection, trusted proxies and edges tell it."""
    if is_edge(request, service.edge_secret):
        return client_of_edge(request)
    forwarded_for = request.headers.getall(hdrs.X_FORWARDED_FOR, ())
    return client_of(request.remote, forwarded_for, service.trusted_proxies)


def _automatic_viewer(request: web.Request, contest: LiveContest) -> Viewer:
    """Whom the address alone logs in, where that is switched on.

    A browser sends requests for any page that it shows, and they all come from its address. So what a page of another
    host asks for is answered as to the public, and what it wants to write is refused: no password protects it.
    Raises Failure (403).
    """
    service = service_of(request)
    if not service.auto_login:
        return PUBLIC
    client = client_at(request, service)
    viewer = service.identity.automatic(client.address, contest) if client.certain else None
    if viewer is None or not viewer_let_in(contest.state, viewer, client):
        return PUBLIC
    if not from_another_host(request, service):
        marks_of(request).viewer = viewer
        return viewer
    if request.method in READING_METHODS:
        return PUBLIC
    raise Failure(
        HTTPStatus.FORBIDDEN,
        "a page of another host may not write for whom its address has logged in; it needs the account's password",
    )


def from_another_host(request: web.Request, service: Standing) -> bool:
    """Whether a page sent this that was not loaded from here, nor from the edge that passes it on.

    (`Origin`; RFC 6454, section 7)
    """
    if is_own_page(request) and is_edge(request, service.edge_secret):
        return False
    ours = {request.host.lower(), _host_of(service.base_url or "")}
    return any(_host_of(origin) not in ours - {""} for origin in request.headers.getall(hdrs.ORIGIN, ()))


def _host_of(url: str) -> str:
    """Host and port of a URL in lower case; empty where there is none, as of the origin `null`."""
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return ""


def _basic(encoded: str) -> tuple[str, str]:
    """User name and password of HTTP Basic authentication (RFC 7617)."""
    try:
        username, separator, password = b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:  # also for what is not ASCII, which is no error of base64
        raise unauthorized("the Authorization header cannot be read") from None
    if not separator:
        raise unauthorized("the Authorization header holds no password")
    return username, password
