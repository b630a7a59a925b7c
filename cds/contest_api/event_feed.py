"""The event feed as NDJSON: history, then what happens, resumable at any token (Contest API, "Event feed").

This module frames ready bytes for one client; it must not know how lines come about.
"""

import asyncio
import fcntl
import sys
import termios
from http import HTTPStatus

import msgspec
import structlog
from aiohttp import hdrs, web

from cds.contest_api.errors import bad_request
from cds.contest_api.service import Service, asked, service_of
from cds.live_contest import LiveContest
from projections.feed_lines import ALL_TYPES_MASK, FeedLines
from projections.tokens import TokenRefused
from projections.visibility import VIEW_VERSION
from schemas.object_types import OBJECT_TYPES, TYPE_OF_ENDPOINT, TYPE_ORDER
from schemas.viewers import Viewer

STALLED_S_MAX = 30.0
"""Seconds after which a client that takes nothing is cut off; it may resume by token."""

AT_ONCE_BYTES = 32 * 1024
"""What may stand in a connection's buffer without the writer having to wait; of more it is watched that it drains."""

KERNEL_QUEUE_BYTES = 4
"""The size of the number in which the kernel tells how much it holds back."""

KEEP_ALIVE = b"\n"

FEED_HEADERS = {
    hdrs.CONTENT_TYPE: "application/x-ndjson",
    hdrs.CACHE_CONTROL: "no-store",
    "X-Accel-Buffering": "no",
}

log = structlog.get_logger(__name__)


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """What one client asked for: whose view, of which types, from which place on."""

    contest: LiveContest
    viewer: Viewer
    lines: FeedLines
    tag: bytes
    types_mask: int
    sequence: int
    live: bool


async def get_event_feed(request: web.Request) -> web.StreamResponse:
    """Stream the viewer's feed from its start or from behind `since_token` (alias `since_id`)."""
    contest, viewer = await asked(request)
    service = service_of(request)
    subscription = await _subscription(request, service, contest, viewer)
    response = web.StreamResponse(status=HTTPStatus.OK, headers=FEED_HEADERS)
    await response.prepare(request)
    if request.method == hdrs.METH_HEAD:
        return response
    try:
        with service.identity.watching(viewer):
            await _send(response, service, subscription, request.transport)
    except ConnectionError:
        log.debug("feed_client_left", contest=contest.contest_id, role=viewer.role)
    except TimeoutError:
        log.warning("feed_client_cut_off", contest=contest.contest_id, role=viewer.role, stalled_s=STALLED_S_MAX)
        if request.transport is not None:
            request.transport.abort()
    return response


def view_name(contest: LiveContest, viewer: Viewer) -> str:
    """What tokens are bound to: the log, the role and team, and the version of the views."""
    return f"{VIEW_VERSION}/{contest.stream}/{viewer.role}/{viewer.team_id or ''}"


async def _subscription(request: web.Request, service: Service, contest: LiveContest, viewer: Viewer) -> Subscription:
    types_mask = _types_mask(request)
    view = view_name(contest, viewer)
    return Subscription(
        contest=contest,
        viewer=viewer,
        sequence=await _start(request, service, contest, view, types_mask),
        lines=await contest.feed(viewer.role),
        tag=service.tokens.tag(view, types_mask),
        types_mask=types_mask,
        live=request.query.get("stream", "true").lower() not in ("false", "0", "no"),
    )


async def _send(
    response: web.StreamResponse, service: Service, subscription: Subscription, transport: asyncio.Transport | None
) -> None:
    """Send what there is, then what comes, until the client leaves, may not go on, or the server closes.

    A sign of life is due a fixed time after the last bytes that this client got. What it does not get must not
    put that off: a missing newline would tell of hidden activity.
    """
    sequence, viewer = subscription.sequence, subscription.viewer
    loop = asyncio.get_running_loop()
    sign_of_life_at_s = loop.time() + service.keep_alive_s
    while not service.closing.is_set() and service.identity.valid(viewer, subscription.contest):
        changed = subscription.contest.changed
        chunk = subscription.lines.after(sequence, subscription.tag, subscription.types_mask, viewer.team_id)
        if chunk is not None:
            sequence = chunk.sequence
        if chunk is not None and chunk.data:
            await _write(response, chunk.data, transport)
            sign_of_life_at_s = loop.time() + service.keep_alive_s
        elif chunk is not None:
            continue
        elif not subscription.live:
            break
        elif not await _woken(changed, service, sign_of_life_at_s - loop.time()):
            await _write(response, KEEP_ALIVE, transport)
            sign_of_life_at_s = loop.time() + service.keep_alive_s
    await response.write_eof()


async def _write(response: web.StreamResponse, data: bytes, transport: asyncio.Transport | None) -> None:
    """Write, however long a slow reader takes, as long as it takes something. Raises TimeoutError for a dead one."""
    if transport is None or transport.get_write_buffer_size() + len(data) <= AT_ONCE_BYTES:
        await response.write(data)
        return
    writing = asyncio.ensure_future(response.write(data))
    left_bytes = len(data) + _untaken_bytes(transport)
    try:
        while not (await asyncio.wait((writing,), timeout=STALLED_S_MAX))[0]:
            before_bytes, left_bytes = left_bytes, _untaken_bytes(transport)
            if left_bytes >= before_bytes:
                raise TimeoutError
        writing.result()
    finally:
        writing.cancel()


def _untaken_bytes(transport: asyncio.Transport) -> int:
    """What the other side has not taken yet: in our buffer, and in the kernel's, which may hold megabytes."""
    connection = transport.get_extra_info("socket")
    if connection is None:
        return transport.get_write_buffer_size()
    queued = bytearray(KERNEL_QUEUE_BYTES)
    fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, queued)
    return transport.get_write_buffer_size() + int.from_bytes(queued, sys.byteorder)


async def _woken(changed: asyncio.Event, service: Service, timeout_s: float) -> bool:
    """Wait for news or for the end of the server; False when it is time for a sign of life."""
    if timeout_s <= 0:
        return False
    waits = [asyncio.ensure_future(changed.wait()), asyncio.ensure_future(service.closing.wait())]
    try:
        done, _ = await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    return bool(done)


async def _start(request: web.Request, service: Service, contest: LiveContest, view: str, types_mask: int) -> int:
    """The place after which to begin. Raises Failure (400) for what cannot be resumed exactly."""
    token = request.query.get("since_token", request.query.get("since_id"))
    if token is None:
        return 0
    try:
        place = service.tokens.read(token, view, types_mask)
        if place.position > contest.position:
            # Another server on the same database may have handed it out before we read that far.
            await contest.catch_up()
        contest.check_place(place)
    except TokenRefused as refused:
        raise bad_request(str(refused)) from None
    return place.sequence


def _types_mask(request: web.Request) -> int:
    """The types that `types=a,b` asks for, all without it. Raises Failure (400) for one that does not exist."""
    asked = [name.strip() for name in ",".join(request.query.getall("types", [])).split(",") if name.strip()]
    if not asked:
        return ALL_TYPES_MASK
    mask = 0
    for name in asked:
        row = OBJECT_TYPES.get(name) or TYPE_OF_ENDPOINT.get(name)
        if row is None:
            raise bad_request(f"types: there is no type {name!r}")
        mask |= 1 << TYPE_ORDER[row.name]
    return mask
