"""The scoreboard of a relay as server-sent events: those of the upstream, with the ids that it gives its boards.

This module reads what a request asks for; it must not know how boards come here.
"""

import math

from aiohttp import hdrs, web

from cds.contest_api.event_streams import full_failure
from cds.contest_api.negotiation import wants_event_stream
from cds.contest_api.scoreboard_stream import BoardReader, followed_board
from cds.fan_out.fan_out import FanOut
from cds.fan_out.places import NoPlace
from cds.metrics import SCOREBOARD_STREAMS, SCOREBOARD_STREAMS_REFUSED
from cds.operations.request_marks import marks_of
from cds.relay.addressing import contest_path, nothing_there, upstream_url
from cds.relay.askers import viewer_behind
from cds.relay.audience import RelayedAudience
from cds.relay.boards import RelayedBoards
from cds.relay.upstream import Asker, Upstream

SCOREBOARD = "scoreboard"


def is_scoreboard_stream(request: web.Request) -> bool:
    """Whether a scoreboard is to be followed."""
    if request.method != hdrs.METH_GET or not wants_event_stream(request):
        return False
    about = contest_path(request.rel_url.raw_path)
    return about is not None and about.endpoint == SCOREBOARD


class ScoreboardStreams:
    """Answers requests for scoreboards that are followed."""

    def __init__(
        self, upstream: Upstream, boards: RelayedBoards, fan_out: FanOut[RelayedAudience], keep_alive_s: float
    ) -> None:
        """`fan_out` has the places for those who follow."""
        self._upstream = upstream
        self._boards = boards
        self._fan_out = fan_out
        self._keep_alive_s = keep_alive_s

    async def answer(self, request: web.Request, asker: Asker, address: str) -> web.StreamResponse:
        """The board, then its changes. Raises Refusal, Unreachable, and Failure (404, 503)."""
        url, about = upstream_url(self._upstream.base, request), contest_path(request.rel_url.raw_path)
        if url is None or about is None:
            raise nothing_there(request)
        await self._upstream.require_known()
        viewer = viewer_behind(asker)
        try:
            async with self._boards.followed(about.contest_id, url, asker) as (board, channel):
                marks_of(request).viewer = viewer
                reader = BoardReader(
                    contest_id=about.contest_id,
                    role=viewer.role_told,
                    address=address,
                    limits=self._fan_out.limits,
                    keep_alive_s=self._keep_alive_s,
                    looked_at_s=math.inf,
                    may_go_on=lambda: not board.ended,
                )
                with self._fan_out.board_places.taken(board, viewer), SCOREBOARD_STREAMS.track_inprogress():
                    return await followed_board(request, channel, reader)
        except NoPlace as full:
            SCOREBOARD_STREAMS_REFUSED.inc()
            raise full_failure(full) from None
