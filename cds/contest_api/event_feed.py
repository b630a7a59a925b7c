"""The event feed: history, then what happens, resumable at any token (Contest API, "Event feed").

This module reads what a request asks for and sends the headers; it must not know how lines come about, nor how they
are delivered.
"""

from aiohttp import web

from cds.contest_api.errors import bad_request
from cds.contest_api.event_streams import full_failure
from cds.contest_api.feed_delivery import delivered
from cds.contest_api.feed_requests import framing_of, stays, token_of
from cds.contest_api.past import OF_FEED, refuse_at
from cds.contest_api.service import Service, asked, client_at, service_of
from cds.contest_api.strict import version_asked
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


async def get_event_feed(request: web.Request, version: ServedVersion = DRAFT) -> web.StreamResponse:
    """Stream the viewer's feed from its start or from behind `since_token` (alias `since_id`, `Last-Event-ID`)."""
    version = version_asked(request, version)
    contest, viewer = await asked(request)
    refuse_at(request, OF_FEED)
    service = service_of(request)
    wanted = await _wanted(request, service, contest, viewer, version)
    try:
        with service.feeds.places.taken(contest, viewer), service.identity.watching(viewer):
            return await _answered(request, service, wanted)
    except NoPlace as full:
        FEED_CLIENTS_REFUSED.inc()
        raise full_failure(full) from None


async def _answered(request: web.Request, service: Service, wanted: Wanted[LiveContest]) -> web.StreamResponse:
    contest, headers = wanted.contest, dict[str, str]()
    if SOURCES_HEADER in request.headers:
        now_us = service.circumstances.now_us()
        headers[SOURCES_HEADER] = await names_told(service.store, contest.contest_id, now_us)
    return await delivered(request, service.feeds, wanted, lambda: contest.state.settings.pace_permille, headers)


async def _wanted(
    request: web.Request, service: Service, contest: LiveContest, viewer: Viewer, version: ServedVersion
) -> Wanted[LiveContest]:
    types_mask = types_asked(request, version)
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


def types_asked(request: web.Request, version: ServedVersion) -> int:
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
