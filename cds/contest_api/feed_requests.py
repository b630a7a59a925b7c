"""What a request for an event feed asks for, the contest aside, and the head of its answer (Contest API, "Event feed").

As NDJSON, or as server-sent events where a client prefers them; compressed where it says that it takes gzip. This
module must not know where lines come from.
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from aiohttp import hdrs, web
from aiohttp.http import HttpVersion11

from cds.contest_api.event_streams import EventStream, stream_headers
from cds.contest_api.negotiation import GZIP, names_gzip, wants_event_stream
from cds.fan_out.framing import Framing
from schemas.records import ORDINARY_PACE_PERMILLE

NDJSON = "application/x-ndjson"
LAST_EVENT_ID = "Last-Event-ID"
TOKEN_PARAMETERS = ("since_token", "since_id")
STREAM_PARAMETER = "stream"

PACE_HEADER = "Contest-Pace"
"""In the answer for the feed of a replay: how many times as fast as in reality it goes on, such as `60` or `0.5`.

Who follows it needs that to tell which contest time a moment has. It is not part of the Contest API.
"""

PACE_PERMILLE_MAX = 10**9

FEED_HEADERS = stream_headers("Authorization, Accept, Accept-Encoding")


def framing_of(request: web.Request) -> Framing:
    """The way in which a client wants its lines."""
    return Framing(
        server_sent=wants_event_stream(request, NDJSON),
        compressed=names_gzip(request),
        chunked=request.version >= HttpVersion11,
    )


def token_of(request: web.Request, framing: Framing) -> str | None:
    """The token of the last line that the client has. An EventSource repeats its URL, so what it has seen counts."""
    last_event_id = request.headers.get(LAST_EVENT_ID) if framing.server_sent else None
    return last_event_id or next((request.query[name] for name in TOKEN_PARAMETERS if name in request.query), None)


def stays(request: web.Request) -> bool:
    """Whether the client stays for what comes, or wants what there is and no more."""
    return request.query.get(STREAM_PARAMETER, "true").lower() not in ("false", "0", "no")


def pace_permille_of(headers: Mapping[str, str]) -> int:
    """The pace that the head of an answer tells of, in thousandths: the ordinary one where it says nothing of use."""
    try:
        told = Decimal(headers.get(PACE_HEADER, "1"))
    except InvalidOperation:
        return ORDINARY_PACE_PERMILLE
    pace_permille = int(told * ORDINARY_PACE_PERMILLE) if told.is_finite() and 0 < told < PACE_PERMILLE_MAX else 0
    return pace_permille if 0 < pace_permille <= PACE_PERMILLE_MAX else ORDINARY_PACE_PERMILLE


def feed_response(request: web.Request, framing: Framing, pace_permille: int) -> web.StreamResponse:
    """The answer in that form, of which nothing has been sent yet; for the pace see PACE_HEADER."""
    if framing.server_sent:
        response: web.StreamResponse = EventStream(request.version)
    else:
        response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: NDJSON})
    response.headers.update(FEED_HEADERS)
    if framing.compressed:
        response.headers[hdrs.CONTENT_ENCODING] = GZIP
    if pace_permille != ORDINARY_PACE_PERMILLE:
        response.headers[PACE_HEADER] = format(Decimal(pace_permille) / ORDINARY_PACE_PERMILLE, "f")
    return response
