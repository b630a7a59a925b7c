"""What edges alone may ask: who somebody is, and the lines of an audience; GET of x-viewer and x-lines.

An edge serves what this server would say, so it is told more than any client: whose views there are, and keys. It
brings a secret, and for everybody else there are no such endpoints, also for whom an edge passes a request on. This
module must not know how an edge is built.
"""

from collections.abc import Iterator
from functools import wraps
from http import HTTPStatus

import msgspec
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from cds.account_viewers import known_networks_of
from cds.commands.accounts import Network, accounts_of
from cds.commands.participation import contest_rules
from cds.contest_api.edge_word import KNOWN, SECRET_HEADER, is_edge_itself
from cds.contest_api.errors import Failure, bad_request, not_found
from cds.contest_api.service import READING, Service, asked, service_of
from cds.contest_api.told_reading import ToldReading
from cds.live_contest import LiveContest
from cds.view_names import view_name
from projections.tokens import TokenRefused
from projections.told import encode_page
from schemas.edges import EdgeViewer
from schemas.viewers import ROLES

MESSAGE_PACK = "application/msgpack"


def _for_edges(handler: Handler) -> Handler:
    """A handler for whoever brings the secret, who is told of every refusal that it is none of the secret.

    For all others this is a path without anything: HTTPNotFound.
    """

    @wraps(handler)
    async def answered(request: web.Request) -> web.StreamResponse:
        if request.method not in READING or not is_edge_itself(request, service_of(request).edge_secret):
            raise web.HTTPNotFound
        try:
            return await handler(request)
        except Failure as failure:
            failure.headers[SECRET_HEADER] = KNOWN
            raise

    return answered


@_for_edges
async def get_viewer(request: web.Request) -> web.StreamResponse:
    """Who asks, and the keys with which an edge answers them. Raises Failure as any GET, and 404 without the secret."""
    service = service_of(request)
    contest, viewer = await asked(request)
    told = EdgeViewer(
        role=viewer.role,
        team_id=viewer.team_id,
        anonymous=viewer.anonymous,
        username=viewer.server_username,
        account_id=viewer.account_id,
        view_key=service.tokens.view_key(view_name(contest, viewer)).hex(),
        entity_tags_key=service.answers.key.hex(),
        expires_at_s=viewer.expires_at_s,
        by_address=_rests_on_addresses(service, contest),
        networks=_logging_in(service, contest) if viewer.anonymous else (),
        published=service.publishes(contest.contest_id),
    )
    return _answer(msgspec.json.encode(told), "application/json")


@_for_edges
async def get_lines(request: web.Request) -> web.StreamResponse:
    """A page of the lines of a role, behind one token and up to another; with `head` only where they end by now.

    A contest that does not exist any more has lines, the last of which tell that. Raises Failure (400, 404).
    """
    service = service_of(request)
    contest = await _recorded(service, request.match_info["contest_id"])
    role = request.query.get("role", "")
    if role not in ROLES:
        raise bad_request(f"role: there is no role {role[:40]!r}")
    reading = ToldReading(contest, role, service.tokens, service.store)
    try:
        if "head" in request.query:
            page = await reading.head()
        else:
            page = await reading.page(request.query.get("after"), request.query.get("until"), service.pages_told)
    except TokenRefused as refused:
        raise bad_request(str(refused)) from None
    return _answer(encode_page(page), MESSAGE_PACK)


async def _recorded(service: Service, contest_id: str) -> LiveContest:
    """The contest of that id as new as any process knows it, also where it does not exist any more. Raises Failure."""
    contest = await service.contests.found(contest_id)
    if contest is None and service.contests.position(contest_id):
        contest = service.contests.known(contest_id)
    if contest is None:
        raise not_found(f"contest {contest_id}")
    return contest


def _rests_on_addresses(service: Service, contest: LiveContest) -> bool:
    """Whether who somebody is here, or whether he is let in, may hang on where he asks from."""
    if contest_rules(contest.state).ip_restriction:
        return True
    return service.auto_login and any(_networks(contest))


def _logging_in(service: Service, contest: LiveContest) -> tuple[str, ...]:
    """The networks whose addresses may log somebody in."""
    return tuple(dict.fromkeys(map(str, _networks(contest)))) if service.auto_login else ()


def _networks(contest: LiveContest) -> Iterator[Network]:
    """Those that accounts name."""
    for account in accounts_of(contest.state):
        if account.ip:
            yield from known_networks_of(account)


def _answer(body: bytes, content_type: str) -> web.Response:
    headers = {hdrs.CACHE_CONTROL: "private, no-store"}
    return web.Response(status=HTTPStatus.OK, body=body, content_type=content_type, headers=headers)
