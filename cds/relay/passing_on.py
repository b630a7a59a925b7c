"""Everything that is no event feed: asked of the upstream, passed on as it answers, and kept while it is good.

An answer is good while the feed that tells of everything it rests on has not brought a line, where the relay follows
that for the same login; else for a moment. Then the upstream is asked whether it still is. So an answer is never older
than what the relay's feeds and scoreboard streams have told. This module must not know what the answers say.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Mapping
from http import HTTPStatus
from typing import Protocol

import msgspec
from aiohttp import hdrs, web
from yarl import URL

from cds import metrics
from cds.contest_api.answers import has_already
from cds.contest_api.negotiation import GZIP, accepts_gzip
from cds.contest_api.ready_response import ReadyResponse
from cds.newest_kept import keep_newest
from cds.relay.addressing import ContestPath, contest_path, nothing_there, upstream_url
from cds.relay.audience import RelayedAudience
from cds.relay.audiences import Audiences
from cds.relay.boards import RelayedBoards
from cds.relay.futures import seen
from cds.relay.kept_answers import (
    Freshness,
    KeptAnswer,
    KeptAnswers,
    bare_entity_tag,
    kept_answer,
    may_be_kept,
    without_body,
)
from cds.relay.limits import RelayLimits
from cds.relay.upstream import AWAY_STATUSES, Asker, Incoming, Unreachable, Upstream

NOT_PASSED_ON = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "content-length",
        "date",
        "server",
        "set-cookie",
        "via",
        "x-request-id",
        "access-control-allow-origin",
        "access-control-expose-headers",
        "contest-edge",
    )
)
"""Headers of one connection or one message (RFC 9110, section 7.6.1), and those that the relay has for itself."""

PARTIAL = (hdrs.RANGE, hdrs.IF_RANGE)
"""Who asks with one of these wants no whole body; none is kept for them."""

WRITERS_MAX = 4_096
"""Logins of which it is known when they have written last, beyond which the oldest are forgotten."""

TAKEN_S_MAX = 30.0
"""A client that takes nothing for so long of a body that goes through is cut off."""

IDENTITY = "identity"


class Asked(msgspec.Struct, frozen=True):
    """What makes an answer another one: the address, the login, and the forms that are accepted."""

    url: str
    login: bytes
    accept: str
    compressed: bool


class Whole(msgspec.Struct, frozen=True):
    """An answer that is all there, and is not kept."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Stamping(Protocol):
    """What tells clients of a contest, and says how far it has got."""

    def stamp(self, login: bytes, contest_id: str) -> Iterable[Hashable]:
        """Other ones after everything that a login may have been told of a contest."""
        ...


class PassingOn:
    """Answers requests by what the upstream says."""

    def __init__(
        self,
        upstream: Upstream,
        audiences: Audiences,
        boards: RelayedBoards,
        limits: RelayLimits,
        *further: Stamping,
        kept_away_s: float = 0.0,
    ) -> None:
        """Nothing is kept yet. `further` tell of a contest, too.

        `kept_away_s`: while the upstream is away, what nothing has been told of since is told for so long to who comes
        with a login, and to all others for as long as it is away; 0: to nobody.
        """
        self._upstream = upstream
        self._audiences = audiences
        self._limits = limits
        self._tellers: tuple[Stamping, ...] = (audiences, boards, *further)
        self._kept = KeptAnswers(limits.kept_answers_bytes_max)
        self._kept_away_s = kept_away_s
        self._written: OrderedDict[bytes, float] = OrderedDict()
        """When something was written last with a login, by the loop's clock."""
        self._asking: dict[Asked, tuple[Freshness, asyncio.Future[KeptAnswer | Whole | None]]] = {}

    async def answer(self, request: web.Request, asker: Asker) -> web.StreamResponse:
        """The answer to GET or HEAD. Raises Unreachable, and Failure (404, 503)."""
        url = upstream_url(self._upstream.base, request)
        if url is None:
            raise nothing_there(request)
        await self._upstream.require_known()
        if asker.alone or any(header in request.headers for header in PARTIAL):
            return await self._through(request, url, asker)
        asked = Asked(
            url=str(url),
            login=self._audiences.fingerprint(asker.authorization),
            accept=", ".join(request.headers.getall(hdrs.ACCEPT, ())),
            compressed=accepts_gzip(request),
        )
        about = contest_path(request.rel_url.raw_path)
        now = self._now(asked, about)
        kept = self._kept.get(asked)
        if kept is not None and self._is_good(kept, asked, about, now):
            return _told(request, kept, "kept")
        if request.method == hdrs.METH_HEAD:
            return await self._through(request, url, asker)
        try:
            return await self._answer_of_now(request, url, asker, asked, kept, now)
        except Unreachable:
            if kept is None or not self._was_good_when_lost(kept, asked, about):
                raise
            return _told(request, kept, "kept")

    def wrote(self, asker: Asker) -> None:
        """Something was written: whoever has done so is answered nothing that was kept before.

        Without a login nothing is written that those see who have none.
        """
        if asker.authorization is None:
            return
        login = self._audiences.fingerprint(asker.authorization)
        keep_newest(self._written, login, asyncio.get_running_loop().time(), WRITERS_MAX)

    async def _answer_of_now(
        self, request: web.Request, url: URL, asker: Asker, asked: Asked, kept: KeptAnswer | None, now: Freshness
    ) -> web.StreamResponse:
        """The answer from the upstream, asked once for all who want the same and may have it. Raises Unreachable."""
        under_way = self._asking.get(asked)
        if under_way is not None and self._young(under_way[0], asked, now):
            found = await asyncio.shield(under_way[1])
            return await self._through(request, url, asker) if found is None else _found(request, found)
        answer: asyncio.Future[KeptAnswer | Whole | None] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(seen)
        self._asking[asked] = (now, answer)
        try:
            headers = _headers_of(asked) | ({} if kept is None else {hdrs.IF_NONE_MATCH: kept.headers[hdrs.ETAG]})
            async with self._upstream.answer(hdrs.METH_GET, url, asker, headers) as incoming:
                found = await self._taken(incoming, asked, kept, now)
                answer.set_result(found)
                return await self._passed_on(request, incoming) if found is None else _found(request, found)
        except BaseException as error:
            if not answer.done():
                answer.set_exception(error if isinstance(error, Unreachable) else Unreachable())
            raise
        finally:
            if self._asking.get(asked) == (now, answer):
                del self._asking[asked]

    async def _taken(
        self, incoming: Incoming, asked: Asked, kept: KeptAnswer | None, now: Freshness
    ) -> KeptAnswer | Whole | None:
        """What has come, kept where that is possible; None where it goes through piece by piece. Raises Unreachable."""
        if kept is not None and incoming.status == HTTPStatus.NOT_MODIFIED:
            kept.since = now
            return kept
        if kept is not None and incoming.status in AWAY_STATUSES:
            raise Unreachable
        length = incoming.headers.get(hdrs.CONTENT_LENGTH)
        if length is None or int(length) > self._limits.kept_answer_bytes_max:
            return None
        headers, body = passed_on(incoming.headers), await incoming.read()
        if not may_be_kept(incoming.status, incoming.headers):
            self._kept.forget(asked)
            return Whole(incoming.status, headers, body)
        answer = kept_answer(headers, body, now)
        self._kept.keep(asked, answer)
        return answer

    async def _through(self, request: web.Request, url: URL, asker: Asker) -> web.StreamResponse:
        """The answer to this request alone, piece by piece. Raises Unreachable."""
        headers = _chosen(request, (hdrs.ACCEPT, hdrs.IF_NONE_MATCH, hdrs.IF_MODIFIED_SINCE, *PARTIAL))
        headers[hdrs.ACCEPT_ENCODING] = GZIP if accepts_gzip(request) else IDENTITY
        async with self._upstream.answer(request.method, url, asker, headers) as incoming:
            return await self._passed_on(request, incoming)

    async def _passed_on(self, request: web.Request, incoming: Incoming) -> web.StreamResponse:
        """An answer as it comes. Raises Unreachable before anything is sent, else ConnectionError."""
        metrics.RELAY_ANSWERS.labels("passed on").inc()
        headers = passed_on(incoming.headers)
        if incoming.status == HTTPStatus.OK and _has_already(request, incoming.headers):
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=without_body(headers))
        response = web.StreamResponse(status=incoming.status, headers=headers)
        length = incoming.headers.get(hdrs.CONTENT_LENGTH)
        if length is not None:
            response.content_length = int(length)
        await response.prepare(request)
        if request.method != hdrs.METH_HEAD:
            await pour(request, incoming, response)
        await response.write_eof()
        return response

    def _now(self, asked: Asked, about: ContestPath | None) -> Freshness:
        stamp: tuple[Hashable, ...] = ()
        if about is not None:
            stamp = tuple(part for each in self._tellers for part in each.stamp(asked.login, about.contest_id))
        return Freshness(stamp, asyncio.get_running_loop().time())

    def _young(self, then: Freshness, asked: Asked, now: Freshness) -> bool:
        was_now = then.stamp == now.stamp and now.at_s - then.at_s < self._limits.unfollowed_good_s
        return was_now and not self._wrote_since(then, asked)

    def _wrote_since(self, then: Freshness, asked: Asked) -> bool:
        """Whether something was written with the same login since an answer was asked for."""
        written_s = self._written.get(asked.login)
        return written_s is not None and then.at_s <= written_s

    def _is_good(self, kept: KeptAnswer, asked: Asked, about: ContestPath | None, now: Freshness) -> bool:
        """Whether what is kept may be told without asking."""
        if self._young(kept.since, asked, now):
            return True
        if kept.since.stamp != now.stamp or self._wrote_since(kept.since, asked):
            return False
        if not self._upstream.reachable and self._is_good_while_away(kept, asked, now):
            return True
        followed = self._followed(asked, about)
        return followed is not None and (followed.connected or not self._upstream.reachable)

    def _is_good_while_away(self, kept: KeptAnswer, asked: Asked, now: Freshness) -> bool:
        if not self._kept_away_s:
            return False
        return not asked.login or now.at_s - kept.since.at_s < self._kept_away_s

    def _was_good_when_lost(self, kept: KeptAnswer, asked: Asked, about: ContestPath | None) -> bool:
        """Whether what is kept is as new as all that the relay has told since."""
        now = self._now(asked, about)
        if kept.since.stamp != now.stamp or self._wrote_since(kept.since, asked):
            return False
        return self._followed(asked, about) is not None or self._is_good_while_away(kept, asked, now)

    def _followed(self, asked: Asked, about: ContestPath | None) -> RelayedAudience | None:
        """The audience that is told of every change of an answer, if there is one that has been level."""
        if about is None or not about.is_view:
            return None
        audience = self._audiences.tell_everything(asked.login, about.version, about.contest_id)
        return audience if audience is not None and audience.level else None


def passed_on(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of an answer that are passed on, each once."""
    found: dict[str, str] = {}
    for name, value in headers.items():
        if name.lower() not in NOT_PASSED_ON:
            found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _found(request: web.Request, found: KeptAnswer | Whole) -> web.StreamResponse:
    if isinstance(found, KeptAnswer):
        return _told(request, found, "asked")
    metrics.RELAY_ANSWERS.labels("asked").inc()
    return web.Response(status=found.status, headers=found.headers, body=found.body)


def _told(request: web.Request, kept: KeptAnswer, origin: str) -> web.StreamResponse:
    """What is kept, or that the client has it."""
    metrics.RELAY_ANSWERS.labels(origin).inc()
    if has_already(request, kept.entity_tag):
        return ReadyResponse(HTTPStatus.NOT_MODIFIED, kept.not_modified_head, b"")
    return ReadyResponse(HTTPStatus.OK, kept.head, kept.body)


async def pour(request: web.Request, incoming: Incoming, response: web.StreamResponse) -> None:
    """The body piece by piece, at the speed of the client. Raises ConnectionError when either side is gone."""
    try:
        async for piece in incoming.pieces():
            async with asyncio.timeout(TAKEN_S_MAX):
                await response.write(piece)
    except (Unreachable, TimeoutError):
        # What has been sent cannot be taken back, but it must not look as if it were all.
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionResetError("the upstream or the client has stopped in the middle of a body") from None


def _headers_of(asked: Asked) -> dict[str, str]:
    headers: dict[str, str] = {hdrs.ACCEPT_ENCODING: GZIP if asked.compressed else IDENTITY}
    return headers | {hdrs.ACCEPT: asked.accept} if asked.accept else headers


def _chosen(request: web.Request, names: Iterable[str]) -> dict[str, str]:
    return {name: ", ".join(request.headers.getall(name)) for name in names if name in request.headers}


def _has_already(request: web.Request, headers: Mapping[str, str]) -> bool:
    return hdrs.ETAG in headers and has_already(request, bare_entity_tag(headers[hdrs.ETAG]))
