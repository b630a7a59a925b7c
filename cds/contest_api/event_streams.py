"""What all streams of server-sent events have in common, and what who finds no place for one is told.

This module must not know what the events are.
"""

from http import HTTPStatus

from aiohttp import HttpVersion, hdrs
from aiohttp.http import HttpVersion11
from aiohttp_sse import EventSourceResponse

from cds.contest_api.errors import Failure
from cds.fan_out.limits import FULL_RETRY_AFTER_S
from cds.fan_out.places import NoPlace


class EventStream(EventSourceResponse):
    """The response whose events and comments are ready bytes; no task of its own sends anything."""

    def __init__(self, version: HttpVersion) -> None:
        """A response to GET and HEAD in this version of HTTP. That it takes too long to be sent is seen elsewhere."""
        super().__init__(allow_all_methods=True, send_timeout=None)
        if version < HttpVersion11:
            # The end of the connection is the end of the stream, whatever the client would like.
            self.headers.pop(hdrs.CONNECTION, None)

    async def _ping(self) -> None:
        """Signs of life come from where events come from, when the client has got nothing for a while."""


def stream_headers(vary: str) -> dict[str, str]:
    """The headers that keep others from holding a stream back, or from giving it to somebody else."""
    return {hdrs.CACHE_CONTROL: "no-store", hdrs.VARY: vary, "X-Accel-Buffering": "no"}


def full_failure(no_place: NoPlace) -> Failure:
    """503: the client may come again."""
    return Failure(HTTPStatus.SERVICE_UNAVAILABLE, str(no_place), {hdrs.RETRY_AFTER: str(FULL_RETRY_AFTER_S)})
