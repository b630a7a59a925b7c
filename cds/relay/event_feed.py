"""The event feed of a relay: the lines of the upstream, with its tokens, in whatever form each client wants them.

This module reads what a request asks for and sends the headers; it must not know how lines come here.
"""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import hdrs, web

from cds.contest_api.errors import RETRY_AFTER_S, Failure
from cds.contest_api.event_streams import full_failure
from cds.contest_api.feed_delivery import delivered
from cds.contest_api.feed_requests import STREAM_PARAMETER, TOKEN_PARAMETERS, framing_of, stays, token_of
from cds.contest_api.past import OF_FEED, refuse_at
from cds.contest_api.strict import STRICT_PARAMETER, is_strict
from cds.fan_out.fan_out import FanOut, Wanted
from cds.fan_out.places import NoPlace
from cds.fan_out.source import Selection
from cds.metrics import FEED_CLIENTS_REFUSED
from cds.operations.request_marks import marks_of
from cds.relay.addressing import contest_path, nothing_there, upstream_url
from cds.relay.askers import viewer_behind
from cds.relay.audience import AudienceKey, RelayedAudience
from cds.relay.audiences import Audiences, TooManyAudiences
from cds.relay.resuming import place_of
from cds.relay.upstream import Asker, Unreachable, Upstream
from projections.feed_lines import ALL_TYPES_MASK
from schemas.viewers import Viewer

TYPES_PARAMETER = "types"
NO_SELECTION = frozenset({*TOKEN_PARAMETERS, STREAM_PARAMETER, TYPES_PARAMETER})
"""Parameters that do not make another audience, and the one that is put in order first."""

STRICTLY = (STRICT_PARAMETER, "1")
"""The same wish has one form, so that nobody makes many audiences of one."""


class EventFeeds:
    """Answers requests for event feeds."""

    def __init__(self, upstream: Upstream, audiences: Audiences, fan_out: FanOut[RelayedAudience]) -> None:
        """What is asked of `upstream` once for each audience is delivered to all by `fan_out`."""
        self._upstream = upstream
        self._audiences = audiences
        self._fan_out = fan_out

    async def answer(self, request: web.Request, asker: Asker, address: str) -> web.StreamResponse:
        """The feed from its start, or from behind a token. Raises Refusal, Unreachable, and Failure (404, 503)."""
        came_s = asyncio.get_running_loop().time()
        url, about = upstream_url(self._upstream.base, request), contest_path(request.rel_url.raw_path)
        if url is None or about is None:
            raise nothing_there(request)
        await self._upstream.require_known()
        key = AudienceKey(
            version=about.version,
            contest_id=about.contest_id,
            login=self._audiences.fingerprint(asker.authorization, asker.apart),
            selection=selection_of(request, others=self._upstream.any_provider),
        )
        viewer = viewer_behind(asker)
        try:
            async with self._audiences.joined(key, url.with_query(None), asker, address) as audience:
                # Who asks comes first, as everywhere.
                refuse_at(request, OF_FEED)
                marks_of(request).viewer = viewer
                with self._fan_out.places.taken(audience, viewer):
                    wanted = await self._wanted(request, audience, viewer, address, came_s)
                    return await delivered(request, self._fan_out, wanted, lambda: audience.pace_permille)
        except NoPlace as full:
            FEED_CLIENTS_REFUSED.inc()
            raise full_failure(full) from None
        except TooManyAudiences as full:
            raise Failure(HTTPStatus.SERVICE_UNAVAILABLE, str(full), {hdrs.RETRY_AFTER: str(RETRY_AFTER_S)}) from None

    async def _wanted(
        self, request: web.Request, audience: RelayedAudience, viewer: Viewer, address: str, came_s: float
    ) -> Wanted[RelayedAudience]:
        """What a client wants of an audience. Raises Refusal and Unreachable."""
        framing, live = framing_of(request), stays(request)
        token = token_of(request, framing)
        cursor = 0 if token is None else await place_of(audience, token)
        if not live:
            await _have_all(audience, came_s)
        return Wanted(
            contest=audience,
            viewer=viewer,
            address=address,
            lines=audience.lines,
            selection=Selection(audience.tag, ALL_TYPES_MASK, None, framing),
            cursor=cursor,
            live=live,
        )


def selection_of(request: web.Request, *, others: bool) -> tuple[tuple[str, str], ...]:
    """What makes a feed another one: its types, each once and in order, and whether it is strict.

    `others`: the upstream may know more parameters than servers like this one, which take no notice of them; each is
    as it was sent.
    """
    query: Mapping[str, str] = request.query
    types = {name.strip() for name in ",".join(request.query.getall(TYPES_PARAMETER, [])).split(",") if name.strip()}
    more = sorted((name, value) for name, value in query.items() if others and name not in NO_SELECTION)
    if not others and is_strict(query):
        more.append(STRICTLY)
    return ((TYPES_PARAMETER, ",".join(sorted(types))), *more) if types else tuple(more)


async def _have_all(audience: RelayedAudience, since_s: float) -> None:
    """Have all lines that the upstream had when a client came, or, while it is away, all that it had when it left.

    Raises Unreachable where even these are not all here.
    """
    try:
        await audience.be_level(since_s)
    except Unreachable:
        if not audience.level or audience.ended is not None:
            raise
