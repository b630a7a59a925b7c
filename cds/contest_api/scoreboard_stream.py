"""The scoreboard as server-sent events: the whole board once, then what changed (an extension of the Contest API).

The events, in UTF-8, each with the id of the board to which it leads (the entity tag that GET gives that board):

- `scoreboard`: the whole board, as GET answers; it takes the place of whatever the client has. It comes first, and
  again where a difference would not be smaller or the client's board is too old to tell one.
- `changes`: `time`, `contest_time` and `state` of the new board; `removed`, the ids of the teams that are no longer on
  it; and `rows`, those that changed: `index` (from 0), `rank` and `team_id`. A row that has another content is told
  whole, with `score` and `problems`, and with `ext` where it has that. Every team that is not named stays at its index
  with its row as it was.

Whoever has a board already names it in `Last-Event-ID`, as browsers do when they connect again, or at first in the
parameter `last_event_id`; only what changed since is sent then. A slow client is sent the difference between the board
that it has and the latest one, so nothing queues. This module must not know how boards are computed or compared.
"""

import asyncio
import math
from collections.abc import Callable
from functools import partial

import msgspec
import structlog
from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter

from cds.contest_api.board_channels import BoardChannel, BoardChannels, view_of
from cds.contest_api.event_streams import EventStream, full_failure, stream_headers
from cds.contest_api.service import client_at, service_of
from cds.fan_out.connection import Fault, Uptake, prepared_socket, reconnect_ms
from cds.fan_out.framing import reconnect_line
from cds.fan_out.limits import FeedLimits
from cds.fan_out.places import NoPlace
from cds.fan_out.waiting import is_set_within
from cds.live_contest import LiveContest
from cds.metrics import SCOREBOARD_STREAMS, SCOREBOARD_STREAMS_CUT_OFF, SCOREBOARD_STREAMS_REFUSED
from projections.served_versions import ServedVersion
from schemas.viewers import Viewer

LOGIN_CHECKED_S = 2.0
"""How often it is made sure that somebody who has logged in still may."""

UNSENT_BYTES_MAX = 64 * 1024
"""What the kernel may hold of a connection before it is on its way; a slow client gets the latest board that way."""

KEEP_ALIVE = b": still here\n\n"

BOARD_CHANNELS = web.AppKey("board_channels", BoardChannels)

STREAM_HEADERS = stream_headers("Authorization, Accept")

log = structlog.get_logger(__name__)


async def stream_scoreboard(
    request: web.Request,
    contest: LiveContest,
    viewer: Viewer,
    version: ServedVersion,
    *,
    frozen: bool,
    group_id: str | None,
) -> web.StreamResponse:
    """Send the board of a group that the viewer is known to see, then its changes, until either side ends it.

    Raises Failure (503) where all places are taken.
    """
    service = service_of(request)
    try:
        with (
            service.feeds.board_places.taken(contest, viewer),
            SCOREBOARD_STREAMS.track_inprogress(),
            service.identity.watching(viewer),
            request.app[BOARD_CHANNELS].followed(
                contest,
                viewer.role,
                view_of(viewer.role, version, frozen=frozen, group_id=group_id),
                lambda board: service.answers.passing(board).entity_tag,
                service.closing,
            ) as channel,
        ):
            return await _answered(request, contest, viewer, channel)
    except NoPlace as full:
        SCOREBOARD_STREAMS_REFUSED.inc()
        raise full_failure(full) from None


async def _answered(
    request: web.Request, contest: LiveContest, viewer: Viewer, channel: BoardChannel
) -> web.StreamResponse:
    service = service_of(request)
    reader = BoardReader(
        contest_id=contest.contest_id,
        role=viewer.role_told,
        address=client_at(request, service).address,
        limits=service.feeds.limits,
        keep_alive_s=service.keep_alive_s,
        looked_at_s=math.inf if viewer.anonymous else LOGIN_CHECKED_S,
        may_go_on=partial(service.identity.valid, viewer, contest),
    )
    return await followed_board(request, channel, reader)


async def followed_board(request: web.Request, channel: BoardChannel, reader: "BoardReader") -> web.StreamResponse:
    """The answer that follows the board of a channel until either side ends it."""
    response = EventStream(request.version)
    response.headers.update(STREAM_HEADERS)
    writer, transport = await response.prepare(request), request.transport
    if request.method == hdrs.METH_HEAD or writer is None or transport is None:
        return response
    try:
        await Follower(transport, writer, reader).follow(channel, known_board(request))
    except ConnectionError:
        log.debug("scoreboard_client_left", contest=reader.contest_id, role=reader.role)
    return response


def known_board(request: web.Request) -> str | None:
    """The id of the board that a client says it has."""
    return request.headers.get("Last-Event-ID", request.query.get("last_event_id"))


class BoardReader(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who follows a scoreboard: what is logged of him, how he is looked after, and whether he still may.

    `may_go_on` is asked whenever there is something to do, and at least every `looked_at_s`.
    """

    contest_id: str
    role: str
    address: str
    limits: FeedLimits
    keep_alive_s: float
    looked_at_s: float
    may_go_on: Callable[[], bool]


class Follower:
    """Somebody who follows a scoreboard, and the connection on which he does."""

    def __init__(self, transport: asyncio.Transport, writer: AbstractStreamWriter, reader: BoardReader) -> None:
        """A client that has got the headers on this connection."""
        self._transport = transport
        self._writer = writer
        self._reader = reader
        self._limits = reader.limits
        self._uptake = Uptake(transport, prepared_socket(transport, unsent_bytes_max=UNSENT_BYTES_MAX))
        self._next_look: asyncio.TimerHandle | None = None

    async def follow(self, channel: BoardChannel, board_id: str | None) -> None:
        """Send what leads from a board (None: from nothing) to the latest one, whenever the last event is on its way.

        Comes back when the stream is to be ended properly. Raises ConnectionError when the client left or was cut off.
        """
        self._look()
        try:
            await self._send(channel, board_id)
            self._uptake.leave_to_kernel(self._limits.vanished_s)
        finally:
            if self._next_look is not None:
                self._next_look.cancel()

    async def _send(self, channel: BoardChannel, board_id: str | None) -> None:
        loop, reader = asyncio.get_running_loop(), self._reader
        look_s = min(self._limits.stall_look_s, reader.looked_at_s)
        await self._write(reconnect_line(reconnect_ms()))
        sign_of_life_at_s = loop.time() + reader.keep_alive_s
        while not channel.ended and reader.may_go_on():
            if self._transport.is_closing():
                raise ConnectionResetError("the client has left")
            changed = channel.changed
            event = channel.event_since(board_id)
            left_s = sign_of_life_at_s - loop.time()
            if event is not None:
                await self._write(event.frame)
                board_id = event.board_id
            elif left_s <= 0:
                await self._write(KEEP_ALIVE)
            else:
                await is_set_within(changed, min(left_s, look_s))
                continue
            sign_of_life_at_s = loop.time() + reader.keep_alive_s

    def _cut_off(self, fault: Fault) -> None:
        """End a stream whose client takes nothing, or is not known to. It may connect again where it stopped."""
        SCOREBOARD_STREAMS_CUT_OFF.inc()
        log.warning(
            "scoreboard_client_cut_off",
            reason=fault.reason,
            contest=self._reader.contest_id,
            role=self._reader.role,
            address=self._reader.address,
            stalled_s=self._limits.stalled_s,
            bytes_behind=fault.untaken_bytes,
            error=fault.error,
        )
        self._uptake.cut_off()

    async def _write(self, data: bytes) -> None:
        """Write, and come back when it is on its way, however long that takes while the client takes something.

        All of it is with the kernel then: what comes meanwhile becomes one difference.
        """
        await self._writer.write(data)
        await self._writer.drain()

    def _look(self) -> None:
        """Cut the client off if it has taken nothing for too long, or look again a little later."""
        loop = asyncio.get_running_loop()
        fault = self._uptake.fault(self._writer.output_size, loop.time(), self._limits.stalled_s)
        if fault is None:
            self._next_look = loop.call_later(self._limits.stall_look_s, self._look)
        else:
            self._cut_off(fault)
