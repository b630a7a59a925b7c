"""The event feed: history, then what happens, resumable at any token (Contest API, "Event feed").

As NDJSON, or as server-sent events where a client prefers them; compressed where it says that it takes gzip. This
module reads the request and sends the headers; it must not know how lines come about, nor how they are delivered.
"""

import structlog
from aiohttp import hdrs, web
from aiohttp.http import HttpVersion11

from cds.contest_api.errors import bad_request
from cds.contest_api.event_streams import EventStream, full_failure, stream_headers
from cds.contest_api.negotiation import GZIP, names_gzip, wants_event_stream
from cds.contest_api.service import Service, asked, client_at, service_of
from cds.fan_out.client import Wire
from cds.fan_out.fan_out import Wanted
from cds.fan_out.framing import Framing
from cds.fan_out.places import NoPlace
from cds.fan_out.source import Selection
from cds.live_contest import LiveContest
from cds.metrics import FEED_CLIENTS_REFUSED
from cds.view_names import view_name
from eventstore.store import StoreUnavailable
from projections.feed_lines import ALL_TYPES_MASK
from projections.tokens import TokenRefused
from schemas.object_types import OBJECT_TYPES, TYPE_OF_ENDPOINT, TYPE_ORDER
from schemas.viewers import Viewer

NDJSON = "application/x-ndjson"
LAST_EVENT_ID = "Last-Event-ID"

FEED_HEADERS = stream_headers("Authorization, Accept, Accept-Encoding")

log = structlog.get_logger(__name__)


async def get_event_feed(request: web.Request) -> web.StreamResponse:
    """Stream the viewer's feed from its start or from behind `since_token` (alias `since_id`, `Last-Event-ID`)."""
    contest, viewer = await asked(request)
    service = service_of(request)
    wanted = await _wanted(request, service, contest, viewer)
    try:
        with service.feeds.places.taken(contest, viewer), service.identity.watching(viewer):
            return await _answered(request, service, wanted)
    except NoPlace as full:
        FEED_CLIENTS_REFUSED.inc()
        raise full_failure(full) from None


async def _answered(request: web.Request, service: Service, wanted: Wanted) -> web.StreamResponse:
    response = _response(request, wanted.selection.framing)
    writer, transport = await response.prepare(request), request.transport
    if request.method == hdrs.METH_HEAD or writer is None or transport is None:
        return response
    try:
        await service.feeds.deliver(wanted, Wire(transport, writer))
        await response.write_eof()
    except ConnectionError:
        log.debug("feed_client_left", contest=wanted.contest.contest_id, role=wanted.viewer.role)
    return response


def _response(request: web.Request, framing: Framing) -> web.StreamResponse:
    if framing.server_sent:
        response: web.StreamResponse = EventStream(request.version)
    else:
        response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: NDJSON})
    response.headers.update(FEED_HEADERS)
    if framing.compressed:
        response.headers[hdrs.CONTENT_ENCODING] = GZIP
    return response


async def _wanted(request: web.Request, service: Service, contest: LiveContest, viewer: Viewer) -> Wanted:
    types_mask = _types_mask(request)
    view = view_name(contest, viewer)
    framing = Framing(
        server_sent=wants_event_stream(request, NDJSON),
        compressed=names_gzip(request),
        chunked=request.version >= HttpVersion11,
    )
    return Wanted(
        contest=contest,
        viewer=viewer,
        address=client_at(request, service).address,
        cursor=await _start(_token(request, framing), service, contest, view, types_mask),
        lines=await contest.feed(viewer.role),
        selection=Selection(service.tokens.tag(view, types_mask), types_mask, viewer.team_id, framing),
        live=request.query.get("stream", "true").lower() not in ("false", "0", "no"),
    )


def _token(request: web.Request, framing: Framing) -> str | None:
    """The token of the last line that the client has. An EventSource repeats its URL, so what it has seen counts."""
    last_event_id = request.headers.get(LAST_EVENT_ID) if framing.server_sent else None
    return last_event_id or request.query.get("since_token", request.query.get("since_id"))


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


def _types_mask(request: web.Request) -> int:
    """The types that `types=a,b` asks for, all without it. Raises Failure (400) for one that does not exist."""
    asked = [name.strip() for name in ",".join(request.query.getall("types", [])).split(",") if name.strip()]
    if not asked:
        return ALL_TYPES_MASK
    mask = 0
    for name in asked:
        row = OBJECT_TYPES.get(name) or TYPE_OF_ENDPOINT.get(name)
        if row is None:
            raise bad_request(f"types: there is no type {name!r}")
        mask |= 1 << TYPE_ORDER[row.name]
    return mask
