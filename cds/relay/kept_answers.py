"""Answers of the upstream that are kept, bounded by bytes, and how long each of them is good.

This module must not know what they are answers to.
"""

from collections import OrderedDict
from collections.abc import Hashable, Mapping
from http import HTTPStatus

import msgspec
from aiohttp import hdrs

from cds import metrics
from cds.contest_api.answers import GZIP_SUFFIX
from cds.contest_api.ready_response import ready_head

VARIED_BY = frozenset({"authorization", "accept", "accept-encoding", "origin"})
"""What an answer may depend on (Vary) and still be kept: the first three make it another one here, and the upstream
is always asked with the same origin."""

OF_A_BODY = frozenset({"content-type", "content-encoding", "content-length"})
"""Headers that say something of a body, and do not stand where none is sent."""

OVERHEAD_BYTES = 2_048
"""What an answer takes besides its body, about."""


class Freshness(msgspec.Struct, frozen=True):
    """When something was so: how far the login's feeds and boards had got, and the loop's clock."""

    stamp: tuple[Hashable, ...]
    at_s: float


class KeptAnswer(msgspec.Struct):
    """A body with everything that stands around it. `entity_tag` is without the mark of a coding and quotes."""

    headers: Mapping[str, str]
    entity_tag: str
    body: bytes
    since: Freshness
    head: bytes
    not_modified_head: bytes


def kept_answer(headers: Mapping[str, str], body: bytes, since: Freshness) -> KeptAnswer:
    """An answer as it is kept; `headers` are those that are passed on."""
    return KeptAnswer(
        headers=headers,
        entity_tag=bare_entity_tag(headers[hdrs.ETAG]),
        body=body,
        since=since,
        head=ready_head(HTTPStatus.OK, headers, len(body)),
        not_modified_head=ready_head(HTTPStatus.NOT_MODIFIED, without_body(headers), None),
    )


class KeptAnswers:
    """What was answered, by what was asked; what nobody has asked for the longest goes first."""

    def __init__(self, bytes_max: int) -> None:
        """None yet."""
        self._answers: OrderedDict[Hashable, KeptAnswer] = OrderedDict()
        self._bytes_max = bytes_max
        self._bytes = 0

    def get(self, asked: Hashable) -> KeptAnswer | None:
        """What was answered to that, good or not."""
        kept = self._answers.get(asked)
        if kept is not None:
            self._answers.move_to_end(asked)
        return kept

    def keep(self, asked: Hashable, answer: KeptAnswer) -> None:
        """Keep an answer in the place of an older one."""
        self.forget(asked)
        self._answers[asked] = answer
        self._bytes += _size_bytes(answer)
        while self._bytes > self._bytes_max:
            _, oldest = self._answers.popitem(last=False)
            self._bytes -= _size_bytes(oldest)
        metrics.RELAY_ANSWERS_BYTES.set(self._bytes)

    def forget(self, asked: Hashable) -> None:
        """Keep no answer to that."""
        answer = self._answers.pop(asked, None)
        if answer is not None:
            self._bytes -= _size_bytes(answer)


def may_be_kept(status: int, headers: Mapping[str, str]) -> bool:
    """Whether an answer can be recognized later, and depends on nothing but what was asked."""
    varied = {name.strip().lower() for name in headers.get(hdrs.VARY, "").split(",") if name.strip()}
    return (
        status == HTTPStatus.OK
        and hdrs.ETAG in headers
        and "no-store" not in headers.get(hdrs.CACHE_CONTROL, "").lower()
        and varied <= VARIED_BY
    )


def without_body(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that stand where the body is not sent, because the client has it."""
    return {name: value for name, value in headers.items() if name.lower() not in OF_A_BODY}


def bare_entity_tag(header: str) -> str:
    """The text of an entity tag, without the mark of a coding."""
    return header.removeprefix("W/").strip('"').removesuffix(GZIP_SUFFIX)


def _size_bytes(answer: KeptAnswer) -> int:
    return len(answer.body) + OVERHEAD_BYTES
