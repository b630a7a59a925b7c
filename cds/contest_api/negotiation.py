"""Which form of an answer a client wants (`Accept` and `Accept-Encoding`; RFC 9110, section 12.5).

This module must not know which endpoints have more than one form.
"""

from collections.abc import Mapping
from functools import lru_cache

from aiohttp import hdrs, web

EVENT_STREAM = "text/event-stream"
JSON = "application/json"
HTML = "text/html"
GZIP = "gzip"
GZIP_AS_WELL = "x-gzip"
"""Another name of the same (RFC 9110, section 8.4.1.3)."""

HEADERS_KEPT_MAX = 1_024
"""Headers that are kept with what they say; browsers and libraries always send the same few."""


def wants_event_stream(request: web.Request, otherwise: str = JSON) -> bool:
    """Whether server-sent events are named in `Accept` and preferred to the endpoint's other media type.

    A client that names neither, accepts anything, or likes both equally well gets the other one.
    """
    return _prefers(request, EVENT_STREAM, otherwise)


def wants_page(request: web.Request) -> bool:
    """Whether HTML is named in `Accept` and preferred to JSON, as browsers do."""
    return _prefers(request, HTML, JSON)


def _prefers(request: web.Request, media_type: str, otherwise: str) -> bool:
    if hdrs.ACCEPT not in request.headers:
        return False
    ranges = _qualities(request, hdrs.ACCEPT)
    quality = ranges.get(media_type, 0.0)
    return quality > 0 and quality > _quality(ranges, otherwise)


def accepts_gzip(request: web.Request) -> bool:
    """Whether `Accept-Encoding` allows gzip, by name or by `*`, with a weight above zero."""
    if hdrs.ACCEPT_ENCODING not in request.headers:
        return False
    qualities = _qualities(request, hdrs.ACCEPT_ENCODING)
    return qualities.get(GZIP, qualities.get(GZIP_AS_WELL, qualities.get("*", 0.0))) > 0


def names_gzip(request: web.Request) -> bool:
    """Whether `Accept-Encoding` names gzip with a weight above zero; that anything is welcome is not enough."""
    qualities = _qualities(request, hdrs.ACCEPT_ENCODING)
    return qualities.get(GZIP, qualities.get(GZIP_AS_WELL, 0.0)) > 0


def _qualities(request: web.Request, header: str) -> Mapping[str, float]:
    return _qualities_of(",".join(request.headers.getall(header, ())))


@lru_cache(HEADERS_KEPT_MAX)
def _qualities_of(text: str) -> Mapping[str, float]:
    """What a header names, in lower case, with its qualities; one that cannot be read counts as 0."""
    ranges: dict[str, float] = {}
    for part in text.split(","):
        media_range, *parameters = (piece.strip().lower() for piece in part.split(";"))
        qualities = [value for name, _, value in (each.partition("=") for each in parameters) if name.strip() == "q"]
        ranges[media_range] = _number(qualities[0]) if qualities else 1.0
    return ranges


def _quality(ranges: Mapping[str, float], media_type: str) -> float:
    """The quality of a media type where it is named, or its whole kind is; `*/*` prefers nothing."""
    kind = media_type.partition("/")[0] + "/*"
    return ranges.get(media_type, ranges.get(kind, 0.0))


def _number(text: str) -> float:
    try:
        return min(max(float(text.strip()), 0.0), 1.0)
    except ValueError:
        return 0.0
