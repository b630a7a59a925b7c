"""A feed as the answer to a request: its head, then its lines for as long as both sides stay.

This module must not know whose lines they are, nor how they are delivered.
"""

from collections.abc import Callable, Mapping

import msgspec
import structlog
from aiohttp import hdrs, web

from cds.contest_api.feed_requests import feed_response
from cds.fan_out.broadcaster import FollowedContest, Head
from cds.fan_out.client import Wire
from cds.fan_out.fan_out import Contest, FanOut, Wanted

NO_HEADERS: Mapping[str, str] = {}

log = structlog.get_logger(__name__)


async def delivered(
    request: web.Request,
    fan_out: FanOut[Contest],
    wanted: Wanted[Contest],
    pace_permille: Callable[[], int],
    headers: Mapping[str, str] = NO_HEADERS,
) -> web.StreamResponse:
    """The answer with what is wanted. `headers` stand there besides.

    Who has been told another pace than that of now would take times of the clock for others than they are, the freeze
    among them; so the answer ends when the pace changes.
    """
    told_permille = pace_permille()
    wanted = msgspec.structs.replace(wanted, head=Head(told_permille, pace_permille))
    response = feed_response(request, wanted.selection.framing, told_permille)
    response.headers.update(headers)
    writer, transport = await response.prepare(request), request.transport
    if request.method == hdrs.METH_HEAD or writer is None or transport is None:
        return response
    try:
        await fan_out.deliver(wanted, Wire(transport, writer))
        await response.write_eof()
    except ConnectionError:
        contest: FollowedContest = wanted.contest
        log.debug("feed_client_left", contest=contest.contest_id, role=wanted.viewer.role_told)
    return response
