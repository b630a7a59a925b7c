"""Writes at an edge: passed on to the core, or answered with where the core is.

What was passed on is answered when the edge itself shows it, so that whoever writes and then reads here finds what he
wrote. This module must not know what may be written, nor by whom.
"""

import asyncio
from http import HTTPStatus
from typing import Literal

import msgspec
from aiohttp import hdrs, web

from cds.contest_api.errors import not_found
from cds.edge.contests import EdgeContests
from cds.edge.limits import EdgeLimits
from cds.edge.viewers import EdgeViewers
from cds.relay.addressing import contest_path, upstream_url
from cds.relay.askers import asker_of
from cds.relay.passing_on import passed_on
from cds.relay.upstream import Refusal, Unreachable, Upstream
from projections.integrity import Key
from schemas.object_types import OBJECT_TYPES, SINGLETON_ID, TYPE_OF_ENDPOINT

WritesMode = Literal["pass", "redirect"]

OF_A_WRITE = (
    hdrs.ACCEPT,
    hdrs.CONTENT_TYPE,
    hdrs.CONTENT_LENGTH,
    hdrs.CONTENT_ENCODING,
    hdrs.IF_MATCH,
    hdrs.IF_NONE_MATCH,
    "Idempotency-Key",
)
"""The headers that say something of what is to be written."""

SUCCESSES = range(200, 300)
NEVER = 1 << 63
"""The place of no line: what was not followed before has to show what was answered."""


class _Made(msgspec.Struct, frozen=True):
    id: str | None = None


class Writing:
    """Answers requests that would change something."""

    def __init__(
        self, upstream: Upstream, contests: EdgeContests, viewers: EdgeViewers, mode: WritesMode, limits: EdgeLimits
    ) -> None:
        """`mode`: whether writes are passed on to the core, or sent there."""
        self._upstream = upstream
        self._contests = contests
        self._viewers = viewers
        self._mode = mode
        self._limits = limits

    async def answer(self, request: web.Request, address: str) -> web.StreamResponse:
        """What the core answers, or 307. Raises Unreachable, Refusal and Failure (404)."""
        url = upstream_url(self._upstream.base, request)
        if url is None:
            raise not_found(request.path)
        if self._mode == "redirect":
            there = {hdrs.LOCATION: str(url), hdrs.CACHE_CONTROL: "no-store"}
            return web.Response(status=HTTPStatus.TEMPORARY_REDIRECT, headers=there)
        headers: dict[str, str] = {
            name: ", ".join(request.headers.getall(name)) for name in OF_A_WRITE if name in request.headers
        }
        before: dict[tuple[str, str], int] = {
            (each.contest_id, each.role): each.view.lines.last_sequence for each in self._contests
        }
        body = request.content if request.body_exists else None
        async with self._upstream.written(request.method, url, asker_of(request), headers, body) as incoming:
            answered = await incoming.read()
        if incoming.status in SUCCESSES:
            await self._be_shown(request, address, answered, before)
        return web.Response(status=incoming.status, headers=passed_on(incoming.headers), body=answered)

    async def _be_shown(
        self, request: web.Request, address: str, answered: bytes, before: dict[tuple[str, str], int]
    ) -> None:
        """Wait, not for long, until who has written sees here what came of it."""
        about = contest_path(request.rel_url.raw_path)
        if about is None or about.contest_id not in self._contests:
            return
        key = _written(request, about.endpoint, answered)
        if key is None:
            return
        try:
            async with asyncio.timeout(self._limits.shown_s_max):
                known = await self._viewers.viewer(request, about.contest_id, address)
                role, team_id = known.viewer.role, known.viewer.team_id
                audience = await self._contests.audience(about.contest_id, role)
                wanted = None if request.method == hdrs.METH_DELETE else answered
                while (
                    audience.view.touched.get(key, 0) <= before.get((about.contest_id, role), NEVER)
                    and audience.view.object(key, team_id) != wanted
                ):
                    await audience.next_change()
        except (TimeoutError, Unreachable, Refusal):
            # It was written; that it is to be seen here a little later is no reason to say otherwise.
            return


def _written(request: web.Request, endpoint: str, answered: bytes) -> Key | None:
    """The object that a write was about; None where none of a contest was."""
    row = OBJECT_TYPES["contest"] if not endpoint else TYPE_OF_ENDPOINT.get(endpoint)
    if row is None:
        return None
    if row.singleton:
        return row.name, SINGLETON_ID
    _, _, identifier = request.path.rstrip("/").rpartition(f"/{endpoint}/")
    if request.method != hdrs.METH_POST and identifier != request.path.rstrip("/"):
        return row.name, identifier
    try:
        made = msgspec.json.decode(answered, type=_Made).id
    except msgspec.MsgspecError:
        return None
    return None if made is None else (row.name, made)
