"""What a request for an event feed asks for, the contest aside, and the head of its answer (Contest API, "Event feed").

As NDJSON, or as server-sent events where a client prefers them; compressed where it says that it takes gzip. This
module must not know where lines come from.
"""

from aiohttp import hdrs, web
from aiohttp.http import HttpVersion11

from cds.contest_api.event_streams import EventStream, stream_headers
from cds.contest_api.negotiation import GZIP, names_gzip, wants_event_stream
from cds.fan_out.framing import Framing

NDJSON = "application/x-ndjson"
LAST_EVENT_ID = "Last-Event-ID"
TOKEN_PARAMETERS = ("since_token", "since_id")
STREAM_PARAMETER = "stream"

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


def feed_response(request: web.Request, framing: Framing) -> web.StreamResponse:
    """The answer in that form, of which nothing has been sent yet."""
    if framing.server_sent:
        response: web.StreamResponse = EventStream(request.version)
    else:
        response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: NDJSON})
    response.headers.update(FEED_HEADERS)
    if framing.compressed:
        response.headers[hdrs.CONTENT_ENCODING] = GZIP
    return response
