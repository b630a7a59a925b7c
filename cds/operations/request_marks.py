"""What is noted on a request for the log: its id, where it was led, and who asks.

This module must not know what becomes of a request.
"""

import os
import re
from collections.abc import Iterator

import msgspec
from aiohttp import web

from schemas.viewers import PUBLIC, Viewer

REQUEST_ID_HEADER = "X-Request-ID"
REQUEST_ID_BYTES = 8
"""An id that is made here is random: a count would tell how many others ask."""

IDS_AT_ONCE = 256
"""Random numbers are fetched from the system for so many ids together."""


class RequestMarks(msgspec.Struct, eq=False):
    """One request: `led_to` is None where it could not be read, `stream` once it is answered with one.

    `clients_fault`: what is told as a failure of the server, since an API demands that, is the client's.
    """

    request_id: str
    led_to: web.UrlMappingMatchInfo | None = None
    viewer: Viewer = PUBLIC
    stream: bool = False
    clients_fault: bool = False


_MARKS = web.RequestKey("marks", RequestMarks)
_sane_id = re.compile(r"[A-Za-z0-9._:/+=@-]{1,64}")


def marks_of(request: web.BaseRequest) -> RequestMarks:
    """What is noted on a request, to be added to; its id is its X-Request-ID where that is short and plain."""
    try:
        return request[_MARKS]
    except KeyError:
        given = request.headers.get(REQUEST_ID_HEADER)
        chosen = given if given is not None and _sane_id.fullmatch(given) else next(_new_ids)
        made = request[_MARKS] = RequestMarks(chosen)
        return made


def request_id_of(request: web.BaseRequest) -> str:
    """The id of a request, the same each time."""
    return marks_of(request).request_id


def _random_ids() -> Iterator[str]:
    digits = REQUEST_ID_BYTES * 2
    while True:
        drawn = os.urandom(REQUEST_ID_BYTES * IDS_AT_ONCE).hex()
        for start in range(0, len(drawn), digits):
            yield drawn[start : start + digits]


_new_ids = _random_ids()
