"""Bodies that are made once and given to many: with an entity tag, and compressed where the client accepts it.

An entity tag is a keyed hash of the very bytes that this viewer gets: a version or a position would tell of
hidden activity. This module must not know what the bytes mean.
"""

import asyncio
import gzip
from collections import OrderedDict
from hashlib import blake2b

from aiohttp import hdrs, web

GZIP_LEVEL = 4
GZIP_FROM_BYTES = 1_024
GZIP_ASIDE_FROM_BYTES = 256 * 1024
ENTITY_TAG_BYTES = 12
ANSWERS_KEPT_MAX = 4_096
GZIP_SUFFIX = "-gzip"


class Answer:
    """One JSON body, its entity tag, and its compressed form once somebody wanted it."""

    def __init__(self, body: bytes, key: bytes) -> None:
        """An answer whose entity tag is made with `key`."""
        self.body = body
        self.entity_tag = blake2b(body, key=key, digest_size=ENTITY_TAG_BYTES).hexdigest()
        self._compressed: bytes | None = None

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
        self._key = key
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
        answer = Answer(body, self._key)
        self._answers[asked] = (stamp, answer)
        self._answers.move_to_end(asked)
        if len(self._answers) > ANSWERS_KEPT_MAX:
            self._answers.popitem(last=False)
        return answer

    def passing(self, body: bytes) -> Answer:
        """An answer that is not kept."""
        return Answer(body, self._key)


async def respond(request: web.Request, answer: Answer, *, private: bool) -> web.Response:
    """The answer as a response: 304 where the client has it already, compressed where it accepts that."""
    headers = {
        hdrs.CACHE_CONTROL: "private, no-cache" if private else "public, no-cache",
        hdrs.VARY: "Authorization, Accept-Encoding",
    }
    if has_already(request, answer.entity_tag):
        headers[hdrs.ETAG] = f'"{answer.entity_tag}"'
        return web.Response(status=304, headers=headers)
    if len(answer.body) >= GZIP_FROM_BYTES and accepts_gzip(request):
        headers[hdrs.ETAG] = f'"{answer.entity_tag}{GZIP_SUFFIX}"'
        headers[hdrs.CONTENT_ENCODING] = "gzip"
        return web.Response(body=await answer.compressed(), content_type="application/json", headers=headers)
    headers[hdrs.ETAG] = f'"{answer.entity_tag}"'
    return web.Response(body=answer.body, content_type="application/json", headers=headers)


def has_already(request: web.Request, entity_tag: str) -> bool:
    """Whether `If-None-Match` names the entity tag, in any coding."""
    for candidate in request.if_none_match or ():
        if candidate.value == "*" or candidate.value.removesuffix(GZIP_SUFFIX) == entity_tag:
            return True
    return False


def accepts_gzip(request: web.Request) -> bool:
    """Whether `Accept-Encoding` allows gzip (with a weight above zero)."""
    for part in request.headers.get(hdrs.ACCEPT_ENCODING, "").split(","):
        coding, _, parameters = part.strip().partition(";")
        if coding.strip().lower() in ("gzip", "*"):
            return parameters.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _compress(body: bytes) -> bytes:
    return gzip.compress(body, GZIP_LEVEL, mtime=0)
