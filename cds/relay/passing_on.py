"""Everything that is no event feed: asked of the upstream, passed on as it answers, and kept while it is good.

An answer is good while the feed that tells of everything it rests on has not brought a line, where the relay follows
that for the same login; else for a moment. Then the upstream is asked whether it still is. So an answer is never older
than what the relay's feeds and scoreboard streams have told; one that is told because the upstream does not answer says
that it may be old. A login that the upstream refuses has nothing here any more. This module must not know what the
answers say.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Hashable, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from http import HTTPStatus
from typing import Protocol

import msgspec
from aiohttp import hdrs, web
from multidict import CIMultiDict
from yarl import URL

from cds import metrics
from cds.contest_api.answers import has_already
from cds.contest_api.away import STALE_VIEW
from cds.contest_api.negotiation import GZIP, accepts_gzip
from cds.contest_api.ready_response import ReadyResponse
from cds.newest_kept import keep_newest
from cds.relay.addressing import ContestPath, contest_path, nothing_there, upstream_url
from cds.relay.audience import RelayedAudience
from cds.relay.audiences import Audiences
from cds.relay.boards import RelayedBoards
from cds.relay.kept_answers import (
    IDENTITY,
    Asked,
    Freshness,
    KeptAnswer,
    KeptAnswers,
    WhileAway,
    Whole,
    Worth,
    bare_entity_tag,
    kept_answer,
    may_be_kept,
    says_old,
    without_body,
)
from cds.relay.limits import RelayLimits
from cds.relay.questions import Asking, Found, Questions
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
        "x-content-type-options",
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


class _Question(msgspec.Struct, frozen=True):
    """What a client asks for, as the upstream is asked; and what is kept of that, when it was asked."""

    url: URL
    asker: Asker
    asked: Asked
    about: ContestPath | None
    kept: KeptAnswer | None
    now: Freshness


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
        away: WhileAway | None = None,
    ) -> None:
        """Nothing is kept yet. `further` tell of a contest, too.

        `away`: what is told while the upstream does not answer; None: only what a feed or a board told of until then.
        """
        self._upstream = upstream
        self._audiences = audiences
        self._limits = limits
        self._tellers: tuple[Stamping, ...] = (audiences, boards, *further)
        self._kept = KeptAnswers(limits.kept_answers_bytes_max)
        self._away = away
        self._written: OrderedDict[bytes, float] = OrderedDict()
        """When something was written last with a login, by the loop's clock."""
        self._questions = Questions()

    async def close(self) -> None:
        """Be done with what is asked beside."""
        await self._questions.close()

    async def answer(self, request: web.Request, asker: Asker) -> web.StreamResponse:
        """The answer to GET or HEAD. Raises Unreachable, and Failure (404, 503)."""
        url = upstream_url(self._upstream.base, request)
        if url is None:
            raise nothing_there(request)
        await self._upstream.require_known()
        if asker.alone or any(header in request.headers for header in PARTIAL):
            return await self._through(request, url, asker)
        question = self._question(request, url, asker)
        worth = self._worth(question, away=not self._upstream.reachable)
        if question.kept is not None and (worth == "good" or (worth == "old" and not self._upstream.reachable)):
            return _told(request, question.kept, worth, "kept")
        if worth == "old" and self._away is not None:
            response = await self._answer_in_time(request, question, self._away.wait_s)
            if response is not None:
                return response
            question = self._question(request, url, asker)
        if request.method == hdrs.METH_HEAD:
            return await self._through(request, url, asker)
        try:
            return await self._answer_of_now(request, question)
        except Unreachable:
            response = self._answer_in_its_place(request, question)
            if response is None:
                raise
            return response

    def wrote(self, asker: Asker) -> None:
        """Something was written: whoever has done so is answered nothing that was kept before.

        Without a login nothing is written that those see who have none.
        """
        if asker.authorization is None:
            return
        login = self._audiences.fingerprint(asker.authorization)
        keep_newest(self._written, login, asyncio.get_running_loop().time(), WRITERS_MAX)

    def refused(self, login: bytes) -> None:
        """The upstream does not let a login in: whoever comes with it is told nothing that was kept until now."""
        if not login:
            return
        self._kept.forget_all_of(login)
        self._questions.forget_all_of(login)

    def note(self, authorization: str | None, status: int) -> None:
        """See what the upstream has answered to whoever brought that, here or elsewhere."""
        if authorization is not None and status == HTTPStatus.UNAUTHORIZED:
            self.refused(self._audiences.fingerprint(authorization))

    def _question(self, request: web.Request, url: URL, asker: Asker) -> _Question:
        asked = Asked(
            url=str(url),
            login=self._audiences.fingerprint(asker.authorization),
            accept=", ".join(request.headers.getall(hdrs.ACCEPT, ())),
            compressed=accepts_gzip(request),
        )
        about = contest_path(request.rel_url.raw_path)
        return _Question(url, asker, asked, about, self._kept.get(asked), self._now(asked, about))

    async def _answer_in_time(
        self, request: web.Request, question: _Question, wait_s: float
    ) -> web.StreamResponse | None:
        """The answer of the upstream or, if it takes too long, what is kept; None where it has to be waited for.

        It is asked on meanwhile, once for all, so that the next have what comes of it.
        """
        asking = self._questions.get(question.asked)
        if asking is None or not self._answers_soon_or_is_late(asking, question, wait_s):
            if not self._questions.has_room_beside:
                return self._answer_in_its_place(request, question)
            asking = self._questions.begin(question.asked, question.now)
            self._questions.go_on_beside(partial(self._ask, question, asking))
        try:
            async with asyncio.timeout_at(asking.since.at_s + wait_s):
                found = await asyncio.shield(asking.answer)
        except (Unreachable, TimeoutError):
            return self._answer_in_its_place(request, question)
        return None if found is None else _found(request, found)

    def _answers_soon_or_is_late(self, asking: Asking, question: _Question, wait_s: float) -> bool:
        """Whether what is under way is what would be asked now, or is waited for by nobody any more."""
        if not self._is_unchanged(asking.since, question):
            return False
        age_s = question.now.at_s - asking.since.at_s
        return age_s < self._limits.unfollowed_good_s or age_s >= wait_s

    async def _ask(self, question: _Question, asking: Asking) -> None:
        async with self._answered(question, asking):
            pass

    def _answer_in_its_place(self, request: web.Request, question: _Question) -> web.StreamResponse | None:
        """What is kept, where the upstream has not answered; None where that is worth nothing."""
        kept, now = self._kept.get(question.asked), self._now(question.asked, question.about)
        worth = self._worth(msgspec.structs.replace(question, kept=kept, now=now), away=True)
        return None if kept is None or worth == "nothing" else _told(request, kept, worth, "kept")

    async def _answer_of_now(self, request: web.Request, question: _Question) -> web.StreamResponse:
        """The answer from the upstream, asked once for all who want the same and may have it. Raises Unreachable."""
        under_way = self._questions.get(question.asked)
        if under_way is not None and self._is_young(under_way.since, question):
            found = await asyncio.shield(under_way.answer)
            if found is None:
                return await self._through(request, question.url, question.asker)
            return _found(request, found)
        asking = self._questions.begin(question.asked, question.now)
        async with self._answered(question, asking) as (incoming, found):
            return await self._passed_on(request, incoming) if found is None else _found(request, found)

    @asynccontextmanager
    async def _answered(self, question: _Question, asking: Asking) -> AsyncIterator[tuple[Incoming, Found]]:
        """What the upstream answers, which is told to all who wait for it. Raises Unreachable."""
        headers, kept = question.asked.headers(), question.kept
        if kept is not None:
            headers[hdrs.IF_NONE_MATCH] = kept.headers[hdrs.ETAG]
        with self._questions.answered(question.asked, asking):
            async with self._upstream.answer(hdrs.METH_GET, question.url, question.asker, headers) as incoming:
                found = await self._taken(incoming, question, asking)
                asking.answer.set_result(found)
                yield incoming, found

    async def _taken(self, incoming: Incoming, question: _Question, asking: Asking) -> Found:
        """What has come, kept where that is possible; None where it goes through piece by piece. Raises Unreachable."""
        asked, kept = question.asked, question.kept
        self.note(question.asker.authorization, incoming.status)
        if kept is not None and incoming.status == HTTPStatus.NOT_MODIFIED:
            kept.since, kept.said_old = asking.since, says_old(incoming.headers)
            return kept
        if kept is not None and incoming.status in AWAY_STATUSES:
            raise Unreachable
        length = incoming.headers.get(hdrs.CONTENT_LENGTH)
        if length is None or int(length) > self._limits.kept_answer_bytes_max:
            self._kept.forget(asked)
            return None
        headers, body = passed_on(incoming.headers), await incoming.read()
        if not may_be_kept(incoming.status, incoming.headers):
            self._kept.forget(asked)
            return Whole(incoming.status, headers, body)
        answer = kept_answer(headers, body, asking.since)
        if self._questions.is_last(asked, asking):
            self._kept.keep(asked, answer)
        return answer

    async def _through(self, request: web.Request, url: URL, asker: Asker) -> web.StreamResponse:
        """The answer to this request alone, piece by piece. Raises Unreachable."""
        headers = chosen(request, (hdrs.ACCEPT, hdrs.IF_NONE_MATCH, hdrs.IF_MODIFIED_SINCE, *PARTIAL))
        headers[hdrs.ACCEPT_ENCODING] = GZIP if accepts_gzip(request) else IDENTITY
        async with self._upstream.answer(request.method, url, asker, headers) as incoming:
            self.note(asker.authorization, incoming.status)
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

    def _is_unchanged(self, then: Freshness, question: _Question) -> bool:
        """Whether nothing has been told since, nor written with the same login."""
        written_s = self._written.get(question.asked.login)
        return then.stamp == question.now.stamp and (written_s is None or then.at_s > written_s)

    def _is_young(self, then: Freshness, question: _Question) -> bool:
        age_s = question.now.at_s - then.at_s
        return age_s < self._limits.unfollowed_good_s and self._is_unchanged(then, question)

    def _worth(self, question: _Question, *, away: bool) -> Worth:
        """What is kept is worth now; `away`: the upstream cannot answer."""
        kept, asked = question.kept, question.asked
        if kept is None or not self._is_unchanged(kept.since, question):
            return "nothing"
        if self._is_young(kept.since, question):
            return "good"
        followed = self._followed(asked, question.about)
        if followed is not None:
            return "good" if followed.connected and not kept.said_old else "old"
        age_s = question.now.at_s - kept.since.at_s
        return "old" if self._away is not None and self._away.tells(asked, age_s, away=away) else "nothing"

    def _followed(self, asked: Asked, about: ContestPath | None) -> RelayedAudience | None:
        """The audience that is told of every change of an answer, if there is one that has been level."""
        if about is None or not about.is_view:
            return None
        audience = self._audiences.tell_everything(asked.login, about.version, about.contest_id)
        return audience if audience is not None and audience.level else None


def passed_on(headers: Mapping[str, str]) -> CIMultiDict[str]:
    """The headers of an answer that are passed on, each once."""
    found = CIMultiDict[str]()
    for name, value in headers.items():
        if name.lower() not in NOT_PASSED_ON:
            found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _found(request: web.Request, found: KeptAnswer | Whole) -> web.StreamResponse:
    if isinstance(found, KeptAnswer):
        return _told(request, found, "good", "asked")
    metrics.RELAY_ANSWERS.labels("asked").inc()
    return web.Response(status=found.status, headers=found.headers, body=found.body)


def _told(request: web.Request, kept: KeptAnswer, worth: Worth, origin: str) -> web.StreamResponse:
    """What is kept, or that the client has it; where it may be old, with a word of that."""
    metrics.RELAY_ANSWERS.labels(origin).inc()
    if worth == "old" or kept.said_old:
        request[STALE_VIEW] = True
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


def chosen(request: web.Request, names: Iterable[str]) -> dict[str, str]:
    """The headers of a request that have these names, each once."""
    return {name: ", ".join(request.headers.getall(name)) for name in names if name in request.headers}


def _has_already(request: web.Request, headers: Mapping[str, str]) -> bool:
    return hdrs.ETAG in headers and has_already(request, bare_entity_tag(headers[hdrs.ETAG]))
