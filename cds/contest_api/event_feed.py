"""The event feed: history, then what happens, resumable at any token (Contest API, "Event feed").

This module reads what a request asks for and sends the headers; it must not know how lines come about, nor how they
are delivered.
"""

import msgspec
import structlog
from aiohttp import hdrs, web

from cds.contest_api.errors import bad_request
from cds.contest_api.event_streams import full_failure
from cds.contest_api.feed_requests import feed_response, framing_of, stays, token_of
from cds.contest_api.service import Service, asked, client_at, service_of
from cds.contest_api.strict import version_asked
from cds.fan_out.client import Wire
from cds.fan_out.fan_out import Wanted
from cds.fan_out.places import NoPlace
from cds.fan_out.source import Selection
from cds.live_contest import LiveContest
from cds.metrics import FEED_CLIENTS_REFUSED
from cds.upstream.rings import SOURCES_HEADER, names_told
from cds.view_names import view_name
from eventstore.store import StoreUnavailable
from projections.feed_lines import ALL_TYPES_MASK
from projections.served_versions import DRAFT, ServedVersion
from projections.tokens import TokenRefused
from schemas.object_types import OBJECT_TYPES, TYPE_OF_ENDPOINT, TYPE_ORDER
from schemas.viewers import Viewer

log = structlog.get_logger(__name__)


async def get_event_feed(request: web.Request, version: ServedVersion = DRAFT) -> web.StreamResponse:
    """Stream the viewer's feed from its start or from behind `since_token` (alias `since_id`, `Last-Event-ID`)."""
    version = version_asked(request, version)
    contest, viewer = await asked(request)
    service = service_of(request)
    wanted = await _wanted(request, service, contest, viewer, version)
    try:
        with service.feeds.places.taken(contest, viewer), service.identity.watching(viewer):
            return await _answered(request, service, wanted)
    except NoPlace as full:
        FEED_CLIENTS_REFUSED.inc()
        raise full_failure(full) from None


async def _answered(request: web.Request, service: Service, wanted: Wanted[LiveContest]) -> web.StreamResponse:
    contest, pace_permille = wanted.contest, wanted.contest.state.settings.pace_permille
    # Who has been told another pace would take times of the clock for others than they are, the freeze among them.
    wanted = msgspec.structs.replace(wanted, holds=lambda: contest.state.settings.pace_permille == pace_permille)
    response = feed_response(request, wanted.selection.framing, pace_permille)
    if SOURCES_HEADER in request.headers:
        now_us = service.circumstances.now_us()
        response.headers[SOURCES_HEADER] = await names_told(service.store, contest.contest_id, now_us)
    writer, transport = await response.prepare(request), request.transport
    if request.method == hdrs.METH_HEAD or writer is None or transport is None:
        return response
    try:
        await service.feeds.deliver(wanted, Wire(transport, writer))
        await response.write_eof()
    except ConnectionError:
        log.debug("feed_client_left", contest=wanted.contest.contest_id, role=wanted.viewer.role)
    return response


async def _wanted(
    request: web.Request, service: Service, contest: LiveContest, viewer: Viewer, version: ServedVersion
) -> Wanted[LiveContest]:
    types_mask = _types_mask(request, version)
    view = view_name(contest, viewer, version)
    framing = framing_of(request)
    return Wanted(
        contest=contest,
        viewer=viewer,
        address=client_at(request, service).address,
        cursor=await _start(token_of(request, framing), service, contest, view, types_mask),
        lines=await contest.feed(viewer.role, version),
        selection=Selection(service.tokens.tag(view, types_mask), types_mask, viewer.team_id, framing),
        live=stays(request),
    )


async def _start(token: str | None, service: Service, contest: LiveContest, view: str, types_mask: int) -> int:
    """The place after which to begin. Raises Failure (400) for what cannot be resumed exactly,
    and StoreUnavailable.
    """
    if token is None:
        return 0
    try:
        place = service.tokens.read(token, view, types_mask)
        if place.position > contest.position:
            # Another server on the same database may have handed it out before we read that far. Anybody can make up
            # such a token, so only the look that all readers share is worth it.
            await contest.fresh()
            if place.position > contest.position and not service.store.reachable:
                raise StoreUnavailable("whether since_token is of this log cannot be read now")
        contest.check_place(place)
    except TokenRefused as refused:
        raise bad_request(str(refused)) from None
    return place.sequence


def _types_mask(request: web.Request, version: ServedVersion) -> int:
    """The types that `types=a,b` asks for, all without it. Raises Failure (400) for one that the version has not."""
    asked = [name.strip() for name in ",".join(request.query.getall("types", [])).split(",") if name.strip()]
    if not asked:
        return ALL_TYPES_MASK
    mask = 0
    for name in asked:
        row = OBJECT_TYPES.get(name) or TYPE_OF_ENDPOINT.get(name)
        if row is None or row.name not in version.types:
            raise bad_request(f"types: there is no type {name!r}")
        mask |= 1 << TYPE_ORDER[row.name]
    return mask
