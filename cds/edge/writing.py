"""Writes at an edge: passed on to the core, or answered with where the core is.

What was passed on is answered when the edge itself shows it, so that whoever writes and then reads here finds what he
wrote. This module must not know what may be written, nor by whom.
"""

import asyncio
from http import HTTPStatus
from typing import Literal

import msgspec
from aiohttp import hdrs, web
from yarl import URL

from cds.addresses import neighbourhood
from cds.contest_api.errors import Failure
from cds.edge.contests import EdgeContests
from cds.edge.core import Core
from cds.edge.limits import EdgeLimits
from cds.edge.viewers import EdgeViewers
from cds.relay.addressing import ContestPath, contest_path, nothing_there, upstream_url
from cds.relay.passing_on import PassingOn, chosen, passed_on
from cds.relay.upstream import NOTHING_SENT, Busy, Refusal, Unreachable, Upstream
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

MAY_HAVE_BEEN_DONE = "the core has not answered; what was asked may have been done"

SUCCESSES = range(200, 300)
NEVER = 1 << 63
"""The place of no line: what was not followed before has to show what was answered."""


class _Made(msgspec.Struct, frozen=True):
    id: str | None = None


class WritingParts(msgspec.Struct, frozen=True, kw_only=True):
    """What writes go to, and what is told of them."""

    upstream: Upstream
    core: Core
    contests: EdgeContests
    viewers: EdgeViewers
    passing_on: PassingOn


class Writing:
    """Answers requests that would change something."""

    def __init__(self, parts: WritingParts, sent_to: URL | None, limits: EdgeLimits) -> None:
        """`sent_to`: the API where clients are sent with their writes; None: these are passed on."""
        self._parts = parts
        self._sent_to = sent_to
        self._limits = limits

    async def answer(self, request: web.Request, address: str) -> web.StreamResponse:
        """What the core answers, or 307. Raises Unreachable where nothing was asked of it, and Failure (404, 502)."""
        url = upstream_url(self._sent_to or self._parts.upstream.base, request)
        if url is None:
            raise nothing_there(request)
        if self._sent_to is not None:
            there = {hdrs.LOCATION: str(url), hdrs.CACHE_CONTROL: "no-store"}
            return web.Response(status=HTTPStatus.TEMPORARY_REDIRECT, headers=there)
        about = contest_path(request.rel_url.raw_path)
        before = {} if about is None else self._places(about.contest_id)
        asker = self._parts.core.asker_by_address(request)
        headers = chosen(request, OF_A_WRITE)
        body = request.content if request.body_exists else None
        sender = neighbourhood(address)
        try:
            async with self._parts.upstream.written(request.method, url, asker, headers, body, sender) as incoming:
                answered = await incoming.read()
        except Unreachable as unreachable:
            if isinstance(unreachable, Busy) or isinstance(unreachable.__cause__, NOTHING_SENT):
                raise
            raise Failure(HTTPStatus.BAD_GATEWAY, MAY_HAVE_BEEN_DONE) from None
        self._parts.passing_on.wrote(asker)
        if incoming.status in SUCCESSES and about is not None:
            await self._be_shown(request, about, answered, before)
        return web.Response(status=incoming.status, headers=passed_on(incoming.headers), body=answered)

    def _places(self, contest_id: str) -> dict[str, int]:
        """How far each role of a contest has been told."""
        return {each.role: each.view.lines.last_sequence for each in self._parts.contests.of(contest_id)}

    async def _be_shown(
        self, request: web.Request, about: ContestPath, answered: bytes, before: dict[str, int]
    ) -> None:
        """Wait, not for long, until who has written sees here what came of it; for nothing while nothing can come."""
        contests = self._parts.contests
        can_come = contests.connected and about.contest_id in contests
        key = _written(request, about.endpoint, answered) if can_come else None
        if key is None:
            return
        try:
            async with asyncio.timeout(self._limits.shown_s_max):
                known = await self._parts.viewers.viewer(request, about.contest_id)
                role, team_id = known.viewer.role, known.viewer.team_id
                audience = await contests.audience(about.contest_id, role)
                wanted = None if request.method == hdrs.METH_DELETE else answered
                while (
                    audience.view.touched.get(key, 0) <= before.get(role, NEVER)
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
