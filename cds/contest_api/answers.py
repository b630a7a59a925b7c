"""Bodies that are made once and given to many: with an entity tag, and compressed where the client accepts it.

An entity tag is a keyed hash of the very bytes that this viewer gets: a version or a position would tell of
hidden activity. This module must not know what the bytes mean.
"""

import asyncio
import gzip
from collections import OrderedDict
from hashlib import blake2b
from http import HTTPStatus

from aiohttp import hdrs, web

from cds.contest_api.negotiation import accepts_gzip
from cds.contest_api.ready_response import ReadyResponse, ready_head

GZIP_LEVEL = 4
GZIP_FROM_BYTES = 1_024
GZIP_ASIDE_FROM_BYTES = 256 * 1024
ENTITY_TAG_BYTES = 12
ANSWERS_KEPT_MAX = 4_096
GZIP_SUFFIX = "-gzip"
VARY = "Authorization, Accept-Encoding"


class Answer:
    """One JSON body, its entity tag, and its compressed form once somebody wanted it."""

    def __init__(self, body: bytes, key: bytes, tagged: bytes | None = None) -> None:
        """An answer whose entity tag is made with `key`: of the body, or of `tagged` in its place."""
        self.body = body
        self.entity_tag = blake2b(body if tagged is None else tagged, key=key, digest_size=ENTITY_TAG_BYTES).hexdigest()
        self._compressed: bytes | None = None
        self._heads: dict[tuple[bool, bool, str], bytes] = {}

    def head(self, length_bytes: int, *, private: bool, compressed: bool, vary: str) -> bytes:
        """The ready headers of the answer in one of its forms, whose body has that length."""
        form = (private, compressed, vary)
        ready = self._heads.get(form)
        if ready is None:
            headers = self.headers(private=private, compressed=compressed, vary=vary)
            ready = self._heads[form] = ready_head(HTTPStatus.OK, headers, length_bytes)
        return ready

    def headers(self, *, private: bool, compressed: bool, vary: str = VARY) -> dict[str, str]:
        """The headers of the answer in one of its forms."""
        headers = self.unchanged_headers(private=private, compressed=compressed, vary=vary)
        if compressed:
            headers[hdrs.CONTENT_ENCODING] = "gzip"
        headers[hdrs.CONTENT_TYPE] = "application/json"
        return headers

    def unchanged_headers(self, *, private: bool, compressed: bool, vary: str = VARY) -> dict[str, str]:
        """Those of them that stand also where the client has the body already (RFC 9110, section 15.4.5)."""
        return {
            hdrs.CACHE_CONTROL: "private, no-cache" if private else "public, no-cache",
            hdrs.VARY: vary,
            hdrs.ETAG: f'"{self.entity_tag}{GZIP_SUFFIX if compressed else ""}"',
        }

    async def compressed(self) -> bytes:
        """The body in gzip form; large ones are compressed beside the event loop."""
        if self._compressed is None:
            if len(self.body) >= GZIP_ASIDE_FROM_BYTES:
                self._compressed = await asyncio.to_thread(_compress, self.body)
            else:
                self._compressed = _compress(self.body)
        return self._compressed


class AnswerCache:
    """The latest answers by what was asked; an answer is good while its stamp is the present one."""

    def __init__(self, key: bytes) -> None:
        """A cache whose entity tags are made with `key`."""
        self.key = key
        self._answers: OrderedDict[object, tuple[object, Answer]] = OrderedDict()

    def present(self, asked: object, stamp: object) -> Answer | None:
        """The answer kept for `asked`, if nothing has changed since."""
        kept = self._answers.get(asked)
        if kept is None or kept[0] != stamp:
            return None
        self._answers.move_to_end(asked)
        return kept[1]

    def keep(self, asked: object, stamp: object, body: bytes) -> Answer:
        """Make an answer of a body and keep it in the place of an older one."""
        answer = Answer(body, self.key)
        self._answers[asked] = (stamp, answer)
        self._answers.move_to_end(asked)
        if len(self._answers) > ANSWERS_KEPT_MAX:
            self._answers.popitem(last=False)
        return answer

    def passing(self, body: bytes, *, tagged: bytes | None = None) -> Answer:
        """An answer that is not kept.

        `tagged`: the object that the client may write under this entity tag, where the body tells more than that.
        """
        return Answer(body, self.key, tagged)


async def respond(request: web.Request, answer: Answer, *, private: bool, vary: str = VARY) -> web.StreamResponse:
    """The answer as a response: 304 where the client has it already, compressed where it accepts that."""
    compressed = is_compressed(request, answer)
    if has_already(request, answer.entity_tag):
        headers = answer.unchanged_headers(private=private, compressed=compressed, vary=vary)
        return ReadyResponse(HTTPStatus.NOT_MODIFIED, ready_head(HTTPStatus.NOT_MODIFIED, headers, None), b"")
    body = await answer.compressed() if compressed else answer.body
    head = answer.head(len(body), private=private, compressed=compressed, vary=vary)
    return ReadyResponse(HTTPStatus.OK, head, body)


def is_compressed(request: web.Request, answer: Answer) -> bool:
    """Whether the client is given the compressed form."""
    return len(answer.body) >= GZIP_FROM_BYTES and accepts_gzip(request)


def has_already(request: web.Request, entity_tag: str) -> bool:
    """Whether `If-None-Match` names the entity tag, in any coding."""
    if hdrs.IF_NONE_MATCH not in request.headers:
        return False
    for candidate in request.if_none_match or ():
        if candidate.value == "*" or candidate.value.removesuffix(GZIP_SUFFIX) == entity_tag:
            return True
    return False


def _compress(body: bytes) -> bytes:
    return gzip.compress(body, GZIP_LEVEL, mtime=0)
