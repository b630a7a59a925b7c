"""The scoreboard at an edge, as JSON or as server-sent events, computed from what the viewer's role is told.

This module must not know how a scoreboard is computed.
"""

import asyncio
import math
from functools import partial

from aiohttp import web

from cds.contest_api.answers import respond
from cds.contest_api.board_channels import BoardChannels, view_of
from cds.contest_api.errors import not_found
from cds.contest_api.event_streams import full_failure
from cds.contest_api.negotiation import wants_event_stream
from cds.contest_api.scoreboard import VARY_BY_FORM, board_answer, board_asked
from cds.contest_api.scoreboard_stream import LOGIN_CHECKED_S, BoardReader, followed_board
from cds.edge.audience import EdgeAudience
from cds.edge.served import Served
from cds.edge.viewers import EdgeViewers
from cds.fan_out.fan_out import FanOut
from cds.fan_out.places import NoPlace
from cds.metrics import SCOREBOARD_STREAMS, SCOREBOARD_STREAMS_REFUSED
from projections.scoreboard import UnknownGroup
from projections.served_versions import DRAFT


class EdgeScoreboards:
    """Answers requests for scoreboards."""

    def __init__(
        self, viewers: EdgeViewers, fan_out: FanOut[EdgeAudience], closing: asyncio.Event, keep_alive_s: float
    ) -> None:
        """`fan_out` has the places for those who follow; `closing` ends all streams."""
        self._viewers = viewers
        self._fan_out = fan_out
        self._closing = closing
        self._keep_alive_s = keep_alive_s
        self._channels = BoardChannels(fan_out.limits.board_beat_s)

    async def answer(self, request: web.Request, served: Served) -> web.StreamResponse | None:
        """The board, once or followed; None where what is told does not suffice. Raises Failure (404, 503)."""
        audience, viewer = served.audience, served.viewer
        if not audience.boards.suffices():
            return None
        group_id, frozen = board_asked(request)
        if group_id is not None and audience.view.object(("groups", group_id), viewer.team_id) is None:
            raise not_found(f"group_id {group_id}")
        try:
            body = await audience.ready_scoreboard(viewer.role, frozen=frozen, group_id=group_id)
        except UnknownGroup:
            raise not_found(f"group_id {group_id}") from None
        if wants_event_stream(request):
            return await self._followed(request, served, frozen=frozen, group_id=group_id)
        asked_for = (audience.contest_id, "scoreboard", viewer.role, frozen, group_id)
        answer = board_answer(served.answers, asked_for, body, DRAFT)
        return await respond(request, answer, private=not viewer.anonymous, vary=VARY_BY_FORM)

    async def _followed(
        self, request: web.Request, served: Served, *, frozen: bool, group_id: str | None
    ) -> web.StreamResponse:
        audience, viewer, answers = served.audience, served.viewer, served.answers
        reader = BoardReader(
            contest_id=audience.contest_id,
            role=viewer.role_told,
            address=served.address,
            limits=self._fan_out.limits,
            keep_alive_s=self._keep_alive_s,
            looked_at_s=math.inf if viewer.token_mark is None else LOGIN_CHECKED_S,
            may_go_on=partial(self._viewers.may_go_on, viewer),
        )
        try:
            with (
                self._fan_out.board_places.taken(audience, viewer),
                audience.reading(),
                SCOREBOARD_STREAMS.track_inprogress(),
                self._channels.followed(
                    audience,
                    viewer.role,
                    view_of(viewer.role, DRAFT, frozen=frozen, group_id=group_id),
                    lambda board: answers.passing(board).entity_tag,
                    self._closing,
                ) as channel,
            ):
                return await followed_board(request, channel, reader)
        except NoPlace as full:
            SCOREBOARD_STREAMS_REFUSED.inc()
            raise full_failure(full) from None
