"""The event feed at an edge: the lines of a view, with the viewer's own tokens, resumable at any token of the core.

A token that is not known here may be of a line that is on its way; whether it is good at all, the core is asked. This
module must not know how lines come here, nor how they are delivered.
"""

import asyncio
from http import HTTPStatus

from aiohttp import web

from cds.contest_api.errors import bad_request
from cds.contest_api.event_feed import types_asked
from cds.contest_api.event_streams import full_failure
from cds.contest_api.feed_delivery import delivered
from cds.contest_api.feed_requests import framing_of, stays, token_of
from cds.edge.audience import EdgeAudience
from cds.edge.core import Core
from cds.edge.limits import AHEAD_AT_ONCE_MAX, TOKENS_ASKED_AT_ONCE_MAX, EdgeLimits
from cds.edge.served import Served, behind
from cds.fan_out.fan_out import FanOut, Wanted
from cds.fan_out.places import NoPlace
from cds.fan_out.source import Selection
from cds.metrics import FEED_CLIENTS_REFUSED
from cds.relay.futures import seen
from cds.relay.upstream import Refusal, Unreachable
from projections.feed_lines import ALL_TYPES_MASK
from projections.served_versions import DRAFT
from projections.tokens import TokenRefused

ASKED_AFTER_S = 0.25
"""A line that somebody got from the core is here sooner than that; after it, the core is asked about the token."""


class EdgeFeeds:
    """Answers requests for event feeds."""

    def __init__(self, core: Core, fan_out: FanOut[EdgeAudience], limits: EdgeLimits) -> None:
        """`core` is asked about tokens that are not known here."""
        self._core = core
        self._fan_out = fan_out
        self._limits = limits
        self._asking = asyncio.Semaphore(TOKENS_ASKED_AT_ONCE_MAX)
        self._ahead: dict[tuple[EdgeAudience, bytes, str | None], asyncio.Task[int]] = {}
        """The places that are looked for at this moment, each once for all who come with it."""

    async def answer(self, request: web.Request, served: Served) -> web.StreamResponse:
        """The feed from its start or from behind a token. Raises Failure (400, 503)."""
        audience, viewer = served.audience, served.viewer
        types_mask, framing = types_asked(request, DRAFT), framing_of(request)
        token = token_of(request, framing)
        wanted = Wanted(
            contest=audience,
            viewer=viewer,
            address=served.address,
            cursor=0 if token is None else await self._place(served, token, types_mask),
            lines=audience.view.lines,
            selection=Selection(served.known.tags.tag(types_mask), types_mask, viewer.team_id, framing),
            live=stays(request),
        )
        try:
            with self._fan_out.places.taken(audience, viewer), audience.reading():
                return await delivered(request, self._fan_out, wanted, lambda: audience.view.pace_permille)
        except NoPlace as full:
            FEED_CLIENTS_REFUSED.inc()
            raise full_failure(full) from None

    async def _place(self, served: Served, token: str, types_mask: int) -> int:
        """The place after which to begin. Raises Failure (400, 503)."""
        try:
            place = served.known.tags.place_of(token, types_mask)
        except TokenRefused as refused:
            raise bad_request(str(refused)) from None
        found = served.audience.view.sequence_of(place, served.viewer.team_id)
        return await self._place_ahead(served, place) if found is None else found

    async def _place_ahead(self, served: Served, place: bytes) -> int:
        """The place of a line that may be on its way. Raises Failure (400, 503)."""
        key = (served.audience, place, served.viewer.team_id)
        looking = self._ahead.get(key)
        if looking is None:
            if len(self._ahead) >= AHEAD_AT_ONCE_MAX:
                raise behind()
            looking = self._ahead[key] = asyncio.create_task(self._look_ahead(served, place), name="look for a token")
            looking.add_done_callback(seen)
            looking.add_done_callback(lambda _: self._ahead.pop(key, None))
        return await asyncio.shield(looking)

    async def _look_ahead(self, served: Served, place: bytes) -> int:
        found = await self._come_within(served, place, ASKED_AFTER_S)
        if found is None:
            await self._require_known(served, place)
            found = await self._come_within(served, place, self._limits.ahead_s_max)
        if found is None:
            raise behind()
        return found

    async def _come_within(self, served: Served, place: bytes, wait_s: float) -> int | None:
        audience, view, team_id = served.audience, served.audience.view, served.viewer.team_id
        looked_to = 0
        try:
            async with asyncio.timeout(wait_s):
                while (found := view.sequence_of(place, team_id, looked_to)) is None:
                    looked_to = view.lines.last_sequence
                    await audience.next_change()
        except Unreachable:
            raise behind() from None
        except TimeoutError:
            return None
        return found

    async def _require_known(self, served: Served, place: bytes) -> None:
        """Raise Failure: 400 for a token that is none of this log, 503 where the core cannot be asked."""
        token = (place + served.known.tags.tag(ALL_TYPES_MASK)).decode()
        audience = served.audience
        try:
            async with self._asking:
                await self._core.lines(audience.contest_id, audience.role, token, token)
        except Refusal as refusal:
            if refusal.status == HTTPStatus.BAD_REQUEST:
                raise bad_request("since_token is not of this log") from None
            raise behind() from None
        except Unreachable:
            raise behind() from None
